"""Which rule wrote this recording?

Circuits of three sizes learn two tasks by 18 rules of the shelf, with gradient descent at three rates, in
160 updates; all else is the same. An experimenter (neurofa.observe) sees some cells of both hidden
layers and some synapses onto them, in nine sessions, with noise; statistics of that are all that a
classifier is given, and it is to name the rule. It never saw a circuit of that size, nor of that rate:
both are held out together, and what must be chosen of it is chosen by sizes held out from the rest. Expected: better than chance, worse with more noise, fewer cells or sessions; rules of one
family are taken for each other. Beside it, the same with labels that are shuffled.

Nayebi, Srivastava, Ganguli & Yamins, "Identifying learning rules from neural network observables",
NeurIPS 2020 (read: abstract): statistics of weights, activities and their changes tell classes of rules
of artificial networks apart, activities more robustly where units are few and measurements noisy.

Left out are rules that this would tell by something else than learning: those without a phase of their
own for the stimulus (online), those that need another cost or smaller weights (equilibrium
propagation), frozen weights, and those that compute what another one does.

About 40 minutes on 2 cores:  neurofa run identify
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned.digits import settings

from neurofa import Diverged, ExperimentError, Learner, Network, lookup, tasks, train
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.identification import CLASSIFIERS, answer, fits, losses, rows
from neurofa.observe import KINDS, Observation, Observer, signature
from neurofa.statistics import PERCENT, Estimate, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

# by family: rates at which circuits of all three sizes learned both tasks
RULES = {
    "transposes": dict(bp=0.4, sign_symmetry=0.4, weight_mirror=0.4, kolen_pollack=0.4),
    "random feedback": dict(fa=0.4, dfa=0.4, drtp=1.0, pepita=1.0),
    "own losses": dict(local_losses=0.4, loco=0.4),
    "reward": dict(node_perturbation=0.03),
    "control": dict(dfc=2.0, least_control=0.4, disinhibitory_control=2.0),
    "dendrites": dict(burstccn=0.6, dendritic_microcircuit=0.8),
    "targets": dict(predictive_coding=0.4, difference_target_propagation=0.4),
}
RATE = {model: rate for rates in RULES.values() for model, rate in rates.items()}
# what is recorded in the dendrite, where that has another name; None: it hears nothing
DENDRITES = dict(node_perturbation="heard", pepita=None)
DENDRITES |= dict(difference_target_propagation="goal", disinhibitory_control="inhibition")
SIZES, SLOWER, TASKS, EPOCHS = (20, 40, 80), (1, 2, 4), ("digits", "hierarchical"), 8
LEARNED, SHOWN, CELLS, NOISE = 640, 64, 16, 0.1  # samples; cells of a layer
# what else can be seen: as the first of each, which all have in common, but for one thing
SEEN = dict(cells=(CELLS, 8, 4, 2), noise=(NOISE, 0.0, 0.3, 1.0), every=(1, 2, 4, 8))
ALL = "everything"
VIEWS = {ALL: {}} | {
    f"{what} {value:g}": {what: value} for what, values in SEEN.items() for value in values[1:]
}
AXES = dict(
    cells="Cells of each layer",
    noise="Noise (standard deviations)",
    every="Updates between sessions",
    kind="Measured",
)
KIND = {
    "somatic rates": KINDS[:1],
    "and with a teacher": KINDS[:2],
    "and apical potentials": KINDS[:3],
    "synapses": KINDS[3:],
    ALL: KINDS,
}


# who judges by what: label, classifier, kind of measurement, look
LINES = (
    ("logistic regression", CLASSIFIERS[0], ALL, dict(marker="o", color="k")),
    ("gradient boosting", CLASSIFIERS[1], ALL, dict(marker="s", color="0.55")),
    ("by rates alone", CLASSIFIERS[0], "somatic rates", dict(marker="^", color="#0072B2")),
    ("by synapses alone", CLASSIFIERS[0], "synapses", dict(marker="v", color="#D55E00")),
)


@cache
def task_of(name: str) -> tasks.Task:
    """Return a task: so many samples to learn from, and those that are shown in sessions held out."""
    full = tasks.digits() if name == "digits" else tasks.hierarchical(levels=1, symbols=10)
    x, y, shown = full.x[:LEARNED], full.y[:LEARNED], slice(SHOWN)
    return tasks.Task(x, y, name, full.x_test[shown], full.y_test[shown], full.cost)


def learner(model: str, size: int, slower: float, task: tasks.Task, seed: int) -> Learner:
    """Return a circuit that is to learn a task, by gradient descent."""
    rule, _, trial, _ = settings(model, eta=RATE[model] / slower)
    sizes = (task.sizes[0], size, size, task.sizes[1])
    net = Network(sizes, rule, trials=32, cost=task.cost, seed=seed)
    return Learner(net, trial, "gradient")


def watched(model: str, size: int, slower: float, task: str, seed: int) -> dict:
    """Train a circuit; return the signature in every view (view, statistic), and what it knows."""
    lessons = task_of(task)
    taught = learner(model, size, slower, lessons, seed)
    observer = Observer(
        *(taught, lessons.x_test, lessons.y_test, CELLS),
        apical=DENDRITES.get(model, "v_apical"),
        seed=seed,
    )
    observer.look()
    look = dict(after_epoch=lambda *_: observer.look())
    try:
        history = train(taught, lessons, EPOCHS, seed=seed, progress=False, **look)
    except Diverged:
        return dict(signature=None, accuracy=None)
    # where a dendrite hears nothing, an instrument shows its own noise
    measured = Observation(observer.observation().dataset.fillna(0.0))
    common = dict(noise=NOISE, seed=seed)
    seen = [measured.seen(**common | view) for view in VIEWS.values()]
    found = [[*signature(one).values()] for one in seen]
    return dict(signature=found, accuracy=100 * history.test_accuracy[-1])


def statistics() -> list[tuple[str, str, str]]:
    """Return what a signature consists of, (kind, place, name) each, in its order."""
    task = task_of(TASKS[0])
    observer = Observer(learner("bp", SIZES[0], 1, task, 0), task.x_test, task.y_test, CELLS)
    observer.look()
    observer.look()
    return [*signature(observer.observation())]


def judged(file: str, trainings: int, view: str, kind: str, by: str, shuffled: bool) -> dict:
    """Return how well a classifier names the rules of circuits whose size and rate are held out:
    percent by seed; how often it says what of which rule, percent (rule, said); and how many percent
    it loses if a statistic is that of another circuit, in all layers.

    `trainings` is how many there are in the `file`: with more, this is another question.
    """
    x, rule, about, names = examples(file, view, kind)
    said, lost, rng = np.empty(len(x), int), Counter(), np.random.default_rng(0)
    for fitted, held_out in fits(x, rule, by, about["size"], about["slower"], shuffled=shuffled):
        said[held_out] = fitted.predict(x[held_out])
        if (view, kind, shuffled) == (ALL, ALL, False):
            lost.update(losses(fitted, x[held_out], rule[held_out], names, rng))
    right = 100.0 * (said == rule)
    each = [right[about["seed"] == seed].mean() for seed in np.unique(about["seed"])]
    counts = np.zeros((len(RATE), len(RATE)))
    np.add.at(counts, (rule, said), 1)
    counts *= 100 / np.maximum(1, counts.sum(1, keepdims=True))
    return dict(
        accuracy=each,
        confusion=counts.tolist(),
        lost=[100 * lost[name] / len(x) for name in dict.fromkeys(names) if lost],
    )


def examples(file: str, view: str, kind: str) -> tuple[np.ndarray, np.ndarray, dict, list[str]]:
    """Return signatures (trainings, statistics), the number of the rule of each, what else is known of
    each, and the names of statistics."""
    from xarray import load_dataset

    found = load_dataset(file).signature.sel(view=view)
    found = found.isel(number=[one in KIND[kind] for one in found.kind.values])
    x, about = rows(found)
    rule = np.array([list(RATE).index(model) for model in about["model"]])
    return x, rule, about, [*found.statistic.values]


def points(what: str) -> list[tuple[str, str, str | None]]:
    """Return what is along an axis of AXES, (how it is called, view, kind of measurement) each; None:
    all kinds that LINES has."""
    if what == "kind":
        return [(kind, ALL, kind) for kind in KIND]
    common, times = SEEN[what][0], LEARNED // 32 if what == "every" else 1
    return [
        (f"{value * times:g}", ALL if value == common else f"{what} {value:g}", None)
        for value in sorted(SEEN[what])
    ]


def accuracy(
    data: xarray.Dataset, by: str, view: str = ALL, kind: str = ALL, shuffled: bool = False
) -> Estimate:
    """Return the mean accuracy of a classifier, in percent, with its interval over seeds."""
    found = data.accuracy.sel(by=by, shuffled=shuffled).reindex(view=[view], kind=[kind])
    return estimate(found.values.ravel(), PERCENT)


def plot(data: xarray.Dataset) -> Figure:
    """Draw accuracy by what is seen, and what is taken for what; return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=2, columns=3, width=plot.PAGE, height=6.6)
    for panel, (what, label) in zip(axes.flat, AXES.items()):
        places, line = np.arange(len(points(what))), "" if what == "kind" else "-"
        for name, by, kind, look in LINES[: 2 if what == "kind" else None]:
            found = [accuracy(data, by, view, of or kind) for _, view, of in points(what)]
            reach = np.array([(one.mean - one.low, one.high - one.mean) for one in found]).T
            look = dict(linestyle=line, ms=4, capsize=2, label=name) | look
            panel.errorbar(places, [one.mean for one in found], reach, **look)
        panel.axhline(100 / data.sizes["rule"], color="0.4", linewidth=0.8, linestyle=":")  # chance
        called = [name for name, *_ in points(what)]
        panel.set_xticks(places, called, rotation=90 if what == "kind" else 0)
        panel.set(xlabel=label, ylim=(0, 100), xlim=(-0.3, len(places) - 0.7))
    for panel in axes[:, 0]:
        panel.set_ylabel("Rules named rightly (%)")
    names = axes[0, 0].get_legend_handles_labels()
    figure.legend(*names, loc="outside upper center", ncols=len(LINES), fontsize=6)
    axes[1, 2].set_visible(False)  # the matrix has its place, too
    axes[1, 1].set_subplotspec(axes[1, 1].get_gridspec()[1, 1:])
    said = data.confusion.sel(by=CLASSIFIERS[0], view=ALL, kind=ALL, shuffled=False)
    plot.confusion(said, axes[1, 1], [len(rates) for rates in RULES.values()])
    axes[1, 1].yaxis.set_label_coords(-0.42, 0.5)
    return figure


