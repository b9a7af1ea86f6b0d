"""Does direct feedback alignment align before it memorises, as its order parameters say?

A student with two hidden cells learns from a teacher of the same kind, one Gaussian input at a time:
N inputs, one output, erf. The teacher's first layer is normal, its second (1, 1); both of the student's
are normal, a tenth as large. DFA's feedback is F = (1, -0.5). With one output, the cosine between F
and v, the student's second layer, is that between what DFA brings to hidden cells and what BP would.
Theory: for N to infinity, overlaps of weights follow differential equations that share no code with
circuits (neurofa/theory/order_parameters.py); at finite N they should fluctuate as 1/sqrt(N).
Expected: the cosine rises before the error falls. Then each hidden cell finds its own in the teacher;
erf is odd, so that v = (1, 1), (1, -1), (-1, 1) and (-1, -1) do equally well: DFA ends at (1, -1),
which overlaps most with F, and BP at any of them. ReLU is not odd, so that only v > 0 will do.
Refinetti, d'Ascoli, Ohana & Goldt, ICML 2021 (read: abstract and public code, whose scaling by N this
is; there, initial weights are as large as the teacher's). The time is updates / N.

About 3 minutes on 2 cores:  neurofa run align_then_memorise
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms
from scipy.special import erf

from neurofa import Learner, Network, Pathway, Plasticity, Trial, lookup, order_parameters, tasks
from neurofa import train as train_on
from neurofa.activations import Activation, activation
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.statistics import POSITIVE, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from neurofa import LearningRule

ETA, SMALL, F, TEACHER = 0.5, 0.1, np.array([1.0, -0.5]), np.array([1.0, 1.0])
SIZES, UNTIL, STARTS, PIECE, ASKED = (125, 500), 300.0, 20, 20_000, 20_000
ESCAPE = 50  # a time up to which both hidden cells have learned the same of the teacher
AT_ONCE = Trial(dt=10 * ms, default=20 * ms)  # in steps of tau, exact after so many
ERF = Activation(
    "erf",
    lambda x: erf(x / np.sqrt(2)),
    lambda x: np.sqrt(2 / np.pi) * np.exp(-x * x / 2),
    lambda x: -np.sqrt(2 / np.pi) * x * np.exp(-x * x / 2),
    f"std::erf(x * T({np.sqrt(0.5)}))",
    f"T({np.sqrt(2 / np.pi)}) * neurofa::exp(-x * x / T(2))",
)
CONDITIONS = {
    "DFA": ("dfa", ERF, F),
    "BP": ("bp", ERF, None),
    "DFA, ReLU": ("dfa", activation("relu"), F),
    "DFA, ReLU, F of one sign": ("dfa", activation("relu"), abs(F)),
}
COURSES = ("DFA", "BP")
MEASURES = ("error", "cosine", "error_theory", "cosine_theory", "off_Q", "off_R", "off_v")


def rule_of(condition: str, size: int) -> LearningRule:
    """Return a rule without biases, whose output learns at 1/N of the rate of hidden cells; these
    hear inputs over sqrt(N)."""
    rule = lookup.rule(CONDITIONS[condition][0])
    lines = (
        Plasticity("W", after="feedback", to=to, equation=f"w += -{rate} * delta_post * r_pre")
        for to, rate in (("hidden", "eta"), ("output", "eta_v"))
    )
    return rule.but(
        feedforward=Pathway("W", "below", "r", "v_basal", to="layers"),
        plasticity=tuple(lines),
        parameters=dict(eta=ETA, eta_v=ETA / size),
    )


def student(condition: str, size: int, seed: int, until: float) -> Iterator[tuple]:
    """Let a student learn; yield w (2, N), v (2,) and the teacher's w at all times."""
    _, phi, feedback = CONDITIONS[condition]
    draw = np.random.default_rng([seed, size])
    teacher = draw.normal(size=(2, size))
    net = Network((size, 2, 1), rule_of(condition, size), activation=phi, seed=seed)
    net["W1"], net["W2"] = SMALL * draw.normal(size=(2, size)), SMALL * draw.normal(size=(1, 2))
    if feedback is not None:
        net["B1"] = feedback[:, None]
    learner = Learner(net, AT_ONCE)
    for done in np.round(times(until) * size):
        while left := int(min(done - learner.updates, PIECE)):
            x = draw.normal(size=(left, size)) / np.sqrt(size)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The targets of task teacher are no classes")
                y = answered(phi, x, teacher, TEACHER)[:, None]
                train_on(learner, tasks.Task(x, y, "teacher"), 1, progress=False)
        yield net["W1"].copy(), net["W2"][0].copy(), teacher


