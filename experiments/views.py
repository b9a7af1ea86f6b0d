"""Do layers that learn by themselves know an object better the deeper they are?

Self-supervised contrastive learning as a circuit: two glances at one digit (moved by a pixel, with
noise, in another contrast) are to be alike, glances at two digits are not. CLAPP (Illing et al.,
NeurIPS 2021) asks it of every layer by itself, as Greedy InfoMax does; hinge CPC asks it of the
last one, and its error descends through the transposes of W, or through random synapses. Of SimCLR
and CPC these keep views of one object, the prediction P from a context, and that gradients go end
to end. In place of a softmax over many other objects there is the margin of a score, with a single
one, in a phase of its own. 64-64-64-64, tanh, Adam at .001, 100 epochs, no labels. Adam keeps
moments for every line of plasticity: it scales the changes of fixations and saccades apart, unlike
the public code of CLAPP. Then logistic regression reads the digit from every layer's rates, of
views that were held out.

Prediction: pixels, which move, are read badly; every layer that learns is read better than
untrained, and CLAPP's the better the deeper. TABLE: Tang, Yang & Amit, Frontiers in Computational
Neuroscience 2022, table 1, CIFAR-10, linear read-out, percent.

About 4 minutes on 2 cores:  neurofa run views
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, Network, Trial, directions, lookup, present, reference, tasks
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.statistics import PERCENT, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

MODELS = ("hinge_cpc", "clapp", "hinge_cpc_random")
SIZES, BATCH, GLANCES = (64, 64, 64, 64), 32, 4
NOTED = (0, 1, 3, 10, 30, 100)  # epochs
# dt = tau: layers, scores and errors are exact after 8 steps at most
TRIAL = Trial(dt=10 * ms, free=50 * ms, default=100 * ms)
BP, LOCAL, RANDOM, UNTRAINED = "hinge CPC", "CLAPP", "hinge CPC, random", "untrained"
# read from the last layer: is the first above the second? With TABLE's losses: CLAPP's, or theirs
ORDERS = (
    (LOCAL, BP, "level: 68.9, 69.1 (CLAPP)"),
    (LOCAL, UNTRAINED, "yes: 68.9, 61.2 (CLAPP)"),
    (BP, RANDOM, "yes: 71.4, 61.7"),
    (LOCAL, RANDOM, "yes: 72.8, 61.7"),
    (RANDOM, UNTRAINED, "level: 61.7, 61.2"),
)


def learn(model: str, seed: int, epochs: int, rate: float, glances: int = GLANCES) -> dict:
    """Let a circuit learn from glances; return what is read from pixels and layers, by epoch."""
    rng, task = np.random.default_rng([seed, 1]), tasks.digits()
    # of CLAPP, the output takes no part: there, the layers are the hidden ones
    sizes = (*SIZES, 1) if model == "clapp" else SIZES
    rule = lookup.rule(model).but(eta=rate)
    net = Network(sizes, rule, trials=BATCH, output_activation="tanh", seed=seed)
    learner, found = Learner(net, TRIAL, "adam"), []
    for epoch in range(epochs + 1):
        if epoch:
            _glance(learner, task, rng)
        if epoch in NOTED:
            found.append(_read(net, task, glances))
    return dict(readout=np.transpose(found).tolist())


def _glance(learner, task, rng):
    """Look twice at every digit that there is to learn from, and then at another one."""
    nothing = np.zeros((BATCH, learner.net.sizes[-1]))
    for batch in (x for x in task.batches(BATCH, rng) if len(x) == BATCH):
        one = task.x[batch]
        seen = dict(free=one, fixation=one, saccade=np.roll(one, 1, axis=0))
        seen = {phase: tasks.views(x, rng) for phase, x in seen.items()}
        present(learner, seen, nothing)


def _read(net, task, glances):
    """Return the share of held-out views whose digit is read from pixels, and from each layer."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng, reader = np.random.default_rng(0), LogisticRegression(max_iter=300)
    rates, labels = [], []
    for x, y in ((task.x, task.y), (task.x_test, task.y_test)):
        seen = tasks.views(np.tile(x, (glances, 1)), rng)
        rates.append(reference.forward(seen, *directions.weights(net), output="tanh")[1])
        labels.append(np.tile(y.argmax(axis=1), glances))
    return [
        make_pipeline(StandardScaler(), reader).fit(known, labels[0]).score(asked, labels[1])
        for known, asked in [*zip(*rates)][: len(SIZES)]
    ]


