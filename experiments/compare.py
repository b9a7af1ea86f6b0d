"""What does a manipulation of the feedback pathway cost a learning rule?

Every model with its intact pathway and with each manipulation, on a task, with paired seeds: the
same initial weights and the same order of the samples. Each difference is taken within a seed.
Finished trainings are kept: the same command goes on where an interrupted one stopped.

About 4 minutes on 2 cores:  neurofa run compare   (also: neurofa compare --models fa,dfc --pathway 'sparse(0.1)')
"""

from __future__ import annotations

import os
from itertools import product
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from neurofa import Diverged, ExperimentError, lookup
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.statistics import FEWEST, PERCENT, Estimate, estimate, paired, shown

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

INTACT, MODELS = "intact", "fa,dfc"
PATHWAYS = (
    "sparse(0.5)",
    "delayed(20*ms)",
    "noisy(0.1, 10*ms)",
    "lesioned(at=epoch(10), fraction=0.5)",
)


def done(pathway: str) -> str:
    """Return the text of what is done to the pathways: none to the intact ones."""
    return "" if pathway == INTACT else pathway


def trained(task: str, model: str, pathway: str, seed: int, epochs: int, rule: str) -> dict:
    """Train one network, and return its learning curve. `rule` is the text that the result depends
    on."""
    try:
        history = lookup.experiment(task).one(
            model, seed, epochs, progress=False, pathway=done(pathway)
        )[1]
    except Diverged as problem:
        typer.echo(f"{model}, {pathway}, seed {seed}: {problem}", err=True)
        history = problem.history
    if history.interrupted:
        raise KeyboardInterrupt
    accuracy, unsettled = history.test_accuracy, [u for u in history.unsettled if not np.isnan(u)]
    return dict(
        accuracy=accuracy,
        final=100 * accuracy[-1] if accuracy else None,
        unsettled=float(np.mean(unsettled)) if unsettled else None,
    )


def rows(data: xarray.Dataset) -> list[dict]:
    """Return a dict per rule and pathway: mean with 95 % interval, and paired difference to the
    intact, in percent."""
    found = []
    for name, pathway in product(data.rule.values, data.pathway.values):
        last, row = data.final.sel(rule=name), dict(rule=str(name), pathway=str(pathway))
        mean = estimate(last.sel(pathway=pathway), PERCENT)
        row |= dict(accuracy=mean.mean, low=mean.low, high=mean.high)
        if pathway != INTACT:
            more, size = paired(last.sel(pathway=pathway), last.sel(pathway=INTACT), PERCENT)
            row |= dict(
                difference=more.mean, difference_low=more.low, difference_high=more.high, d_z=size
            )
        found.append(
            row
            | dict(not_settled=100 * float(data.unsettled.sel(rule=name, pathway=pathway).mean()))
        )
    return found


def plot(data: xarray.Dataset) -> Figure:
    """Draw the final accuracies, a point per seed, and paired differences with 95 % intervals;
    return the figure."""
    from neurofa import plot

    names, conditions, table = data.rule.values, data.pathway.values, rows(data)
    figure, axes = plot.figure(columns=2, width=plot.PAGE, height=0.45 * len(conditions) + 1.2)
    places, spread = np.arange(len(conditions)), max(1, len(names) - 1)
    for k, name in enumerate(names):
        here = places + 0.3 * (k / spread - 0.5 * (len(names) > 1))
        style = plot.looks(names)[name] | dict(linestyle="")
        mine = [row for row in table if row["rule"] == name]
        _draw_accuracies(axes[0], here, data.final.sel(rule=name).values, mine, style)
        _draw_differences(axes[1], here[1:], mine[1:], style)
    axes[0].set_yticks(places, conditions)
    axes[1].set_yticks(places[1:], [])
    axes[1].axvline(0, color="0.6", linewidth=0.8)
    for panel, label in zip(axes, ("Held-out accuracy (%)", "Difference to intact (points)")):
        panel.set_ylim(len(conditions) - 0.5, -0.5)
        panel.set_xlabel(label)
    few = data.sizes["seed"] < FEWEST
    bars = [] if few else [plot.sign("95 % interval", "-")]
    plot.name_lines(
        axes[1],
        handles=[*axes[0].get_legend_handles_labels()[0], plot.sign("one seed", "."), *bars],
    )
    return figure


