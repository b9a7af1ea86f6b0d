"""What every part of a rule is called, and which value each of its parameters has: checked before any
text is read."""

from __future__ import annotations

import keyword
import re
from math import isfinite
from typing import TYPE_CHECKING

from brian2 import Quantity, second
from brian2.units.fundamentalunits import get_dimensions

from ..base.arguments import shown
from ..base.errors import RuleError, choices
from .activations import ACTIVATIONS
from .expressions import check_identifier
from .places import NAMED, SIZES, WHOSE, named

if TYPE_CHECKING:
    from .rule import LearningRule


def check_names(rule: LearningRule) -> None:
    """Check what every part of the rule is called, before any text is read."""
    _once(rule, "phase", [p.name for p in rule.phases])
    _once(rule, "population", [p.name for p in rule.populations])
    _check_phases(rule)
    _check_populations(rule)
    for gate in rule.gates:
        check_identifier(rule, f"{rule.name}: gate", gate)
    for name, value in rule.parameters.items():
        _check_parameter(rule, name, value)


def _check_phases(rule):
    for p in rule.phases:
        if not p.name.isidentifier() or keyword.iskeyword(p.name):
            raise RuleError(
                f"{rule.name}: a phase is called {p.name!r}. Its name is made of letters, digits and _, as in Trial(free=20*ms)."
            )
        if not isinstance(p.on, tuple) or not all(isinstance(gate, str) for gate in p.on):
            raise RuleError(
                f"{rule.name}: the gates of phase {p.name}, {shown(p.on)}, must be a tuple of names; with one, write "
                "('feedback_on',) with the comma."
            )


def _check_populations(rule):
    for p in rule.populations:
        where = f"{rule.name}: population {p.name}"
        if not re.fullmatch(r"[A-Za-z][A-Za-z_]*", p.name) or p.name in (
            "input",
            "hidden",
            "output",
            "clock",
            *(q.name for q in rule.all_pathways),
        ):
            raise RuleError(
                f"{where}: choose another name, of letters only, that no layer and no pathway has."
            )
        if p.along not in (None, "hidden"):
            raise RuleError(
                f"{where} is along '{p.along}'. "
                + choices(p.along, ("hidden",), "value")
                + " Or leave it out."
            )
        if not (p.size in SIZES or named(p.size) or type(p.size) is int and p.size > 0):
            raise RuleError(
                f"{where} has the size {p.size!r}: give a whole number of units, or as many as one of these has. "
                + choices(p.size, {*SIZES, *NAMED}, "place")
            )
        _check_activation(where, p)


def _check_activation(where, population):
    name = population.activation
    if name not in (*WHOSE, *ACTIVATIONS):
        raise RuleError(
            f"{where} has the activation {shown(name)}. "
            + choices(name, {*WHOSE, *ACTIVATIONS}, "value")
            + " With 'same', the default, the network says which."
        )
    if name == "above" and population.along is None:
        raise RuleError(
            f"{where} has the activation 'above', which needs along='hidden': the layer above the one that it stands beside."
        )


def _check_parameter(rule, name, value):
    where = f"{rule.name}: parameter"
    check_identifier(rule, where, name)
    if name in rule.gates:
        raise RuleError(f"{where} '{name}' is a gate too. Rename one of them.")
    try:
        number = float(Quantity(value))
    except (TypeError, ValueError):
        raise RuleError(
            f"{where} '{name}' = {value!r} is not a number with a unit, such as 10*ms."
        ) from None
    if not isfinite(number):
        raise RuleError(f"{where} '{name}' is {'NaN' if number != number else 'infinite'}.")
    if get_dimensions(value) is second.dim and number <= 0:
        raise RuleError(
            f"{where} '{name}' = {value} is no time constant: give a time larger than 0."
        )


def _once(rule, what, names):
    for name in names:
        if names.count(name) > 1:
            raise RuleError(
                f"{rule.name}: there are two {what}s called '{name}'. Rename one of them."
            )
