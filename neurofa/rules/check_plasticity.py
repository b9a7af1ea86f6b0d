"""Is a line of plasticity made of what is at its synapses?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brian2 import hertz, second
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.stringtools import get_identifiers

from ..base.arguments import has_unit, shown
from ..base.errors import RuleError, choices
from .expressions import EVERYWHERE, check_line
from .lines import kinds_reached, split
from .places import NAMED, meet, source_kinds, target_kinds
from .synapse import called, check_traces
from .text import variables_of

if TYPE_CHECKING:
    from .rule import LearningRule, Plasticity


def check_plasticity(rule: LearningRule, line: Plasticity) -> None:
    """Raise RuleError where a line of plasticity is not what its author can have meant."""
    where = f"{rule.name}: plasticity of {line.pathway}: '{line.equation}'"
    pathways = [p for p in rule.all_pathways if p.name == line.pathway]
    if not pathways:
        raise RuleError(
            f"{where}: there is no such pathway. "
            + choices(line.pathway, [p.name for p in rule.all_pathways], "pathway")
        )
    if (line.after is None) == (line.during is None):
        raise RuleError(f"{where}: say either after= or during= which phase.")
    rule.phase(line.phase)
    _check_every(line, where)
    if line.to is not None and kinds_reached(line) == ():
        raise RuleError(
            f"{where}: to={line.to!r}. "
            + choices(line.to, ("hidden", *NAMED, "layers", "output"), "value")
        )
    if line.rate != "eta" and line.rate not in rule.parameters:
        raise RuleError(
            f"{where}: rate='{line.rate}' is no parameter. "
            + choices(line.rate, rule.parameters, "parameter")
        )
    _check_beside(rule, line, where, pathways)
    code = split(line, where).code
    reached = [_learns_at(rule, where, line, code, pathway) for pathway in pathways]
    if not any(reached):
        raise RuleError(f"{where}: {line.pathway} does not go to {line.to}.")


def _check_beside(rule, line, where, pathways):
    if line.beside is None:
        return
    others = [p for p in rule.all_pathways if p.name == line.beside and p.name != line.pathway]
    if not others:
        raise RuleError(
            f"{where}: beside = {shown(line.beside)}. "
            + choices(line.beside, [p.name for p in rule.all_pathways], "pathway")
        )
    if line.during:
        raise RuleError(f"{where}: beside goes with after=, for a line that is no integral.")
    for p in pathways:
        if not any((p.source, p.to) == (q.source, q.to) and not q.weights for q in others):
            raise RuleError(
                f"{where}: {line.beside} has no synapses of its own between the cells that {p.name} joins, from {p.source} to {p.to}."
            )


def _check_every(line, where):
    if line.every is None or line.every == "dt" and line.during:
        return
    if line.after:
        raise RuleError(
            f"{where}: every = {shown(line.every)} goes with during=, for a line that is integrated; one after a phase is made then."
        )
    if isinstance(line.every, str) or not has_unit(line.every, second) or not line.every > 0:
        raise RuleError(
            f"{where}: every = {shown(line.every)}: give a time such as 10*ms; 'dt', for every time step; or None, for the end of "
            "the phase."
        )


def _learns_at(rule, where, line, code, pathway):
    """Check the line where it is that of this pathway, and return whether it is."""
    if pathway.weights:
        raise RuleError(
            f"{where}: {pathway.name} uses the synapses of {pathway.weights}; make those plastic."
        )
    if pathway.tracks:
        raise RuleError(
            f"{where}: {pathway.name} is made anew after every update, and cannot learn."
        )
    if line.to is not None and not meet(line.to, pathway.to):
        return False
    targets = [
        kind for kind in target_kinds(pathway) if line.to is None or kind in kinds_reached(line)
    ]
    if targets:
        dim = DIMENSIONLESS if line.after else hertz.dim
        _check_local(rule, where, line, code, pathway, targets, dim)
    return bool(targets)


def _check_local(rule, where, line, code, pathway, targets, dim):
    local = {"w": DIMENSIONLESS} | ({"w_beside": DIMENSIONLESS} if line.beside else {})
    for suffix, kinds in (("_pre", source_kinds(pathway)), ("_post", targets)):
        every = [variables_of(rule, kind) for kind in kinds]
        local |= {
            name + suffix: dim
            for name, dim in every[0].items()
            if all(name in other for other in every[1:])
        }
    local |= check_traces(rule, line, where, pathway, local)
    if line.synapse:
        called(code, where)
    for name in sorted(get_identifiers(code)):
        if name not in {*local, *rule.parameters, *EVERYWHERE}:
            raise RuleError(
                f"{where} is not local: '{name}' is not at the synapse. A plasticity line may use w, parameters "
                f"({', '.join(sorted(rule.parameters))}) and variables of the two cells: "
                f"{', '.join(sorted(set(local) - {'w'}))}."
            )
    check_line(rule, where, code, local, dim)
