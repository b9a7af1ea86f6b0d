"""What does a manipulation of the feedback pathway cost a learning rule?

Every model with its intact pathway and with each manipulation, on a task, with paired seeds: the same initial weights and the same
order of the samples. Each difference is taken within a seed. Finished trainings are kept: the same command goes on where an
interrupted one stopped.

About 4 minutes on 2 cores:  neurofa run compare   (or neurofa compare --models fa,dfc --pathway 'sparse(0.1)' --seeds 5)
"""

import os
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from neurofa import Diverged, lookup
from neurofa.cells import run_cells
from neurofa.experiment import Run, print_table
from neurofa.statistics import estimate, paired

INTACT = "intact"
MODELS = "fa,dfc"
PATHWAYS = ("sparse(0.5)", "delayed(20*ms)", "noisy(0.1, 10*ms)", "lesioned(at=epoch(10), fraction=0.5)")


def trained(task, model, pathway, seed, epochs, rule):
    """Train one network, and return its learning curve as plain values. `rule` is the text that the result depends on."""
    try:
        _, history = lookup.experiment(task).one(model, seed, epochs, progress=False, pathway="" if pathway == INTACT else pathway)
        stopped = ""
    except Diverged as problem:
        history, stopped = problem.history, str(problem)
    if history.interrupted:
        raise KeyboardInterrupt
    unsettled = [u for u in history.unsettled if not np.isnan(u)]
    return dict(accuracy=history.test_accuracy, unsettled=float(np.mean(unsettled)) if unsettled else 0.0, diverged=stopped)


