"""How late may an error be when nothing waits for it?

Handwritten digits follow one another without a pause, each for 100 ms; input, error and plasticity run
at once, in one phase without an end. What B brings is late by a part of the time that a digit is shown:
in DFA once, in FA and Kolen-Pollack (KP) once per layer. Errors that come when the next digit is there
teach what is wrong, unless cells keep a trace of what they sent: low-passed with a time constant of 0.5,
1 or 2 digits. Where hidden weights learn nonsense, accuracy is below that of hidden weights that are
frozen (grey). C: traces of cells leave the derivative to the time of the error, traces of synapses
keep it; without biases. D: a single stream, weights that are faster or slower.

Circuits are 64-30-30-10; 32 streams (D: one), 15 passes through the digits in new orders (D: 3),
held-out streams scored at the end of each digit. Bacvanski, Ziyin & Poggio, arXiv 2510.18808, find
that learning falls linearly as the delay approaches the time that an input is shown, and that weights
should be slower than inputs by one or two orders of magnitude (of the paper, only the summary was at
hand).

About 2 minutes on 2 cores:  neurofa run delays_without_phases
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, LearningRule, Network, Trial, evaluate, lookup, tasks, train
from neurofa.experiment import Jobs, Out, Run, Seeds, print_table
from neurofa.pathways import delayed
from neurofa.statistics import PERCENT, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZES, SHOWN, DT = (64, 30, 30, 10), 100.0, 5.0  # ms: how long a digit is shown, and a time step
STREAMS, PACE = 32, 10.0  # side by side; tau_w in digits, but for panel D
DELAYS, PACES = (0, 0.25, 0.5, 0.75, 1, 1.5, 2), (1, 3, 10, 30, 100, 300)  # in digits
# {panel: {line: (model, time constant of the trace in digits, delay in digits; None: all of them)}}
LINES = {
    name: {
        "no trace": (model, 0, None),
        **{f"trace {tau}": (f"{model}_trace", tau, None) for tau in (0.5, 1, 2)},
    }
    for name, model in (("FA", "online_fa"), ("DFA", "online_dfa"))
}
LINES["FA"]["KP, no trace"] = ("online_kp", 0, None)
LINES["derivative"] = {
    "trace 1, cells": ("online_dfa_trace", 1, None),
    "trace 1, synapses": ("online_dfa_eligibility", 1, None),
}
LINES["pace"] = {
    "on time": ("online_dfa", 0, 0),
    "0.5 late": ("online_dfa", 0, 0.5),
    "1 late, trace 1": ("online_dfa_trace", 1, 1),
}
LINES["frozen"] = {"hidden weights frozen": ("online_fa", 0, 0)}
LABELS = dict(
    FA="Held-out accuracy (%),\nFA, and KP",
    DFA="Held-out accuracy (%),\nDFA",
    derivative="Held-out accuracy (%),\nDFA, no biases",
    pace="Held-out accuracy (%),\nDFA, a single stream",
)
JUDGED = ("FA", "DFA")  # by frozen hidden weights, whose output has biases as theirs have


def circuit(panel: str, line: str, at: float) -> LearningRule:
    """Return the rule of a line of a panel at one place of its x axis: a delay, or a pace."""
    model, trace, late = LINES[panel][line]
    late, pace = (late, at) if panel == "pace" else (at, PACE)
    rule = lookup.rule(model).but(tau_w=pace * SHOWN * ms)
    if trace:
        rule = rule.but(tau_e=trace * SHOWN * ms)
    if panel == "derivative":
        rule = rule.but(feedforward=replace(rule.feedforward, bias=False))
    if panel == "frozen":
        rule = rule.but(plasticity=tuple(replace(p, to="output") for p in rule.plasticity))
    return rule.through(delayed(late * SHOWN * ms), "B") if late else rule


def one(panel: str, line: str, at: float, seed: int, passes: int) -> dict:
    """Let one network learn while digits pass by, and return its held-out accuracy in percent."""
    streams = 1 if panel == "pace" else STREAMS
    net = Network(SIZES, circuit(panel, line, at), streams, cost="cross_entropy", seed=seed)
    learner, digits = Learner(net, Trial(dt=DT * ms)), tasks.digits()
    parts = [tasks.stream(digits, SHOWN * ms, streams, 1000 * seed + k) for k in range(passes)]
    x, y = (np.concatenate([getattr(part, axis) for part in parts], axis=1) for axis in "xy")
    passing = tasks.Task(x, y, "digits", cost=digits.cost, frame=SHOWN * ms)
    train(learner, passing, 1, progress=False)
    _, accuracy = evaluate(learner, parts[0].x_test, parts[0].y_test, frame=SHOWN * ms)
    return dict(accuracy=100 * accuracy)


def plot(data: xarray.Dataset) -> Figure:
    """Draw accuracy against the delay, with and without traces, and against the pace of weights;
    return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=2, columns=2, height=5.6)
    for panel, axis in zip(LABELS, axes.flat):
        _panel(axis, data, panel)
    return figure


