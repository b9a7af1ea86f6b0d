"""How old may the rates be that a layer learns from, and what if one layer is slow?

Digits, six hidden layers of 30 tanh, cross-entropy, minibatches of 32, Adam at 0.003. Each layer and a
linear readout that tries to do the task are a circuit of their own, taught by the readout's error
(greedy: models/local_losses.py). The rates that a layer sends go, with their labels, into a buffer that
keeps the last M minibatches; the layer above draws from it what it learns from. So no layer waits for
another, neither for rates from below nor for an error from above. A: all learn in every trial, and draw
the oldest rates (as soon as there are M), or any. B: the third layer learns in every S-th trial alone;
M = 30, drawn are, of those that were drawn least often, the newest. The others go on, or all wait for
the third. With M = 1 and S = 1, this is the rule in one circuit, update by update
(tests/test_experiments.py). Expected: old rates are no worse than a layer that begins later; with a slow
layer, little is lost where the others go on. C (forward unlocking, as in DNI): the rates of a layer
come to the next one in every k-th trial alone; in between it waits, or learns from rates that are
foretold from the input, by a layer of cells that learns to do so whenever the rates come. Expected:
to learn from what is foretold is better than to wait.

Belilovsky, Eickenberg & Oyallon, "Decoupled greedy learning of CNNs", ICML 2020 (read: public
code, which draws as B does). Its example has M = 30, and one of six layers 1.11 times slower;
there, layers learn at random moments. Jaderberg et al., "Decoupled neural interfaces using synthetic
gradients", ICML 2017 (read: abstract): inputs of layers can be foretold as errors can.

About 3 minutes on 2 cores:  neurofa run decoupled
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned.digits import settings

from neurofa import Learner, Network, lookup, predict, present, reference, tasks
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.statistics import PERCENT, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

DEPTH, WIDTH, SLOW, KEPT = 6, 30, 2, 30  # layers, cells, the number of the slow layer, and M in B
KEEPING, SLOWNESS, RARENESS = (1, 10, 30, 100), (1, 1.11, 4, 16), (1, 4, 16)
# the lines of A, B and C
OLD, SPEED, RARE = ("oldest", "any"), ("others go on", "all wait"), ("foretold rates", "waiting")
LABELS = {
    "M, minibatches that are kept": OLD,
    "S, how many times slower the third layer is": SPEED,
    "Trials of which one brings rates from below, k": RARE,
}


class Buffer:
    """The last minibatches (rates, labels) that a layer has sent, and how often each was drawn."""

    def __init__(self, size: int, draw: str, rng: np.random.Generator):
        self.kept, self.draw, self.rng = deque([], size), draw, rng

    def put(self, rates: np.ndarray, labels: np.ndarray) -> None:
        """Keep a minibatch, and forget the oldest if there are too many."""
        self.kept.append([0, rates, labels])

    def take(self) -> tuple | None:
        """Return a minibatch, or None if there is none yet."""
        full = len(self.kept) == self.kept.maxlen
        if not self.kept or self.draw == "oldest" and not full:
            return None
        if self.draw == "oldest":
            drawn = self.kept[0]
        elif self.draw == "any":
            drawn = self.kept[self.rng.integers(len(self.kept))]
        else:
            drawn = min(reversed(self.kept), key=lambda one: one[0])
        drawn[0] += 1
        return tuple(drawn[1:])


def layers(seed: int) -> list[Learner]:
    """Return the circuits, each a hidden layer with its readout: that of the last is the output."""
    rule, optimiser, trial, cost = settings("bp")
    sizes = [(below, WIDTH, 10) for below in (64, *[WIDTH] * (DEPTH - 1))]
    nets = [
        Network(size, rule, trials=32, cost=cost, seed=DEPTH * seed + k)
        for k, size in enumerate(sizes)
    ]
    return [Learner(net, trial, optimiser) for net in nets]


def step(circuits: list[Learner], buffers: list[Buffer], batch: tuple, due: list[bool]) -> None:
    """Let each layer that is due, the first one first, learn from what it has, and send its rates."""
    for k, (circuit, its_turn) in enumerate(zip(circuits, due)):
        given = (buffers[k - 1].take() if k else batch) if its_turn else None
        if given is not None:
            present(circuit, *given)
            buffers[k].put(circuit.net["hidden1.r"].copy(), given[1])


def foretellers(seed: int) -> list[Learner]:
    """Return circuits from the input to what each layer but the last should send."""
    rule, optimiser, trial, _ = settings("bp")
    made = dict(output_activation="tanh", trials=32, cost="squared")
    nets = [Network((64, WIDTH), rule, seed=DEPTH * seed + k, **made) for k in range(DEPTH - 1)]
    return [Learner(net, trial, optimiser) for net in nets]


def pass_up(circuits: list[Learner], foretold: list[Learner], batch: tuple, comes: bool) -> None:
    """Let layers learn from the rates below where these come; if not, from what is `foretold` of
    them, or, where nothing is, the first layer alone."""
    (x, y), known = batch, len(foretold)
    rates = x
    for k, circuit in enumerate(circuits if comes or known else circuits[:1]):
        if k and known and comes:
            present(foretold[k - 1], x, rates)
        elif k and not comes:
            rates = predict(foretold[k - 1], x)
        present(circuit, rates, y)
        rates = circuit.net["hidden1.r"].copy()


def answer(circuits: list[Learner], x: np.ndarray) -> np.ndarray:
    """Return the rates of the output, (samples, 10), if all layers were one circuit."""
    groups = [(one.net, "W1") for one in circuits] + [(circuits[-1].net, "W2")]
    W, b = ([net[f"{name}{part}"] for net, name in groups] for part in ("", ".bias"))
    return reference.forward(x, W, b)[1][-1]


def learn(line: str, at: float, seed: int, epochs: int) -> dict:
    """Let the layers learn, `at` one M, S or k; return the held-out accuracy in percent."""
    task, order, rng = tasks.digits(), np.random.default_rng(seed), np.random.default_rng([seed, 1])
    size, slowness = (KEPT, at) if line in SPEED else (int(at), 1)
    circuits = layers(seed)
    buffers = [Buffer(size, line, rng) for _ in circuits]
    foretold = foretellers(seed) if line == RARE[0] else []
    batches = [
        batch for _ in range(epochs) for batch in task.batches(32, order) if len(batch) == 32
    ]
    for done, batch in enumerate(batches):
        shown = task.x[batch], task.y[batch]
        if line in RARE:
            pass_up(circuits, foretold, shown, done % at == 0)
            continue
        slow_is_due = int((done + 1) / slowness) > int(done / slowness)
        due = [slow_is_due or (k != SLOW and line != "all wait") for k in range(DEPTH)]
        step(circuits, buffers, shown, due)
    right = answer(circuits, task.x_test).argmax(1) == task.y_test.argmax(1)
    return dict(accuracy=100 * float(right.mean()))


def plot(data: xarray.Dataset) -> Figure:
    """Draw accuracy against M, S and k; return the figure."""
    from neurofa import plot

    figure, panels = plot.figure(rows=3, width=5.5, height=6.6)
    for panel, (name, lines) in zip(panels, LABELS.items()):
        mine = data.accuracy.sel(line=list(lines)).dropna("at", how="all").rename(line="rule")
        mine["at"].attrs["long_name"] = name
        mine = mine.transpose("rule", "seed", "at")
        within = partial(estimate, within=PERCENT)
        plot.learning(mine, panel, label="Held-out accuracy (%)", estimate=within)
        panel.set_xscale("log")
        whole = [f"{at:g}" if at == int(at) else "" for at in mine["at"].values]
        panel.set_xticks(mine["at"].values, whole)
        panel.minorticks_off()
    return figure


def report(data: xarray.Dataset) -> None:
    """Print accuracies, and what M, S or k costs, with 95 % intervals."""
    for name, lines in LABELS.items():
        mine = data.accuracy.sel(line=list(lines)).dropna("at", how="all")
        rows = []
        for at in mine["at"].values:
            its = [mine.sel(line=line, at=at) for line in lines]
            lost = [paired(one, mine.sel(line=line, at=1))[0] for one, line in zip(its, lines)]
            rows.append(
                [
                    f"{at:g}",
                    *(f"{estimate(one, PERCENT):.1f}" for one in its),
                    *(f"{one:.1f}" for one in lost),
                ]
            )
        columns = [name, *lines, *(f"{line}, minus at 1" for line in lines)]
        print_table(
            f"Held-out accuracy (%) [95 %], {counted(data.sizes['seed'], 'seed')}", columns, rows
        )
    print("Published (example of the public code): M = 30, one of six layers 1.11 times slower.")


def main(
    seeds: Seeds = 5,
    epochs: Epochs = 30,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch, two places of each line.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let layers learn from old rates, or beside one that is slow."""
    seeds, epochs = (1, 1) if quick else (seeds, epochs)
    places = {OLD: KEEPING, SPEED: SLOWNESS, RARE: RARENESS}
    cells = [
        dict(line=line, at=at, seed=seed, epochs=epochs)
        for lines, where in places.items()
        for line in lines
        for at in (where[:2] if quick else where)
        for seed in range(seeds)
        if at > 1 or line == OLD[0]  # all lines begin there: nothing is old, and no layer slow
    ]
    chosen = dict(seeds=seeds, epochs=epochs, quick=quick)
    run = Run.start_or_resume("decoupled", chosen, [lookup.rule("bp")], out)
    data = run.collect(learn, cells, ("line", "at", "seed"), jobs, progress)
    begin = data.accuracy.sel(line=OLD[0], at=1, drop=True)
    run.finish(data.assign(accuracy=data.accuracy.where(data["at"] != 1, begin)), report, plot)


if __name__ == "__main__":
    typer.run(main)
