"""Do layers that learn from losses of their own climb a hierarchy?

A label becomes a pair of symbols, each of these a pair of digits, and each digit an image
(tasks.hierarchical, 5 symbols). Cells of the first hidden layer see one image, of the second one
pair, of the third both. Malach & Shalev-Shwartz, "A provably correct algorithm for deep learning
that actually works", 2018 (arXiv:1803.09522; abstract and introduction were read): what is
generated level by level is learned layer by layer, by gradients and clustering. The clustering is
no circuit, and is left out; here, layers learn from the errors of readouts of their own. Expected:
where single symbols tell of the label, each layer finds what the next one needs. Where the label is
the sum of two symbols, modulo 5, nothing that the first two layers see tells of it, and only errors
from above teach them. Beside exact errors: errors that return through random synapses, and exact
ones that teach the third layer alone (top), also where the weights below are as large as random
feedback makes them (large). tanh, minibatches of 32, Adam at 0.003.

About 3 minutes on 2 cores:  neurofa run hierarchies
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import (
    Learner,
    LearningRule,
    Network,
    Plasticity,
    Trial,
    directions,
    lookup,
    reference,
    tasks,
    train,
)
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.pathways import masked
from neurofa.statistics import PERCENT, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

TOP, LARGE = "local losses, top", "local losses, top, large"
MODELS = ("bp", "dfa", "local_losses", "local_losses_random", TOP, LARGE, "frozen")
LOCAL = ("local losses", "local losses, random")
PAIRS = (("BP", LOCAL[0]), LOCAL[::-1], (LARGE, LOCAL[1]))  # first and second in a difference
GROWN = dict(W1=7.2, W2=2.8)  # by how much random feedback makes weights grow
SYMBOLS, PARTS = 5, ((4, 20, 64), (2, 32, 40))  # parts of two layers, cells of each, what they see
# which levels tell of the label by single symbols, from above; and how long each is learned
TOLD = dict(informative=((True, True), 6), summed=((False, True), 24))


def rule_of(model: str) -> LearningRule:
    """Return the rule, in which cells see their part of the images alone."""
    top = model in (TOP, LARGE)
    rule = lookup.rule("local_losses" if top else model).but(eta=0.003)
    if top:
        learned = rule.plasticity[0].equation
        lines = [line for line in rule.plasticity if line.pathway == "P"] + [
            Plasticity("W", after="feedback", equation=learned, to=layer)
            for layer in ("hidden3", "output")
        ]
        rule = rule.but(name=model, plasticity=tuple(lines))
    for layer, (parts, cells, seen) in enumerate(PARTS, 1):
        own = np.kron(np.eye(parts), np.ones((cells, seen)))
        rule = rule.through(masked(own, layer), "W")
    return rule


def first_symbols(x: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Return the symbol that the first two images of each sample stand for, (samples,)."""
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    shown = {image.tobytes(): digit for image, digit in zip(pixels / 16, digits)}
    pairs = [[shown[image.tobytes()] for image in sample.reshape(-1, 64)[:2]] for sample in x]
    return np.array([(patches == pair).all(-1).any(-1).argmax() for pair in pairs])


def learn(told: str, model: str, seed: int, epochs: int, **drawn: int) -> dict:
    """Learn a hierarchy that is drawn from `seed`; return the held-out accuracy after each epoch,
    and how well a symbol is read from the cells of the second layer that see it, before and after.
    How many samples are `drawn` is as tasks.hierarchical says, unless it is given.
    """
    from sklearn.linear_model import LogisticRegression

    levels = dict(symbols=SYMBOLS, informative=TOLD[told][0], seed=seed)
    task = tasks.hierarchical(**levels, **drawn)
    x, x_test = task.x[:2000], task.x_test
    known, asked = (first_symbols(images, tasks.grammar(**levels)[1]) for images in (x, x_test))
    sizes = (task.sizes[0], *(parts * cells for parts, cells, _ in PARTS), 32, SYMBOLS)
    net = Network(sizes, rule_of(model), trials=32, cost=task.cost, seed=seed)
    for group, factor in GROWN.items() if model == LARGE else ():
        net[group] = factor * net[group]
    read = []

    def look():
        rates, held_out = (
            reference.forward(images, *directions.weights(net))[1][2][:, : PARTS[1][1]]
            for images in (x, x_test)
        )
        reader = LogisticRegression(max_iter=2000).fit(rates, known)
        read.append(100 * float(reader.score(held_out, asked)))

    look()
    learner = Learner(net, Trial(dt=10 * ms), "adam")
    history = train(learner, task, epochs, seed=seed, progress=False)
    look()
    return dict(accuracy=(100 * np.array(history.test_accuracy)).tolist(), read=read)


