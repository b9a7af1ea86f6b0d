"""How rarely may a teacher come if layers predict what it would say?

Backpropagation locks a layer: it cannot learn before the error has come from above. With synthetic
gradients, hidden layers learn from an error that they predict, from their own rates (plain), or from
rates and label (conditioned). Digits, 64-30-30-10 tanh, cross-entropy, minibatches of 32, gradient
descent, 30 epochs. A: the teacher is there in every k-th trial, and only then output and predictors
learn; in between, hidden layers learn from predictions (synthetic gradients), or nothing does (BP, DFA,
and a control that waits too). B: teacher in all trials, but each layer, with its predictor, learns with
probability p, by itself, whatever others do. Expected: the rarer the teacher, the worse are predictions,
of which layers that learn make use as if they still held.

Learning rates (RATES) were for each rule and k the best in validation, or nearly (347 of the digits to
learn from, two other seeds; eta from 0.003 to 1, eta_p 0.1 and 0.3); B has those of k = 1/p.

Jaderberg et al., "Decoupled neural interfaces using synthetic gradients", ICML 2017 (read: abstract and
public reimplementations; "stochastic layer-wise updates", as one calls them, are B). That layers predict
their input too, and need not wait for rates, is not here: `neurofa run decoupled` has buffers for that.

About 2 minutes on 2 cores:  neurofa run locking
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned.digits import AT_ONCE, SIZES

from neurofa import Diverged, Learner, LearningRule, Network, evaluate, lessons, lookup, tasks
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.statistics import PERCENT, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

LAYERS = ("hidden1", "hidden2", "output")
REACHED = dict(layers=LAYERS, hidden=LAYERS[:2], output=LAYERS[2:])
WAITING = "conditioned, waiting"
# {line: (model, whether all wait for the teacher, its name in tables and figures)}
LINES = {
    "BP": ("bp", True, "BP"),
    "DFA": ("dfa", True, "DFA"),
    "conditioned": ("synthetic_gradients_conditioned", False, "conditioned predictors"),
    WAITING: ("synthetic_gradients_conditioned", True, "conditioned predictors, waiting"),
    "plain": ("synthetic_gradients", False, "plain predictors"),
}
JUDGED = ("BP", "conditioned", "plain")  # the lines of B
PLACES = dict(rare=(1, 2, 4, 8, 16, 32), random=(1, 4, 8))
NAMES = dict(
    rare="trials of which one has a teacher, k",
    random="trials of which a layer learns from one, 1/p",
)
K = PLACES["rare"]
# (eta, eta_p) for each of K
RATES = {
    "BP": [(0.6,)] * len(K),
    "DFA": [(0.6,)] * len(K),
    "conditioned": [(0.3, 0.1)] * 3 + [(0.03, 0.3), (0.01, 0.3), (0.01, 0.3)],
    WAITING: [(0.3, 0.1)] * 3 + [(0.1, 0.3)] * 3,
    "plain": [(0.1, 0.3), *[(0.03, 0.3)] * 2, *[(0.01, 0.3)] * 2, (0.03, 0.1)],
}


def split(rule: LearningRule) -> LearningRule:
    """Return the rule with learning rates of each layer's own: "eta_hidden1", "eta_p_hidden1"."""
    lines, rates = [], {}
    to = {pathway.name: pathway.to for pathway in rule.all_pathways}
    for line in rule.plasticity:
        for layer in REACHED[line.to or to[line.pathway]]:
            name = f"{line.rate}_{layer}"
            rates[name] = rule.parameters[line.rate]
            text = re.sub(rf"\b{line.rate}\b", name, line.equation)
            lines.append(replace(line, to=layer, rate=name, equation=text))
    return rule.but(plasticity=tuple(lines), parameters=rates)


def awake(panel: str, at: int, waits: bool, trial: int, rng: np.random.Generator) -> tuple | None:
    """Return how the names of those learning rates end that are not 0 in a trial; () if all are."""
    if panel == "random":
        return tuple(layer for layer in LAYERS if rng.random() < 1 / at)
    if trial % at == 0:
        return LAYERS
    return () if waits else ("eta_hidden1", "eta_hidden2")


