"""What does control give that error transport does not?

Deep feedback control (DFC), at steady state (SS) and linearised (SSA), as in figure 3 of Meulemans
et al., NeurIPS 2021: 15-10-10-5, tanh, linear output, k_p 1.5, alpha 0.0015, lambda 0.05,
tau_v/tau_u 0.2. Q is random, the product of transposed W, or learned by a sleeper
(models/dfc_learned.py), in 200 nights of 32 trials and after every tenth update. Changes of W and
biases are compared with minimum norm (MN), Gauss-Newton (GN), damping 0.1, SSA, BP. |P_J Q| / |Q|:
1 if Q is in the row space of J. Not as there: normal inputs, tasks.teacher, batches of 32, W normal
with 1/sqrt(n).

About 2 minutes on 2 cores:  neurofa run control
"""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import (
    Diverged,
    Learner,
    Length,
    Network,
    Recorder,
    Recording,
    Trial,
    analysis,
    directions,
    lookup,
    present,
    reference,
    settle,
    tasks,
)
from neurofa.experiment import Jobs, Out, Run, Seeds, Updates, counted, print_table
from neurofa.statistics import ANYTHING, DEGREES, POSITIVE, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

SIZES, LAYERS, BATCH, ALPHA, LAMBDA, NOTED = (
    (15, 10, 10, 5),
    (1, 2, 3),
    32,
    0.0015,
    0.05,
    (0, 10, 30, 100, 300, 1000),
)
# continuous DFC learns for 10 tau_u
ETA = dict(dfc=0.02 / LAMBDA, dfc_ss=0.2 / LAMBDA, dfc_ssa=0.2 / LAMBDA)
RULES = {
    name: lookup.rule(name).but(k_p=1.5, alpha=ALPHA, lam=LAMBDA, eta=eta)
    for name, eta in ETA.items()
}
LEARNED, FEEDBACKS = lookup.rule("dfc_learned"), ("random Q", "transposes", "learned Q")
ASLEEP = LEARNED.only("free", "sleep")
DAY = Trial(dt=2 * ms, free=settle(1e-4, dt=10 * ms), feedback=500 * ms)
NIGHT = Trial(free=settle(1e-4, dt=10 * ms), sleep=Length(250 * ms, dt=5 * ms))
MEASURES = dict(
    nse="NSE",
    ratio="|P_J Q| / |Q|",
    eigenvalue="min Re eig JQ + α",
    leading="max Re eig, 1/τ_u",
    to_MN="to MN (°)",
    to_GN="GN",
    to_SSA="SSA",
    to_BP="BP",
    BP_to_MN="BP to MN",
    BP_to_GN="BP to GN",
)
WITHIN = dict(nse=POSITIVE, ratio=(0, 1)) | {name: DEGREES for name in MEASURES if "to_" in name}
PANELS = dict(
    ratio=("Part of Q in the\nrow space of J", 0.2**0.5, "random directions"),
    eigenvalue=("Smallest real part of\neigenvalues of JQ + α", 0, "limit of stability"),
    to_MN=("Angle of ΔW to minimum\nnorm (degrees)", 90, "right angle"),
    nse=("Error (NSE)", 1, "no output at all"),
)
# its axes
PUBLISHED = dict(
    ratio="0.7 - 1", leading="-0.6 - -0.4", to_MN="0 - 70", to_GN="0 - 70", to_SSA="0 - 8"
)


