"""The command line: neurofa models, run, compare, show, bench."""

import ast
import importlib.util
import inspect
import json
import os
from contextlib import ExitStack
from functools import wraps
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from ..base.errors import ExperimentError, NeurofaError
from . import lookup
from .experiment import Run, print_table
from .experiment import layers as units_of

PLAIN = dict(add_completion=False, pretty_exceptions_enable=False)
Layers = Annotated[str, typer.Option(help="Units of every layer, input first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Main(TyperGroup):
    """All commands. An error of ours ends as one paragraph."""

    def list_commands(self, ctx):
        """Return the names of the commands, `compare` among them: an experiment that one runs
        often."""
        return [*super().list_commands(ctx), "compare"]

    def get_command(self, ctx, name):
        """Return a command by its name."""
        return _experiment("compare") if name == "compare" else super().get_command(ctx, name)

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
            typer.echo("neurofa: Stopped by Ctrl-C before the end.", err=True)
            raise typer.Exit(130) from None


class Experiments(TyperGroup):
    """One command per script in experiments/. Only the one that is asked for is imported."""

    def list_commands(self, ctx):
        """Return the names of the experiments."""
        return list(lookup.experiment_names())

    def get_command(self, ctx, name):
        """Return what the list of commands shows of an experiment."""
        return TyperCommand(name, help=_question(name))

    def resolve_command(self, ctx, args):
        """Return name, command and flags of the experiment that was asked for."""
        return args[0], _experiment(args[0]), args[1:]


def _experiment(name):
    """Return the command of one experiment, which says first how long it takes: "About 7 minutes on
    2 cores"."""
    module = lookup.experiment(name)
    documented = _documented(module.__file__) if hasattr(module, "__file__") else module.__doc__
    needed = next(
        (line for line in documented.splitlines() if f"neurofa run {name}" in line), ""
    ).split(":")[0]

    @wraps(module.main)
    def main(**flags):
        if needed and not flags.get("quick"):
            typer.echo(f"{needed}, if no flag says otherwise.")
        module.main(**flags)

    single = typer.Typer(**PLAIN)
    single.command(name, help=documented)(main)
    return typer.main.get_command(single)


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


app = typer.Typer(cls=Main, no_args_is_help=True, **PLAIN)
experiments = typer.Typer(
    cls=Experiments, invoke_without_command=True, subcommand_metavar="[EXPERIMENT [FLAGS]...]"
)
benchmarks = typer.Typer(
    no_args_is_help=True,
    help="Time a step against its matrix products, the start of a process, recordings, noise.",
)
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
):
    """Which feedback pathway could teach a cortical network? Learning circuits as differential
    equations, on Brian2."""


@app.command()
def models(
    name: Annotated[
        str, typer.Argument(help="A model to print, or the path of a Python file with a RULE.")
    ] = None,
    image: Annotated[
        Path, typer.Option(help="Draw the circuit of the model to this file, such as dfc.png.")
    ] = None,
):
    """List the learning rules; or print one (equations, parameters with units, reference), and draw
    its circuit if asked to."""
    if name is None and image:
        raise ExperimentError(f"Give the model to draw: neurofa models dfc --image {image}.")
    if name is not None:
        rule = lookup.rule(name)
        typer.echo(str(rule))
        if image:
            from ..figures import diagram

            try:
                diagram.circuit(rule).figure.savefig(image, dpi=200)
            except OSError as problem:
                raise ExperimentError(f"{image} cannot be written: {problem.strerror}.") from None
            except ValueError as problem:
                raise ExperimentError(
                    f"{image} is no picture that can be drawn: {problem}."
                ) from None
            typer.echo(f"\nThe circuit: {image}")
        return
    rules = {model: lookup.rule(model) for model in lookup.model_names()}
    print_table(
        "Learning rules",
        ["model", "rule", "reference", "phases", "plastic", "feedback"],
        [
            [
                model,
                rule.name,
                rule.reference,
                *map(
                    "\n".join,
                    (
                        [phase.name for phase in rule.phases],
                        [
                            f"{p.pathway}{f' of {p.to}' if p.to else ''} {'after' if p.after else 'during'} {p.phase}"
                            for p in rule.plasticity
                        ],
                        [
                            f"{p.name}: {p.signal} of {p.source}{f' by {p.weights}' if p.weights else ''}"
                            for p in rule.pathways
                        ],
                    ),
                ),
            ]
            for model, rule in rules.items()
        ],
    )
    typer.echo("The equations of one: neurofa models dfc")


@experiments.callback()
def run(ctx: typer.Context):
    """Run an experiment; without a name, list them."""
    if ctx.invoked_subcommand is None:
        print_table(
            "Experiments",
            ["experiment", "question"],
            [[name, _question(name)] for name in lookup.experiment_names()],
        )
        typer.echo("The flags of one: neurofa run digits --help")


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="[RUN]", help="The folder of a run, or its name in ./runs.")
    ] = None,
    draw: Annotated[
        str,
        typer.Option(
            help="Draw these instead: traces, weights, alignment, learning; separated by commas. "
            "They become figures in the folder of the run."
        ),
    ] = None,
):
    """Print where a run comes from and what it holds, and draw its figure again from the file;
    without a name, list runs."""
    from ..figures import drawings

    wanted = [drawings.checked(drawing.strip()) for drawing in draw.split(",")] if draw else []
    if name is None and wanted:
        raise ExperimentError(f"Give the run to draw {draw} of: neurofa show RUN --draw {draw}.")
    if name is None:
        _list_runs()
        return
    found = Run.open(name)
    provenance = found.provenance
    for key in ("experiment", "started", "command", "parameters", "rules", "versions", "machine"):
        noted = provenance.get(key, "not noted")
        typer.echo(
            f"{key:<11} {'; '.join(text.splitlines()[0] for text in noted) if key == 'rules' else _inline(noted)}"
        )
    with ExitStack() as opened:  # what is drawn is read from the files, and no more
        files = {
            path.stem: opened.enter_context(found.read(path.name))
            for path in sorted(found.folder.glob("*.nc"))
        }
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
        for drawing in wanted:
            for file, figure in drawings.draw(drawing, files).items():
                typer.echo(f"Figure: {found.save_figure(figure, file)}")
        if not wanted:
            typer.echo(f"Figure: {_redraw(found, provenance['experiment'], files)}")