def _panel(axis: Axes, data: xarray.Dataset, panel: str) -> None:
    """Draw the lines of a panel, and where they are below what frozen hidden weights come to."""
    from neurofa import plot

    mine = data.accuracy.sel(panel=panel, line=list(LINES[panel])).dropna("at", how="all")
    mine = mine.sortby("at").rename(line="rule").transpose("rule", "seed", "at")
    along = "τ_w" if panel == "pace" else "delay of B"
    mine["at"].attrs = dict(long_name=f"{along} / time that a digit is shown")
    known = plot.learning(mine, axis, label=LABELS[panel]).get_legend().legend_handles
    axis.set(xscale="log" if panel == "pace" else "linear")
    axis.set_ylim(60 if panel == "derivative" else 0, 100)
    if panel in JUDGED:
        axis.axhspan(0, float(_frozen(data).mean()), facecolor="0.9", linewidth=0, zorder=0)
        axis.text(0, 2, "worse than frozen hidden weights", fontsize="small")
    plot.name_lines(axis, "lower left", handles=known, bbox_to_anchor=(0, 1.02), ncols=2)


def _frozen(data):
    """Return the accuracies (seed,) with frozen hidden weights."""
    [line] = LINES["frozen"]
    return data.accuracy.sel(panel="frozen", line=line, at=0)


def report(data: xarray.Dataset) -> None:
    """Print accuracies of all lines, and from which delay on they are worse than those of frozen
    hidden weights."""
    frozen = estimate(_frozen(data), PERCENT)
    for panel, label in LABELS.items():
        lines = list(LINES[panel])
        mine = data.accuracy.sel(panel=panel, line=lines).dropna("at", how="all").sortby("at")
        rows = [
            [f"{place['at']:g}", *(f"{estimate(one, PERCENT):.1f}" for one in place)]
            for place in mine.transpose("at", "line", "seed")
        ]
        along = "tau_w, in digits" if panel == "pace" else "late, in digits"
        print_table(f"{label.replace(chr(10), ' ')} [95 %]", [along, *lines], rows)
        if panel in JUDGED:
            worse = mine.mean("seed") < frozen.mean
            since = [mine["at"].values[worse.sel(line=line).values] for line in lines]
            said = [f"{ln}, {at[0]:g}" if len(at) else f"{ln}, no" for ln, at in zip(lines, since)]
            print(f"Worse than frozen hidden weights ({frozen:.1f} %) from: {'; '.join(said)}.")


def main(
    seeds: Seeds = 5,
    passes: Annotated[int, typer.Option(min=1, help="Passes through the digits.")] = 15,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 pass, the ends of each line.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let circuits learn while digits pass by, with feedback that is later and later."""
    seeds, passes = (1, 1) if quick else (seeds, passes)
    places = dict(FA=DELAYS, DFA=DELAYS, derivative=DELAYS, pace=PACES, frozen=(0,))
    long = dict.fromkeys(LINES, passes) | dict(pace=max(1, passes // 5))
    cells = [
        dict(panel=p, line=line, at=at, seed=s, passes=long[p])
        for p in LINES
        for line in LINES[p]
        for at in (sorted({places[p][0], places[p][-1]}) if quick else places[p])
        for s in range(seeds)
    ]
    models = dict.fromkeys(model for lines in LINES.values() for model, *_ in lines.values())
    run = Run.start_or_resume(
        "delays_without_phases",
        dict(seeds=seeds, passes=passes, quick=quick),
        map(lookup.rule, models),
        out,
    )
    run.finish(
        run.collect(one, cells, ("panel", "line", "at", "seed"), jobs, progress), report, plot
    )


if __name__ == "__main__":
    typer.run(main)
