"""Does the output move straight to its target when a deep circuit learns?

Target alignment (Song et al., Nature Neuroscience 2024; Oliviers, Lominadze & Bogacz, arXiv:2605.11911)
is the cosine between the change of the output that one update makes and the way to its target:
learning moves all outputs at once, and what helps one may disturb another. Linear circuits, 64 cells
in every layer, 1 to 15 layers of synapses, normal weights of variance 1/64, inputs and targets normal.
Each sample is learned by itself, at a rate so small that the change is of first order; feedback of
target propagation is set to the exact inverse of W. Prediction, in NumPy: with K = sum_l (|r|^2 + 1) J_l J_l^T over all layers, backpropagation moves the output by K e,
predictive coding by nearly K K^-1 e, and difference target propagation through exact inverses by e
alone. Feedback alignment moves it by sum_l (|r|^2 + 1) J_l B_l e.

About 3 minutes on 2 cores:  neurofa run target_alignment
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms, second

from neurofa import Learner, Network, Trial, lookup, predict, present, settle
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.statistics import estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

MODELS = ("bp", "fa", "predictive_coding", "difference_target_propagation")
WIDTH, DEPTHS, SAMPLES, SMALL = 64, (1, 2, 3, 5, 7, 9, 11, 13, 15), 16, 1e-6
# deeper, targets through inverses are so large that the output's change is lost in rounding
INVERTIBLE = 5
# in steps of tau, exact after as many as there are layers; values of predictive coding relax
AT_ONCE = Trial(dt=10 * ms, default=200 * ms)
RELAXED = Trial(dt=2 * ms, default=settle(1e-5, 120 * second))


def learn(model: str, depth: int, seed: int) -> dict:
    """Return the target alignment of one circuit, the mean over samples, and what is predicted."""
    if model == "difference_target_propagation" and depth > INVERTIBLE:
        return dict(alignment=np.nan, theory=np.nan)
    rule = lookup.rule(model)
    lines = tuple(line for line in rule.plasticity if line.pathway == "W")
    net = Network([WIDTH] * (depth + 1), rule.but(plasticity=lines), activation="linear", seed=seed)
    layers = range(1, depth + 1)
    W = [net[f"W{k}"].copy() for k in layers]
    if model == "difference_target_propagation":
        for k in layers[1:]:
            net[f"Q{k}"] = np.linalg.inv(W[k - 1])
    B = [net[f"B{k}"].copy() for k in layers[1:]] if model == "fa" else []
    learner = Learner(net, RELAXED if model == "predictive_coding" else AT_ONCE)
    drawn, found = np.random.default_rng([seed, depth]), []
    for x, y in drawn.normal(size=(SAMPLES, 2, 1, WIDTH)):
        for k in layers:
            net[f"W{k}"], net[f"W{k}.bias"] = W[k - 1], 0.0
        before = predict(learner, x)
        way = y - before
        errors, change = predicted(model, x, way, W, B)
        net.set(eta=SMALL / max(abs(error).max() for error in errors))
        present(learner, x, y)
        found.append((cosine(predict(learner, x) - before, way), cosine(change, way)))
    simulated, theory = np.mean(found, axis=0)
    return dict(alignment=float(simulated), theory=float(theory))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine between two arrays, of whatever shape."""
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def predicted(model: str, x: np.ndarray, way: np.ndarray, W: list, B: list) -> tuple:
    """Return what every layer learns from, and the output's change to first order, per eta: the sum of
    what all layers bring, where a bias counts as a synapse from a cell whose rate is 1."""
    r, J = [x], [np.eye(WIDTH)]
    for w in W[:-1]:
        r.append(r[-1] @ w.T)
    for w in W[:0:-1]:
        J.insert(0, J[0] @ w)  # of the output by this layer
    heard, errors = r, [way @ j for j in J]
    if model == "fa":
        errors = [way]
        for b in B[::-1]:
            errors.insert(0, errors[0] @ b.T)
    if model == "difference_target_propagation":
        errors = [way @ np.linalg.inv(j).T for j in J]
    if model == "predictive_coding":
        last = np.linalg.solve(sum(j @ j.T for j in J), way[0])
        errors, heard = [last[None] @ j for j in J], [x]
        for w, error in zip(W[:-1], errors):
            heard.append(heard[-1] @ w.T + error)
    each = zip(heard, r, errors, J)
    return errors, sum((np.vdot(h, now) + 1) * error @ j.T for h, now, error, j in each)


def plot(data: xarray.Dataset) -> Figure:
    """Draw alignment by depth, the mean over seeds and their range, beside theory; return the figure."""
    from neurofa import plot

    figure, panel = plot.figure(width=plot.COLUMN, height=2.8)
    names = data.rule.values
    for name, look in plot.looks(names).items():
        its = data.sel(rule=name)
        panel.plot(data.depth, its.alignment.mean("seed"), label=name, mfc="white", **look)
        low, high = its.alignment.min("seed"), its.alignment.max("seed")
        panel.fill_between(data.depth, low, high, color=look["color"], alpha=0.2, linewidth=0)
        plot.crosses(panel, data.depth, its.theory.mean("seed"), color=look["color"])
    panel.axhline(0, color="0.4", linewidth=0.8, linestyle=":")
    panel.set(xlabel="Layers of synapses", ylabel="Target alignment (cosine)", ylim=(-0.1, 1.05))
    plot.name_lines(panel)
    plot.also(panel, plot.sign("theory"))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print alignment by rule and depth, with intervals over seeds, and how far theory is off."""
    rows = [
        [name, *(estimate(data.alignment.sel(rule=name, depth=d), (-1, 1)) for d in shown(data))]
        for name in data.rule.values
    ]
    title = f"Target alignment [95 %], {counted(data.sizes['seed'], 'seed')} of {SAMPLES} samples, by layers"
    print_table(title, ["rule", *map(str, shown(data))], rows)
    off = abs(data.alignment - data.theory).max(("depth", "seed")).to_series()
    print("Largest difference to theory:", ", ".join(f"{name} {d:.1e}" for name, d in off.items()))
    print(
        "Published: predictive coding moves the output more straight to its target than "
        "backpropagation does, above all in deep and narrow circuits (arXiv:2605.11911)."
    )


def shown(data: xarray.Dataset) -> list[int]:
    """Return the depths that the table has: a few of them."""
    return [int(d) for d in data.depth.values if d in (1, 3, 5, 9, 15)]


def main(
    seeds: Seeds = 5,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 and 3 layers.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let deep linear circuits learn one sample, and see where their output goes."""
    seeds, depths = (1, (1, 3)) if quick else (seeds, DEPTHS)
    rules = [lookup.rule(model) for model in MODELS]
    cells = [
        dict(model=model, depth=depth, seed=seed)
        for model in MODELS
        for depth in depths
        for seed in range(seeds)
    ]
    run = Run.start_or_resume("target_alignment", dict(seeds=seeds, quick=quick), rules, out)
    data = run.collect(learn, cells, ("model", "depth", "seed"), jobs, progress)
    named = data.rename(model="rule").assign_coords(rule=[rule.name for rule in rules])
    run.finish(named, report, plot)


if __name__ == "__main__":
    typer.run(main)
