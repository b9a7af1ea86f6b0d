"""Do circuits with separate feedback synapses learn to read handwritten digits?

Backpropagation, feedback alignment, direct feedback alignment and deep feedback control, with
frozen hidden weights as the floor; 64-30-30-10 tanh, softmax cross-entropy, minibatches of 32, a
quarter of the digits held out.

These five learn with Adam at one rate; how it was chosen, and the settings of other rules, stand in
models/tuned/digits.py.

About 1 minute:  neurofa run digits
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned.digits import SIZES, settings

from neurofa import (
    Diverged,
    ExperimentError,
    Network,
    Snapshots,
    activations,
    lookup,
    tasks,
    train,
)
from neurofa.base.arguments import one_of
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, layers, print_table
from neurofa.optimisers import OPTIMISERS
from neurofa.snapshots import log_spaced
from neurofa.statistics import PERCENT, estimate, shown

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from neurofa import History

MODELS = "bp,fa,dfa,dfc,frozen"
CURVES = ("test_accuracy", "test_cost", "train_cost", "unsettled")


def one(
    model: str,
    seed: int,
    epochs: int,
    progress: bool = True,
    pathway: str = "",
    sizes: Sequence[int] = SIZES,
    activation: str | list[str] = "tanh",
    snapshots: Snapshots | None = None,
    **own,
) -> tuple[str, History]:
    """Train one network and return (name of the rule, History)."""
    rule, optimiser, trial, cost = settings(model, pathway, **own)
    net = Network(sizes, rule, trials=32, activation=activation, cost=cost, seed=seed)
    task, options = (
        tasks.digits(seed=0),
        dict(trial=trial, optimiser=optimiser, seed=seed, progress=progress),
    )
    return rule.name, train(net, task, epochs, snapshots=snapshots, **options)


def curves(model: str, seed: int, epochs: int, rule: str, **options) -> dict:
    """Train one network; return its learning curves and how long it took. `rule` is the text that
    they depend on."""
    begin = time.perf_counter()
    try:
        _, history = one(model, seed, epochs, progress=False, **options)
    except Diverged as problem:  # the others are still worth running
        typer.echo(f"{model}, seed {seed}: {problem}", err=True)
        history = problem.history
    if history.interrupted:
        raise KeyboardInterrupt
    return {name: getattr(history, name) for name in CURVES} | dict(
        seconds=time.perf_counter() - begin
    )


def keep_weights(run: Run, cells: list[dict]) -> None:
    """Train the first seed of every model once more, and keep its weights over training in the folder
    of the run, for `neurofa view`."""
    for cell in (cell for cell in cells if cell["seed"] == 0):
        path = run.folder / f"weights-{Path(cell['model']).stem}.nc"
        if path.exists():
            continue
        options = {name: value for name, value in cell.items() if name != "rule"}
        try:
            one(**options, progress=False, snapshots=Snapshots(log_spaced(10), to=path))
            print(f"Weights over training: {path}")
        except Diverged as problem:  # until then, they are in a file that is called unfinished
            typer.echo(f"{cell['model']}: {problem}", err=True)


def plot(data: xarray.Dataset) -> Figure:
    """Draw held-out accuracy over epochs, median and range of the seeds, and return the figure."""
    from neurofa import plot

    axes = plot.learning(data.test_accuracy * 100, label="Held-out accuracy (%)")
    axes.set_ylim(80, 100)
    return axes.figure


def report(data: xarray.Dataset) -> None:
    """Print the table of the final accuracies; one that diverged has none."""
    rows, epochs = [], data.attrs["epochs"]
    for name in data.rule.values:
        mine = data.sel(rule=name)
        final = 100 * mine.test_accuracy.reindex(epoch=[epochs]).values[:, 0]
        each = " ".join(
            f"{accuracy:.1f}" if np.isfinite(accuracy) else "diverged" for accuracy in final
        )
        unsettled, seconds = 100 * float(mine.unsettled.mean()), float(mine.seconds.mean())
        rows.append(
            [
                name,
                f"{estimate(final, PERCENT):.1f}",
                each,
                shown(unsettled, ".2g"),
                f"{seconds:.1f}",
            ]
        )
    print_table(
        f"Digits, {counted(data.sizes['seed'], 'seed')}, {counted(epochs, 'epoch')}, {data.circuit}",
        ["rule", "held-out accuracy (%) [95 %]", "each seed", "not settled (%)", "seconds"],
        rows,
    )


def by_layer(text: str, hidden: int) -> str | list[str]:
    """Return the name of an activation, or a list, one for each of so many hidden layers, from
    names with commas between them."""
    names = [name.strip() for name in text.split(",")]
    given = activations.of_layers(names if len(names) > 1 else names[0], hidden) or [
        activations.activation(names[0])
    ]
    found = activations.as_given(given)
    return found if isinstance(found, str) else list(found)


# long for its flags; what becomes of them is easiest to follow in one go
def main(
    models: Annotated[str, typer.Option(help="Names in models/, separated by commas.")] = MODELS,
    rule: Annotated[
        str, typer.Option(help="A file with a RULE of your own, run beside BP and frozen.")
    ] = None,
    sizes: Annotated[
        str, typer.Option(help="Units of every layer: 64 pixels first, 10 digits last.")
    ] = "64,30,30,10",
    activation: Annotated[
        str,
        typer.Option(
            help="Of hidden cells, a name in neurofa.activations; or one per hidden layer: relu,tanh"
        ),
    ] = "tanh",
    optimiser: Annotated[
        str, typer.Option(help="Of --rule, or of all models: gradient, momentum or adam.")
    ] = None,
    eta: Annotated[float, typer.Option(help="Learning rate of --rule, or of all models.")] = None,
    seeds: Seeds = 3,
    epochs: Epochs = 60,
    jobs: Jobs = 2,
    weights: Annotated[
        bool, typer.Option("--weights", help="Also keep weights over training, of the first seed.")
    ] = False,
    quick: Annotated[bool, typer.Option(help="1 seed, 5 epochs.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Train circuits to read handwritten digits, and compare the rules."""
    names = list(lookup.rules(f"bp,frozen,{rule}" if rule else models))
    seeds, epochs = (1, 5) if quick else (seeds, epochs)
    units = layers("--sizes", sizes, SIZES)
    circuit = dict(sizes=units, activation=by_layer(activation, len(units) - 2))
    given = {
        name: value
        for name, value in dict(optimiser=optimiser, eta=eta).items()
        if value is not None
    }
    own = {name: given if rule in (None, name) else {} for name in names}
    if optimiser is not None:
        one_of("--optimiser", optimiser, OPTIMISERS, ExperimentError, "optimiser")
    rules = [settings(name, **own[name])[0] for name in names]
    cells = [
        dict(model=m, seed=k, epochs=epochs, rule=str(r), **circuit, **own[m])
        for m, r in zip(names, rules)
        for k in range(seeds)
    ]
    run = Run.start_or_resume(
        "digits", dict(models=names, seeds=seeds, epochs=epochs, **circuit, **given), rules, out
    )
    data = run.collect(
        curves, cells, ("model", "seed"), jobs, progress, **dict.fromkeys(CURVES, "epoch")
    )
    data = (
        data.rename(model="rule")
        .assign_coords(rule=[made.name for made in rules])
        .assign_attrs(epochs=epochs, circuit=f"{'-'.join(map(str, units))} {activation}")
    )
    run.finish(data, report, plot)
    if weights:
        keep_weights(run, cells)


if __name__ == "__main__":
    typer.run(main)
