"""neurofa show: list runs; say what a run holds, and draw from its files."""

import inspect
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ...base.errors import ExperimentError
from .. import lookup
from ..experiment import Run, print_table

PROVENANCE = ("experiment", "started", "command", "parameters", "rules", "versions", "machine")


def show(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="The folder of a run, or its name in ./runs."),
    ] = None,
    draw: Annotated[
        str | None,
        typer.Option(
            help="Draw these instead: traces, weights, alignment, learning; separated by commas. "
            "They become figures in the folder of the run."
        ),
    ] = None,
) -> None:
    """Print where a run comes from and what it holds, and draw its figure again from the file;
    without a name, list runs."""
    from ...figures import drawings

    wanted = [drawings.checked(drawing.strip()) for drawing in draw.split(",")] if draw else []
    if name is None and wanted:
        raise ExperimentError(f"Give the run to draw {draw} of: neurofa show RUN --draw {draw}.")
    if name is None:
        _list_runs()
        return
    run = Run.open(name)
    provenance = run.provenance
    _print_provenance(provenance)
    with ExitStack() as opened:  # what is drawn is read from the files, and no more
        files = {
            path.stem: opened.enter_context(run.read(path.name))
            for path in sorted(run.folder.glob("*.nc"))
        }
        _print_variables(files)
        for drawing in wanted:
            for file, figure in drawings.draw(drawing, files).items():
                typer.echo(f"Figure: {run.save_figure(figure, file)}")
        if not wanted:
            typer.echo(f"Figure: {_redraw(run, provenance['experiment'], files)}")


def _list_runs(out="runs"):
    runs = [Run(path.parent) for path in sorted(Path(out).glob("*/provenance.json"))]
    if runs:
        rows = [(run.folder.name, run.provenance) for run in runs]
        print_table(
            f"Runs in ./{out}",
            ["run", "started", "parameters"],
            [[name, p.get("started", ""), _inline(p.get("parameters", ""))] for name, p in rows],
        )
    else:
        typer.echo(f"There are no runs in ./{out}. Make one: neurofa run digits --quick")


def _print_provenance(provenance):
    """Print where a run comes from, a line for each of PROVENANCE; of rules, what they are
    called."""
    for key in PROVENANCE:
        value = provenance.get(key, "not noted")
        text = (
            "; ".join(rule.splitlines()[0] for rule in value) if key == "rules" else _inline(value)
        )
        typer.echo(f"{key:<11} {text}")


def _inline(value):
    """Return what provenance says of something as one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} = {_inline(one)}" for name, one in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _print_variables(files):
    print_table(
        "Saved",
        ["file", "variable", "shape", "type", "unit"],
        [
            [
                f"{file}.nc",
                variable,
                ", ".join(f"{dim} {size}" for dim, size in array.sizes.items()),
                array.dtype,
                array.attrs.get("units", ""),
            ]
            for file, data in files.items()
            for variable, array in data.variables.items()
        ],
    )


def _redraw(run, experiment, files):
    """Draw the figure of a run again and return its path. plot() is given the file of the run, or
    those named as it says."""
    from ...data.recording import Recording
    from ...figures.drawings import DRAWINGS

    draw = lookup.experiment(experiment).plot
    wanted = [p.name for p in inspect.signature(draw).parameters.values() if p.default is p.empty]
    named = dict(zip(wanted, files.values())) if len(files) == 1 else files
    for parameter in wanted:
        if parameter not in named:
            raise ExperimentError(
                f"The figure of {experiment} cannot be drawn: {run.folder} holds no {parameter}.nc. "
                "If the run was stopped before it saved its data, run it again."
            )
    given = [Recording(named[p]) if "phases" in named[p].attrs else named[p] for p in wanted]
    drawn = [
        path.stem for path in run.folder.glob("*.png") if path.stem.split("-")[0] not in DRAWINGS
    ]
    return run.save_figure(draw(*given), drawn[0] if len(drawn) == 1 else experiment)