def measure(learner: Learner, x: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    """Return the MEASURES at the free state of a circuit."""
    net, ours, Q = (
        learner.net,
        directions.asked(learner, x, y),
        [learner.net[f"Q{k}"] for k in LAYERS],
    )
    W, b = directions.weights(net)
    J, r, BP = (
        reference.jacobian(x, W, b),
        reference.forward(x, W, b)[1][-1],
        directions.backprop(net, x, y),
    )
    MN, GN = (
        towards(net, x, y, LAMBDA, 0.1)
        for towards in (directions.minimum_norm, directions.gauss_newton)
    )
    SSA = reference.dfc_ssa_update(x, LAMBDA * (y - r), W, b, Q, ALPHA)
    leading = -analysis.stability(net, x[:64]).margin.min() * float(net.parameters["tau_u"])
    return (
        analysis.nse(r, y),
        analysis.condition_2(J, Q),
        analysis.condition_3(J, Q, ALPHA).min(),
        leading,
        *(
            directions.angle(*both)
            for both in (*((ours, goal) for goal in (MN, GN, SSA, BP)), (BP, MN), (BP, GN))
        ),
    )


def toy(rule: str, feedback: str, seed: int, updates: int) -> dict:
    """Train one circuit on what a teacher of its size computes; return its MEASURES, unless it
    diverges."""
    net, asleep = (Network(SIZES, r, trials=BATCH, seed=seed) for r in (RULES[rule], ASLEEP))
    learner, sleeper, layers, found = (
        Learner(net, DAY),
        Learner(asleep, NIGHT),
        tasks.teacher(SIZES, seed),
        [],
    )
    x_test = np.random.default_rng([seed, 1]).standard_normal((256, SIZES[0]))
    x = np.random.default_rng([seed, 2]).standard_normal((updates + 201, BATCH, SIZES[0]))
    with suppress(Diverged):
        # nights alone, before the first
        for update in range(-200 if feedback == "learned Q" else 0, updates + 1):
            if feedback != "transposes":
                net.synapses.take(asleep, "Q")
            if update in NOTED:
                found.append(measure(learner, x_test, tasks.teach(layers, x_test)))
            if update >= 0:
                present(learner, x[update], tasks.teach(layers, x[update]))
            if feedback == "learned Q" and (update < 0 or update % 10 == 9):
                asleep.synapses.take(net, "W")
                present(sleeper, x[update], np.zeros((BATCH, SIZES[-1])))
    return dict(zip(MEASURES, map(list, zip(*found))))


def trial() -> xarray.Dataset:
    """Record one trial of DFC, and return it with where the linearised circuit ends, as a
    Dataset."""
    recorder, rng = (
        Recorder(["output.r", "output.setpoint", "controller.u"]),
        np.random.default_rng(0),
    )
    x, y = rng.standard_normal((1, SIZES[0])), rng.uniform(-1, 1, (1, SIZES[-1]))
    for rule, record in (("dfc", recorder), ("dfc_ssa", None)):
        # a target so far away that one sees the way there
        net = Network(SIZES, RULES[rule].but(lam=0.5))
        present(
            Learner(net, Trial(dt=1 * ms, free=100 * ms, feedback=600 * ms)),
            x,
            y,
            learn=False,
            record=record,
        )
    ends = {
        "SSA output.r": net["output.r"] + net["output.response"],
        "SSA controller.u": net["controller.u"],
    }
    return recorder.recording().dataset.assign(
        {name: ("end", end[0]) for name, end in ends.items()}
    )


def plot(data: xarray.Dataset) -> Figure:
    """Draw the trial, and measures of DFC-SS over training with each feedback; return the
    figure."""
    from neurofa import plot

    data = getattr(data, "dataset", data)  # what holds phases is read as a recording
    figure, axes = plot.figure(rows=3, columns=2, width=plot.PAGE, height=6)
    for panel, name, target in zip(
        axes[0], ("output.r", "controller.u"), ("output.setpoint", None)
    ):
        plot.traces(
            Recording(data), name, panel, target=target, target_phases=["feedback"], units=[0, 2, 4]
        )
        plot.crosses(panel, [data.time[-1]] * 3, data[f"SSA {name}"][::2])
        panel.set_xlabel("Time (ms)")
        plot.also(panel, plot.sign("linearised (SSA)"))
    axes[0, 0].set_ylabel("Output rate")
    axes[0, 1].set_ylabel("Control signal u")
    ss = data.sel(rule="dfc_ss", drop=True).rename(feedback="rule")
    for panel, (name, (label, level, means)) in zip(axes[1:].flat, PANELS.items()):
        plot.learning(ss[name], panel, label).set(
            xscale="symlog", yscale="log" if name == "nse" else "linear"
        )
        panel.axhline(level, color="0.4", linewidth=0.8, linestyle=":")
        plot.also(panel, plot.sign(means, ":"))
    plot.crosses(
        axes[2, 0],
        data["update"],
        ss.BP_to_MN.isel(rule=1).median("seed"),
        color=plot.looks(["BP"])["BP"]["color"],
    )
    plot.also(axes[2, 0], plot.sign("BP"))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print the measures at first and at the end, mean with 95 % interval, beside the axes of the
    published figure."""
    for update, rule in product(data["update"].values[[0, -1]], data.rule.values):
        found = data.sel(update=update, rule=rule)
        rows = [
            [
                label,
                *(
                    f"{estimate(found[name].sel(feedback=f), WITHIN.get(name, ANYTHING)):.2g}"
                    for f in FEEDBACKS
                ),
                PUBLISHED.get(name, ""),
            ]
            for name, label in MEASURES.items()
        ]
        print_table(
            f"{rule}, update {update}, {counted(data.sizes['seed'], 'seed')}",
            ["", *FEEDBACKS, "published"],
            rows,
        )
    print(
        "Seeds that diverged:",
        (n := data.nse[..., -1].isnull().sum("seed").to_series())[n > 0].to_dict() or "none",
    )


def main(
    seeds: Seeds = 5,
    updates: Updates = 300,
    jobs: Jobs = 2,
    out: Out = "runs",
    progress: bool = True,
    quick: Annotated[bool, typer.Option(help="1 seed, 10 updates, DFC-SS.")] = False,
) -> None:
    """Drive circuits to their targets with feedback of three kinds, and look where that sends their
    synapses."""
    used, seeds, updates = (["dfc_ss"], 1, 10) if quick else (list(RULES), seeds, updates)
    run = Run.start_or_resume(
        "control", dict(rules=used, seeds=seeds, updates=updates), [*RULES.values(), ASLEEP], out
    )
    cells = [
        dict(rule=r, feedback=f, seed=k, updates=updates)
        for r, f, k in product(used, FEEDBACKS, range(seeds))
    ]
    data = run.collect(
        toy,
        cells,
        ("rule", "feedback", "seed"),
        jobs,
        progress,
        **dict.fromkeys(MEASURES, "update"),
    )
    data, recorded = data.assign_coords(update=[n for n in NOTED if n <= updates]), trial()
    run.finish(data.merge(recorded).assign_attrs(recorded.attrs), report, plot)


if __name__ == "__main__":
    typer.run(main)
