"""Where the cells of an experiment are done: flags of every experiment that has cells."""

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any

import typer

from ...base.errors import ExperimentError
from .. import executors

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="A dask cluster does the work, tcp://host:8786, in place of processes of this machine.",
    ),
]
Part = Annotated[
    str | None,
    typer.Option(
        metavar="K/N",
        help="Do this part alone, 3/10 is the third of ten, and save it: for array jobs of a queue.",
    ),
]
Collect = Annotated[
    bool, typer.Option("--collect", help="Do nothing; make table and figure of what is there.")
]


def elsewhere(main: Callable[..., Any]) -> Callable[..., Any]:
    """Return the `main` of an experiment with the flags that say where its cells are done, if it has
    cells."""
    signature = inspect.signature(main, eval_str=True)
    if "jobs" not in signature.parameters:
        return main

    @wraps(main)
    def command(scheduler=None, part=None, collect=False, **flags):
        if part and collect:
            raise ExperimentError(
                "--part and --collect: do the parts first; --collect is for when they are done."
            )
        which = executors.part(part) if part else executors.WHOLE
        with _executor(scheduler, flags.pop("jobs")) as executor:
            main(jobs=executors.Workers(executor, which, collect), **flags)

    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, default, kind in (
            ("scheduler", None, Scheduler),
            ("part", None, Part),
            ("collect", False, Collect),
        )
    ]
    given = [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values()]
    command.__signature__ = signature.replace(parameters=[*given, *more])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*given, *more]}
    return command


@contextmanager
def _executor(scheduler: str | None, jobs: int) -> Iterator[int | Executor]:
    if scheduler is None:
        yield jobs
    else:
        with executors.cluster(scheduler) as executor:
            yield executor
