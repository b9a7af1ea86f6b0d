"""When is feedback needed, to act and to learn?

Digits (as digits.py, but by gradient descent), phases of 200 ms, paired seeds. The feedback pathway
is silenced: in a half of every phase, in a third of training, onto one layer, onto half of the
cells of each, or always. Acting: by which share feedback with a teacher lowers the cost within a trial, in a network
that was taught with intact feedback for an epoch. Learning: held-out accuracy without a teacher,
after training. Expected: errors (FA, DFA) act on nothing, so that all that is lost is learning;
control (DFC) and apical dendrites (dendritic microcircuit) act, too. A rule that learns from where
a phase ends needs its second half alone; DFC learns during the whole phase.

About 4 minutes on 2 cores:  neurofa run silencing
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms
from neurofa.models.tuned.digits import SIZES, settings

from neurofa import Diverged, Learner, Network, Trial, predict, present, tasks, train
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.rules.pathways.reading import through
from neurofa.statistics import PERCENT, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

# and the pathways that bring feedback to their cells: to apical dendrites, both that come there
MODELS = dict(fa=("B",), dfa=("B",), dfc=("Q",), dfc_ss=("Q",), dendritic_microcircuit=("B", "PI"))
# gradient descent: Adam would make up for what silence leaves of a signal
RATES = dict(fa=0.3, dfa=0.3, dfc=3.0, dfc_ss=3.0, dendritic_microcircuit=1.0)
TRIAL = Trial(dt=5 * ms, default=200 * ms)
HALF = tuple(range(SIZES[1] // 2))
INTACT, ALONE = "intact", "interneurons alone"
# what is done, where {0} and {1} are the epochs that end the thirds of training
SILENCED = {
    INTACT: "",
    "first half of phases": "only_during(200*ms, begin=100*ms)",
    "second half of phases": "only_during(100*ms)",
    "onto layer 1": "lesioned(layer=1)",
    "onto layer 2": "lesioned(layer=2)",
    "onto half of the cells": f"lesioned(layer=(1, 2), cells={HALF})",
    "first third of training": "lesioned(until=epoch({0}))",
    "last third of training": "lesioned(at=epoch({1}))",
    "always": "lesioned()",
    ALONE: "lesioned()",
}
SHARE = (-np.inf, 100)


def network(model: str, silenced: str, seed: int, epochs: int) -> tuple[Network, Learner]:
    """Return a new network whose feedback is silenced, and what teaches it."""
    text = SILENCED[silenced].format(max(1, epochs // 3), max(1, epochs - epochs // 3))
    rule, optimiser, _, cost = settings(model, eta=RATES[model], optimiser="gradient")
    for name in ("PI",) if silenced == ALONE else MODELS[model] if text else ():
        rule = through(rule, f"{name}: {text}")
    net = Network(SIZES, rule, trials=32, cost=cost, seed=seed)
    return net, Learner(net, TRIAL, optimiser)


def learned(model: str, silenced: str, seed: int, epochs: int) -> dict:
    """Train with silenced feedback; return the held-out accuracy in percent, none if weights left
    the finite numbers."""
    _, learner = network(model, silenced, seed, epochs)
    try:
        history = train(learner, tasks.digits(), epochs, seed=seed, progress=False)
    except Diverged:
        return dict(accuracy=None, diverged=1)
    return dict(accuracy=100 * history.test_accuracy[-1], diverged=0)


def acted(model: str, silenced: str, seed: int) -> dict:
    """Teach for an epoch, intact; then silence feedback, and return by how many percent it lowers
    the cost of held-out digits within a trial."""
    task, (intact, learner) = tasks.digits(), network(model, INTACT, seed, 1)
    train(learner, task, 1, seed=seed, progress=False)
    net, learner = network(model, silenced, seed, 1)
    net.synapses.take(intact)
    x, y = task.x_test[:320].reshape(10, 32, -1), task.y_test[:320].reshape(10, 32, -1)
    alone = np.concatenate([predict(learner, batch) for batch in x])
    taught = [present(learner, *batch, learn=False)[-1].output for batch in zip(x, y)]
    with_it, without = (
        net.cost.value(np.asarray(r), np.concatenate(y)).mean()
        for r in (np.concatenate(taught), alone)
    )
    return dict(lowered=float(100 * (1 - with_it / without)))


def differences(data: xarray.DataArray, rule: str, within: tuple) -> dict:
    """Return `{what is silenced: Estimate of the paired difference to the intact pathway}`."""
    mine = data.sel(rule=rule)
    intact = mine.sel(silenced=INTACT)
    return {
        str(name): paired(mine.sel(silenced=name), intact, within)[0]
        for name in mine.silenced.values
        if name != INTACT and mine.sel(silenced=name).notnull().any()
    }


def plot(data: xarray.Dataset) -> Figure:
    """Draw what silence costs, to act and to learn, with 95 % intervals; return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(columns=2, width=plot.PAGE, height=3.6)
    names, rules = [*SILENCED][1:], data.rule.values
    panels = (("lowered", "Acting: share of the cost\nthat feedback removes (points)", SHARE),)
    panels += (("accuracy", "Learning: held-out\naccuracy (points)", PERCENT),)
    for panel, (key, label, within) in zip(axes, panels):
        for k, rule in enumerate(rules):
            found = differences(data[key], rule, within)
            here = [names.index(name) + 0.14 * (k - (len(rules) - 1) / 2) for name in found]
            low, mean, high = np.transpose([(e.low, e.mean, e.high) for e in found.values()])
            reach = np.nan_to_num([mean - low, high - mean])
            style = plot.looks(rules)[rule] | dict(linestyle="")
            panel.errorbar(mean, here, xerr=reach, capsize=2, markersize=4, label=rule, **style)
        panel.axvline(0, color="0.6", linewidth=0.8)
        panel.set(xlabel=label, ylim=(len(names) - 0.5, -0.5))
        panel.set_yticks(range(len(names)), names if key == "lowered" else [])
    axes[1].set_xscale("symlog", linthresh=10)
    axes[1].set_xticks((-80, -20, -10, -5, 0, 5), ("-80", "-20", "-10", "-5", "0", "5"))
    plot.name_lines(axes[1])
    return figure


