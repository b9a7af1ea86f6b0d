"""What do layers miss that learn from losses of their own?

Digits, six hidden layers of 30 tanh, cross-entropy, minibatches of 32, Adam at one rate. A layer
hears the error of its own readout, linear or with one or two hidden populations (greedy: local
losses), also that of the next layer's (LoCo), or the output's, through W^T (BP) or random synapses
(FA). Measured: the
cosine of each ΔW to that of BP at the same weights (320 of the digits to learn from, mean over all
epochs); what logistic regression reads from each layer's rates (how linearly separable they are);
and 500 digits with random labels, for ten times as many epochs. Expected: cosines fall towards the
input; on random labels, BP > LoCo > greedy; hidden populations of readouts help. At a rate of 0.01 in
place of 0.003, BP is below LoCo there. NOTES: reading notes on local updates in parallel (Laskin et
al. 2020); its figures were not read. TABLE: contrastive, CIFAR-10, PMC8977509 table 1, percent.
DEEPER: Belilovsky et al., "Greedy layerwise learning can scale to ImageNet", ICML 2019 (abstract):
two and three hidden layers do better than one.

About 3 minutes on 2 cores:  neurofa run local_learning
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned.digits import settings

from neurofa import Learner, Network, directions, reference, tasks, train
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.statistics import PERCENT, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

MODELS = "bp fa loco local_losses_two_hidden local_losses_hidden local_losses frozen".split()
SIZES, LABELLED, LONGER = (64, *[30] * 6, 10), 500, 10
LOCAL = ("LoCo", "local losses, two hidden", "local losses, hidden", "local losses")
# whether the first should be above the second, and where that stands
LABELS, READ = "random labels", "read from the last layer"
ORDERS = (
    (LABELS, "BP", "LoCo", "yes: NOTES"),
    (LABELS, "LoCo", "local losses, hidden", "expected"),
    (LABELS, "LoCo", "local losses", "expected"),
    (LABELS, "BP", "local losses", "yes: NOTES"),
    (LABELS, *LOCAL[1:3], "expected"),
    (LABELS, *LOCAL[2:], "expected"),
    (READ, *LOCAL[1:3], "yes: DEEPER"),
    (READ, *LOCAL[2:], "yes: DEEPER"),
    (READ, "LoCo", "local losses", "yes: LoCo"),
    (READ, "LoCo", "BP", "level: LoCo"),
    (READ, "local losses", "BP", "72.8, 71.4: TABLE"),
    (READ, "BP", "frozen", "71.4, 61.2: TABLE"),
)


def learn(model: str, seed: int, epochs: int, task: tasks.Task, look: Callable) -> tuple:
    """Train a network; return it, and what `look(learner)` found before and after each epoch."""
    rule, optimiser, trial, cost = settings(model)
    net = Network(SIZES, rule, trials=32, cost=cost, seed=seed)
    found = [look(learner := Learner(net, trial, optimiser))]

    def again(learner, _):
        found.append(look(learner))

    train(learner, task, epochs, seed=seed, progress=False, after_epoch=again)
    return net, found


def rates(net: Network, x: np.ndarray) -> list[np.ndarray]:
    """Return the rates of all layers, inputs first."""
    return reference.forward(x, *directions.weights(net))[1]


def read(model: str, seed: int, epochs: int, known: int | None = None) -> dict:
    """Learn the digits; return cosines by epoch and layer, and what is read from each layer, which is
    learned from all digits or from so many."""
    from sklearn.linear_model import LogisticRegression

    task = tasks.digits()
    seen = task.x[:320], task.y[:320]
    net, angles = learn(model, seed, epochs, task, lambda now: directions.to_backprop(now, *seen))
    layers = [*zip(rates(net, task.x[:known]), rates(net, task.x_test))][1:-1]
    labels, asked = task.y[:known].argmax(1), task.y_test.argmax(1)
    reader = LogisticRegression(max_iter=5000)
    scores = [reader.fit(r, labels).score(held_out, asked) for r, held_out in layers]
    return dict(cosine=np.cos(np.radians(angles))[:, :-1].tolist(), readout=scores)


def memorise(model: str, seed: int, epochs: int) -> dict:
    """Learn random labels; return the share that is answered, by epoch."""
    x = tasks.digits().x[:LABELLED]
    labels = np.random.default_rng([seed, 1]).integers(10, size=LABELLED)
    task = tasks.Task(x, np.eye(10)[labels], cost="cross_entropy")

    def known(now):
        return float((rates(now.net, x)[-1].argmax(1) == labels).mean())

    return dict(memorised=learn(model, seed, epochs, task, known)[1])


def plot(data: xarray.Dataset) -> Figure:
    """Draw cosines and read-outs by layer, and random labels over epochs, means and 95 % intervals;
    return the figure."""
    from neurofa import plot

    figure, (cosines, readouts, labels) = plot.figure(rows=3, width=5.5, height=6.6)
    taught = data.cosine.sel(rule=data.rule != "frozen")[:, :, 1:].mean("epoch")
    percent = partial(estimate, within=PERCENT)
    for panel, found, mean, name in (
        (cosines, taught, partial(estimate, within=(-1, 1)), "Cosine of ΔW\nto that of BP"),
        (readouts, 100 * data.readout, percent, "Read from rates,\nheld out (%)"),
        (labels, 100 * data.memorised, percent, "Random labels\nlearned (%)"),
    ):
        plot.learning(found, panel, label=name, estimate=mean)
    for panel, name, level in ((cosines, "right angle", 0), (labels, "chance", 10)):
        panel.axhline(level, color="0.4", linewidth=0.8, linestyle=":")
        plot.also(panel, plot.sign(name, ":"))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print all by rule, and by how much the expected orders hold, with 95 % intervals."""
    cosine, read = data.cosine[:, :, 1:].mean("epoch"), 100 * data.readout
    known = 100 * data.memorised
    found = {LABELS: known[:, :, 1:].mean("memorising"), READ: read[:, :, -1]}
    layers = [f"layer {k}" for k in data.layer.values]
    cosines = zip(layers, cosine.T)
    _print_rules("Cosine of ΔW to that of BP", cosines, (-1, 1), ".2f")
    _print_rules("Logistic regression on rates, held out (%)", zip(layers, read.T))
    labels = [("mean over epochs", found[LABELS].T), ("at the end", known[:, :, -1].T)]
    _print_rules("Random labels learned (%)", labels)
    pairs = [
        (f"cosine, {rule}", "last layer", "first", "yes: NOTES", *cosine.sel(rule=rule).T[[-1, 0]])
        for rule in LOCAL
    ] + [(of, a, b, where, *found[of].sel(rule=[a, b])) for of, a, b, where in ORDERS]
    rows = [[*names, f"{paired(one, two)[0]:.2f}"] for *names, one, two in pairs]
    columns = ["of", "first", "second", "first above second?", "first - second [95 %]"]
    print_table("Published orders, and differences here", columns, rows)


