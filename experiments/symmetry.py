"""How much symmetry is enough?

Feedback alignment on handwritten digits (as digits.py, but by gradient descent: Adam would make up
for strengths), with B at an angle to W^T and of the same norm: static, where only W can do
something about the angle, and tracked, where it is restored after every update. Then B that shares
a fraction c of its signs with W^T, restored after every update, with strengths that are uniform,
fixed, or redrawn. c = 1: models/sign_symmetry*.py, of Liao, Leibo & Poggio (AAAI 2016), here
without batch normalisation. Published: BioTorch (Sanfiz & Akrout 2021), a convolutional network,
MNIST.

Error: held-out, mean over the last ten epochs. Speed: 1 / epochs until the training cost is below
0.1 (chance: ln 10), relative to backpropagation in the same seed; 0 if never. Angles are means over
B2 and B3; those of dW, rule against gradient on held-out digits, over W1 and W2. Controls: FA with
normal B, and frozen hidden weights. For normal weights cos(angle) = (2c - 1) 2/pi, with uniform
strengths (2c - 1) sqrt(2/pi). Uniform strengths are the r.m.s. of W^T and grow with it, as B at a
tracked angle does; the others stay, and are sqrt(3) larger in B3 than W^T at the start.

About 7 minutes on 2 cores:  neurofa run symmetry
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned import digits

from neurofa import Network, curves, tasks, train
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.snapshots import Snapshots, every
from neurofa.statistics import PERCENT, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ANGLES, CONCORDANCES = tuple(range(0, 121, 15)), (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
WIRED = dict(static="at_angle({}*deg)", tracked="at_angle({}*deg, tracked=True)")
SIGNED = {
    kind: f"sign_concordant({{}}, '{kind}', tracked=True)"
    for kind in ("uniform", "fixed", "redrawn")
}
CONTROLS = dict(FA="", frozen="")
PATHWAYS, COST, LAST = WIRED | SIGNED | CONTROLS, 0.1, 10
# error, %
PUBLISHED = {"tracked 0": 0.91, "uniform 1": 0.94, "fixed 1": 0.97, "redrawn 1": 0.91, "FA": 1.70}


def one(rule: str, dose: float, seed: int, epochs: int) -> dict:
    """Train one network, `dose` the angle or concordance of its B, and return error, epochs needed
    and angles."""
    model = "frozen" if rule == "frozen" else "fa"
    made, optimiser, trial, cost = digits.settings(
        model, PATHWAYS[rule].format(dose), **digits.GRADIENT
    )
    net, task = Network(digits.SIZES, made, trials=32, cost=cost, seed=seed), tasks.digits(seed=0)
    # before learning, and at the end
    taken = Snapshots(every(10**9), probe=(task.x_test, task.y_test))
    history = train(
        net,
        task,
        epochs,
        trial=trial,
        optimiser=optimiser,
        seed=seed,
        progress=False,
        snapshots=taken,
    )
    reached = np.flatnonzero(np.array(history.train_cost) < COST)
    found = dict(
        error=100 - 100 * float(np.mean(history.test_accuracy[-LAST:])),
        epochs=int(reached[0]) if len(reached) else None,
    )
    if model == "frozen":
        return found
    angles, of_changes = (
        curves.alignment(taken.dataset),
        curves.angle_to_backprop(taken.dataset).sel(group=["W1", "W2"]),
    )
    return found | {
        f"{name}_{when}": float(curve[k].mean())
        for name, curve in (("B", angles), ("dW", of_changes))
        for when, k in (("start", 0), ("end", -1))
    }


def speed(data: xarray.Dataset) -> xarray.DataArray:
    """Return how fast a cost of 0.1 is reached, relative to backpropagation in the same seed."""
    return data.epochs.sel(rule="tracked", dose=0) / data.epochs.fillna(np.inf).where(
        data.error.notnull()
    )


def expected(rule: str, dose: float | np.ndarray) -> np.ndarray:
    """Return the angle in degrees between W^T and a B of this kind."""
    cosine = (2 * np.asarray(dose) - 1) * np.sqrt(2 / np.pi) ** (1 if rule == "uniform" else 2)
    return np.degrees(np.arccos(cosine)) if rule in SIGNED else dose


def plot(data: xarray.Dataset) -> Figure:
    """Draw error, speed and angle against angle and concordance, and return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=2, columns=3, height=5.2)
    error, fast = ("Held-out error (%)", data.error), ("Speed relative to BP", speed(data))
    rows = (
        (
            WIRED,
            dict(long_name="initial angle", units="degrees"),
            (error, fast, ("Final angle between\nB and W$^T$ (degrees)", data.B_end)),
        ),
        (
            SIGNED,
            dict(long_name="sign concordance"),
            (error, fast, ("Initial angle between\nB and W$^T$ (degrees)", data.B_start)),
        ),
    )
    for panels, (rules, about, quantities) in zip(axes, rows):
        for panel, (label, values) in zip(panels, quantities):
            mine = values.sel(rule=list(rules)).dropna("dose", how="all")
            plot.learning(
                mine.assign_coords(dose=mine.dose.assign_attrs(about)), panel, label=label
            )
            controls = _controls(panel, data) if label == error[0] else ()
            plot.also(panel, *controls, loc="lower left", bbox_to_anchor=(-0.1, 1.08), ncols=1)
        panels[0].set(
            yscale="log",
            ylim=(1, 100),
            yticks=(ticks := (1, 2, 5, 10, 20, 50, 90)),
            yticklabels=ticks,
        )
    _expectations(axes[:, 2], data)
    return figure


