"""Is the text of a rule what its author meant? Names, units, locality: asked when the rule is made,
in its own words."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from brian2 import second
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION
from brian2.units.fundamentalunits import get_dimensions

from ..base.errors import RuleError, choices
from .check_names import check_names
from .check_pathways import check_pathways
from .check_plasticity import check_plasticity
from .expressions import check_identifier, check_line, plain_variables
from .limits import check_text, in_words
from .noise import check_noise, noises
from .places import NAMED, PLACES, named, place_kinds
from .text import assignments, equations_of, kinds_of, names_used, variables_of

if TYPE_CHECKING:
    from .rule import LearningRule


# texts in which nothing was found: checking takes longer than making a network
_sound: set[tuple] = set()
MANY = 1000


def check_rule(rule: LearningRule) -> None:
    """Raise RuleError where the rule's text is not what its author can have meant."""
    check_names(rule)
    texts = _texts(rule)
    try:
        if texts in _sound:
            return
    except TypeError:  # a manipulation of a user's own has what cannot be looked up
        return _check_texts(rule)
    _check_texts(rule)
    if len(_sound) == MANY:
        _sound.clear()
    _sound.add(texts)


def _texts(rule):
    """Return all that the checks of a rule's text look at: of parameters, no values."""
    units = tuple((name, get_dimensions(value)) for name, value in rule.parameters.items())
    return units, *(getattr(rule, f.name) for f in fields(rule) if f.name != "parameters")


def _check_texts(rule):
    for kind in kinds_of(rule):
        _check_equations(rule, kind)
    check_pathways(rule)
    _check_links(rule)
    _check_starts(rule)
    for line in rule.plasticity:
        check_plasticity(rule, line)
    for name in set(rule.parameters) - names_used(rule):
        raise RuleError(
            f"{rule.name}: parameter '{name}' is used nowhere. Remove it, or correct the name where it should stand."
        )


def _check_equations(rule, kind):
    equations, variables = equations_of(rule, kind), variables_of(rule, kind)
    for name, equation in equations.items():
        where = f"{rule.name}: {kind}: the line of '{name}'"
        if name in rule.parameters or name in rule.gates:
            raise RuleError(f"{where}: '{name}' is a parameter or a gate too. Rename one of them.")
        if equation.type != PARAMETER:
            dim = (
                equation.dim / second.dim
                if equation.type == DIFFERENTIAL_EQUATION
                else equation.dim
            )
            check_line(rule, where, equation.expr.code, variables, dim, noises([equation]))
            with in_words(where):
                check_noise(where, equation)
    if kind == "hidden" and not any(e.type == DIFFERENTIAL_EQUATION for e in equations.values()):
        raise RuleError(
            f"{rule.name}: {kind} has no differential equation, so that there is nothing to integrate. "
            "Write one, such as dv/dt = (-v + v_basal) / tau_v : 1."
        )


def _check_links(rule):
    for population in rule.populations:
        for name, source in population.links.items():
            where = f"{rule.name}: {population.name}: link '{name}'"
            # with a target of its own, a population has a cost of its own
            if name != "target":
                check_identifier(rule, where, name)
            if (
                name in equations_of(rule, population.name)
                or name in rule.parameters
                or name in rule.gates
            ):
                raise RuleError(
                    f"{where} has an equation, or is a parameter or a gate too. Rename one of them."
                )
            place, variable = population.linked[name]
            if not (place in (*PLACES, *(p.name for p in rule.populations)) or named(place)):
                raise RuleError(
                    f"{where} leads to '{source}'. " + choices(place, {*PLACES, *NAMED}, "place")
                )
            plain = {name for kind in place_kinds(place) for name in plain_variables(rule, kind)}
            if variable not in plain:
                raise RuleError(
                    f"{where} leads to '{source}', which does not exist or has a unit. "
                    + choices(variable, plain, "variable")
                )


def _check_starts(rule):
    for phase in rule.phases:
        for kind, text in phase.start.items():
            if kind not in kinds_of(rule):
                raise RuleError(
                    f"{rule.name}: {phase.name} starts something in '{kind}'. "
                    + choices(kind, kinds_of(rule), "population")
                )
            variables, own = variables_of(rule, kind), equations_of(rule, kind)
            own = {
                name: equation for name, equation in own.items() if equation.type != SUBEXPRESSION
            }
            where = f"{rule.name}: {phase.name} starts with '{text}'"
            check_text(text, where)
            for pair in assignments(text):
                if len(pair) != 2:
                    raise RuleError(f"{where}, which is no assignment 'variable = expression'.")
                if pair[0] not in own:
                    raise RuleError(
                        f"{where}; '{pair[0]}' cannot be set. " + choices(pair[0], own, "variable")
                    )
                check_line(rule, where, pair[1], variables, own[pair[0]].dim)
