"""Do a rule's pathways begin and end where there is something, and does what is done to them make
sense there?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from brian2.units.fundamentalunits import DIMENSIONLESS, get_dimensions

from ..base.errors import RuleError, choices
from .expressions import check_identifier, plain_variables
from .pathways.start import spectral
from .pathways.synapses import check_synapses, quantised
from .places import NAMED, REACH, SOURCES, meet, named, source_kinds, target_kinds
from .text import own_equations_of, parse, variables_of

if TYPE_CHECKING:
    from .rule import LearningRule


READS = ("new", "old", "end")


def check_pathways(rule: LearningRule) -> None:
    """Raise RuleError where a pathway is not what its author can have meant."""
    taken: list[tuple[str, str, str]] = []  # (name, target variable, where to) of those before
    for p in rule.all_pathways:
        where = f"{rule.name}: pathway {p.name}"
        _check_ends(rule, where, p)
        _check_lender(rule, where, p)
        _check_signal(rule, where, p)
        _check_target(rule, where, p)
        _check_manipulations(rule, where, p)
        _check_apart(where, p, taken)
        taken.append((p.name, p.into, p.to))


def _check_ends(rule, where, pathway):
    """Check where a pathway comes from, where it goes, and what it is called."""
    kinds = [population.name for population in rule.populations]
    if not re.fullmatch(r"[A-Za-z][A-Za-z_]*", pathway.name):
        raise RuleError(
            f"{where}: a pathway's name is letters only; the layer's number is added to it."
        )
    if not (pathway.to in (*REACH, *kinds) or named(pathway.to)):
        raise RuleError(
            f"{where} goes to '{pathway.to}', which is nowhere. "
            + choices(pathway.to, {*REACH, *NAMED, *kinds}, "target")
        )
    if not (pathway.source in (*SOURCES, *kinds) or named(pathway.source)):
        raise RuleError(
            f"{where} comes from '{pathway.source}', which is nowhere. "
            + choices(pathway.source, {*SOURCES, *NAMED, *kinds}, "source")
        )
    if pathway.reads not in READS:
        raise RuleError(
            f"{where} reads '{pathway.reads}'. " + choices(pathway.reads, READS, "value")
        )


def _check_lender(rule, where, pathway):
    """Check that a pathway whose weights are another's takes them from one that has some."""
    owner = next((q for q in rule.all_pathways if q.name == pathway.lent_by), None)
    if pathway.weights and (owner is None or owner.weights):
        raise RuleError(
            f"{where} uses the weights of '{pathway.weights}', which has none of its own. "
            + choices(
                pathway.weights, [q.name for q in rule.all_pathways if not q.weights], "pathway"
            )
        )


def _check_signal(rule, where, pathway):
    """Check that every source of a pathway has what it transmits."""
    for kind in source_kinds(pathway):
        dim = variables_of(rule, kind).get(pathway.signal)
        if dim is not DIMENSIONLESS:
            raise RuleError(
                f"{where} transmits '{pathway.signal}', which {kind} does not have, or which has a unit. "
                + choices(pathway.signal, plain_variables(rule, kind), "variable")
            )


def _check_apart(where, pathway, taken):
    """Check that no pathway before it has its name or its target variable in the same layers."""
    for name, into, before in taken:
        if meet(pathway.to, before) and (name == pathway.name or into == pathway.into):
            what = (
                f"is called like another pathway to {pathway.to}"
                if name == pathway.name
                else f"goes into '{into}' of {pathway.to}, as another pathway does. One pathway, one target variable"
            )
            raise RuleError(f"{where} {what}: give it its own, and add the two in an equation.")


def _check_target(rule, where, pathway):
    """Check that the variable that a pathway goes into is free."""
    into = pathway.into
    check_identifier(rule, f"{where} goes into", into)
    for kind in target_kinds(pathway):
        links = next((p.links for p in rule.populations if p.name == kind), {})
        if (
            into in own_equations_of(rule, kind)
            or into in rule.parameters
            or into in rule.gates
            or into in links
        ):
            raise RuleError(
                f"{where} goes into '{into}' of {kind}, which {kind} defines itself, or which is a link, a parameter "
                "or a gate. Remove the other, or let the pathway end elsewhere."
            )


def _check_manipulations(rule, where, pathway):
    """Check that what is done to a pathway makes sense there, and that its names are free."""
    for m in (*(m for m in pathway.through if m.synaptic), pathway.init):
        if m is not None and pathway.weights:
            raise RuleError(
                f"{where} uses the synapses of {pathway.weights}, so that {type(m).__name__} can only be done to those. "
                "What a pathway transmits (gain, noisy, delayed, ...) can be changed without."
            )
    check_synapses(where, pathway.through)
    if isinstance(pathway.init, spectral) and any(
        isinstance(m, quantised) for m in pathway.through
    ):
        raise RuleError(
            f"{where}: spectral and quantised do not go together: weights that are rounded have another spectral radius. "
            "Start from normal() or uniform(bound)."
        )
    for name, value in pathway.parameters.items():
        others = [p.parameters[name] for p in rule.all_pathways if name in p.parameters]
        if any(
            get_dimensions(other) is not get_dimensions(value) or float(other) != float(value)
            for other in others
        ):
            raise RuleError(
                f"{where}: '{name}' would have two values, because several pathways are called {pathway.name}. "
                "Do the same to all of them, or rename one."
            )
    names = {
        *pathway.parameters,
        *(parse(pathway.transmission, where) if pathway.transmission else ()),
        pathway.drive,
    } - {pathway.into}
    for kind in target_kinds(pathway) if pathway.through else ():
        for name in sorted(names & {*own_equations_of(rule, kind), *rule.parameters, *rule.gates}):
            raise RuleError(
                f"{where}: what is done to it needs the name '{name}', which the rule uses for something else. Rename that."
            )
