"""Do separate feedback synapses learn a real task, the handwritten digits of MNIST?

Three trainings of the literature, every trial at its steady states, minibatches of 128, single
precision:

- half: 784-1000-10, logistic, squared error, as in Lillicrap et al., Nature Communications 2016,
  with all and with half of the synapses of both pathways. Theirs learns online by gradient descent,
  with a decay of 1e-6; here, Adam.
- sleep: 784-500-10, logistic, a logit per digit, gradient descent, as in Akrout et al., NeurIPS
  2019: see wake_sleep.
- control: 784-256-256-256-10, tanh, softmax, Adam, as in Meulemans et al., NeurIPS 2021, table 1
  (100 epochs there). Q is the product of transposes that W starts with (fixed), or learned in
  sleep: 469 nights before the first day, then after every trial. Trials that do not settle teach
  nothing, as there.

About 50 minutes on 2 cores:  neurofa run mnist   (a run that was stopped goes on with --resume RUN)
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import ExperimentError, Length, Network, SteadyState, directions, lookup, tasks, train
from neurofa.base.arguments import one_of
from neurofa.checkpoint import Checkpoint
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.rules.pathways.reading import through
from neurofa.statistics import PERCENT, estimate, paired, shown

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from neurofa import LearningRule
    from neurofa.tasks import Task

# of MNIST's pixels
TRIALS, PROBE, MEAN, SD = 128, 1000, np.float32(0.1307), np.float32(0.3081)
BY_LOGITS = dict(activation="logistic", cost="binary_cross_entropy")
LOGISTIC = dict(activation="logistic", output_activation="logistic", cost="squared")
SETTINGS = dict(
    half=((784, 1000, 10), 20, LOGISTIC, dict(eta=3e-3)),
    sleep=((784, 500, 10), 400, BY_LOGITS, dict(eta=0.2)),
    control=((784, 256, 256, 256, 10), 15, dict(cost="cross_entropy"), dict(eta=3e-4)),
)
# model, parameters of its own, what is done to its pathways, published error in percent
CONDITIONS = dict(
    half={
        "frozen": ("frozen", {}, (), 7.2),
        "BP": ("bp", {}, (), 2.4),
        "FA": ("fa", {}, (), 2.1),
        "FA, half of W and B": ("fa", {}, ("W: sparse(0.5)", "B: sparse(0.5)"), 2.4),
    },
    sleep={
        "BP": ("bp", {}, ("W: glorot(0.5**0.5)",), 1.50),
        "FA": ("fa", {}, ("W, B: glorot(0.5**0.5)",), 2.20),
        "weight mirror": (
            "weight_mirror",
            dict(eta=0.05, eta_b=6e-4, decay=0.0),
            ("W, B: glorot(0.5**0.5)",),
            1.51,
        ),
        "Kolen-Pollack": (
            "kolen_pollack",
            dict(eta=0.3, decay=0.0),
            ("W, B: glorot(0.5**0.5)",),
            1.55,
        ),
    },
    control={
        "BP": ("bp", {}, ("W: glorot()",), 2.08),
        "DFA": ("dfa", {}, ("W, B: glorot()",), 2.69),
        "DFC-SS, fixed Q": ("dfc_ss", {}, ("W: glorot()",), 2.39),
        "DFC-SS, learned Q": ("dfc_ss_learned", dict(eta_q=5e-3), ("W: glorot()",), 2.29),
    },
)
SLEEP, CLOSE = dict(mirror=Length(10 * ms, dt=5 * ms), sleep=Length(250 * ms, dt=5 * ms)), 1e-3


def rule_of(setting: str, condition: str) -> LearningRule:
    """Return the rule of a condition."""
    model, own, pathways, _ = CONDITIONS[setting][condition]
    return reduce(through, pathways, lookup.rule(model).but(**SETTINGS[setting][-1] | own))


def task_of(setting: str, images: int) -> Task:
    """Return MNIST, the first so many images to learn from and to be tested with; "control" sees
    pixels of mean 0 and standard deviation 1."""
    task = tasks.mnist(dtype=np.float32)
    x, y, x_test, y_test = (a[:images] for a in (task.x, task.y, task.x_test, task.y_test))
    if setting == "control":
        x, x_test = ((a - MEAN) / SD for a in (x, x_test))
    return replace(task, x=x, y=y, x_test=x_test, y_test=y_test)


def one(
    setting: str,
    condition: str,
    seed: int,
    epochs: int,
    images: int = 60000,
    kept: str | None = None,
) -> dict:
    """Train one network, with a checkpoint in the file `kept`, and return per epoch the error in
    percent, the fraction of trials that did not settle and, with one hidden layer, the angles in
    degrees of B to W^T, and of B delta to W^T delta."""
    (sizes, _, options, _), rule = SETTINGS[setting], rule_of(setting, condition)
    task = task_of(setting, images)
    net = Network(sizes, rule, TRIALS, dtype="float32", seed=seed, **options)
    asleep = {phase.name: SLEEP[phase.name] for phase in rule.phases if phase.name in SLEEP}
    # before the first day, as many nights as there are minibatches
    if "sleep" in asleep and not (kept and Path(kept).exists()):
        other = Network(
            sizes, rule.only("free", "sleep"), TRIALS, dtype="float32", seed=seed, **options
        )
        train(other, task, 1, trial=SteadyState(CLOSE, **asleep), seed=seed, progress=False)
        net.synapses.take(other, "Q")
    angled = "B2.w" in net.arrays and len(sizes) == 3
    probe = task.x_test[:PROBE], task.y_test[:PROBE]
    measure = lambda net: [float(*a) for a in directions.feedback_angles(net, *probe)]
    history = train(
        net,
        task,
        epochs,
        trial=SteadyState(CLOSE, **asleep),
        seed=seed,
        progress=False,
        measure=measure if angled else None,
        optimiser="gradient" if setting == "sleep" else {"W": "adam"},
        checkpoint=kept and Checkpoint(kept),
    )
    weights, deltas = zip(*history.measured) if angled else ((), ())
    return dict(
        error=[100 * (1 - a) for a in history.test_accuracy],
        unsettled=[None, *history.unsettled[1:]],
        weights=list(weights),
        deltas=list(deltas),
    )


def plot(data: xarray.Dataset) -> Figure:
    """Draw the error over epochs for every setting, with the published figures, and return the
    figure."""
    from neurofa import plot

    figure, axes = plot.figure(
        rows=data.sizes["setting"], width=5.5, height=2.2 * data.sizes["setting"]
    )
    for panel, setting in zip(np.atleast_1d(axes), data.setting.values):
        known = [condition for condition in CONDITIONS[setting] if condition in data.condition]
        curves = data.error.sel(setting=setting, condition=known, drop=True).dropna(
            "epoch", how="all"
        )
        plot.learning(
            curves.rename(condition="rule"), panel, label=f"Test error, training\n“{setting}” (%)"
        )
        for condition in known:
            plot.crosses(
                panel,
                curves.epoch[-1],
                CONDITIONS[setting][condition][-1],
                color=plot.looks([condition])[condition]["color"],
            )
        plot.also(panel, plot.sign("published, after\nmore epochs"))
        panel.set(yscale="log", ylim=(1, 100), xlim=(0.8, None), xscale="log")
        panel.xaxis.set_minor_formatter("")  # over few epochs, these would have labels, too
        panel.set_yticks([1, 2, 3, 5, 10, 30, 100], ["1", "2", "3", "5", "10", "30", "100"])
    return figure


def report(data: xarray.Dataset) -> None:
    """Print errors, means over the last five epochs, beside the published ones, differences to BP,
    and what did not settle."""
    rows = []
    for setting in data.setting.values:
        final = (
            data.error.sel(setting=setting)
            .dropna("epoch", how="all")[..., 1:][..., -5:]
            .mean("epoch")
        )
        for condition in (c for c in CONDITIONS[setting] if c in data.condition):
            found, bp = (
                final.sel(condition=condition),
                paired(final.sel(condition=condition), final.sel(condition="BP"), PERCENT)[0],
            )
            lost = 100 * data.unsettled.sel(setting=setting, condition=condition).mean()
            rows.append(
                [
                    setting,
                    condition,
                    f"{estimate(found, PERCENT):.2f}",
                    " ".join(f"{e:.2f}" for e in found.values),
                    CONDITIONS[setting][condition][-1],
                    "" if condition == "BP" else f"{bp:.2f}",
                    shown(float(lost), ".2g"),
                ]
            )
    print_table(
        f"MNIST, {counted(data.sizes['seed'], 'seed')}: test error in percent",
        [
            "setting",
            "condition",
            "error [95 %]",
            "each seed",
            "published",
            "minus BP [95 %]",
            "not settled (%)",
        ],
        rows,
    )


def pairs_of(parameters: dict) -> list[tuple[str, str]]:
    """Return which (setting, condition) a run with these parameters trains; the quick one, every
    third."""
    every = 3 if "images" in parameters else 1
    return [
        (setting, condition)
        for setting in parameters["settings"]
        for condition in list(CONDITIONS[setting])[::every]
    ]


def cells_of(parameters: dict, pairs: list[tuple[str, str]]) -> list[dict]:
    """Return the trainings of a run, each as the arguments of `one`."""
    images = {name: value for name, value in parameters.items() if name == "images"}
    return [
        dict(
            setting=setting,
            condition=condition,
            seed=seed,
            epochs=parameters["epochs"] or SETTINGS[setting][1],
            **images,
        )
        for seed in range(parameters["seeds"])
        for setting, condition in pairs
    ]


def main(
    setting: Annotated[str, typer.Option(help="half, sleep, or control.")] = None,
    seeds: Seeds = 5,
    resume: Annotated[str, typer.Option(help="A run that was stopped, to go on with.")] = None,
    jobs: Jobs = 2,
    epochs: Epochs = None,
    quick: Annotated[bool, typer.Option(help="2 circuits, 1 seed, 500 images.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Train circuits of three papers on MNIST, and put their errors beside the published ones."""
    if setting is not None:
        one_of("--setting", setting, SETTINGS, ExperimentError, "setting")
    parameters = (
        dict(settings=["control"], seeds=1, epochs=1, images=500)
        if quick
        else dict(
            settings=[setting] if setting else ["half", "control"], seeds=seeds, epochs=epochs
        )
    )
    parameters = Run.open(resume, out).provenance["parameters"] if resume else parameters
    pairs = pairs_of(parameters)
    run = Run.start_or_resume("mnist", parameters, [rule_of(*pair) for pair in pairs], out)
    cells = cells_of(parameters, pairs)
    along, lists = ("setting", "condition", "seed"), ("error", "unsettled", "weights", "deltas")
    data = run.collect(
        one, cells, along, jobs, progress, keep=".h5", **dict.fromkeys(lists, "epoch")
    )
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
