"""Variables that every synapse has of its own: the text of a plasticity line's `synapse`.

What stands in it is at the synapse: its own variables and `w`, and variables of the two cells that it
connects, x_pre and x_post.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brian2 import second
from brian2.equations.equations import DIFFERENTIAL_EQUATION, SingleEquation
from brian2.units.fundamentalunits import Dimension
from brian2.utils.stringtools import get_identifiers

from ..base.errors import RuleError
from .expressions import check_identifier, check_line
from .noise import noises
from .text import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .parts import Pathway, Plasticity
    from .rule import LearningRule

ENDS = ("pre", "post")
TAKEN = ("bias", "g", "g_post")  # what else can be looked at in a synapse group


def traces(line: Plasticity, where: str) -> dict[str, SingleEquation]:
    """Return `{variable: differential equation}` of the variables that a line's synapses have of
    their own. Raises RuleError if they have any other equation."""
    found = parse(line.synapse, f"{where}: synapse") if line.synapse.strip() else {}
    for name, equation in found.items():
        if equation.type != DIFFERENTIAL_EQUATION:
            raise RuleError(
                f"{where}: the synapse's '{name}' has no differential equation. Write d{name}/dt = ..., or write what it stands for "
                "in the equations of the cells."
            )
    return found


def check_traces(
    rule: LearningRule,
    line: Plasticity,
    where: str,
    pathway: Pathway,
    local: Mapping[str, Dimension],
) -> dict[str, Dimension]:
    """Return `{variable: dimensions}` of the variables that a line's synapses have of their own.

    `local` are the names that may stand in their equations beside them and parameters. Raises
    RuleError where these are not what their author can have meant.
    """
    found = traces(line, where)
    if not found:
        return {}
    if line.after:
        raise RuleError(
            f"{where}: variables of a synapse move with time, and teach while it passes: give during= in place of after=, and "
            "dw/dt = ... ."
        )
    if pathway.bias:
        raise RuleError(
            f"{where}: {pathway.name} has a bias, which is no synapse and has no variables of its own. Give the pathway bias=False."
        )
    own = {name: equation.dim for name, equation in found.items()}
    for name, equation in found.items():
        check_identifier(rule, f"{where}: the synapse's", name)
        if name in (*TAKEN, *rule.all_parameters, *rule.gates):
            raise RuleError(
                f"{where}: a variable of the synapse cannot be called '{name}': that has a meaning already."
            )
        if noises([equation]):
            raise RuleError(f"{where}: there is no noise at synapses; let a cell have it.")
        code = equation.expr.code
        dim = equation.dim / second.dim
        check_line(rule, f"{where}: the synapse's line of '{name}'", code, {**local, **own}, dim)
        called(code, where)
    return own


@dataclass(frozen=True)
class Call:
    """phi or dphi of something at one end of a synapse: every cell evaluates it once for all its
    synapses."""

    name: str  # that stands for it
    end: str  # "pre" or "post"
    code: str  # in the variables of that cell


def called(code: str, where: str, prefix: str = "call") -> tuple[str, list[Call]]:
    """Return an expression of a synapse with names in place of phi(...) and dphi(...), "prefix0_post",
    and what they stand for.

    Raises RuleError for one that is made of variables of both cells, or of the synapse: it would be
    neither's activation.
    """
    calls: list[Call] = []

    class Names(ast.NodeTransformer):
        def visit_Call(self, node):
            if not isinstance(node.func, ast.Name) or node.func.id not in ("phi", "dphi"):
                return self.generic_visit(node)
            used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - {node.func.id}
            ends = {name.rpartition("_")[2] for name in used if name.endswith(("_pre", "_post"))}
            if len(ends) != 1:
                raise RuleError(
                    f"{where}: '{ast.unparse(node)}' must be of variables of one of the two cells, whose activation it is: "
                    "dphi(v_post), or dphi(v_pre)."
                )
            [end] = ends
            text = ast.unparse(without_end(node, end))
            known = next((one for one in calls if (one.end, one.code) == (end, text)), None)
            if known is None:
                known = Call(f"{prefix}{len(calls)}", end, text)
                calls.append(known)
            return ast.Name(f"{known.name}_{end}", ast.Load())

    tree = Names().visit(ast.parse(" ".join(code.split()), mode="eval"))
    return ast.unparse(tree), calls


def without_end(tree: ast.AST, end: str) -> ast.AST:
    """Return an expression in the names that the cell at one end of a synapse uses itself."""

    class Own(ast.NodeTransformer):
        def visit_Name(self, node):
            return ast.Name(node.id.removesuffix(f"_{end}"), ast.Load())

    return Own().visit(tree)


def reads(code: str) -> list[tuple[str, str, str]]:
    """Return [(name, end, variable of the cell)] of what an expression of a synapse reads of the two
    cells."""
    return [
        (name, end, name.removesuffix(f"_{end}"))
        for name in sorted(get_identifiers(code))
        for end in ENDS
        if name.endswith(f"_{end}")
    ]
