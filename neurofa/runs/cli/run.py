"""neurofa run: list the experiments, and run one with its own flags."""

import ast
import importlib.util
from functools import wraps
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from .. import lookup
from ..experiment import print_table
from .where import elsewhere

PLAIN: dict[str, Any] = dict(add_completion=False, pretty_exceptions_enable=False)


class Experiments(TyperGroup):
    """One command per script in experiments/. Only the one that is asked for is imported."""

    def list_commands(self, ctx) -> list[str]:
        """Return the names of the experiments."""
        return list(lookup.experiment_names())

    def get_command(self, ctx, name: str) -> TyperCommand:
        """Return what the list of commands shows of an experiment."""
        return TyperCommand(name, help=_question(name))

    def resolve_command(self, ctx, args: list[str]) -> tuple[str, TyperCommand, list[str]]:
        """Return name, command and flags of the experiment that was asked for."""
        return args[0], command_of(args[0]), args[1:]


experiments = typer.Typer(
    cls=Experiments, invoke_without_command=True, subcommand_metavar="[EXPERIMENT [FLAGS]...]"
)


@experiments.callback()
def run(ctx: typer.Context) -> None:
    """Run an experiment; without a name, list them."""
    if ctx.invoked_subcommand is None:
        print_table(
            "Experiments",
            ["experiment", "question"],
            [[name, _question(name)] for name in lookup.experiment_names()],
        )
        typer.echo("The flags of one: neurofa run digits --help")


def command_of(name: str) -> TyperCommand:
    """Return the command of one experiment, which says first how long it takes: "About 7 minutes on
    2 cores"."""
    module = lookup.experiment(name)
    documented = (
        _documented(module.__file__) if hasattr(module, "__file__") else module.__doc__ or ""
    )
    needed = next(
        (line for line in documented.splitlines() if f"neurofa run {name}" in line), ""
    ).split(":")[0]

    there = elsewhere(module.main)

    @wraps(there)
    def main(**flags):
        if needed and not flags.get("quick") and not flags.get("collect"):
            typer.echo(f"{needed}, if no flag says otherwise.")
        there(**flags)

    single = typer.Typer(**PLAIN)
    single.command(name, help=documented)(main)
    return typer.main.get_command(single)  # type: ignore[return-value]  # of one, no group


def _question(name):
    """Return the first line of an experiment's docstring, without importing it."""
    return _documented(importlib.util.find_spec(f"neurofa.experiments.{name}").origin).partition(
        "\n"
    )[0]


def _documented(path):
    """Return the docstring of a file, which is there even where Python was told to leave docstrings
    out."""
    try:
        return ast.get_docstring(ast.parse(Path(path).read_text(encoding="utf-8"))) or ""
    except SyntaxError as problem:
        return f"cannot be read: {problem}"
