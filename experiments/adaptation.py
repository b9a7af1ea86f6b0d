"""Does feedback control help a recurrent circuit to adapt, and how late may it come?

Reaches to eight targets under a visuomotor rotation of 30 degrees, as in Kaleb et al., NeurIPS 2024:
3-100-2, tanh, tau 50 ms, steps of 10 ms. Before, W, R and the readout learned the reaches by
backpropagation through time (L-BFGS; three trials per target, which start at random rates, so that
the circuit withstands a push). Then R alone learns (models/feedback_control.py), block by block, a
reach to each target side by side; after that, the rotation is taken away. Feedback is the transpose
of the readout, proportional and integral (position), with one gain for all delays; it moves cells
and teaches them, or only teaches. Not as there: no pushes while learning to reach, 400 relu units,
learned feedback weights, weights that change in every step.

Errors: mean distance from where the hand should be, in distances to the target. Angles: from the
target to the hand at the time of the largest velocity. *Alone*: a reach without feedback.

About 2 minutes on 2 cores:  neurofa run adaptation
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, Length, Network, Trial, analysis, lookup, present, tasks, unrolled
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.pathways import delayed
from neurofa.statistics import ANYTHING, DEGREES, POSITIVE, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neurofa.tasks import Task

UNITS, STARTS, SPREAD, DECAY = 100, 3, 0.3, 1e-3  # of the circuit; of learning to reach
DT, TAU, PEAK = 10 * ms, 50 * ms, 70  # of simulation; rates; the frame of the largest velocity
GAINS = dict(alpha=0.0, tau_u=400 * ms, k_p=0.2)
DELAYS, SHOWN = (0, 50, 100, 200), 50  # ms; of curves and paths
RATES, RATE = (0.3, 1.0, 3.0), 1.0  # learning rates, in 1e-3; of curves
BEFORE, TURNED = tasks.reaching(), tasks.reaching(rotation=30)
FRAMES = BEFORE.x.shape[1]
CONTROLLED = lookup.rule("feedback_control").but(tau_r=TAU, **GAINS).through(delayed(0 * ms), "Q")
SILENT = CONTROLLED.but(
    name="feedback control, silent",
    neuron=CONTROLLED.neuron.replace(" + v_apical", " "),  # feedback teaches, and moves nothing
)
RULES = {"control": CONTROLLED, "no control": SILENT}
MEASURES = dict(made="block", alone="block", angle="block", to_gradient="looked")
LOOKED = (0, 10, 30)  # blocks in which the change of R is compared with the gradient
PATHS = ("first, alone", "last, alone", "first, controlled", "rotation gone, alone")


# to reach -----------------------------------------------------------------------------------------


def learn_to_reach(seed: int, iterations: int) -> list[np.ndarray]:
    """Return W (units, 3), R (units, units) and the readout (2, units) of a circuit that reaches."""
    from scipy.optimize import minimize

    net, rng = Network((3, UNITS, 2), CONTROLLED, seed=seed), np.random.default_rng(seed)
    first = [net[name].copy() for name in ("W1", "R1", "W2")]
    cuts = np.cumsum([w.size for w in first])[:-1]
    x, y = (np.tile(one, (STARTS, 1, 1)) for one in (BEFORE.x, BEFORE.y))
    start = SPREAD * rng.standard_normal((len(x), UNITS))

    def parts(flat):
        return [w.reshape(one.shape) for w, one in zip(np.split(flat, cuts), first)]

    def cost(flat):
        found = unrolled.gradients(x, y, *parts(flat), step=float(DT / TAU), start=start)
        slope = np.concatenate([found.W.ravel(), found.R.ravel(), found.V.ravel()])
        return found.cost + DECAY / 2 * flat @ flat, slope + DECAY * flat

    begin = np.concatenate([w.ravel() for w in first])
    options = dict(maxiter=iterations)
    return parts(minimize(cost, begin, jac=True, method="L-BFGS-B", options=options).x)


def alone(net: Network, task: Task) -> np.ndarray:
    """Return the hand's velocities (targets, frames, 2) in reaches without feedback."""
    net.reset()
    net.stimulus(task.x, frame=task.frame)
    return net.run("free", Length(FRAMES * task.frame.length, dt=DT)).trajectory