def report(data: xarray.Dataset) -> None:
    """Print what intact feedback does, and what silence costs, with 95 % intervals."""
    rows = []
    for rule in data.rule.values:
        acting = differences(data.lowered, rule, SHARE)
        learning = differences(data.accuracy, rule, PERCENT)
        intact = data.sel(rule=rule, silenced=INTACT)
        shares = (f"{estimate(intact[key], PERCENT):.1f}" for key in ("lowered", "accuracy"))
        rows.append([rule, INTACT, *shares, ""])
        for name in [*SILENCED][1:]:
            ill = int(data.diverged.sel(rule=rule, silenced=name).sum())
            lost = [f"{of[name]:.1f}" if name in of else "" for of in (acting, learning)]
            if any(lost):
                rows.append(["", name, *lost, str(ill or "")])
    columns = ["rule", "silenced", "acting (%)", "learning (%)", "diverged"]
    title = (
        "Cost that feedback removes in a trial, held-out accuracy; silenced: difference to intact"
    )
    print_table(f"{title} [95 %], {counted(data.sizes['seed'], 'paired seed')}", columns, rows)


def main(
    seeds: Seeds = 5,
    epochs: Epochs = 30,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="2 rules, 1 seed, 1 epoch.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Silence feedback pathways, and see what they are needed for: to act, or to learn."""
    seeds, epochs = (1, 1) if quick else (seeds, epochs)
    models = ("fa", "dendritic_microcircuit") if quick else tuple(MODELS)
    rules = [settings(model, eta=RATES[model])[0] for model in models]
    run = Run.start_or_resume("silencing", dict(seeds=seeds, epochs=epochs), rules, out)
    along = ("model", "silenced", "seed")
    cells = [
        dict(model=model, silenced=silenced, seed=seed)
        for model in models
        for silenced in SILENCED
        if silenced != ALONE or "PI" in MODELS[model]
        for seed in range(seeds)
    ]
    longer = [cell | dict(epochs=epochs) for cell in cells]
    at_once = [cell for cell in cells if "training" not in cell["silenced"]]
    data = run.collect(learned, longer, along, jobs, progress)
    data = data.merge(run.collect(acted, at_once, along, jobs, progress), join="outer")
    data = data.rename(model="rule").assign_coords(rule=[rule.name for rule in rules])
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
