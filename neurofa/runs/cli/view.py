"""neurofa view: a run in the browser, or as a page that needs no server."""

from __future__ import annotations

from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Annotated

import typer

from ...base.errors import ExperimentError
from ..experiment import Run


def view(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="The folder of a run, or its name in ./runs.")
    ],
    save: Annotated[
        Path | None,
        typer.Option(help="Write the page to this file, which needs no server, and end."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0: any that is free.")
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Look at a run in the browser: traces, weights over training, learning curves; until
    Ctrl-C."""
    from ...view import serving

    run = Run.open(name)
    about = _about(run)
    with ExitStack() as opened:  # what is shown is read from the files, and no more
        paths = sorted(run.folder.glob("*.nc"))
        files = {path.stem: opened.enter_context(run.read(path.name)) for path in paths}
        if not files:
            raise ExperimentError(
                f"{run.folder} holds no data to look at. If the run was stopped before it saved "
                "them, run it again."
            )
        title = f"{run.folder.name}: neurofa"
        if save:
            serving.save(files, title, about, save)
            typer.echo(f"Page: {save}")
        else:
            serving.serve(files, title, about, port, lambda address: _ready(address, browser))


def _ready(address, browser):
    typer.echo(f"{address} shows the run. Ctrl-C ends.")
    if browser:
        typer.launch(address)


def _about(run):
    """Return where a run comes from, as HTML."""
    noted = run.provenance
    rules = "; ".join(rule.splitlines()[0] for rule in noted.get("rules", []))
    parts = noted.get("command", ""), noted.get("started", ""), rules
    return f"<b>{escape(run.folder.name)}</b><br>" + escape(" · ".join(filter(None, parts)))
