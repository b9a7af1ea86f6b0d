"""Can feedback synapses learn to be the transpose?

Akrout et al., NeurIPS 2019, on MNIST: 784-500-10, logistic, gradient descent with minibatches of
128, 400 epochs. Feedback is fixed (FA), learns in a mirror phase of 10 ms of noise after every
minibatch (weight mirror), or changes as W does (Kolen-Pollack). Learning rates, and what W and B
start from, are those of the authors' code, and as there nothing decays: B of the weight mirror
grows. There, the weight mirror also mirrors for an epoch before the first, noise is uniform, biases
start at random and learn 128 times more slowly, and the order of the images is always the same.
Angles are those of B to W^T and, on 1000 held-out images, of B delta to W^T delta, with the rule's
own delta; theirs is of a single image. The training is the setting `sleep` of the experiment mnist.

About 35 minutes on 2 cores, for one seed:  neurofa run wake_sleep
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from neurofa import lookup
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, print_table
from neurofa.statistics import PERCENT, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

# Akrout's results.json: epochs, angle of B delta to W^T delta, of B to W^T, in degrees; test error
# in percent after 400 epochs.
EPOCHS = (1, 10, 50, 100, 400)
PUBLISHED = {
    "FA": ((42, 26, 37, 40, 35), (40, 29, 38, 41, 40), 2.20),
    "weight mirror": ((63, 17, 13, 9, 3.2), (61, 27, 13, 9, 3.8), 1.51),
    "Kolen-Pollack": ((19, 12, 5.7, 4.4, 3.1), (20, 11, 6.2, 4.9, 3.6), 1.55),
    "BP": ((), (), 1.50),
}
MEASURES = dict(
    weights="Angle between B and\nW$^T$ (degrees)",
    deltas="Angle between Bδ and\nW$^T$δ (degrees)",
    error="Test error (%)",
)


def plot(data: xarray.Dataset) -> Figure:
    """Draw both angles and the error over epochs with the published figures, and return the
    figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=3, width=5.5, height=6.6, share_x=True)
    curves = data.rename(condition="rule")
    for panel, (name, label) in zip(axes, MEASURES.items()):
        shown = curves[name].dropna("rule", how="all").dropna("epoch", how="all")
        plot.learning(shown, panel, label=label)
        for rule in shown.rule.values:
            known = np.atleast_1d(dict(zip(("deltas", "weights", "error"), PUBLISHED[rule]))[name])
            epochs = np.array(EPOCHS[-len(known) :])
            plot.crosses(
                panel,
                *np.where(epochs <= int(data.epoch[-1]), (epochs, known), np.nan),
                color=plot.looks([rule])[rule]["color"],
            )
        panel.set_xlabel("Epoch" if name == "error" else "")
        plot.also(panel, plot.sign("published"))
    axes[0].axhline(90, color="0.4", linewidth=0.8, linestyle=":")
    plot.also(axes[0], plot.sign("right angle", ":"))
    last = int(data.epoch[-1])
    axes[2].set(yscale="log", ylim=(1, 100), xscale="symlog", xlim=(-0.1, 1.15 * last))
    ticks = [epoch for epoch in (0, *EPOCHS) if epoch <= last]
    axes[2].set_xticks(ticks, map(str, ticks))
    axes[2].set_yticks([1, 2, 3, 5, 10, 30, 100], ["1", "2", "3", "5", "10", "30", "100"])
    return figure


def report(data: xarray.Dataset) -> None:
    """Print angles, and errors (means over the last five epochs), beside the published ones."""
    rows, last = [], int(data.epoch[-1])
    reached = [(k, epoch) for k, epoch in enumerate(EPOCHS) if epoch <= last]
    for condition in data.condition.values:
        one, (deltas, weights, error) = data.sel(condition=condition), PUBLISHED[condition]
        found = f"{estimate(one.error[:, 1:][:, -5:].mean('epoch'), PERCENT):.2f} ({error:.2f})"
        for name, label, known in (
            ("weights", "B to W^T", weights),
            ("deltas", "Bδ to W^Tδ", deltas),
        )[: 2 if weights else 1]:
            angles = [
                f"{one[name].sel(epoch=epoch).mean('seed'):.2g} ({known[k]:g})" if known else ""
                for k, epoch in reached
            ]
            rows.append([condition, label, *angles, found if name == "weights" else ""])
    print_table(
        f"MNIST, 784-500-10, seeds: {data.sizes['seed']}, epochs: {last}. Angles in degrees after so many epochs, error in percent, "
        "(published, 400 epochs)",
        ["rule", "angle", *(str(epoch) for _, epoch in reached), "test error"],
        rows,
    )


def main(
    seeds: Seeds = 1,
    epochs: Epochs = 400,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="Two rules, 1 seed, 1 epoch of 500 images.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Train circuits whose feedback is fixed or learns, and watch it align."""
    mnist, conditions, more = lookup.experiment("mnist"), list(PUBLISHED), {}
    if quick:
        seeds, epochs, conditions, more = 1, 1, ["FA", "Kolen-Pollack"], dict(images=500)
    rules = [mnist.rule_of("sleep", condition) for condition in conditions]
    run = Run.start_or_resume("wake_sleep", dict(seeds=seeds, epochs=epochs, **more), rules, out)
    cells = [
        dict(setting="sleep", condition=condition, seed=seed, epochs=epochs, **more)
        for seed in range(seeds)
        for condition in conditions
    ]
    lists = dict.fromkeys(("error", "unsettled", "weights", "deltas"), "epoch")
    run.finish(
        run.collect(mnist.one, cells, ("condition", "seed"), jobs, progress, keep=".h5", **lists),
        report,
        plot,
    )


if __name__ == "__main__":
    typer.run(main)