def report(data: xarray.Dataset) -> None:
    """Print accuracies with 95 % intervals over seeds, and which statistics carry them."""
    table = []
    for what, label in AXES.items():
        for name, view, of in points(what):
            lines = LINES[:2] if of else LINES
            found = [f"{accuracy(data, by, view, of or kind):.1f}" for _, by, kind, _ in lines]
            table += [[f"{label}: {name}", *found, *[""] * (len(LINES) - len(lines))]]
    control = [f"{accuracy(data, by, shuffled=True):.1f}" for by in CLASSIFIERS]
    table += [["everything, labels shuffled", *control, "", ""]]
    title = f"Rules named rightly (%) [95 %], {counted(data.sizes['seed'], 'seed')}"
    title += f"; chance {100 / data.sizes['rule']:.1f}"
    print_table(title, ["", *(name for name, *_ in LINES)], table)
    lost = data.lost.sel(view=ALL, kind=ALL, shuffled=False).transpose("statistic", "by")
    most = lost.sortby(-lost.max("by"))[:10]
    table = [[str(one.statistic.values), *(f"{each:.1f}" for each in one.values)] for one in most]
    print_table("Lost without a statistic (%)", ["", *most.by.values], table)


def tell(unknown: dict, file: str) -> None:
    """Print by which rules a recording may have been written, as classifiers say that have learned
    from all circuits in the `file`. Raises ExperimentError if other things were recorded."""
    if [*unknown] != statistics():
        raise ExperimentError("The recording is of other cells: of hidden1 and hidden2, W1 and W2.")
    x, rule, about, _ = examples(file, ALL, ALL)
    asked, names, table = np.array([*unknown.values()]), [lookup.rule(m).name for m in RATE], []
    for by in CLASSIFIERS:
        shares = answer(x, rule, by, about["size"], asked)
        table += [[by, names[k], f"{100 * share:.0f}"] for k, share in [*shares.items()][:3]]
    print_table("Which rule wrote this recording?", ["says", "rule", "probability (%)"], table)