def learn(panel: str, line: str, at: int, seed: int, epochs: int) -> dict:
    """Train one network, `at` one k or 1/p; return its held-out accuracy in percent."""
    model, waits, _ = LINES[line]
    rates = RATES[line][K.index(at)]
    rule = split(lookup.rule(model).but(**dict(zip(("eta", "eta_p"), rates))))
    net = Network(SIZES, rule, trials=32, cost="cross_entropy", seed=seed)
    task, order, rng = tasks.digits(), np.random.default_rng(seed), np.random.default_rng([seed, 1])
    full = {name: value for name, value in rule.parameters.items() if name.startswith("eta")}

    def given():
        batches = (batch for _ in range(epochs) for batch in task.batches(32, order))
        for trial, batch in enumerate(batches):
            if ends := awake(panel, at, waits, trial, rng):
                net.set(**{name: value * name.endswith(ends) for name, value in full.items()})
                yield task.x[batch], task.y[batch]

    learner = Learner(net, AT_ONCE)
    try:
        deque(lessons(learner, given()), maxlen=0)
    except Diverged:
        pass  # it knows what it knew before
    return dict(accuracy=100 * evaluate(learner, task.x_test, task.y_test)[1])


def plot(data: xarray.Dataset) -> Figure:
    """Draw accuracy against k, and against 1/p; return the figure."""
    from neurofa import plot

    figure, panels = plot.figure(rows=2, width=5.5, height=4.6)
    for panel, (part, name) in zip(panels, NAMES.items()):
        mine = _of(data, part).rename(line="rule").transpose("rule", "seed", "at")
        mine["at"].attrs["long_name"] = name
        within = partial(estimate, within=PERCENT)
        plot.learning(mine, panel, label="Held-out accuracy (%)", estimate=within)
        panel.set_xscale("log")
        panel.set_xticks(mine["at"].values, [f"{at:g}" for at in mine["at"].values], minor=False)
        panel.minorticks_off()
    return figure


def _of(data, part):
    """Return the accuracies of a panel (line, at, seed), without what was not run."""
    return data.accuracy.sel(panel=part).dropna("at", how="all").dropna("line", how="all")


def report(data: xarray.Dataset) -> None:
    """Print accuracies, and differences to BP, with 95 % intervals."""
    for part, name in NAMES.items():
        mine = _of(data, part)
        columns = [name, *mine.line.values]
        rows, less = [], []
        for at in mine["at"].values:
            found = mine.sel(at=at).transpose("line", "seed")
            rows.append([at, *(f"{estimate(one, PERCENT):.1f}" for one in found)])
            minus = [paired(one, found.sel(line="BP"))[0] for one in found[1:]]
            less.append([at, "0", *(f"{one:.1f}" for one in minus)])
        seeds = f"[95 %], {counted(data.sizes['seed'], 'seed')}"
        print_table(f"Held-out accuracy (%) {seeds}", columns, rows)
        print_table(f"minus BP {seeds}", columns, less)
    print(
        "Published, teacher in all trials, CIFAR-10 (logs of the DGL code, last epoch, percent): "
        "BP 84.5, conditioned 80.9, plain 64.7, decoupled greedy learning 85.1."
    )


def main(
    seeds: Seeds = 5,
    epochs: Epochs = 30,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch, two places of each line.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let teachers be rare, and layers learn by themselves."""
    seeds, epochs = (1, 1) if quick else (seeds, epochs)
    cells = [
        dict(panel=panel, line=line, at=at, seed=seed, epochs=epochs)
        for panel, places in PLACES.items()
        for line in LINES
        for at in (places[:2] if quick else places)
        for seed in range(seeds)
        # with p = 1, B is A with k = 1
        if panel == "rare" or at > 1 and line in JUDGED
    ]
    rules = [lookup.rule(model) for model in dict.fromkeys(model for model, *_ in LINES.values())]
    run = Run.start_or_resume("locking", dict(seeds=seeds, epochs=epochs, quick=quick), rules, out)
    data = run.collect(learn, cells, ("panel", "line", "at", "seed"), jobs, progress)
    begin = data.accuracy.sel(panel="rare", at=1, drop=True)
    there = (data["at"] != 1) | ~data.line.isin(JUDGED)
    data = data.assign(accuracy=data.accuracy.where(there, begin))
    named = data.assign_coords(line=[LINES[line][2] for line in data.line.values])
    run.finish(named, report, plot)


if __name__ == "__main__":
    typer.run(main)
