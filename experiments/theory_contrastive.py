"""When is a layer's own contrast that of the whole circuit?

Zihan, Delrocq, Gerstner & Bellec (arXiv 2601.21683; read: abstract and summaries) name conditions
on deep linear networks under which a local contrastive rule makes the change of backpropagation.
Derived here: with P_l = J_l^T P_L J_l, where J_l is the product of the W above layer l, every
layer's score is that of the last one, z_L^T P_L c_L, and so is its gradient: CLAPP is hinge CPC,
to rounding. One such circuit has orthogonal W, and all P = I. Off that condition, by eps: noise on
P_l of eps times its size; P = I, and noise on orthogonal W; and tanh cells, where P is as it
should be for linear ones, and inputs have the size eps. Prediction: ΔW differs by a part of order
eps, eps and eps^2. Last, circuits that start in the condition learn, with P that is made anew
after every update, or learns by its layer's rule; the latter may leave the condition, and circuits
with random P may come nearer.

Linear (or tanh) 32-32-32-32 without biases, normal inputs, a second glance with noise of .3 of
their size, 64 pairs. Both rules are circuits, compared at the same weights.

About 1 minute on 2 cores:  neurofa run theory_contrastive
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, Network, Pathway, Trial, analysis, lookup, present
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.snapshots import requested_changes
from neurofa.statistics import estimate, shown

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

SIZE, LAYERS, PAIRS, NOISE, ETA = 32, 3, 64, 0.3, 0.003
USUAL = SIZE**-0.5  # of inputs: objects of length one
WAYS = ("noise on P", "noise on orthogonal W", "tanh")
EPS = (0.0, *(10.0 ** (k / 2) for k in range(-12, 3)))
STARTS = ("P made anew", "P learns", "P learns, random start")
NOTED = (0, 1, 3, 10, 30, 100, 300, 1000)  # updates
PRINTED = (0, 10, 100, 300, 1000)
TRIAL = Trial(dt=10 * ms, free=50 * ms, default=100 * ms)  # exact: dt = tau
UNBIASED = Pathway("W", source="below", signal="r", into="v_basal", to="layers")


def circuits(activation: str) -> list[Network]:
    """Return the local circuit, whose output takes no part, and the one that learns end to end."""
    return [
        Network(
            [SIZE] * (LAYERS + 1) + [1] * (model == "clapp"),
            lookup.rule(model).but(feedforward=UNBIASED, eta=ETA),
            trials=PAIRS,
            activation=activation,
            output_activation=activation,
        )
        for model in ("clapp", "hinge_cpc")
    ]


def impose(net: Network, W: list[np.ndarray], P: list[np.ndarray]) -> None:
    """Give the layers these W and P, and R = P^T, where they have them."""
    for k, (w, p) in enumerate(zip(W, P), 1):
        net[f"W{k}"] = w
        if f"P{k}.w" in net.probeable:
            net[f"P{k}"], net[f"R{k}"] = p, p.T


def condition(W: list[np.ndarray], P: np.ndarray) -> list[np.ndarray]:
    """Return P of every layer, as local contrasts need it to be the last layer's."""
    found = [P]
    for w in W[:0:-1]:
        found.insert(0, w.T @ found[0] @ w)
    return found