def questions(quick: bool) -> list[dict]:
    """Return what classifiers are asked: one view, or one kind of measurement, at a time."""
    asked = [(ALL, ALL, shuffled, by) for shuffled in (False, True) for by in CLASSIFIERS]
    if not quick:
        asked += [(ALL, kind, False, by) for kind in KIND for by in CLASSIFIERS]
        asked += [(view, kind, False, by) for view in VIEWS for _, by, kind, _ in LINES]
    return [dict(zip(("view", "kind", "shuffled", "by"), one)) for one in dict.fromkeys(asked)]


def main(
    seeds: Seeds = 20,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 3 rules, 1 task, 2 rates.")] = False,
    out: Out = "runs",
    recording: Annotated[
        Path, typer.Option(help="An NWB file of an Observation, to be told by what was learned.")
    ] = None,
    progress: bool = True,
) -> None:
    """Train many circuits, and let a classifier say from measurements which rule was at work."""
    unknown = None if recording is None else signature(Observation.from_nwb(recording))
    seeds = 1 if quick else seeds
    models, slower, used = (
        (("bp", "fa", "dfa"), SLOWER[:2], TASKS[:1]) if quick else (RATE, SLOWER, TASKS)
    )
    along = ("model", "size", "slower", "task", "seed")
    cells = [dict(zip(along, one)) for one in product(models, SIZES, slower, used, range(seeds))]
    rules = {model: lookup.rule(model) for model in RATE}
    run = Run.start_or_resume("identify", dict(seeds=seeds, quick=quick), rules.values(), out)
    found = run.collect(watched, cells, along, jobs, progress, signature=("view", "number"))
    kinds, _, names = (list(each) for each in zip(*statistics()))
    labels = dict(view=[*VIEWS], kind=("number", kinds), statistic=("number", names))
    run.save(found.assign_coords(labels), "signatures.nc")
    same = dict(file=str(run.folder / "signatures.nc"), trainings=int(found.accuracy.count()))
    asked = [same | question for question in questions(quick)]
    along = ("by", "view", "kind", "shuffled")
    inner = dict(accuracy="seed", confusion=("rule", "said"), lost="statistic")
    data = run.collect(judged, asked, along, jobs, progress, "classifiers", here=True, **inner)
    data.coords["rule"] = data.coords["said"] = [rule.name for rule in rules.values()]
    data.coords["statistic"] = [*dict.fromkeys(names)]
    run.finish(data, report, plot)
    if unknown is not None:
        tell(unknown, same["file"])


if __name__ == "__main__":
    typer.run(main)