def plot(data: xarray.Dataset) -> Figure:
    """Draw accuracy over epochs where single symbols tell of the label, and where their sum does,
    and how well a symbol is read there from the second layer at the end; return the figure.
    """
    from neurofa import plot

    figure, (*panels, symbol) = plot.figure(rows=3, width=5.5, height=6.6)
    for told, panel in zip(TOLD, panels):
        curves = data[told].rename({f"{told}_epoch": "epoch"})
        plot.learning(curves, panel, label=f"{told.capitalize()}:\nlabels known (%)")
        panel.axhline(100 / SYMBOLS, color="0.4", linewidth=0.8, linestyle=":")
        plot.also(panel, plot.sign("chance", ":"))
    before, after = data.summed_read.transpose("when", "rule", "seed")
    names = [str(name) for name in data.rule.values]
    for place, (name, look) in enumerate(plot.looks(names).items()):
        mine = after.sel(rule=name)
        symbol.plot([place] * len(mine), mine, **look | dict(linestyle="", mfc="white"))
        symbol.plot([place - 0.25, place + 0.25], [mine.mean()] * 2, color=look["color"])
    symbol.axhline(before.sel(rule="BP").mean(), color="0.4", linewidth=0.8, linestyle=":")
    symbol.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
    symbol.set_ylabel("Summed:\nsymbol read (%)")
    signs = plot.sign("mean of seeds", "-"), plot.sign("before learning", ":")
    plot.also(symbol, *signs, loc="center left", bbox_to_anchor=(1.04, 0.5))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print accuracies at the end, how well symbols are read, and differences, with intervals."""
    for told in TOLD:
        rows = []
        for rule in data.rule.values:
            final = data[told].sel(rule=rule).isel({f"{told}_epoch": -1})
            before, after = data[f"{told}_read"].sel(rule=rule).transpose(..., "seed")
            each = (final, before, after)
            rows.append([rule, *(f"{estimate(values, PERCENT):.1f}" for values in each)])
        columns = ["rule", "labels known (%) [95 %]", "symbol read before (%)", "after (%)"]
        print_table(f"{told}, {counted(data.sizes['seed'], 'seed')}", columns, rows)
    final, read = data.summed.isel(summed_epoch=-1), data.summed_read
    for one, other in PAIRS:
        found, _ = paired(final.sel(rule=one), final.sel(rule=other), PERCENT)
        print(f"Summed, labels known: {one} minus {other}, {found:.1f} points")
    for rule in LOCAL:
        found, _ = paired(*read.sel(rule=rule).transpose("when", "seed")[::-1], PERCENT)
        print(f"Summed, symbol read: {rule}, after minus before, {found:.1f} points")


def main(
    seeds: Seeds = 5,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch, a tenth of the samples.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let layers with losses of their own learn what is generated level by level."""
    seeds, rules = 1 if quick else seeds, [rule_of(model) for model in MODELS]
    run = Run.start_or_resume("hierarchies", dict(seeds=seeds, quick=quick), rules, out)
    found, less = [], dict(samples=800, test=200) if quick else {}
    for told, (_, epochs) in TOLD.items():
        given = dict(told=told, epochs=1 if quick else epochs) | less
        cells = [given | dict(model=m, seed=seed) for m in MODELS for seed in range(seeds)]
        dims = dict(accuracy="epoch", read="when")
        each = run.collect(learn, cells, ("model", "seed"), jobs, progress, told, **dims)
        names = dict(accuracy=told, epoch=f"{told}_epoch", read=f"{told}_read")
        found.append(each.rename(names))
    data = found[0].merge(found[1])
    data = data.rename(model="rule").assign_coords(rule=[rule.name for rule in rules])
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