def plot(data: xarray.Dataset) -> Figure:
    """Draw what is read by layer, and from the last layer over epochs; return the figure."""
    from neurofa import plot

    figure, (layers, epochs) = plot.figure(rows=2, width=5.5, height=5.0)
    plot.learning(100 * by_layer(data), layers, label="Read from rates,\nheld out (%)")
    last = 100 * data.readout.isel(layer=-1)
    plot.learning(last, epochs, label="From the last layer\n(%)")
    epochs.set_xscale("symlog", linthresh=1)
    ticks = data.epoch.values
    epochs.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    layers.set_xticks(data.layer.values, ["pixels", *map(str, data.layer.values[1:])])
    return figure


def by_layer(data: xarray.Dataset) -> xarray.DataArray:
    """Return what is read at last by (rule, seed, layer), and of circuits before they learn."""
    import xarray

    before = data.readout.sel(rule=[LOCAL]).isel(epoch=0, drop=True)
    after = data.readout.isel(epoch=-1, drop=True)
    return xarray.concat([after, before.assign_coords(rule=[UNTRAINED])], "rule")


def report(data: xarray.Dataset) -> None:
    """Print what is read by rule and layer, and by how much the published orders hold."""
    read = 100 * by_layer(data)
    rows = [
        [rule, *(f"{estimate(each.sel(rule=rule), PERCENT):.1f}" for each in read.T)]
        for rule in read.rule.values
    ]
    columns = ["rule", "pixels", *(f"layer {k}" for k in data.layer.values[1:])]
    title = f"Logistic regression on rates, held-out views (%), {counted(data.sizes['seed'], 'seed')} [95 %]"
    print_table(title, columns, rows)
    last = {rule: read.sel(rule=rule)[:, -1] for rule in read.rule.values}
    rows = [[one, two, said, f"{paired(last[one], last[two])[0]:.1f}"] for one, two, said in ORDERS]
    for rule in read.rule.values:
        deep, shallow = read.sel(rule=rule, layer=[len(SIZES) - 1, 1]).T
        said = "yes: Illing et al." if rule == LOCAL else ""
        rows.append([f"{rule}: last", "first", said, f"{paired(deep, shallow)[0]:.1f}"])
    columns = ["first", "second", "first above second?", "first - second [95 %]"]
    print_table("Published orders, and differences here (points)", columns, rows)


def main(
    seeds: Seeds = 5,
    epochs: Epochs = NOTED[-1],
    rate: Annotated[float, typer.Option(min=0.0, help="Of learning, with Adam.")] = 1e-3,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 1 epoch, 1 glance to read from.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let layers learn from glances at objects, each by itself or end to end, and read them."""
    seeds, epochs = (1, 1) if quick else (seeds, epochs)
    rules = [lookup.rule(model) for model in MODELS]
    shared = dict(epochs=epochs, rate=rate) | (dict(glances=1) if quick else {})
    cells = [dict(model=m, seed=seed) | shared for m in MODELS for seed in range(seeds)]
    run = Run.start_or_resume("views", dict(seeds=seeds) | shared, rules, out)
    along = ("model", "seed")
    data = run.collect(learn, cells, along, jobs, progress, readout=("layer", "epoch"))
    data = data.rename(model="rule").assign_coords(rule=[rule.name for rule in rules])
    data = data.assign_coords(layer=range(len(SIZES)), epoch=[k for k in NOTED if k <= epochs])
    data.layer.attrs["long_name"] = "layer"
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
