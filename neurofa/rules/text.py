"""Reading a rule's text: which units have which variables, and where pathways come from and go
to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Equations
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.equations.equations import PARAMETER, SingleEquation
from brian2.parsing.rendering import NumpyNodeRenderer
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension
from brian2.utils.stringtools import get_identifiers
from scipy.special import exprel

from ..base.errors import RuleError
from ..base.reals import REALS
from .limits import FOREIGN, check_lines, check_text, check_units, said
from .places import target_kinds
from .words import reserved, why

if TYPE_CHECKING:
    from .rule import LearningRule, Pathway, Population

FUNCTIONS = {
    name: f
    for name, f in DEFAULT_FUNCTIONS.items()
    if name not in ("rand", "randn", "poisson", "timestep")
}

NUMERIC = dict(
    exp=np.exp,
    expm1=np.expm1,
    log=np.log,
    log1p=np.log1p,
    log10=np.log10,
    sqrt=np.sqrt,
    abs=np.abs,
    sign=np.sign,
    sin=np.sin,
    cos=np.cos,
    tan=np.tan,
    sinh=np.sinh,
    cosh=np.cosh,
    tanh=np.tanh,
    arcsin=np.arcsin,
    arccos=np.arccos,
    arctan=np.arctan,
    exprel=exprel,
    inf=np.inf,
    e=np.e,
    pi=np.pi,
    logical_not=np.logical_not,
    **REALS,
)
"""The same functions in NumPy, for text that is evaluated between phases."""


def evaluate(code: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression of the rule's text, given the values of its names (arrays
    or numbers)."""
    # text of a file can reach nothing else
    return eval(_in_numpy(code), NUMERIC | {"__builtins__": {}}, names)


@cache
def _in_numpy(code):
    return compile(NumpyNodeRenderer(auto_vectorise=set()).render_expr(code), code, "eval")


def parse(text: str, where: str) -> dict[str, SingleEquation]:
    """Return `{variable: equation}` of Brian2 equations in `text`, in their order. Raises RuleError
    naming `where`."""
    return dict(_parsed(text, where))


@cache
def _parsed(text, where):
    check_text(text, where)
    check_units(text, where)
    check_lines(text, where)
    try:
        equations = Equations(text)
    except RecursionError:
        raise RuleError(
            f"{where} is nested too deeply to be read. Name a part of it in a line of its own."
        ) from None
    except FOREIGN as problem:
        bare = [
            line.strip()
            for line in map(_without_comment, text.splitlines())
            if "=" in line and ":" not in line
        ]
        if bare:
            raise RuleError(
                f"{where}: the line '{bare[0]}' has no unit. "
                "End it with a colon and the unit, ': 1' for none."
            ) from None
        raise RuleError(f"{where}: {said(problem)}") from None
    for name in equations:
        if reserved(name):
            raise RuleError(f"{where} defines '{name}'. {why(name)}")
        if equations[name].flags:
            raise RuleError(
                f"{where}: '{name}' has the flag ({', '.join(equations[name].flags)}), which neurofa does not know."
            )
    return {name: equations[name] for name in equations}


def equations_of(
    rule: LearningRule, kind: str, entering: Collection[Pathway] | None = None
) -> dict[str, SingleEquation]:
    """Return `{variable: equation}` of the units of one kind: "input", "hidden", "output" or a
    population of the rule.

    The author's equations, and those that manipulations of the pathways add where these arrive. Not
    all hidden layers receive the same pathways: `entering` are those that one of them does. Phases
    begin alike for all, so that what they set is there for all.
    """
    found = own_equations_of(rule, kind)
    for pathway in rule.all_pathways:
        if pathway.transmission and kind in target_kinds(pathway):
            more = parse(
                pathway.transmission, f"{rule.name}: what is done to pathway {pathway.name}"
            )
            found = found | {
                n: e for n, e in more.items() if arrives(pathway, entering) or e.type == PARAMETER
            }
    return found


def arrives(pathway: Pathway, entering: Collection[Pathway] | None) -> bool:
    """Whether a pathway is among those that enter a population; None stands for all."""
    return entering is None or pathway in entering


def own_equations_of(rule: LearningRule, kind: str) -> dict[str, SingleEquation]:
    """Return `{variable: equation}` of the units of one kind, as the rule's author wrote them."""
    if kind == "input":
        return {"r": Equations("r : 1")["r"]} | parse(rule.input, f"{rule.name}: input")
    if kind == "hidden":
        return parse(rule.neuron, f"{rule.name}: neuron")
    if kind == "output":
        return parse(rule.neuron, f"{rule.name}: neuron") | parse(
            rule.output, f"{rule.name}: output"
        )
    return parse(population_of(rule, kind).equations, f"{rule.name}: {kind}")


def kinds_of(rule: LearningRule) -> tuple[str, ...]:
    """Return the kinds of unit that the rule has."""
    return ("input", "hidden", "output", *(p.name for p in rule.populations))


def population_of(rule: LearningRule, name: str) -> Population:
    """Return the population of the rule called `name`."""
    return next(p for p in rule.populations if p.name == name)


def variables_of(
    rule: LearningRule, kind: str, entering: Collection[Pathway] | None = None
) -> dict[str, Dimension]:
    """Return `{name: dimensions}` of all that units of one kind have: own variables, drives, links,
    and what is supplied.

    `entering`: as for `equations_of`.
    """
    names = {name: equation.dim for name, equation in equations_of(rule, kind, entering).items()}
    for pathway in rule.all_pathways:
        if kind in target_kinds(pathway):
            made = pathway.transmission and arrives(pathway, entering)
            names.setdefault(pathway.drive if made else pathway.into, DIMENSIONLESS)
    if kind == "output":
        names["target"] = DIMENSIONLESS
    elif kind not in ("input", "hidden"):
        names |= {name: DIMENSIONLESS for name in population_of(rule, kind).links}
    if {"r", "target"} <= set(names):
        names["dcost"] = DIMENSIONLESS
    return names


def _without_comment(line):
    return line.split("#")[0]


def assignments(text: str) -> list[tuple[str, ...]]:
    """Return `[(variable, expression)]` of assignments separated by semicolons or line ends."""
    lines = [
        part.strip()
        for line in map(_without_comment, text.splitlines())
        for part in line.split(";")
    ]
    return [tuple(part.strip() for part in line.split("=", 1)) for line in lines if line]


def names_used(rule: Any) -> set[str]:
    """Return every name that some text of the rule uses."""
    texts = [
        rule.neuron,
        rule.output,
        rule.input,
        *(p.equations for p in rule.populations),
        *(text for phase in rule.phases for text in phase.start.values()),
        *(text for line in rule.plasticity for text in (line.equation, line.synapse)),
    ]
    return set().union(
        *(get_identifiers(_without_comment(line)) for text in texts for line in text.splitlines())
    )