def _controls(panel, data):
    """Draw the error of each control as a dotted line, and return the lines."""
    from neurofa import plot

    return [
        panel.axhline(
            float(data.error.sel(rule=name, dose=0).median()),
            color=plot.looks([name])[name]["color"],
            linewidth=0.9,
            linestyle=":",
            label=name,
        )
        for name in CONTROLS
    ]


def _expectations(panels, data):
    """Draw, dotted, the angle that B began with, and those that follow from the concordance."""
    from neurofa import plot

    concordances = np.linspace(0.5, 1)
    for panel, rule, doses in (
        (panels[0], "tracked", data.dose.sel(dose=data.dose > 1)),
        (panels[1], "uniform", concordances),
        (panels[1], "fixed", concordances),
    ):
        panel.plot(doses, expected(rule, doses), color="0.3", linewidth=0.8, linestyle=":")
    for panel, label in zip(panels, ("as it began", "theory")):
        plot.also(
            panel, plot.sign(label, ":"), loc="lower left", bbox_to_anchor=(-0.1, 1.08), ncols=1
        )


def report(data: xarray.Dataset) -> None:
    """Print errors with 95 % intervals, speeds, and mean angles, those of B beside the closed
    form."""
    fast, rows = speed(data), []
    for rule, dose in product(data.rule.values, data.dose.values):
        cell = data.sel(rule=rule, dose=dose)
        if cell.error.notnull().any():
            error, known = estimate(cell.error, PERCENT), rule not in CONTROLS
            name, angles = (
                f"{rule} {dose:g}" if known else rule,
                ("B_start", "B_end", "dW_start", "dW_end"),
            )
            rows.append(
                [
                    name,
                    f"{error:.1f}",
                    PUBLISHED.get(name, ""),
                    f"{fast.sel(rule=rule, dose=dose).mean():.2f}",
                    f"{expected(rule, dose):.1f}" if known else "",
                    *(
                        f"{cell[name].mean():.1f}" if cell[name].notnull().any() else ""
                        for name in angles
                    ),
                ]
            )
    print_table(
        f"Digits, {counted(data.sizes['seed'], 'seed')}; angles in degrees",
        [
            "B",
            "error (%) [95 %]",
            "published",
            "speed",
            "theory",
            "B: start",
            "end",
            "dW: start",
            "end",
        ],
        rows,
    )


def main(
    seeds: Seeds = 5,
    epochs: Epochs = 60,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch, 2 values of each kind.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Train with feedback that is ever less like the transpose."""
    seeds, epochs, step = (1, 1, 5) if quick else (seeds, epochs, 1)
    doses = {
        r: ANGLES[::step] if r in WIRED else CONCORDANCES[::step] if r in SIGNED else (0,)
        for r in PATHWAYS
    }
    cells = [
        dict(rule=r, dose=d, seed=s, epochs=epochs)
        for r in doses
        for d in doses[r]
        for s in range(seeds)
    ]
    rules = [
        digits.settings("fa", PATHWAYS[rule].format(doses[rule][-1]), **digits.GRADIENT)[0]
        for rule in WIRED | SIGNED
    ]
    run = Run.start_or_resume("symmetry", dict(seeds=seeds, epochs=epochs, doses=doses), rules, out)
    run.finish(run.collect(one, cells, ("rule", "dose", "seed"), jobs, progress), report, plot)


if __name__ == "__main__":
    typer.run(main)