def run(folder, task="digits", models=MODELS.split(","), pathways=PATHWAYS, seeds=5, epochs=60, jobs=2, progress=True):
    """Train what is not in `folder` yet, and return held-out accuracy (rule, pathway, seed, epoch) as a Dataset."""
    import xarray
    setup, conditions = lookup.experiment(task).settings, (INTACT, *pathways)
    rules = {(m, p): str(setup(m, "" if p == INTACT else p)[0]) for m in models for p in conditions}    # refuses what makes no sense
    cells = [dict(task=task, model=m, pathway=p, seed=seed, epochs=epochs, rule=rules[m, p])
             for m in models for p in conditions for seed in range(seeds)]
    results = run_cells(folder, trained, cells, jobs, progress, label=f"{task}, {len(models)} rules, {len(conditions)} pathways")
    shape = len(models), len(conditions), seeds
    accuracy, final, unsettled = np.full((*shape, epochs + 1), np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for place, result in zip(np.ndindex(shape), results):
        accuracy[place][:len(result["accuracy"])] = result["accuracy"]
        final[place], unsettled[place] = 100 * result["accuracy"][-1], result["unsettled"]
    return xarray.Dataset(
        dict(accuracy=(("rule", "pathway", "seed", "epoch"), accuracy), final=(("rule", "pathway", "seed"), final),
             unsettled=(("rule", "pathway", "seed"), unsettled)),
        dict(rule=[lookup.rule(m).name for m in models], pathway=list(conditions), seed=np.arange(seeds), epoch=np.arange(epochs + 1)),
        attrs=dict(task=task))


def rows(data):
    """Return one dict per rule and pathway: mean with 95 % interval, and the paired difference to the intact pathway, in percent."""
    found = []
    for name in data.rule.values:
        last = data.final.sel(rule=name)
        for pathway in data.pathway.values:
            mean, row = estimate(last.sel(pathway=pathway)), dict(rule=str(name), pathway=str(pathway))
            row |= dict(accuracy=mean.mean, low=mean.low, high=mean.high)
            if pathway != INTACT:
                difference, size = paired(last.sel(pathway=pathway), last.sel(pathway=INTACT))
                row |= dict(difference=difference.mean, difference_low=difference.low, difference_high=difference.high, d_z=size)
            row["not_settled"] = 100 * float(data.unsettled.sel(rule=name, pathway=pathway).mean())
            found.append(row)
    return found


def plot(data):
    """Draw the final accuracies, a line per seed, and the paired differences with their 95 % intervals; return the figure."""
    from neurofa import plot
    from neurofa.style import MARKERS
    names, conditions = data.rule.values, data.pathway.values
    figure, axes = plot.figure(columns=2, width=plot.PAGE, height=0.45 * len(conditions) + 1.2)
    table, places = rows(data), np.arange(len(conditions))
    for k, name in enumerate(names):
        shift = 0.3 * (k - (len(names) - 1) / 2) / max(1, len(names) - 1)
        last = data.final.sel(rule=name)
        style = dict(color=str(0.55 * k / max(1, len(names) - 1)), marker=MARKERS[k % len(MARKERS)], markersize=4)
        axes[0].plot(last.values, places[:, None] + shift + np.zeros(data.sizes["seed"]), linestyle="", alpha=0.35,
                     **style | dict(markersize=2.5))
        mine = [row for row in table if row["rule"] == name]
        axes[0].plot([row["accuracy"] for row in mine], places + shift, linestyle="", label=str(name), **style)
        middle, reach = (np.array([row.get(c, 0.0) for row in mine]) for c in ("difference", "difference_high"))
        axes[1].errorbar(middle[1:], places[1:] + shift, xerr=np.nan_to_num(reach - middle)[1:], linestyle="", capsize=2, **style)
    axes[0].set_yticks(places, conditions)
    axes[1].set_yticks(places[1:], [])
    axes[1].axvline(0, color="0.6", linewidth=0.8)
    for panel, label in zip(axes, ("Held-out accuracy (%)", "Difference to intact (points, 95 %)")):
        panel.set_ylim(len(conditions) - 0.5, -0.5)
        panel.set_xlabel(label)
    axes[0].legend(frameon=False, fontsize="small")
    return figure


def report(data):
    """Print the table: mean and 95 % interval, paired difference to the intact pathway and its effect size (Cohen's d_z)."""
    def between(row, middle, low, high):
        return f"{row[middle]:.1f} [{row[low]:.1f}, {row[high]:.1f}]" if middle in row else ""
    print_table(f"{data.attrs['task']}, {data.sizes['seed']} paired seeds, {data.sizes['epoch'] - 1} epochs: held-out accuracy (%)",
                ["rule", "pathway", "mean [95 %]", "difference [95 %]", "d_z", "not settled (%)"],
                [[row["rule"], row["pathway"], between(row, "accuracy", "low", "high"),
                  between(row, "difference", "difference_low", "difference_high"), f"{row['d_z']:.1f}" if "d_z" in row else "",
                  f"{row['not_settled']:.2g}"] for row in rows(data)])


def main(models: Annotated[str, typer.Option(help="Names in models/, separated by commas.")] = MODELS,
         pathway: Annotated[list[str], typer.Option(help="What is done to the feedback pathways, such as 'sparse(0.1) | "
                                                         "delayed(20*ms)', or to one that is named: 'W: dale(0.8)'. "
                                                         "Can be repeated.")] = None,
         task: Annotated[str, typer.Option(help="An experiment whose task and settings are used.")] = "digits",
         seeds: int = 5, epochs: int = 60, jobs: Annotated[int, typer.Option(help="Processes.")] = os.cpu_count() or 1,
         quick: Annotated[bool, typer.Option(help="1 model, 2 pathways, 2 seeds, 1 epoch.")] = False,
         out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"), progress: bool = True):
    """Compare rules with intact and with manipulated feedback pathways, seed by seed."""
    pathways = list(pathway or PATHWAYS)
    if quick:
        models, pathways, seeds, epochs, jobs = models.split(",")[0], pathways[:2], 2, 1, 1
    names, setup = models.split(","), lookup.experiment(task).settings
    folder = Run.start_or_resume("compare", dict(task=task, models=names, pathways=pathways, seeds=seeds, epochs=epochs),
                                 [setup(name)[0] for name in names], out)
    try:
        data = run(folder.folder / "cells", task, names, pathways, seeds, epochs, jobs, progress)
    except KeyboardInterrupt:
        print("Interrupted: what is finished is kept; the same command goes on from there.")
        raise
    folder.save(data)
    folder.save_table(rows(data), "compare")
    report(data)
    print(f"Table: {folder.folder / 'compare.csv'}")
    print(f"Figure: {folder.save_figure(plot(data), 'compare')}")


if __name__ == "__main__":
    typer.run(main)
