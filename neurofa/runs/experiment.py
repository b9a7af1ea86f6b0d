"""A run is a folder: the data as one netCDF file, where they come from as JSON, and figures."""

from __future__ import annotations

import csv
import io
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from filelock import FileLock

from ..base import netcdf
from ..base.errors import ExperimentError, NetworkError, choices
from ..base.files import read_json, write, write_json
from .cells import Work, digest, gather, run_cells
from .executors import WHOLE, Workers, alone, workers

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from ..data.recording import Recording
    from ..rules.rule import LearningRule

# the flags that all scripts have
Jobs = Annotated[int, typer.Option(min=1, help="Processes of this machine.")]
Seeds = Annotated[
    int, typer.Option(min=1, help="How often, from other initial weights and in another order.")
]
Epochs = Annotated[int, typer.Option(min=1, help="Passes through the samples.")]
Updates = Annotated[int, typer.Option(min=1, help="How often weights change.")]
Out = Annotated[Path, typer.Option(help="Where run folders are made.")]
PACKAGES = ("brian2", "numpy", "scipy", "scipy-openblas32", "xarray")


class Run:
    """One run of an experiment, as a folder.

    Examples
    --------
    >>> from neurofa.experiment import Run
    >>> run = Run.start("mine", dict(eta=0.1), [fa.RULE], out="runs")
    >>> run.provenance["parameters"]
    {'eta': 0.1}
    """

    _held: FileLock  # of a run that can be begun again, for as long as it is at hand

    def __init__(self, folder: str | Path):
        self.folder, self._began = Path(folder), time.perf_counter()

    @classmethod
    def start(
        cls,
        experiment: str,
        parameters: dict,
        rules: Iterable[LearningRule] = (),
        out: str | Path = "runs",
    ) -> Run:
        """Make a new folder for a run of `experiment`, and note in it what is run.

        Raises ExperimentError if `out` cannot be written.
        """
        stamp = datetime.now()
        for attempt in range(1000):
            folder = (
                Path(out) / f"{experiment}-{stamp:%Y%m%d-%H%M%S}{f'-{attempt}' if attempt else ''}"
            )
            try:
                Path(out).mkdir(parents=True, exist_ok=True)
                if not folder.exists():
                    folder.mkdir()
                    break
            except OSError as problem:
                raise ExperimentError(
                    f"No run folder can be made in '{out}': {problem.strerror}. "
                    "Choose another one with --out."
                ) from None
        return cls(folder)._note(experiment, parameters, rules, stamp)

    @classmethod
    def start_or_resume(
        cls,
        experiment: str,
        parameters: dict,
        rules: Iterable[LearningRule] = (),
        out: str | Path = "runs",
    ) -> Run:
        """Return the run of `experiment` with just these parameters and rules, begun before or now.

        Its folder is named after all of them, so that another question never finds it. Raises
        ExperimentError as `start` does, and if another process is at the whole of this very run:
        both would train the same, and write the same files.
        """
        rules = list(rules)
        folder = Path(out) / f"{experiment}-{digest([parameters, [str(rule) for rule in rules]])}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            alone(folder, WHOLE, seconds=1).release()  # many parts may ask at the same moment
        except OSError as problem:
            raise ExperimentError(
                f"No run folder can be made in '{out}': {problem.strerror}. "
                "Choose another one with --out."
            ) from None
        return cls(folder)._note(experiment, parameters, rules, datetime.now())

    def collect(
        self,
        work: Work,
        cells: list[dict],
        along: Sequence[str],
        jobs: int | Executor | Workers = 2,
        progress: bool = True,
        label: str = "trainings",
        keep: str | None = None,
        besides: Sequence[tuple[Work, list[dict]]] = (),
        here: bool = False,
        **dims: str | Sequence[str],
    ) -> xarray.Dataset:
        """Return what `work(**cell)` gives for every cell as a Dataset, as `gather` makes it of the
        results.

        Cells are done in parallel, and each is kept in the folder `cells` as it is finished; `jobs`,
        `keep` and `besides` are as in run_cells. Workers that do a part of them end here, with
        typer.Exit; where they only collect, what is not there is NaN. What is to be done `here`, from
        files in the folder of the run, is done by this machine in any case. Raises KeyboardInterrupt, after
        a word on how to go on, and ExperimentError if another process does the same, or if nothing
        is there to collect.
        """
        by = workers(jobs).here if here else workers(jobs)
        if not by.collecting:
            self._held = alone(self.folder, by.part)
        try:
            results = run_cells(
                self.folder / "cells", work, cells, by, progress, label, keep, besides
            )
        except KeyboardInterrupt:
            print("Interrupted: what is finished is kept; the same command goes on from there.")
            raise
        if by.part != WHOLE:
            done = "Part {} of {} is done.".format(*by.part)
            print(f"{done} When all are, --collect makes table and figure.")
            raise typer.Exit()
        if by.collecting:
            self._say_what_is_missing(results)
        return gather(cells, results, along, **dims)

    def finish(
        self,
        data: xarray.Dataset,
        report: Callable[[xarray.Dataset], None],
        plot: Callable[[xarray.Dataset], Figure],
    ) -> None:
        """Save `data`, print the table that `report` makes of what was saved, and save the figure
        that `plot` draws of it."""
        self.save(data)
        name = self.provenance["experiment"]
        saved = self.load()
        report(saved)
        print(f"Figure: {self.save_figure(plot(saved), name)}")
        print(f"Minutes: {(time.perf_counter() - self._began) / 60:.1f}")

    def _say_what_is_missing(self, results):
        there = sum(map(bool, results))
        if not there:
            raise ExperimentError(
                f"Of this run, {self.folder}, nothing is there to collect. Do its parts first, with the same flags."
            )
        if there < len(results):
            print(
                f"{there} of {len(results)} {'is' if there == 1 else 'are'} there; the rest is left empty."
            )

    def _note(self, experiment, parameters, rules, stamp):
        """Note in the folder what is run, and return the run."""
        self.write_json(
            "provenance.json",
            dict(
                experiment=experiment,
                started=stamp.isoformat(timespec="seconds"),
                command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
                parameters=parameters,
                rules=[str(rule) for rule in rules],
                versions=dict(
                    neurofa=version("neurofa"),
                    python=platform.python_version(),
                    **{p: version(p) for p in PACKAGES},
                ),
                machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            ),
        )
        return self

    @classmethod
    def open(cls, path: str | Path, out: str | Path = "runs") -> Run:
        """Return the run in the folder `path`, or the one of that name in `out`. Raises
        ExperimentError if there is none."""
        for folder in (Path(path), Path(out) / path):
            if (folder / "provenance.json").is_file():
                return cls(folder)
        known = [p.parent.name for p in Path(out).glob("*/provenance.json")]
        raise ExperimentError(f"There is no run '{path}'. " + choices(path, known, "run"))

    @property
    def provenance(self) -> dict:
        """What was run: experiment, command, parameters, rule texts, versions. Raises
        ExperimentError if it cannot be read."""
        return read_json(self.folder / "provenance.json", "experiment")

    def write_json(self, name: str, values: dict) -> None:
        """Write `values` under `name`; the file appears when it is complete."""
        write_json(self.folder / name, values)

    def save(self, data: xarray.Dataset | Recording, name: str = "data.nc") -> None:
        """Write an xarray Dataset or a Recording; the file appears when it is complete."""
        dataset: Any = getattr(data, "dataset", data)
        netcdf.save(dataset, self.folder / name)

    def read(self, name: str = "data.nc") -> xarray.Dataset:
        """Return a saved Dataset that reads from its file what is asked of it, and is to be closed;
        a `with` does.

        Raises ExperimentError if it is not there or cannot be read.
        """
        return netcdf.opened(self.folder / name)

    def save_table(self, rows: list[dict], name: str) -> None:
        """Write a list of dicts as `<name>.csv`, a column per key in order of appearance; what is
        not a number is left empty."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        table = csv.DictWriter(text, columns, restval="")
        table.writeheader()
        table.writerows(
            {key: "" if value != value else value for key, value in row.items()} for row in rows
        )
        write(self.folder / f"{name}.csv", text.getvalue().encode())

    def load(self, name: str = "data.nc") -> xarray.Dataset:
        """Return a saved Dataset, all of it in memory. Raises ExperimentError as `read`."""
        return netcdf.load(self.folder / name)

    def save_figure(self, figure: Figure, name: str) -> Path:
        """Write a matplotlib figure as PNG and PDF, and return the path of the first.

        Where everything lies is found once, for both: to find it takes as long as to draw it.
        """
        from matplotlib import rc_context

        layout = figure.get_layout_engine()
        try:
            for suffix in ("pdf", "png"):
                image = io.BytesIO()
                figure.savefig(image, format=suffix, dpi=200)
                write(self.folder / f"{name}.{suffix}", image.getbuffer())
                with rc_context(
                    {"figure.autolayout": False, "figure.constrained_layout.use": False}
                ):
                    figure.set_layout_engine(None)
        finally:
            if layout:
                figure.set_layout_engine(layout)
        return self.folder / f"{name}.png"


def layers(flag: str, text: str, like: Sequence[int] | None = None) -> list[int]:
    """Return the units of every layer from text such as "784,256,10". Raises NetworkError; so too
    for other ends than those of `like`.

    Examples
    --------
    >>> from neurofa.experiment import layers
    >>> layers("--sizes", "64,30,10")
    [64, 30, 10]
    """
    found = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if len(found) < 2 or min(found) < 1:
        raise NetworkError(
            f"{flag} {text}: give the units of every layer, whole numbers separated by commas, such as "
            f"{','.join(map(str, like or (784, 256, 10)))}."
        )
    if like and (found[0], found[-1]) != (like[0], like[-1]):
        raise NetworkError(
            f"{flag} {text}: this task has {like[0]} inputs and {like[-1]} outputs. Begin with {like[0]} and end with {like[-1]}."
        )
    return found


def counted(number: int, what: str) -> str:
    """Return a number with what it is a number of, for the title of a table.

    Examples
    --------
    >>> from neurofa.experiment import counted
    >>> counted(1, "seed"), counted(5, "paired seed")
    ('1 seed', '5 paired seeds')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Print rows as a table: numbers flush right, words flush left; wide enough for both where
    there is no terminal.

    Examples
    --------
    >>> from neurofa.experiment import print_table
    >>> rows = [["FA", 96.2], ["frozen", "-"]]
    >>> print_table("Accuracy (%)", ["rule", "digits"], rows)  # doctest: +NORMALIZE_WHITESPACE
    Accuracy (%)
    ┏━━━━━━━━┳━━━━━━━━┓
    ┃ rule   ┃ digits ┃
    ┡━━━━━━━━╇━━━━━━━━┩
    │ FA     │   96.2 │
    │ frozen │      - │
    └────────┴────────┘
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", title_style="bold")
    rows = [[str(cell) for cell in row] for row in rows]
    for k, column in enumerate(columns):
        numbers = k > 0 and all(row[k][:1].isdigit() or row[k][:1] in ("", "-") for row in rows)
        table.add_column(Text(column), justify="right" if numbers else "left", no_wrap=k == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    (console if console.is_terminal else Console(width=120)).print(table)
