"""Do fixed random feedback synapses become useful, and why?

Lillicrap's linear task (Nature Communications 2016): 30-20-10 without biases learns y = T x, one
sample at a time. W starts uniform in +-0.01 (large: +-0.25), B in +-0.5, T in +-1, which the paper
leaves open. What B delivers (B e) is compared with backpropagation's W2^T e and the pseudoinverse's
W2^+ e, mean over 200 samples. Controls: BP, at learning rates up to where FA diverges; frozen
hidden weights, blind to 10 of 30 input dimensions, about 1/3 of the error.

Why: learning with a fixed B conserves W1 W1^T - B W2 - (B W2)^T, whatever the input. By its trace,
the overlap of B and W2^T grows by half of what |W1|^2 grows by: whatever W1 learns turns W2 towards
B^T. That holds for small eta: the invariant's drift, here as a fraction of the change of W1 W1^T,
is in proportion to eta.

About 4 minutes on 2 cores:  neurofa run learning_to_learn
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, Network, Pathway, Trial, analysis, lessons, lookup, settle, tasks
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.pathways import uniform

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from neurofa import LearningRule

STEPS, ETA, RATES, SWEPT = (
    (0, 100, 200, 300, 500, 1000, 1500, 2000, 4000),
    1e-3,
    (1e-3, 2e-3, 5e-3, 1e-2),
    1000,
)
CONDITIONS = {
    "FA": ("fa", 0.01),
    "FA, large": ("fa", 0.25),
    "BP": ("bp", 0.01),
    # model, range of the first W
    "frozen": ("frozen", 0.01),
    "frozen, large": ("frozen", 0.25),
}
NAMES = dict(
    nse="NSE",
    to_bp="Be to Wᵀe (degrees)",
    to_pbp="Be to W⁺e (degrees)",
    to_W="B to Wᵀ (degrees)",
    drift="",
)
LABELS = dict(
    nse="Error (NSE)",
    to_bp="Angle between Be and\nWᵀe (degrees)",
    to_pbp="Angle between Be and\nW⁺e (degrees)",
    to_W="Angle between B and\nWᵀ (degrees)",
)
# Medians of 20 seeds of an independent NumPy computation: at STEPS; at SWEPT, by eta; at update
# 4000 (NSE: the floor).
CURVES = dict(
    NSE={
        ("FA", "nse"): (1, 0.97, 0.83, 0.62, 0.28, 0.032, 0.0044, 6.7e-4, 7e-6),
        ("BP", "nse"): (1, 1, 1, 1, 0.99, 0.73, 0.26, 0.09, 4e-5),
    },
    Angles={
        ("FA", "to_bp"): (90, 35, 31, 28, 28, 28, 37, 32, 30),
        ("FA", "to_pbp"): (93, 63, 59, 48, 46, 23, 19, 18, 9),
        ("FA", "to_W"): (90, 44, 35, 31, 27, 27, 29, 29, 30),
    },
)
TUNED = {("FA", 1e-3): 0.032, ("BP", 1e-3): 0.73, ("FA", 2e-3): 1e-3, ("BP", 5e-3): 2.5e-5}
LAST = {
    ("FA, large", "to_bp"): 46,
    ("FA, large", "to_pbp"): 36,
    ("frozen", "nse"): 1 / 3,
    ("frozen, large", "nse"): 1 / 3,
}


def rule_of(condition: str, eta: float) -> LearningRule:
    """Return a condition's rule as the task has it: no biases, weights uniform."""
    model, reach = CONDITIONS[condition]
    rule, forward = (
        lookup.rule(model),
        Pathway("W", "below", "r", "v_basal", to="layers", init=uniform(reach)),
    )
    back = (
        p if p.weights else Pathway(p.name, p.source, p.signal, p.into, init=uniform(0.5))
        for p in rule.pathways
    )
    return rule.but(eta=eta, feedforward=forward, pathways=tuple(back))


def one(rule: str, eta: float, seed: int, updates: int) -> dict:
    """Train one network; return its error, angles and drift (see NAMES) at every step in STEPS up
    to `updates`."""
    net, found = Network([30, 20, 10], rule_of(rule, eta), activation="linear", seed=seed), []
    learner = Learner(net, Trial(dt=10 * ms, default=settle(1e-6)))
    T = tasks.linear_target((30, 10), seed)
    x = np.random.default_rng([seed, 1]).standard_normal((updates, 1, 30))
    x_test = np.random.default_rng([seed, 2]).standard_normal((200, 30))
    # no angles where there is none
    B = net["B2"].copy() if rule.startswith("FA") else np.full((20, 10), np.nan)
    first, start = net["W1"] @ net["W1"].T, analysis.fa_invariant(net["W1"], B, net["W2"])
    for update, _ in lessons(learner, zip(x, x @ T.T)):
        if update in STEPS:
            W1, W2 = net["W1"], net["W2"]
            e = x_test @ (T - W2 @ W1).T
            to_bp, to_pbp = (
                analysis.trial_angles(e @ B.T, e @ M).mean() for M in (W2, np.linalg.pinv(W2).T)
            )
            drift = analysis.norm_ratio(analysis.fa_invariant(W1, B, W2) - start, W1 @ W1.T - first)
            found.append(
                (analysis.nse(W2 @ W1, T), to_bp, to_pbp, analysis.alignment(W2, B), drift)
            )
    return dict(zip(NAMES, np.transpose(found).tolist()))


