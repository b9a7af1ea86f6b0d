"""The command line: neurofa models, run, show, bench."""

import ast
import importlib.util
import inspect
import json
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from . import lookup
from .errors import ExperimentError, NetworkError, NeurofaError
from .experiment import Run, print_table

QUIET = dict(add_completion=False, pretty_exceptions_enable=False)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Main(TyperGroup):
    """All commands. An error of ours ends as one paragraph."""

    def invoke(self, ctx):
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except NeurofaError as error:
            if ctx.params["traceback"]:
                raise
            typer.echo(f"neurofa: {type(error).__name__}: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            if ctx.params["traceback"]:
                raise
            typer.echo("neurofa: Stopped by Ctrl-C before the end.", err=True)
            raise typer.Exit(130) from None


class Experiments(TyperGroup):
    """One command per script in experiments/. Only the one that is asked for is imported."""

    def list_commands(self, ctx):
        """Return the names of the experiments."""
        return list(lookup.experiment_names())

    def get_command(self, ctx, name):
        """Return what the list of commands shows of an experiment."""
        return TyperCommand(name, help=_first_line(name))

    def resolve_command(self, ctx, args):
        """Return name, command and flags of the experiment that was asked for."""
        module = lookup.experiment(args[0])
        command = typer.Typer(**QUIET)
        command.command(help=module.__doc__)(module.main)
        return args[0], typer.main.get_command(command), args[1:]


app = typer.Typer(cls=Main, no_args_is_help=True, **QUIET)
run = typer.Typer(cls=Experiments, invoke_without_command=True, subcommand_metavar="[EXPERIMENT [FLAGS]...]")
bench = typer.Typer(no_args_is_help=True)
app.add_typer(run, name="run")
app.add_typer(bench, name="bench")


@app.callback()
def main(traceback: Annotated[bool, typer.Option("--traceback", help="Show where an error came from.")] = False):
    """Which feedback pathway could teach a cortical network? Learning circuits as differential equations, on Brian2."""


# rules and experiments -----------------------------------------------------------------------------------------------


@app.command()
def models(name: Annotated[str, typer.Argument(help="A model to print, or the path of a Python file with a RULE.")] = None):
    """List the learning rules; or print one: equations, parameters with units, reference."""
    if name is not None:
        typer.echo(str(lookup.rule(name)))
        return
    rows = []
    for model in lookup.model_names():
        rule = lookup.rule(model)
        rows.append([model, rule.name, rule.reference, ", ".join(p.name for p in rule.phases),
                     "\n".join(f"{p.pathway}{f' into {p.to}' if p.to else ''}, {'after' if p.after else 'during'} {p.phase}"
                               for p in rule.plasticity),
                     "\n".join(f"{p.name}: {p.signal} of {p.source}{f', synapses {p.weights}' if p.weights else ''}"
                               for p in rule.all_pathways)])
    _print("Learning rules", ["model", "rule", "reference", "phases", "plastic", "pathways"], rows)
    typer.echo("The equations of one: neurofa models dfc")


@run.callback()
def run_experiment(ctx: typer.Context):
    """Run an experiment; without a name, list them."""
    if ctx.invoked_subcommand is None:
        _print("Experiments", ["experiment", "question"], [[name, _first_line(name)] for name in lookup.experiment_names()])
        typer.echo("The flags of one: neurofa run digits --help")


def _first_line(name):
    """Return the first line of an experiment's docstring, without importing it."""
    source = Path(importlib.util.find_spec(f"neurofa.experiments.{name}").origin).read_text(encoding="utf-8")
    try:
        return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    except SyntaxError as problem:
        return f"(cannot be read: {problem})"


# runs ----------------------------------------------------------------------------------------------------------------


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="[RUN]", help="The folder of a run, or its name in ./runs.")] = None):
    """Print where a run comes from and what it holds, and draw its figure again from the saved file; without a name, list runs."""
    if name is None:
        _list_runs()
        return
    found = Run.open(name)
    provenance = _provenance(found)
    for key in ("experiment", "started", "command", "parameters", "rules", "versions", "machine"):
        typer.echo(f"{key + ':':<12} {_inline(provenance.get(key, 'not noted'), values=key != 'rules')}")
    data = {path.stem: found.load(path.name) for path in sorted(found.folder.glob("*.nc"))}
    rows = [[f"{stem}.nc", variable, ", ".join(f"{dim} {size}" for dim, size in array.sizes.items()), array.dtype,
             array.attrs.get("units", "")] for stem, file in data.items() for variable, array in file.variables.items()]
    _print("Saved", ["file", "variable", "shape", "type", "unit"], rows)
    typer.echo(f"Figure: {_redraw(found, provenance['experiment'], data)}")


