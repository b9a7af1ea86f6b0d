"""Do layers that learn from losses of their own climb a hierarchy?

Labels expand into pairs of symbols, these into pairs of digits, and digits into images
(tasks.hierarchical, 5 symbols); cells of the first hidden layer see one image each, those of the second
one pair, those of the third both. Malach & Shalev-Shwartz, "A provably correct algorithm for deep learning that actually works", 2018
(arXiv:1803.09522; abstract and introduction were read): images that are generated level by level are
learned layer by layer, by gradients and clustering. The clustering is no circuit, and is left out: layers learn from
the error of readouts of their own. Expected: where a single symbol tells of the label, every layer
finds what the next one needs; where the label is a sum of two symbols, modulo 5, no patch below the whole tells
of it, layers below the third have nothing to learn from, and only errors from above help. Beside them: readouts whose errors return
through random synapses, and exact ones that leave the first two layers as they were. tanh, minibatches of 32, Adam at 0.003.

About 4 minutes on 2 cores:  neurofa run hierarchies
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
from neurofa.experiment import Jobs, Out, Run, Seeds, print_table
from neurofa.pathways import masked
from neurofa.statistics import PERCENT, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

HELD = "local losses, held"
MODELS = ("bp", "dfa", "local_losses", "local_losses_random", HELD, "frozen")
CELLS, SYMBOLS = (20, 32, 32), 5  # cells that see an image, a pair, both pairs
# which levels tell of the label by single symbols, from above; and how long each is learned
TOLD = dict(informative=((True, True), 6), summed=((False, True), 24))


def rule_of(model: str) -> LearningRule:
    """Return the rule, in which cells see their part of the images alone."""
    held = model == HELD
    rule = lookup.rule("local_losses" if held else model).but(eta=0.003)
    if held:
        lines = [line for line in rule.plasticity if line.pathway == "P"]
        learned = rule.plasticity[0].equation
        lines += [
            Plasticity("W", after="feedback", equation=learned, to=to)
            for to in ("hidden3", "output")
        ]
        rule = rule.but(name=HELD, plasticity=tuple(lines))
    for layer, (groups, cells, seen) in enumerate(
        ((4, CELLS[0], 64), (2, CELLS[1], 2 * CELLS[0])), 1
    ):
        rule = rule.through(masked(np.kron(np.eye(groups), np.ones((cells, seen))), layer), "W")
    return rule


def first_symbols(x: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Return the symbol that the first two images of each sample stand for, (samples,)."""
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    shown = {image.tobytes(): digit for image, digit in zip(pixels / 16, digits)}
    pairs = [[shown[image.tobytes()] for image in sample.reshape(-1, 64)[:2]] for sample in x]
    return np.array([(patches == pair).all(-1).any(-1).argmax() for pair in pairs])


def learn(told: str, model: str, seed: int, epochs: int) -> dict:
    """Learn a hierarchy that is drawn from `seed`; return the held-out accuracy after each epoch, and
    how well a symbol is read from the cells of the second layer that see it, before and after."""
    from sklearn.linear_model import LogisticRegression

    levels = dict(symbols=SYMBOLS, informative=TOLD[told][0], seed=seed)
    task = tasks.hierarchical(**levels)
    x, x_test = task.x[:2000], task.x_test
    known, asked = (first_symbols(images, tasks.grammar(**levels)[1]) for images in (x, x_test))
    sizes = (task.sizes[0], 4 * CELLS[0], 2 * CELLS[1], CELLS[2], SYMBOLS)
    net = Network(sizes, rule_of(model), trials=32, cost=task.cost, seed=seed)
    read = []

    def look():
        rates, held_out = (
            reference.forward(images, *directions.weights(net))[1][2][:, : CELLS[1]]
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
    """Draw accuracy over epochs where single symbols tell of the label, and where their sum does, and
    how well symbols are read before and after; return the figure."""
    from neurofa import plot

    figure, panels = plot.figure(rows=2, width=5.5, height=4.6)
    for told, panel in zip(TOLD, panels):
        curves = data[told].rename({f"{told}_epoch": "epoch"})
        plot.learning(curves, panel, label=f"{told.capitalize()}:\nlabels known (%)")
        panel.axhline(100 / SYMBOLS, color="0.4", linewidth=0.8, linestyle=":")
        plot.also(panel, plot.sign("chance", ":"))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print accuracy at the end, and how well symbols are read, with 95 % intervals."""
    for told in TOLD:
        rows = []
        for rule in data.rule.values:
            final = data[told].sel(rule=rule).isel({f"{told}_epoch": -1})
            before, after = data[f"{told}_read"].sel(rule=rule).transpose(..., "seed")
            each = (final, before, after)
            rows.append([rule, *(f"{estimate(values, PERCENT):.1f}" for values in each)])
        columns = ["rule", "labels known (%) [95 %]", "symbol read before (%)", "after (%)"]
        print_table(f"{told}, {data.sizes['seed']} seeds", columns, rows)


def main(
    seeds: Seeds = 5,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let layers with losses of their own learn what is generated level by level."""
    seeds, rules = 1 if quick else seeds, [rule_of(model) for model in MODELS]
    run = Run.start_or_resume("hierarchies", dict(seeds=seeds, quick=quick), rules, out)
    found = []
    for told, (_, epochs) in TOLD.items():
        given = dict(told=told, epochs=1 if quick else epochs)
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