def hand(velocity: np.ndarray) -> np.ndarray:
    """Return where the hand is, in distances to the target."""
    return np.cumsum(velocity, axis=1) * float(DT)


def off(velocity: np.ndarray, task: Task) -> float:
    """Return how far the hand is from where it should be, mean over time and targets."""
    return float(np.linalg.norm(hand(velocity - task.y), axis=2).mean())


def angle(velocity: np.ndarray, task: Task) -> float:
    """Return by how many degrees the hand is to the left of its target at PEAK, mean over targets."""
    here, there = (hand(v)[:, PEAK] @ [1, 1j] for v in (velocity, task.y))
    return float(np.angle(here / there, deg=True).mean())


def to_gradient(change: np.ndarray, net: Network, task: Task, R: np.ndarray) -> float:
    """Return the angle, in degrees, between a change of R and the steepest descent of the mean
    squared distance of the hand, alone, from where it should be."""
    weights = net["W1"], R, net["W2"]
    velocity = unrolled.unroll(task.x, *weights, float(DT / TAU), FRAMES).y
    # as the slope of a squared cost by every velocity: distances are sums of them
    slope = np.cumsum(hand(velocity - task.y)[:, ::-1], axis=1)[:, ::-1] * float(DT)
    descent = -unrolled.gradients(task.x, velocity - slope, *weights, step=float(DT / TAU)).R
    return float(analysis.alignment(change, descent.T))


# to adapt -----------------------------------------------------------------------------------------


def adapt(
    net: Network, delay: float, rate: float, blocks: int, washout: int
) -> tuple[dict[str, list], list]:
    """Let a circuit that reaches learn in so many blocks under the rotation, and without it; return
    the MEASURES, and the PATHS of the cursor, (path, target, frame, 2)."""
    net.set(delay_Q=delay * ms, eta=1e-3 * rate)
    # feedback sets in after a step: the circuit is as good as at rest
    learner, paths = Learner(net, Trial(dt=DT, free=DT)), dict.fromkeys(PATHS)
    found: dict[str, list] = {name: [] for name in MEASURES}
    for block, task in enumerate([TURNED] * blocks + [BEFORE] * washout):
        velocity, R = alone(net, task), net["R1"].copy()
        reach = present(learner, task.x, task.y, frame=task.frame)[-1].trajectory
        found["made"].append(off(reach, task))
        found["alone"].append(off(velocity, task))
        found["angle"].append(angle(velocity, task))
        if block in LOOKED and task is TURNED:
            found["to_gradient"].append(to_gradient(net["R1"] - R, net, task, R))
        names = {0: PATHS[0], blocks - 1: PATHS[1], blocks: PATHS[3]}
        if block in names:
            paths[names[block]] = cursor(velocity, task)
        if block == 0:
            paths[PATHS[2]] = cursor(reach, task)
    return found, list(paths.values())


def cursor(velocity: np.ndarray, task: Task) -> list:
    """Return where the hand is seen: under the rotation, 30 degrees to the right of where it is."""
    seen = hand(velocity) @ [1, 1j] * np.exp(-1j * np.deg2rad(30 * (task is TURNED)))
    return np.stack([seen.real, seen.imag], axis=-1).tolist()


