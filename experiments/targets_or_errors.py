"""Do apical dendrites carry targets or errors, and what would tell?

Soma and dendrite of hidden cells, recorded together, in circuits that have learned the digits for a
while (as digits.py): rates r before the teacher comes, the apical potential A (in target
propagation, the target itself) while it is there, by how much rates change within the trial, and by
how much the trial's own update changes them. Measured, over held-out trials in each cell: three
correlations, and A's with r; how much more A answers to a teacher who names a wrong class; and what
becomes of it without the synapses that cancel what comes from above. Expected: a target goes with r,
an error does not; errors that are transported change no rate within the trial, control and apical
dendrites change them the way that learning will; all answer more to what is unexpected.

About 1 minute on 2 cores:  neurofa run targets_or_errors
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned.digits import SIZES, settings

from neurofa import Learner, Network, Recorder, present, tasks, train
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.pathways import lesioned
from neurofa.statistics import POSITIVE, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

# what is recorded in the dendrite
DENDRITES = dict.fromkeys(("fa", "burstccn", "dendritic_microcircuit", "dfc_ss"), "v_apical")
DENDRITES |= dict(difference_target_propagation="goal")
GRADIENT = ("fa",)  # what is recorded there is the cost's: cells should go against it
# what cancels, at the dendrite, what comes from above and was foreseen
CANCELS = dict(burstccn="Q", dendritic_microcircuit="PI")
LAYERS, BATCHES = ("hidden1", "hidden2"), 10
FREE, TAUGHT = 0, 1  # phases
MEASURES = {
    "rate": "A with rate",
    "moved": "A with change in trial",
    "foretells": "change in trial with learned",
    "learned": "A with learned",
    "surprise": "A to a wrong teacher / to the right one",
    "at_rest": "|A| without a teacher",
}
WITHIN = dict.fromkeys(MEASURES, (-1, 1)) | dict(surprise=POSITIVE, at_rest=POSITIVE)
# measure, what should be above what: a circuit, or a number
STATEMENTS = (
    ("rate", "DTP", "dendritic microcircuit"),
    ("rate", "DTP", "DFC-SS"),
    ("rate", "BurstCCN, lesioned", "BurstCCN"),
    ("rate", "dendritic microcircuit, lesioned", "dendritic microcircuit"),
    ("moved", "DFC-SS", 0),
    ("moved", "dendritic microcircuit", 0),
    ("moved", "dendritic microcircuit", "dendritic microcircuit, lesioned"),
    ("foretells", "DFC-SS", 0),
    ("foretells", "dendritic microcircuit", 0),
    ("learned", "FA", 0),
    ("learned", "BurstCCN", 0),
    ("learned", "DFC-SS", 0),
    ("learned", "dendritic microcircuit", 0),
    ("learned", "FA", "DTP"),
    ("learned", "BurstCCN", "BurstCCN, lesioned"),
    ("surprise", "DFC-SS", 1),
    ("surprise", "DTP", 1),
    ("surprise", "dendritic microcircuit, lesioned", 1),
)


def circuit(model: str, inhibition: str, seed: int) -> Learner:
    """Return a new circuit and what teaches it, with or without the synapses that cancel."""
    rule, optimiser, trial, cost = settings(model)
    if inhibition == "lesioned":
        rule = rule.through(lesioned(), CANCELS[model])
    return Learner(Network(SIZES, rule, trials=32, cost=cost, seed=seed), trial, optimiser)


def look(learner: Learner, dendrite: str, x: np.ndarray, y: np.ndarray) -> tuple:
    """Return rates and dendrites at the end of the first two phases, (2, trials, cells)."""
    names = [[f"{layer}.{what}" for layer in LAYERS] for what in ("r", dendrite)]
    recorder = Recorder([*names[0], *names[1]], every="phase")
    present(learner, x, y, learn=False, record=recorder)
    found = recorder.recording()
    return tuple(
        np.concatenate([found[name].values[:, :2] for name in of], -1).swapaxes(0, 1)
        for of in names
    )


def measured(model: str, inhibition: str, seed: int, epochs: int, batches: int = BATCHES) -> dict:
    """Learn with all synapses, then record what MEASURES names: means over cells."""
    task, dendrite, known = tasks.digits(), DENDRITES[model], circuit(model, "intact", seed)
    train(known, task, epochs, seed=seed, progress=False)
    learner = circuit(model, inhibition, seed)
    learner.net.synapses.take(known.net)
    rows, found = np.split(np.arange(32 * batches), batches), []
    for x, y in ((task.x_test[of], task.y_test[of]) for of in rows):
        (r, taught), (rest, A) = look(learner, dendrite, x, y)
        wrong = look(learner, dendrite, x, np.roll(y, 1, axis=1))[1][TAUGHT]
        present(twin := deepcopy(learner), x, y)
        after = look(twin, dendrite, x, y)[0][FREE]
        found.append((r, A, taught - r, after - r, rest, A - rest, wrong - rest))
    r, A, moved, learned, rest, right, wrong = (np.concatenate(each) for each in zip(*found))
    A = -A if model in GRADIENT else A
    return dict(
        rate=correlation(A, r),
        moved=correlation(A, moved),
        foretells=correlation(moved, learned),
        learned=correlation(A, learned),
        surprise=float(abs(wrong).mean() / abs(right).mean()),
        at_rest=float(abs(rest).mean()),
    )


def correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the mean over cells of the correlation over trials of two arrays (trials, cells); None
    where nothing changes."""
    one, other = one - one.mean(0), other - other.mean(0)
    sizes = np.sqrt((one**2).sum(0) * (other**2).sum(0))
    there = sizes > 1e-9
    return float(((one * other).sum(0)[there] / sizes[there]).mean()) if there.any() else None