def plot(data: xarray.Dataset) -> Figure:
    """Draw errors, angles and drift, and what the learning rate does to the error; return the
    figure."""
    import xarray

    from neurofa import plot

    figure, axes = plot.figure(rows=3, columns=2, height=6.4)
    panels, steps = dict(zip(("nse", "to_bp", "to_pbp", "to_W"), axes.flat)), data["update"].values
    for name, panel in panels.items():
        plot.learning(data[name].sel(eta=ETA), panel, LABELS[name])
        panel.axhline(1 / 3 if name == "nse" else 90, color="0.4", linewidth=0.8, linestyle=":")
        plot.also(
            panel,
            plot.sign("floor if frozen" if name == "nse" else "right angle", ":"),
            plot.sign("independent"),
        )
    for (rule, name), values in (CURVES["NSE"] | CURVES["Angles"]).items():
        plot.crosses(
            panels[name], steps, values[: len(steps)], color=plot.looks([rule])[rule]["color"]
        )
    panels["nse"].set_yscale("log")
    last = min(SWEPT, int(steps[-1]))
    swept = data.nse.sel(rule=["FA", "BP"], eta=list(RATES), update=last)
    plot.learning(swept, axes[2, 0], f"Error (NSE) at\nupdate {last}").set(
        xscale="log", yscale="log", xlabel="Learning rate η"
    )
    drifts = [
        data.drift.sel(rule="FA", eta=eta, drop=True).assign_coords(update=eta * steps)
        for eta in (ETA, ETA / 2)
    ]
    drifts = xarray.concat(drifts, "rule", join="outer").assign_coords(
        rule=[f"η = {ETA}", f"η = {ETA / 2}"]
    )
    plot.learning(drifts, axes[2, 1], "Drift of the invariant\n(part of the change)").set(
        ylim=(0, None), xlabel="η x updates"
    )
    return figure


def report(data: xarray.Dataset) -> None:
    """Print medians (independent computation; range over seeds): the time course, learning rates,
    and controls."""

    def cell(values, beside=None):
        middle, low, high = (
            f"{float(v):.2g}" for v in (values.median(), values.min(), values.max())
        )
        return f"{middle} ({'' if beside is None else f'{beside:.2g}; '}{low} - {high})"

    last = int(data["update"][-1])
    usual, swept = data.sel(eta=ETA), data.nse.sel(update=min(SWEPT, last))
    tuned = TUNED if last >= SWEPT else {}
    for title, curves in CURVES.items():
        print_table(
            f"{title}, {counted(data.sizes['seed'], 'seed')}: median (independent computation; range over seeds)",
            ["update", *(f"{rule}: {NAMES[name]}" for rule, name in curves)],
            [
                [
                    step,
                    *(
                        cell(usual[n].sel(rule=r, update=step), beside[k])
                        for (r, n), beside in curves.items()
                    ),
                ]
                for k, step in enumerate(data["update"].values)
            ],
        )
    print_table(
        f"NSE at update {min(SWEPT, last)}, by learning rate",
        ["eta", "FA", "BP"],
        [
            [e, *(cell(swept.sel(rule=r, eta=e), tuned.get((r, e))) for r in ("FA", "BP"))]
            for e in RATES
        ],
    )
    for (rule, name), beside in LAST.items():
        print(
            f"{rule}, update {last}: {NAMES[name]} {cell(usual[name].sel(rule=rule, update=last), beside)}"
        )
    full, half = (data.drift.sel(rule="FA", eta=ETA / k, update=last * k // 2) for k in (1, 2))
    print(
        f"Drift of FA's invariant: {cell(full)}; at half of eta: {cell(half)}; ratio {cell(half / full, 0.5)}"
    )


def main(
    seeds: Seeds = 20,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 200 updates.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Watch random feedback synapses become useful in the linear task."""
    seeds, updates, swept = (1, 200, 200) if quick else (seeds, STEPS[-1], SWEPT)
    lengths = {(rule, eta): swept for rule in ("FA", "BP") for eta in RATES} | {
        ("FA", ETA / 2): updates
    }
    lengths |= {(rule, ETA): updates for rule in CONDITIONS}
    cells = [
        dict(rule=r, eta=eta, seed=seed, updates=n)
        for (r, eta), n in lengths.items()
        for seed in range(seeds)
    ]
    run = Run.start_or_resume(
        "learning_to_learn", dict(seeds=seeds, quick=quick), [rule_of(*k) for k in lengths], out
    )
    data = run.collect(
        one, cells, ("rule", "eta", "seed"), jobs, progress, **dict.fromkeys(NAMES, "update")
    )
    run.finish(data.assign_coords(update=[step for step in STEPS if step <= updates]), report, plot)


if __name__ == "__main__":
    typer.run(main)