def _draw_accuracies(panel, here, last, mine, style):
    """Draw the final accuracies of a rule, `last` (pathways, seeds), and their means."""
    panel.plot(last, here[:, None] + np.zeros(last.shape[1]), alpha=0.35, markersize=2.5, **style)
    means, name = [row["accuracy"] for row in mine], mine[0]["rule"]
    panel.plot(means, here, markersize=4, label=name, **style)


def _draw_differences(panel, here, mine, style):
    """Draw the paired differences of a rule, with their intervals."""
    low, middle, high = np.transpose(
        [[row[f"difference{end}"] for end in ("_low", "", "_high")] for row in mine]
    )
    intervals = np.nan_to_num([middle - low, high - middle])
    panel.errorbar(middle, here, xerr=intervals, capsize=2, markersize=4, **style)


def report(data: xarray.Dataset) -> None:
    """Print mean and 95 % interval, paired difference to the intact pathway and its effect size
    (Cohen's d_z)."""

    def between(row, name, low, high):
        return f"{Estimate(row[name], row[low], row[high]):.1f}" if name in row else ""

    print_table(
        f"{data.task}, {counted(data.sizes['seed'], 'paired seed')}, {counted(data.epochs, 'epoch')}: held-out accuracy (%)",
        ["rule", "pathway", "mean [95 %]", "difference [95 %]", "d_z", "not settled (%)"],
        [
            [
                row["rule"],
                row["pathway"],
                between(row, "accuracy", "low", "high"),
                between(row, "difference", "difference_low", "difference_high"),
                shown(row["d_z"]) if "d_z" in row else "",
                shown(row["not_settled"], ".2g"),
            ]
            for row in rows(data)
        ],
    )


# long for its flags; what becomes of them is easiest to follow in one go
def main(
    models: Annotated[str, typer.Option(help="Names in models/, separated by commas.")] = MODELS,
    pathway: Annotated[
        list[str],
        typer.Option(
            help="What is done to the feedback, 'sparse(0.1) | delayed(20*ms)', "
            "or a named pathway, 'W: dale(0.8)'. Repeatable."
        ),
    ] = None,
    task: Annotated[
        str, typer.Option(help="An experiment whose task and settings are used.")
    ] = "digits",
    seeds: Seeds = 5,
    epochs: Epochs = 60,
    jobs: Jobs = os.cpu_count() or 1,
    quick: Annotated[bool, typer.Option(help="1 model, 2 pathways, 2 seeds, 1 epoch.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Compare rules with intact and with manipulated feedback pathways, seed by seed."""
    pathways = list(pathway or PATHWAYS)
    if quick:
        models, pathways, seeds, epochs = models.split(",")[0], pathways[:2], 2, 1
    rules, setup = lookup.rules(models), getattr(lookup.experiment(task), "settings", None)
    if setup is None:
        raise ExperimentError(
            f"--task {task}: that experiment does not say how any model is trained. Give one that does: digits."
        )
    if len({INTACT, *pathways}) <= len(pathways):
        raise ExperimentError(
            f"Pathways are given twice: {', '.join(pathways)}. Give each once; the intact one is always there."
        )
    names = list(rules)
    parameters = dict(task=task, models=names, pathways=pathways, seeds=seeds, epochs=epochs)
    run = Run.start_or_resume("compare", parameters, [setup(name)[0] for name in names], out)
    cells = [
        dict(task=task, model=m, pathway=p, seed=seed, epochs=epochs, rule=text)
        for m, p in product(names, (INTACT, *pathways))
        for text in [str(setup(m, done(p))[0])]
        for seed in range(seeds)
    ]
    data = run.collect(
        trained, cells, ("model", "pathway", "seed"), jobs, progress, accuracy="epoch"
    )
    data = data.rename(model="rule").assign_coords(rule=[rule.name for rule in rules.values()])
    run.finish(data := data.assign_attrs(task=task, epochs=epochs), report, plot)
    run.save_table(rows(data), "compare")
    print(f"Table: {run.folder / 'compare.csv'}")


if __name__ == "__main__":
    typer.run(main)