def times(until: float) -> np.ndarray:
    """Return when to look, in whole numbers of updates."""
    return np.append(0, np.round(np.geomspace(0.25, until, 24) * min(SIZES)) / min(SIZES))


def answered(phi: Activation, x, w, v) -> np.ndarray:
    """Return what a network with the weights w and v says to x (samples, N), over sqrt(N)."""
    return phi.phi(x @ w.T) @ v


def cosine(v: np.ndarray) -> np.ndarray:
    """Return the cosine between v (.., 2) and F."""
    return v @ F / np.linalg.norm(v, axis=-1) / np.linalg.norm(F)


def course(condition: str, size: int, seed: int, until: float) -> dict:
    """Return a student's error and cosine at every time, the same by theory from the same initial
    overlaps, and how far overlaps and v are off."""
    w, v, (teacher, *_) = map(np.array, zip(*student(condition, size, seed, until)))
    T, Q, R = (
        a @ np.swapaxes(b, -1, -2) / size for a, b in ((teacher, teacher), (w, w), (w, teacher))
    )
    feedback = CONDITIONS[condition][2]
    theory = order_parameters.integrate(Q[0], R[0], T, v[0], TEACHER, ETA, times(until), feedback)
    off = {
        f"off_{name}": abs(ours - theirs).reshape(len(v), -1).max(1)
        for name, ours, theirs in zip("QRv", (Q, R, v), theory)
    }
    found = dict(
        error=[order_parameters.error(*now, TEACHER) for now in zip(Q, R, [T] * len(v), v)],
        cosine=cosine(v),
        error_theory=theory.error,
        cosine_theory=cosine(theory.v),
    )
    return {name: np.asarray(values).tolist() for name, values in (found | off).items()}


def end(ends: str, start: int, until: float) -> dict:
    """Return v and the error of a student at the end of learning, from one of many starts."""
    *_, (w, v, teacher) = student(ends, min(SIZES), start, until)
    x = np.random.default_rng(start).normal(size=(ASKED, w.shape[1])) / np.sqrt(w.shape[1])
    phi = CONDITIONS[ends][1]
    e = answered(phi, x, w, v) - answered(phi, x, teacher, TEACHER)
    return dict(v=v.tolist(), end_error=float((e**2).mean() / 2))


