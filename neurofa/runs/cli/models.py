"""neurofa models: list the learning rules, print one, draw its circuit."""

from pathlib import Path
from typing import Annotated

import typer

from ...base.errors import ExperimentError
from ...rules.rule import LearningRule
from .. import lookup
from ..experiment import print_table


def models(
    name: Annotated[
        str | None,
        typer.Argument(help="A model to print, or the path of a Python file with a RULE."),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="Draw the circuit of the model to this file, such as dfc.png."),
    ] = None,
) -> None:
    """List the learning rules; or print one (equations, parameters with units, reference), and draw
    its circuit if asked to."""
    if name is None and image:
        raise ExperimentError(f"Give the model to draw: neurofa models dfc --image {image}.")
    if name is None:
        _list()
        return
    rule = lookup.rule(name)
    typer.echo(str(rule))
    if image:
        _draw(rule, image)
        typer.echo(f"\nThe circuit: {image}")


def _list():
    heads = ["model", "rule", "reference", "phases", "plastic", "feedback"]
    rows = [[model, *_row(lookup.rule(model))] for model in lookup.model_names()]
    print_table("Learning rules", heads, rows)
    if others := lookup.other_names():
        rows = [[f"{model}\n({its})", *_row(lookup.rule(model))] for model, its in others.items()]
        print_table("Of other packages", heads, rows)
    typer.echo("The equations of one: neurofa models dfc")


def _row(rule: LearningRule) -> list[str]:
    """Return name and reference of a rule, and its phases, plasticity and pathways, a line each."""
    plastic = [
        f"{p.pathway}{f' of {p.to}' if p.to else ''} {'after' if p.after else 'during'} {p.phase}"
        for p in rule.plasticity
    ]
    feedback = [
        f"{p.name}: {p.signal} of {p.source}{f' by {p.weights}' if p.weights else ''}"
        for p in rule.pathways
    ]
    phases = [phase.name for phase in rule.phases]
    return [rule.name, rule.reference, *map("\n".join, (phases, plastic, feedback))]


def _draw(rule: LearningRule, image: Path) -> None:
    from ...figures import diagram

    try:
        diagram.circuit(rule).figure.savefig(image, dpi=200)  # type: ignore[union-attr]  # a whole one
    except OSError as problem:
        raise ExperimentError(f"{image} cannot be written: {problem.strerror}.") from None
    except ValueError as problem:
        raise ExperimentError(f"{image} is no picture that can be drawn: {problem}.") from None
