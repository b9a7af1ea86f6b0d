"""What remains of learning when the feedback pathway is cut half-way?

Feedback alignment on handwritten digits, 64-30-30-10 tanh; after half of the epochs all feedback synapses are cut. The same trial
is recorded just before and just after, and the same training without a lesion is the control: until the cut, both are the same
numbers.

About half a minute:  neurofa run lesion
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from brian2 import ms
from tqdm import tqdm

from neurofa import Learner, Network, Recorder, Trial, evaluate, lookup, present, tasks
from neurofa.experiment import Run, print_table
from neurofa.pathways import epoch, lesioned

SIZES, BATCH, ETA = (64, 30, 30, 10), 32, 0.3
TRACES = ["hidden2.v_basal[:3]", "hidden2.v_apical[:3]"]      # what W and B bring
SYNAPSES = ["W2", "B3"]                    # onto the second hidden layer, from below and from above


def learn(rule, epochs, seed, progress):
    """Train one network, and return (accuracy per epoch, weights per epoch, traces of one trial before and after the middle)."""
    task, rng = tasks.digits(seed=0), np.random.default_rng(seed)
    net = Network(SIZES, rule, trials=BATCH, cost="cross_entropy", seed=seed)
    learner, slow = Learner(net, Trial(dt=10 * ms)), Trial(dt=1 * ms, free=60 * ms, feedback=120 * ms)
    accuracy, weights, traces = [], [], []
    for learner.epochs in tqdm(range(epochs + 1), desc=rule.name, unit="epoch", disable=None if progress else True):
        if learner.epochs == epochs // 2:      # the cut comes with the first trial after half of the epochs
            before = _trace(net, slow, task)
            learner.lesion()
            traces = [before, _trace(net, slow, task)]
        accuracy.append(evaluate(learner, task.x_test, task.y_test)[1])
        weights.append([net[name].ravel().copy() for name in SYNAPSES])
        if learner.epochs < epochs:
            for batch in task.batches(BATCH, rng):
                present(learner, task.x[batch], task.y[batch])
    return accuracy, weights, traces


def _trace(net, slow, task):
    """Record one trial, without learning."""
    recorder = Recorder(TRACES, trials=1)
    present(Learner(net, slow), task.x_test[:1], task.y_test[:1], learn=False, record=recorder)
    return recorder.recording().dataset


def run(epochs=20, seed=0, progress=True):
    """Return accuracy and weights over epochs with and without lesion, and a trial just before and after it, as one Dataset."""
    import xarray
    intact = lookup.rule("fa").but(eta=ETA)
    rules = {"intact": intact, "lesioned": intact.through(lesioned(at=epoch(epochs // 2)), "B")}
    found = {name: learn(rule, epochs, seed, progress) for name, rule in rules.items()}
    trial = xarray.concat(found["lesioned"][2], dim="moment").assign_coords(moment=["before", "after"]).isel(trial=0)
    data = {f"{name}.w": (("condition", "epoch", f"{name}_synapse"), np.stack([[w[k] for w in found[c][1]] for c in rules]))
            for k, name in enumerate(SYNAPSES)}
    data["accuracy"] = (("condition", "epoch"), np.array([found[c][0] for c in rules]))
    learning = xarray.Dataset(data, dict(condition=list(rules), epoch=np.arange(epochs + 1)))
    return xarray.merge([trial, learning]).assign_attrs(trial.attrs, lesion=epochs // 2)


def plot(data):
    """Draw the trial before and after, a few synapses of both pathways over training, and the accuracy; return the figure."""
    from neurofa import plot
    from neurofa.recording import Recording
    phases = Recording(data).phases
    figure, axes = plot.figure(columns=2, rows=3, width=plot.PAGE, height=5.6)
    for column, moment in enumerate(data.moment.values):
        for row, (variable, label) in enumerate((("v_basal", "Through W: $v_{basal}$"), ("v_apical", "Through B: $v_{apical}$"))):
            panel, traces = axes[row][column], data[f"hidden2.{variable}"].sel(moment=moment)
            panel.axvspan(*phases[1][1:], color="0.92")
            for unit, shade in enumerate(("0", "0.35", "0.6")):
                panel.plot(data.time, traces.isel({f"hidden2_{variable}_unit": unit}), color=shade)
            panel.set_ylabel(label)
            panel.set_ylim(*_range(data[f"hidden2.{variable}"]))
        axes[0][column].set_title(f"{moment.capitalize()} the cut (feedback phase shaded)", fontsize="medium")
        axes[1][column].set_xlabel("Time in the trial (ms)")
    for name, style in zip(SYNAPSES, ("-", (0, (4, 2)))):
        weights = data[f"{name}.w"].sel(condition="lesioned")
        for k in range(3):
            axes[2][0].plot(data.epoch, weights.isel({f"{name}_synapse": k}), color=str(0.25 * k), linestyle=style,
                            drawstyle="steps-post", label=name if k == 0 else None)
    axes[2][0].set_ylabel("Weight of three synapses")
    for condition, style in zip(data.condition.values, ((0, (4, 2)), "-")):
        axes[2][1].plot(data.epoch, 100 * data.accuracy.sel(condition=condition), color="black", linestyle=style, label=condition)
    axes[2][1].set_ylabel("Held-out accuracy (%)")
    axes[2][1].set_ylim(50, 100)
    for panel in axes[2]:
        panel.axvline(data.attrs["lesion"], color="0.6", linewidth=0.8)
        panel.set_xlabel("Epoch")
        panel.legend(frameon=False, fontsize="small")
    return figure


def _range(traces):
    low, high = float(traces.min()), float(traces.max())
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def report(data):
    """Print accuracies at the cut and at the end, and how much each pathway changed after the cut."""
    middle, rows = data.attrs["lesion"], []
    for condition in data.condition.values:
        chosen = data.sel(condition=condition)
        moved = [float(np.linalg.norm(w[-1] - w[middle])) for w in (chosen["W2.w"].values, chosen["B3.w"].values)]
        rows.append([condition, *(f"{100 * float(chosen.accuracy[k]):.1f}" for k in (middle, -1)),
                     *(f"{m:.2f}" for m in moved), f"{float(np.abs(chosen['B3.w'][-1]).max()):.2f}"])
    same = bool((data["W2.w"][0, :middle + 1] == data["W2.w"][1, :middle + 1]).all())
    print_table("Feedback synapses cut half-way", ["training", "accuracy at the cut (%)", "at the end (%)", "W2 moved", "B3 moved",
                                                   "largest B3 at the end"], rows)
    print(f"Until the cut, the two trainings are {'the same numbers' if same else 'NOT the same'}.")


def main(epochs: int = 20, seed: int = 0, quick: Annotated[bool, typer.Option(help="4 epochs.")] = False,
         out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"), progress: bool = True):
    """Cut the feedback synapses half-way through training, and look at both pathways before and after."""
    epochs = 4 if quick else epochs
    folder = Run.start("lesion", dict(epochs=epochs, seed=seed), [lookup.rule("fa")], out)
    data = run(epochs, seed, progress)
    folder.save(data)
    report(data)
    print(f"Figure: {folder.save_figure(plot(data), 'lesion')}")


if __name__ == "__main__":
    typer.run(main)
