"""Is an expression, or a name, of a rule what its author can have meant? What may stand in it, and
with which unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import pi
from typing import TYPE_CHECKING

import numpy as np
from brian2 import Equations, Function, second
from brian2.codegen.optimisation import ArithmeticSimplifier
from brian2.core.variables import Constant, Variable
from brian2.parsing.bast import brian_ast
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.rendering import NodeRenderer
from brian2.parsing.sympytools import str_to_sympy
from brian2.units import allunits, stdunits
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    Dimension,
    Unit,
    get_dimensions,
    get_unit_for_display,
)
from brian2.utils.stringtools import get_identifiers

from ..base.arguments import shown
from ..base.errors import RuleError, suggestion
from .limits import check_expression, check_folded, in_words
from .text import FUNCTIONS, variables_of
from .words import reserved, why

if TYPE_CHECKING:
    from .rule import LearningRule

ACTIVATION = Function(lambda x: x, arg_units=[1], return_unit=1)
EVERYWHERE = FUNCTIONS | {"pi": Constant("pi", value=pi), "phi": ACTIVATION, "dphi": ACTIVATION}
UNITS = {
    name
    for module in (allunits, stdunits)
    for name, unit in vars(module).items()
    if isinstance(unit, Unit)
}
SUPPLIED = ("phi", "dphi", "t", "dt", "pi")

# expressions in which nothing was found, with the dimensions of all that is in them: other rules
# have most of a rule's lines, too
_sound: set[tuple] = set()
MANY = 10_000


def namespace(
    rule: LearningRule, code: str, variables: Mapping[str, Dimension]
) -> dict[str, Variable | Function]:
    """Return the names that are known of those in an expression, as Brian2 variables with
    dimensions."""
    known = (
        dict(variables)
        | {name: get_dimensions(value) for name, value in rule.all_parameters.items()}
        | dict.fromkeys(rule.gates, DIMENSIONLESS)
        | dict(t=second.dim, dt=second.dim)
    )
    used = get_identifiers(code)
    # with a type of their own: to ask Brian2's preferences for it takes as long as all the rest
    return {
        name: Variable(name, dimensions=known[name], dtype=np.float64)
        for name in used & known.keys()
    } | {name: EVERYWHERE[name] for name in used & EVERYWHERE.keys()}


def plain_variables(rule: LearningRule, kind: str) -> list[str]:
    """Return the variables of one kind that have no unit."""
    return [name for name, dim in variables_of(rule, kind).items() if dim is DIMENSIONLESS]


def check_identifier(rule: LearningRule, where: str, name: object) -> None:
    """Raise RuleError if `name` cannot be a variable, a parameter or a gate."""
    if not isinstance(name, str):
        raise RuleError(f"{where} {shown(name)}: its name must be text.")
    try:
        Equations.check_identifier(name)
    except (ValueError, SyntaxError) as problem:
        raise RuleError(f"{where} '{name}': {problem}") from None
    if reserved(name):
        raise RuleError(f"{where} '{name}': {why(name)}")


def check_line(
    rule: LearningRule,
    where: str,
    code: str,
    variables: Mapping[str, Dimension],
    dim: Dimension,
    noise: Iterable[str] = (),
) -> None:
    """Raise RuleError unless an expression is made of names that are known there, and has the
    dimensions `dim`.

    `variables` are what may stand in it beside parameters and supplied names, with their
    dimensions; `noise` are the white noises of its equation. `where` begins the message.
    """
    noises = dict.fromkeys(noise, (second**-0.5).dim)
    names = namespace(rule, code, {**variables, **noises})
    asked = code, dim, frozenset((name, getattr(one, "dim", None)) for name, one in names.items())
    if asked not in _sound:
        _check_line(rule, where, code, variables, dim, names)
        if len(_sound) == MANY:
            _sound.clear()
        _sound.add(asked)


def _check_line(rule, where, code, variables, dim, names):
    check_expression(code, where)
    for name in sorted(get_identifiers(code)):
        if name not in names and name in UNITS:
            raise RuleError(
                f"{where} uses the unit '{name}': equations hold names and plain numbers. Give the value a name, such as "
                f"parameters=dict(tau_x=10*{name}), and write tau_x."
            )
        if name not in names:
            supplied = SUPPLIED + rule.gates
            raise RuleError(
                f"{where} uses '{name}', which is no variable ({', '.join(sorted(variables))}), "
                f"parameter ({', '.join(sorted(rule.parameters))}) or supplied name ({', '.join(supplied)})."
                + suggestion(name, [*variables, *rule.parameters, *supplied])
            )
    with in_words(where), np.errstate(all="ignore"):
        found = parse_expression_dimensions(code, names)
        check_folded(str_to_sympy(code), code, where)
        simplified = NodeRenderer().render_node(
            ArithmeticSimplifier(names).render_node(brian_ast(code, names))
        )
    # as code is generated of it: r - r has become 0, by which nothing can be divided
    check_expression(simplified, where)
    if found is not dim:
        raise RuleError(
            f"{where} should have the unit {_unit(dim)}, but '{code.strip()}' has the unit {_unit(found)}."
        )


def _unit(dim):
    return "1 (none)" if dim is DIMENSIONLESS else str(get_unit_for_display(dim))
