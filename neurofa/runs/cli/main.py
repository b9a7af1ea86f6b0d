"""What all commands have in common: how they are found, how they end, and the flags before their
names."""

import atexit
import gc
from importlib import metadata
from typing import Annotated

import typer
from typer.core import TyperGroup

from ...base.errors import NeurofaError
from .bench import benchmarks
from .models import models
from .run import PLAIN, command_of, experiments
from .show import show
from .view import view


class Main(TyperGroup):
    """All commands. An error of ours ends as one paragraph."""

    def list_commands(self, ctx) -> list[str]:
        """Return the names of the commands, `compare` among them: an experiment that one runs
        often."""
        return [*super().list_commands(ctx), "compare"]

    def get_command(self, ctx, name: str):
        """Return a command by its name."""
        return command_of("compare") if name == "compare" else super().get_command(ctx, name)

    def invoke(self, ctx) -> object:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except NeurofaError as error:
            if ctx.params["traceback"]:
                raise
            typer.echo(f"neurofa: {type(error).__name__}: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("neurofa: Stopped by Ctrl-C before the end.", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(cls=Main, no_args_is_help=True, **PLAIN)
app.command()(models)
app.command()(show)
app.command()(view)
app.add_typer(experiments, name="run")
app.add_typer(benchmarks, name="bench")


def _version(wanted):
    if wanted:
        typer.echo(f"neurofa {metadata.version('neurofa')}")
        raise typer.Exit()


@app.callback()
def main(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version, and end."
        ),
    ] = False,
) -> None:
    """Which feedback pathway could teach a cortical network? Learning circuits as differential
    equations, on Brian2."""
    atexit.register(gc.freeze)  # the command has ended: nothing is searched for memory to give back
