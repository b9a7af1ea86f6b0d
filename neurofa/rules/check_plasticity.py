"""Is a line of plasticity made of what is at its synapses?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brian2 import hertz
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.stringtools import get_identifiers

from ..base.errors import RuleError, choices
from .expressions import EVERYWHERE, check_line
from .lines import kinds_reached, split
from .places import NAMED, meet, source_kinds, target_kinds
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
    code = split(line, where).code
    reached = [_learns_at(rule, where, line, code, pathway) for pathway in pathways]
    if not any(reached):
        raise RuleError(f"{where}: {line.pathway} does not go to {line.to}.")


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
        _check_local(rule, where, code, pathway, targets, dim)
    return bool(targets)


def _check_local(rule, where, code, pathway, targets, dim):
    local = {"w": DIMENSIONLESS}
    for suffix, kinds in (("_pre", source_kinds(pathway)), ("_post", targets)):
        every = [variables_of(rule, kind) for kind in kinds]
        local |= {
            name + suffix: dim
            for name, dim in every[0].items()
            if all(name in other for other in every[1:])
        }
    for name in sorted(get_identifiers(code)):
        if name not in {*local, *rule.parameters, *EVERYWHERE}:
            raise RuleError(
                f"{where} is not local: '{name}' is not at the synapse. A plasticity line may use w, parameters "
                f"({', '.join(sorted(rule.parameters))}) and variables of the two cells: "
                f"{', '.join(sorted(set(local) - {'w'}))}."
            )
    check_line(rule, where, code, local, dim)