def plot(data: xarray.Dataset) -> Figure:
    """Draw every measure by circuit, a point per seed, with 95 % intervals; return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=2, columns=3, width=plot.PAGE, height=4.4)
    circuits = data.circuit.values
    places = np.arange(len(circuits))
    for number, (panel, (key, label)) in enumerate(zip(axes.flat, MEASURES.items())):
        panel.plot(data[key], places, ".", color="0.6", markersize=3)
        for here, values in zip(places, data[key]):
            if values.notnull().any():
                found = estimate(values, WITHIN[key])
                reach = np.nan_to_num([[found.mean - found.low], [found.high - found.mean]])
                panel.errorbar(found.mean, here, xerr=reach, fmt="o", color="k", capsize=2, ms=4)
            else:
                panel.text(
                    0,
                    here,
                    "nothing changes",
                    va="center",
                    ha="center",
                    fontsize=6,
                    bbox=dict(fc="w", ec="w", pad=1),
                )
        panel.axvline(1 if key == "surprise" else 0, color="0.4", linewidth=0.8, linestyle=":")
        panel.set(xlabel=label[0].upper() + label[1:], ylim=(len(circuits) - 0.5, -0.5))
        if WITHIN[key] == (-1, 1):
            panel.set_xlim(-1.05, 1.05)
        panel.set_yticks(places, circuits if number % 3 == 0 else [])
    return figure


def report(data: xarray.Dataset) -> None:
    """Print all measures by circuit, and whether the statements hold, with 95 % intervals."""
    rows = [
        [str(name)]
        + [
            f"{estimate(at, WITHIN[key]):.2f}" if at.notnull().any() else "-"
            for key in MEASURES
            for at in (data[key].sel(circuit=name),)
        ]
        for name in data.circuit.values
    ]
    seeds = counted(data.sizes["seed"], "seed")
    print_table(
        f"Correlations over trials, and ratios [95 %], {seeds}", ["", *MEASURES.values()], rows
    )
    rows = []
    for key, above, below in STATEMENTS:
        one, zero = data[key].sel(circuit=above), not isinstance(below, str)
        other = one * 0 + below if zero else data[key].sel(circuit=below)
        rows.append([MEASURES[key], above, str(below), f"{paired(one, other)[0]:.2f}"])
    print_table(
        "Expected: first above second", ["of", "first", "second", "difference [95 %]"], rows
    )


def main(
    seeds: Seeds = 5,
    epochs: Epochs = 5,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch, 2 minibatches.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Ask what apical dendrites tell of rates, of changes in a trial, and of learning."""
    from xarray import concat

    seeds, epochs = (1, 1) if quick else (seeds, epochs)
    rules = {model: settings(model)[0] for model in DENDRITES}
    fewer = dict(batches=2) if quick else {}
    params = dict(seeds=seeds, epochs=epochs) | fewer
    run = Run.start_or_resume("targets_or_errors", params, rules.values(), out)
    circuits = [(model, "intact") for model in DENDRITES] + [(m, "lesioned") for m in CANCELS]
    cells = [
        dict(model=model, inhibition=inhibition, seed=seed, epochs=epochs) | fewer
        for model, inhibition in circuits
        for seed in range(seeds)
    ]
    found = run.collect(measured, cells, ("model", "inhibition", "seed"), jobs, progress)
    names = [rules[m].name + ", lesioned" * (i == "lesioned") for m, i in circuits]
    pieces = [found.sel(model=m, inhibition=i, drop=True) for m, i in circuits]
    run.finish(concat(pieces, "circuit").assign_coords(circuit=names), report, plot)


if __name__ == "__main__":
    typer.run(main)