def _list_runs(out="runs"):
    runs = [Run(path.parent) for path in sorted(Path(out).glob("*/provenance.json"))]
    if not runs:
        typer.echo(f"There are no runs in ./{out}. Make one: neurofa run digits --quick")
        return
    noted = [(r.folder.name, _provenance(r)) for r in runs]
    _print(f"Runs in ./{out}", ["run", "started", "parameters"],
           [[name, p.get("started", ""), _inline(p.get("parameters", {}))] for name, p in noted])


def _provenance(found):
    try:
        noted = found.provenance
    except (OSError, ValueError) as problem:
        raise ExperimentError(f"{found.folder / 'provenance.json'} cannot be read: {problem}.") from None
    if not isinstance(noted, dict) or "experiment" not in noted:
        raise ExperimentError(f"{found.folder / 'provenance.json'} does not say of which experiment this is a run.")
    return noted


def _inline(value, values=True):
    """Return a value of provenance.json on one line; of a mapping, only the names if `values` is false."""
    if isinstance(value, dict):
        return ", ".join(f"{k} = {_inline(v)}" if values else str(k) for k, v in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _redraw(found, name, data):
    """Draw the figure of a run from its files: plot(data, traces) is given data.nc and traces.nc. Return its path."""
    draw = lookup.experiment(name).plot
    wanted = [p.name for p in inspect.signature(draw).parameters.values() if p.name in data or p.default is p.empty]
    for stem in wanted:
        if stem not in data:
            raise ExperimentError(f"{found.folder} has no {stem}.nc, which the figure of {name} is drawn from. "
                                  "The run was stopped before it was saved; run it again.")
    drawn = [path.stem for path in found.folder.glob("*.png")]
    return found.save_figure(draw(**{stem: data[stem] for stem in wanted}), drawn[0] if len(drawn) == 1 else name)


# benchmark -----------------------------------------------------------------------------------------------------------


@bench.callback()
def bench_group():
    """Time a step against its matrix products alone, or the start of a process."""


@bench.command("step")
def bench_step(layers: Annotated[str, typer.Option(help="Units of every layer, input first.")] = "784,256,256,256,10",
               trials: int = 128, dtype: str = "float64", threads: int = 1, steps: int = 500, as_json: AsJson = False):
    """Time one Euler step of deep feedback control against its matrix products alone."""
    from . import bench
    try:
        sizes = [int(n) for n in layers.split(",")]
    except ValueError:
        raise NetworkError(f"--layers {layers}: give whole numbers separated by commas, such as 784,256,10.") from None
    _report("One time step of DFC-SS", bench.step(sizes, trials, dtype, threads, steps), as_json)


@bench.command("start")
def bench_start(as_json: AsJson = False):
    """Time a fresh process until its first phase is over: without the compiled circuit, and with it."""
    from . import bench
    _report("Start of a process to the end of its first phase", bench.start(), as_json)


def _report(title, result, as_json):
    if as_json:
        typer.echo(json.dumps(result))
        return
    text = lambda value: f"{value:.4g}" if isinstance(value, float) else "-".join(map(str, value)) \
        if isinstance(value, list) else value
    print_table(title, ["quantity", "value"], [[name.replace("_", " "), text(value)] for name, value in result.items()])


def _print(title, columns, rows):
    """Print a table of text, all flush left."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console().print(table)