def plot(data: xarray.Dataset) -> Figure:
    """Draw errors and cosines over time, a line of theory and points of a circuit for each seed, and
    how far R is from theory; return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=3, columns=2, width=plot.PAGE, height=6.4, share_x=True)
    data, looks = data.sel(time=data.time > 0), plot.looks(COURSES)
    for name, (error, cosines, off) in zip(COURSES, axes.T):
        its, look = data.sel(condition=name), looks[name] | dict(linestyle="", markersize=2.5)
        for seed, (panel, what) in product(data.seed, ((error, "error"), (cosines, "cosine"))):
            one = its.sel(seed=seed, size=max(SIZES))
            panel.plot(data.time, one[f"{what}_theory"], color="0.3", linewidth=0.8)
            panel.plot(data.time, one[what], **look)
        for size, dashes in zip(SIZES, ("--", "-")):
            scaled = np.sqrt(size) * its.off_R.sel(size=size).median("seed")
            off.plot(data.time, scaled, dashes, color=look["color"], label=f"N = {size}")
        cosines.axhline(cosine(np.sign(F)), color="0.4", linewidth=0.8, linestyle=":")
        error.set(yscale="log", ylim=(1e-5, 1))
        error.set_title(name, fontsize=8)
        cosines.set(ylim=(-1.05, 1.05))
        off.set(xscale="log", yscale="log", xlabel="Time (updates / N)", ylim=(0.02, 2))
        off.xaxis.set_minor_formatter("")  # over a decade or less, these would have labels, too
    labels = ("Generalisation error", "Cosine of v to F", "Median of |R - theory|,\ntimes √N")
    for panel, label in zip(axes[:, 0], labels):
        panel.set_ylabel(label)
    plot.also(axes[0, 1], plot.sign("theory", "-"), plot.sign(f"N = {max(SIZES)}", "."))
    plot.also(axes[1, 1], plot.sign("v = (1, -1)", ":"))
    plot.name_lines(axes[2, 1])
    return figure


def report(data: xarray.Dataset) -> None:
    """Print how far circuits are from theory, when they align and memorise, and where they end."""
    large, early = max(SIZES), data.sel(time=data.time <= ESCAPE)
    rows = []
    for name, what in product(COURSES, "QRv"):
        small, big = (early[f"off_{what}"].sel(condition=name, size=N).max("time") for N in SIZES)
        late = data[f"off_{what}"].sel(condition=name, size=large).max("time")
        cells = [f"{estimate(one, POSITIVE):.2g}" for one in (small, big, np.sqrt(large) * big)]
        ratio = float(small.mean() / big.mean())
        rows.append([f"{name}, {what}", *cells, f"{ratio:.1f}", f"{estimate(late, POSITIVE):.2g}"])
    sizes = [f"N = {N}" for N in SIZES]
    columns = [*sizes, "times √N", "ratio of means", f"{sizes[-1]}, to the end"]
    title = f"Largest distance to theory up to t = {ESCAPE} [95 %], {counted(data.sizes['seed'], 'seed')}"
    print_table(title, ["", *columns], rows)
    _report_phases(data.sel(size=large))
    signs, rows = np.sign(data.v).astype(int), []
    for name, its, errors in zip(data.ends.values, signs.values.tolist(), data.end_error.values):
        counts = [its.count(list(one)) for one in product((1, -1), repeat=2)]
        rows.append([name, *counts, f"{np.median(errors):.2g}", f"{errors.max():.2g}"])
    columns = ["v = ++", "+-", "-+", "--", "median error", "largest"]
    print_table(f"Where {data.sizes['start']} starts end, N = {min(SIZES)}", ["", *columns], rows)


def _report_phases(its):
    """Print cosines when learning begins, when the error has halved, and at the end; and when DFA
    has aligned."""
    part, rows = its.error / its.error.isel(time=0), []
    for name in COURSES:
        cosines = its.cosine.sel(condition=name)
        half = (part.sel(condition=name) < 0.5).argmax("time")
        when = estimate(its.time[half], POSITIVE)
        found = (cosines[:, 0], cosines.isel(time=half), cosines.max("time"), cosines[:, -1])
        rows.append([name, f"{when:.2g}", *(f"{estimate(c, (-1, 1)):.2f}" for c in found)])
    columns = ["error halved at t", "cosine at first", "then", "at most", "at the end"]
    print_table(f"Aligning and memorising, N = {max(SIZES)}", ["", *columns], rows)
    aligned = (its.cosine.sel(condition="DFA") > 0.9).argmax("time")
    left = estimate(part.sel(condition="DFA").isel(time=aligned), (0, 1))
    print(f"When DFA's cosine passes .9, the error is {left:.2f} of what it was at first.")


def main(
    seeds: Seeds = 5,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 start, to t = 2.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Watch direct feedback alignment align and memorise, beside its order parameters."""
    seeds, starts, until = (1, 1, 2.0) if quick else (seeds, STARTS, UNTIL)
    cells = [
        dict(condition=name, size=N, seed=seed, until=until)
        for name, N, seed in product(COURSES, SIZES, range(seeds))
    ]
    ends = [
        dict(ends=name, start=start, until=until)
        for name, start in product(CONDITIONS, range(starts))
    ]
    rules = [rule_of(name, max(SIZES)) for name in CONDITIONS]
    run = Run.start_or_resume("align_then_memorise", dict(seeds=seeds, quick=quick), rules, out)
    measured = dict.fromkeys(MEASURES, "time")
    data = run.collect(course, cells, ("condition", "size", "seed"), jobs, progress, **measured)
    found = run.collect(end, ends, ("ends", "start"), jobs, progress, v="cell")
    run.finish(data.assign_coords(time=times(until)).merge(found), report, plot)


if __name__ == "__main__":
    typer.run(main)
