"""neurofa bench: time what the engine does."""

import json
import os
from typing import Annotated

import typer

from .. import lookup
from ..experiment import layers as units_of
from ..experiment import print_table

Layers = Annotated[str, typer.Option(help="Units of every layer, input first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

benchmarks = typer.Typer(
    no_args_is_help=True,
    help="Time a step against its matrix products, the start of a process, recordings, noise, cells.",
)


@benchmarks.command("step")
def bench_step(
    layers: Layers = "784,256,256,256,10",
    trials: int = 128,
    dtype: str = "float64",
    threads: int = 1,
    steps: int = 500,
    as_json: AsJson = False,
) -> None:
    """Time one Euler step of deep feedback control against its matrix products alone."""
    from .. import bench

    _report(
        "One time step of DFC-SS",
        bench.step(units_of("--layers", layers), trials, dtype, threads, steps),
        as_json,
    )


@benchmarks.command("start")
def bench_start(as_json: AsJson = False) -> None:
    """Time a fresh process until its first phase has ended: without the compiled circuit, and with
    it."""
    from .. import bench

    _report("Process start to end of first phase", bench.start(), as_json)


@benchmarks.command("epoch")
def bench_epoch(
    model: Annotated[str | None, typer.Option(help="fa or dfc_ss; both, if left out.")] = None,
    trials: int = 128,
    dtype: str = "float64",
    threads: int = os.cpu_count() or 1,
    images: int = 60000,
    tolerance: float = 1e-3,
    as_json: AsJson = False,
) -> None:
    """Time an epoch of MNIST (NEUROFA_MNIST names its folder; else of random images), every trial
    at its steady states."""
    from .. import bench

    for name in [model] if model else bench.EPOCHS:
        _report(
            f"An epoch of {name}",
            bench.epoch(name, trials, dtype, threads, images, tolerance),
            as_json,
        )


@benchmarks.command("update")
def bench_update(
    models: Annotated[str, typer.Option(help="Models, separated by commas.")] = "fa,bp",
    layers: Layers = "64,30,30,10",
    trials: int = 32,
    dtype: str = "float64",
    threads: int = 1,
    updates: int = 900,
    trial: Annotated[
        str, typer.Option(help="settle: Trial(dt=10*ms); steady: SteadyState(1e-3).")
    ] = "settle",
    tuned: Annotated[
        bool, typer.Option("--tuned", help="With the settings that learn the digits.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time an update of the weights beside the discrete rule in NumPy (FA; BP for bp)."""
    from .. import bench

    sizes = units_of("--layers", layers)
    for name in lookup.rules(models):
        _report(
            f"An update of {name}",
            bench.update(name, sizes, trials, dtype, threads, updates, trial, tuned),
            as_json,
        )


@benchmarks.command("noise")
def bench_noise(
    units: int = 2000,
    trials: int = 8,
    dtype: str = "float64",
    steps: int = 5000,
    as_json: AsJson = False,
) -> None:
    """Time what a Gaussian random number costs in the compiled loop, on one core."""
    from .. import bench

    _report("White noise in the compiled loop", bench.noise(units, trials, dtype, steps), as_json)


@benchmarks.command("record")
def bench_record(
    layers: Layers = "784,256,256,256,10",
    trials: int = 128,
    dtype: str = "float64",
    threads: int = 1,
    steps: int = 2000,
    gigabytes: Annotated[float, typer.Option(help="How much is streamed to a file.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Time steps of deep feedback control that record all rates, and stream a long recording to a
    file."""
    from .. import bench

    _report(
        "Recording all rates of DFC-SS",
        bench.record(units_of("--layers", layers), trials, dtype, threads, steps, gigabytes),
        as_json,
    )


@benchmarks.command("cells")
def bench_cells(
    cells: Annotated[int, typer.Option(help="How many, each of which does nothing.")] = 10000,
    jobs: Annotated[int, typer.Option(help="Processes, or workers of a dask cluster here.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Time what a cell of a run costs beyond its work, and what many of them take of the memory: on
    processes, and on a dask cluster of this machine."""
    from .. import bench

    _report("Cells that do nothing", bench.cells(cells, jobs), as_json)


def _report(title, result, as_json):
    if as_json:
        typer.echo(json.dumps(result))
    else:
        shown = {
            n: f"{value:.4g}" if isinstance(value, float) else value for n, value in result.items()
        }
        print_table(
            title,
            ["quantity", "value"],
            [[n.replace("_", " "), value] for n, value in shown.items()],
        )