def changes(net: Network, seen: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return ΔW of the layers that both phases ask for at these weights."""
    found = requested_changes(Learner(net, TRIAL), seen, np.zeros((PAIRS, net.sizes[-1])))
    return [found[f"W{k}.w"] for k in range(1, LAYERS + 1)]


def glances(rng: np.random.Generator, size: float = USUAL) -> dict[str, np.ndarray]:
    """Return what every phase shows: objects, the same again, and others."""
    x, *noise = size * rng.normal(size=(3, PAIRS, SIZE))
    again = x + NOISE * noise[0], np.roll(x, 1, axis=0) + NOISE * noise[1]
    return dict(zip(("free", "fixation", "saccade"), (x, *again)))


def off(way: str, seed: int) -> dict:
    """Return |difference of ΔW| / |ΔW end to end| by eps and layer, off the condition."""
    nets, found = circuits("tanh" if way == "tanh" else "linear"), []
    for eps in EPS:
        rng = np.random.default_rng([seed, 1])
        W, P, size = weights(way, eps, rng)
        seen, both = glances(rng, size), []
        for net in nets:
            impose(net, W, P)
            both.append(changes(net, seen))
        with np.errstate(invalid="ignore"):  # inputs of size 0 change nothing
            found.append([np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(*both)])
    return dict(difference=np.array(found).tolist())


def weights(way: str, eps: float, rng: np.random.Generator) -> tuple[list, list, float]:
    """Return W and P of all layers, off the condition by eps, and the size of inputs."""
    W = [*rng.normal(size=(LAYERS, SIZE, SIZE)) / SIZE**0.5]
    last, *noise = rng.normal(size=(LAYERS, SIZE, SIZE)) / SIZE**0.5
    if way == WAYS[1]:
        # into the first layer, noise makes no difference
        W[1:] = [np.linalg.qr(w)[0] + eps * e for w, e in zip(W[1:], noise)]
        return W, [np.eye(SIZE)] * LAYERS, USUAL
    P = condition(W, last)
    if way == WAYS[0]:
        for k, e in enumerate(noise):
            P[k] = P[k] + eps * np.linalg.norm(P[k]) * e / np.linalg.norm(e)
    return W, P, eps if way == "tanh" else USUAL


def learn(start: str, seed: int, updates: int) -> dict:
    """Let a local circuit learn; return the cosine of each layer's ΔW to that end to end, at the
    same weights, by update."""
    rng, (net, whole) = np.random.default_rng([seed, 2]), circuits("linear")
    W, Ps = rng.normal(size=(2, LAYERS, SIZE, SIZE)) / SIZE**0.5
    impose(net, W, Ps if start == STARTS[2] else condition(W, Ps[-1]))
    learner, probe, found = Learner(net, TRIAL), glances(rng), []
    for update in range(updates + 1):
        if update:
            present(learner, glances(rng), np.zeros((PAIRS, 1)))
        W, P = ([net[f"{name}{k}"].copy() for k in range(1, LAYERS + 1)] for name in "WP")
        if start == STARTS[0]:
            impose(net, W, condition(W, P[-1]))
        if update in NOTED:
            impose(whole, W, P)
            both = [changes(each, probe) for each in (net, whole)]
            found.append([np.cos(np.radians(analysis.angle(a, b))) for a, b in zip(*both)])
    return dict(cosine=np.transpose(found).tolist())


def plot(data: xarray.Dataset) -> Figure:
    """Draw differences off the condition, and cosines while circuits learn; return the figure."""
    from neurofa import plot

    figure, (differences, cosines) = plot.figure(rows=2, width=5.5, height=5.2)
    first = data.difference.isel(layer=0).sel(eps=data.eps > 0).rename(way="rule")
    plot.learning(first, differences, label="|difference of ΔW| / |ΔW|,\nlayer 1")
    differences.set(xscale="log", yscale="log", xlabel="Off the condition, ε")
    learned = data.cosine.isel(layer=0).rename(start="rule")
    plot.learning(learned, cosines, label="Cosine of ΔW to\nend to end, layer 1")
    cosines.set_xscale("symlog", linthresh=1)
    cosines.set_xticks(data["update"].values, map(str, data["update"].values))
    cosines.axhline(0, color="0.4", linewidth=0.8, linestyle=":")
    plot.also(cosines, plot.sign("right angle", ":"))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print differences and the orders at which they grow, and cosines, with 95 % intervals."""
    layers = data.layer.values[:-1]  # the last one's contrast is the same in both
    rows = []
    for way in data.way.values:
        for k in layers:
            its = data.difference.sel(way=way, layer=k)
            near = its.sel(eps=[1e-5, 1e-3], method="nearest")
            order = np.log(near[:, 1] / near[:, 0]) / np.log(near.eps[1] / near.eps[0])
            at = [its.sel(eps=e, method="nearest") for e in (0, 1e-3, 1e-1, 1)]
            means = (shown(float(each.mean()), ".2g") for each in at)
            rows.append([way, k, *means, f"{estimate(order):.3f}"])
    columns = ["off the condition by", "layer", "eps = 0", ".001", ".1", "1", "order of eps"]
    title = (
        f"|difference of ΔW to end to end| / |ΔW|, means of {counted(data.sizes['seed'], 'seed')}"
    )
    print_table(title, columns, rows)
    noted = data.cosine.sel(update=[k for k in data["update"].values if k in PRINTED])
    rows = [
        [start, k, *(f"{estimate(one, (-1, 1)):.2f}" for one in its.T)]
        for start in data.start.values
        for k in layers
        for its in [noted.sel(start=start, layer=k)]
    ]
    columns = ["", "layer", *(f"update {k}" for k in noted["update"].values)]
    print_table("Cosine of ΔW to that end to end, at the same weights", columns, rows)


def main(
    seeds: Seeds = 5,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 10 updates.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Hold the changes of layers that contrast by themselves against those end to end."""
    seeds, updates = (1, 10) if quick else (seeds, NOTED[-1])
    rules = [lookup.rule(model) for model in ("clapp", "hinge_cpc")]
    run = Run.start_or_resume("theory_contrastive", dict(seeds=seeds, updates=updates), rules, out)
    cells = [dict(way=way, seed=seed) for way in WAYS for seed in range(seeds)]
    data = run.collect(off, cells, ("way", "seed"), jobs, progress, difference=("eps", "layer"))
    cells = [dict(start=s, seed=seed, updates=updates) for s in STARTS for seed in range(seeds)]
    over = ("layer", "update")
    data = data.merge(run.collect(learn, cells, ("start", "seed"), jobs, progress, cosine=over))
    noted = [k for k in NOTED if k <= updates]
    data = data.assign_coords(eps=[*EPS], layer=range(1, LAYERS + 1), update=noted)
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