def _print_rules(what, columns, within=PERCENT, spec=".1f"):
    """Print a table of (name, values (seed, rule)): means with 95 % intervals, a row per rule."""
    names, found = zip(*columns)
    rows = [
        [rule, *(format(estimate(each.sel(rule=rule), within), spec) for each in found)]
        for rule in found[0].rule.values
    ]
    print_table(f"{what}, {counted(found[0].sizes['seed'], 'seed')}", ["rule", *names], rows)


def main(
    seeds: Seeds = 5,
    epochs: Epochs = 30,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch, read from 300 digits.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Compare layers that learn from losses of their own with those that hear the output's."""
    seeds, epochs = (1, 1) if quick else (seeds, epochs)
    rules = [settings(model)[0] for model in MODELS]
    cells = [dict(model=m, seed=seed, epochs=epochs) for m in MODELS for seed in range(seeds)]
    longer = [cell | dict(epochs=LONGER * epochs) for cell in cells]
    fewer = dict(known=300) if quick else {}
    cells = [cell | fewer for cell in cells]
    run = Run.start_or_resume(
        "local_learning", dict(seeds=seeds, epochs=epochs) | fewer, rules, out
    )
    along = ("model", "seed")
    later, lists = [(memorise, longer)], dict(cosine=("epoch", "layer"), readout="layer")
    data = run.collect(read, cells, along, jobs, progress, besides=later, **lists)
    data = data.merge(run.collect(memorise, longer, along, jobs, progress, memorised="memorising"))
    names = [rule.name for rule in rules]
    data = data.rename(model="rule").assign_coords(rule=names, layer=range(1, len(SIZES) - 1))
    data = data.assign_coords(memorising=range(LONGER * epochs + 1))
    data.layer.attrs["long_name"], data.memorising.attrs["long_name"] = "hidden layer", "epoch"
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
