"""What the fields of a rule's parts are: text, numbers, tuples. Asked before any text is read."""

from collections.abc import Mapping
from typing import Any

from brian2 import Quantity

from ..base.arguments import kind, shown
from ..base.errors import RuleError
from ..base.fixed import Fixed
from .pathways import Manipulation

TEXT, MAYBE = (str, "text"), ((str, type(None)), "text, or None")
PARTS: dict[str, dict[str, tuple]] = {
    "pathway": dict(
        name=TEXT,
        source=TEXT,
        signal=TEXT,
        into=TEXT,
        to=TEXT,
        bias=(bool, "True or False"),
        weights=MAYBE,
        reads=TEXT,
    ),
    "population": dict(
        name=TEXT,
        equations=TEXT,
        size=((str, int), "text such as 'output', or a number of units"),
        along=MAYBE,
        activation=TEXT,
    ),
    "phase": dict(name=TEXT),
    "plasticity": dict(
        pathway=TEXT,
        equation=TEXT,
        after=MAYBE,
        during=MAYBE,
        to=MAYBE,
        rate=TEXT,
        synapse=TEXT,
        beside=MAYBE,
        every=((Quantity, str, type(None)), "a time such as 10*ms, 'dt', or None"),
    ),
    "rule": dict(name=TEXT, reference=TEXT, neuron=TEXT, output=TEXT, input=TEXT, advice=TEXT),
}


def check_kinds(noun: str, part: Any) -> None:
    """Raise RuleError if a field of a pathway, a population, a phase, a line of plasticity or a
    rule is of no kind that it can be."""
    where = f"{noun} {shown(part.pathway if noun == 'plasticity' else part.name)}"
    for name, (kinds, give) in PARTS[noun].items():
        kind(f"{where}: {name}", getattr(part, name), kinds, give, RuleError)
    if noun == "pathway":
        if part.init is not None and (isinstance(part.init, type) or not callable(part.init)):
            raise RuleError(
                f"{where}: init = {shown(part.init)}: give a value of neurofa.pathways such as normal(), or None."
            )
        if not isinstance(part.through, tuple) or not all(
            isinstance(m, Manipulation) for m in part.through
        ):
            raise RuleError(
                f"{where}: through = {shown(part.through)}: give a tuple of values of neurofa.pathways, such as (sparse(0.5),)."
            )


def texts(what: str, value: Any) -> Fixed:
    """Return a mapping of names to texts, frozen. Raises RuleError if it is none."""
    if not isinstance(value, Mapping) or not all(
        isinstance(one, str) for pair in value.items() for one in pair
    ):
        raise RuleError(f"{what} = {shown(value)}: give a dict of names and texts.")
    return Fixed(value)


def entries(rule: Any, name: str, kinds: type) -> None:
    """Raise RuleError unless an entry of a rule is a tuple of values of the class `kinds`."""
    value = getattr(rule, name)
    if not isinstance(value, tuple):
        raise RuleError(
            f"{rule.name}: {name} must be a tuple; with one entry, write ({name}[0],) with the comma."
        )
    for one in value:
        kind(
            f"{rule.name}: {name}",
            one,
            kinds,
            f"values of the class {kinds.__name__} in a tuple",
            RuleError,
        )