def _list_runs(out="runs"):
    runs = [Run(path.parent) for path in sorted(Path(out).glob("*/provenance.json"))]
    if runs:
        noted = [(found.folder.name, found.provenance) for found in runs]
        print_table(
            f"Runs in ./{out}",
            ["run", "started", "parameters"],
            [[name, p.get("started", ""), _inline(p.get("parameters", ""))] for name, p in noted],
        )
    else:
        typer.echo(f"There are no runs in ./{out}. Make one: neurofa run digits --quick")


def _inline(noted):
    if isinstance(noted, dict):
        return ", ".join(f"{name} = {_inline(value)}" for name, value in noted.items())
    return noted if isinstance(noted, str) else json.dumps(noted)


def _redraw(found, experiment, files):
    """Draw the figure of a run again and return its path. plot() is given the file of the run, or
    those named as it says."""
    from ..data.recording import Recording
    from ..figures.drawings import DRAWINGS

    draw = lookup.experiment(experiment).plot
    wanted = [p.name for p in inspect.signature(draw).parameters.values() if p.default is p.empty]
    named = dict(zip(wanted, files.values())) if len(files) == 1 else files
    for parameter in wanted:
        if parameter not in named:
            raise ExperimentError(
                f"The figure of {experiment} cannot be drawn: {found.folder} holds no {parameter}.nc. "
                "If the run was stopped before it saved its data, run it again."
            )
    given = [Recording(named[p]) if "phases" in named[p].attrs else named[p] for p in wanted]
    drawn = [
        path.stem for path in found.folder.glob("*.png") if path.stem.split("-")[0] not in DRAWINGS
    ]
    return found.save_figure(draw(*given), drawn[0] if len(drawn) == 1 else experiment)


@benchmarks.command("step")
def bench_step(
    layers: Layers = "784,256,256,256,10",
    trials: int = 128,
    dtype: str = "float64",
    threads: int = 1,
    steps: int = 500,
    as_json: AsJson = False,
):
    """Time one Euler step of deep feedback control against its matrix products alone."""
    from . import bench

    _report(
        "One time step of DFC-SS",
        bench.step(units_of("--layers", layers), trials, dtype, threads, steps),
        as_json,
    )


@benchmarks.command("start")
def bench_start(as_json: AsJson = False):
    """Time a fresh process until its first phase is over: without the compiled circuit, and with
    it."""
    from . import bench

    _report("Process start to end of first phase", bench.start(), as_json)


@benchmarks.command("epoch")
def bench_epoch(
    model: Annotated[str, typer.Option(help="fa or dfc_ss; both, if left out.")] = None,
    trials: int = 128,
    dtype: str = "float64",
    threads: int = os.cpu_count() or 1,
    images: int = 60000,
    tolerance: float = 1e-3,
    as_json: AsJson = False,
):
    """Time an epoch of MNIST (NEUROFA_MNIST names its folder; else of random images), every trial
    at its steady states."""
    from . import bench

    for name in [model] if model else bench.EPOCHS:
        _report(
            f"An epoch of {name}",
            bench.epoch(name, trials, dtype, threads, images, tolerance),
            as_json,
        )


@benchmarks.command("noise")
def bench_noise(
    units: int = 2000,
    trials: int = 8,
    dtype: str = "float64",
    steps: int = 5000,
    as_json: AsJson = False,
):
    """Time what a Gaussian random number costs in the compiled loop, on one core."""
    from . import bench

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
):
    """Time steps of deep feedback control that record all rates, and stream a long recording to a
    file."""
    from . import bench

    _report(
        "Recording all rates of DFC-SS",
        bench.record(units_of("--layers", layers), trials, dtype, threads, steps, gigabytes),
        as_json,
    )


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