def one(seed: int, iterations: int, blocks: int, washout: int) -> dict:
    """Let one circuit learn to reach, and adapt with and without control, for every delay and
    learning rate; return MEASURES (control, delay, ...), the error of reaches alone in the last
    block `left` (control, delay, rate), and the PATHS with control."""
    weights, found = learn_to_reach(seed, iterations), {name: [] for name in (*MEASURES, "left")}
    for control, rule in RULES.items():
        net = Network((3, UNITS, 2), rule, trials=len(BEFORE.x))
        rows: dict[str, list] = {name: [] for name in found}
        for delay in DELAYS:
            left = []
            for rate in RATES:
                net["W1"], net["R1"], net["W2"] = weights
                net["Q1"] = weights[-1].T
                more = washout if rate == RATE else 0
                measured, paths = adapt(net, delay, rate, blocks, more)
                left.append(measured["alone"][blocks - 1])
                if rate == RATE:
                    curves = measured
                    if control == "control" and delay == SHOWN:
                        shown = paths
            for name, values in (curves | dict(left=left)).items():
                rows[name].append(values)
        for name, values in rows.items():
            found[name].append(values)
    return found | dict(paths=shown)


# what came of it ----------------------------------------------------------------------------------


def plot(data: xarray.Dataset) -> Figure:
    """Draw paths, errors and angles over blocks, and what each delay leaves; return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=3, columns=2, width=plot.PAGE, height=7)
    last, shown = int(data.rotated) - 1, data.sel(delay=SHOWN)
    _paths(axes[0, 0], data, PATHS[0], PATHS[1])
    _paths(axes[0, 1], data, PATHS[2], PATHS[3])
    plot.learning(
        shown.made.rename(control="rule"),
        axes[1, 0],
        "Error of reaches as made\n(distances to the target)",
    )
    level = float(shown.made.sel(control="control", block=0).median())
    axes[1, 0].plot([0, last], [level] * 2, color="0.3", linewidth=0.9, linestyle=(0, (1, 1.5)))
    plot.also(axes[1, 0], plot.sign("control, R fixed", ":"))
    angle = data.angle.sel(control="control", drop=True).rename(delay="rule")
    angle = angle.assign_coords(rule=[f"{d:g} ms" for d in DELAYS])
    plot.learning(angle, axes[1, 1], "Angle to the target, alone\n(degrees)").set_ylim(-45, 45)
    axes[1, 1].axhline(0, color="0.4", linewidth=0.8, linestyle=":")
    for panel in axes[1]:
        panel.axvspan(-0.5, last + 0.5, facecolor="0.93", linewidth=0, zorder=0)
        panel.set_xlabel("Block of eight reaches (shaded: rotated)")
    fixed = {"control, R fixed": data.made.sel(control="control", block=0)}
    alone = {f"{name}, alone": data.alone.sel(control=name, block=last) for name in RULES}
    _over_delays(axes[2, 0], alone | fixed, f"Error, block {last + 1}\n(distances to the target)")
    axes[2, 0].set_ylim(0, None)
    angles = {name: data.to_gradient.sel(control=name).isel(looked=-1) for name in RULES}
    seen = LOOKED[data.sizes["looked"] - 1]
    _over_delays(axes[2, 1], angles, f"Angle of ΔR to the gradient,\nblock {seen + 1} (degrees)")
    axes[2, 1].axhline(90, color="0.4", linewidth=0.8, linestyle=":")
    return figure


def _paths(panel: Axes, data: xarray.Dataset, *names: str) -> None:
    """Draw the paths of the cursor to all targets, in two kinds of reaches."""
    from neurofa import plot

    goals = np.exp(2j * np.pi * np.arange(len(BEFORE.x)) / len(BEFORE.x))
    panel.plot(goals.real, goals.imag, "o", color="0.6", markersize=7, markerfacecolor="none")
    for name, look in zip(names, (dict(color="0.5", linestyle=(0, (3, 1.5))), dict(color="0"))):
        for k, path in enumerate(data.paths.sel(path=PATHS.index(name)).isel(seed=0)):
            panel.plot(*path.T, linewidth=0.9, label=None if k else name, **look)
    panel.set(aspect="equal", xlabel="Cursor, x (distances)", ylabel="Cursor, y (distances)")
    panel.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    plot.name_lines(panel)


def _over_delays(panel: Axes, values: dict, label: str) -> None:
    """Draw means and intervals over seeds, (seed, delay) each, over the delay of feedback."""
    from neurofa import plot

    looks = plot.looks(RULES) | {"control, R fixed": dict(color="0.3", linestyle=":", marker=".")}
    for k, (name, found) in enumerate(values.items()):
        marks = [estimate(found.sel(delay=d)) for d in DELAYS]
        mean, low, high = np.transpose([(m.mean, m.low, m.high) for m in marks])
        look = looks[name.removesuffix(", alone")] | dict(linewidth=1, markersize=4, capsize=2)
        at = np.array(DELAYS) + 4 * (k - 1)  # side by side
        panel.errorbar(at, mean, [mean - low, high - mean], label=name, **look)
    panel.set(xlabel="Delay of feedback (ms)", ylabel=label, xticks=DELAYS)
    plot.name_lines(panel)


def report(data: xarray.Dataset) -> None:
    """Print errors and angles by delay, with and without control, and what control changes."""
    last, of = int(data.rotated) - 1, list(product(RULES, DELAYS))
    seeds = counted(data.sizes["seed"], "seed")
    for title, measure, blocks, within in (
        ("Error of reaches as made", "made", (0, last), POSITIVE),
        ("Error of reaches alone", "alone", (0, last), POSITIVE),
        ("Angle to the target, alone, degrees", "angle", (0, last, last + 1), ANYTHING),
    ):
        columns = ["", "delay (ms)", "first block", f"block {last + 1}", "rotation gone"]
        rows = [
            [c, d, *(f"{estimate(at.sel(block=b), within):.2g}" for b in blocks)]
            for c, d in of
            if (at := data[measure].sel(control=c, delay=d)) is not None
        ]
        print_table(f"{title}, {seeds}", columns[: 2 + len(blocks)], rows)
    angles = [
        [c, d, *(f"{estimate(at.isel(looked=k), DEGREES):.2g}" for k in range(at.sizes["looked"]))]
        for c, d in of
        if (at := data.to_gradient.sel(control=c, delay=d)) is not None
    ]
    looked = [f"block {k + 1}" for k in LOOKED[: data.sizes["looked"]]]
    print_table("Angle of the change of R to the gradient", ["", "delay (ms)", *looked], angles)
    gained = data.left.sel(control="control") - data.left.sel(control="no control")
    rows = [[d, *(f"{estimate(gained.sel(delay=d, rate=r)):.2g}" for r in RATES)] for d in DELAYS]
    rates = [f"rate {rate:g}e-3" for rate in RATES]
    print_table(
        "Error alone: control minus no control, same circuits", ["delay (ms)", *rates], rows
    )


def main(
    seeds: Seeds = 5,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 2 blocks.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Turn what reaches do to the right by 30 degrees, and let control and its synapses turn it back."""
    seeds, given = (
        (1, dict(iterations=10, blocks=2, washout=1))
        if quick
        else (seeds, dict(iterations=200, blocks=60, washout=30))
    )
    run = Run.start_or_resume("adaptation", dict(seeds=seeds) | given, RULES.values(), out)
    cells = [dict(seed=seed) | given for seed in range(seeds)]
    inner = {name: ("control", "delay", along) for name, along in MEASURES.items()}
    inner |= dict(left=("control", "delay", "rate"), paths=("path", "target", "frame", "along"))
    data = run.collect(one, cells, ("seed",), jobs, progress, **inner)
    data = data.assign_coords(
        control=list(RULES), delay=("delay", list(DELAYS), {"units": "ms"}), rate=list(RATES)
    )
    run.finish(data.assign(rotated=given["blocks"]), report, plot)


if __name__ == "__main__":
    typer.run(main)
