"""One plasticity line -> its terms.

A line is a sum of (what the postsynaptic cell contributes) x (what the presynaptic cell
contributes), and of terms in the weight alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import sympy
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from sympy.core.function import AppliedUndef

from ..base.errors import RuleError
from .limits import check_expression, check_text, in_words
from .places import named

if TYPE_CHECKING:
    from .parts import Plasticity

BESIDE = sympy.Symbol("w_beside", real=True)
_LINE = re.compile(r"\s*(?P<left>w\s*\+=|dw\s*/\s*dt\s*=)\s*(?P<code>[^#]+)")


@dataclass(frozen=True)
class Term:
    """`w**power * post * pre`, times w_beside if it is `beside`: `post` and `pre` are expressions in
    the variables of one cell, or "1"."""

    post: str
    pre: str
    power: int
    # False: a decay, which depends on no cell and which optimisers leave alone
    of_activity: bool
    beside: bool = False


@dataclass(frozen=True)
class Split:
    """The right-hand side of a line, and its terms."""

    code: str
    terms: tuple[Term, ...]


def split(line: Plasticity, where: str) -> Split:
    """Split a Plasticity line into its terms. Raises RuleError if it is not a sum of (post) x (pre)
    x (power of w)."""
    check_text(line.equation, where)
    return _split(line.equation, bool(line.during), bool(line.synapse), bool(line.beside), where)


@lru_cache(maxsize=1024)
def _split(equation, during, of_synapse, has_beside, where):
    text = " ".join(part.split("#")[0] for part in equation.splitlines())
    match = _LINE.fullmatch(text.strip())
    if not match:
        raise RuleError(f"{where} is neither 'w += ...' nor 'dw/dt = ...'.")
    if match["left"].startswith("dw") != during:
        raise RuleError(
            f"{where}: write 'w += ...' for a change after a phase, 'dw/dt = ...' for one during it."
        )
    code = match["code"].strip()
    check_expression(code, where)
    if of_synapse:  # one value per synapse and trial: it need not be a product
        return Split(code, (Term(code, "1", 0, True),))
    with in_words(f"{where} cannot be read"):
        expression = sympy.expand(str_to_sympy(code), power_base=False, power_exp=False, log=False)
    posts: dict[tuple, sympy.Expr] = {}
    for term in sympy.Add.make_args(expression):
        if not isinstance(term, sympy.Expr):
            raise RuleError(
                f"{where}: '{term}' is true or false, and no number. Write int({term})."
            )
        beside = has_beside and BESIDE in term.free_symbols
        post, pre, power = _factors(_without(term, where) if beside else term, where)
        of_activity = pre != 1 or any(symbol.name.endswith("_post") for symbol in post.free_symbols)
        if beside and not of_activity:
            raise RuleError(
                f"{where}: '{term}' has w_beside, and no variable of a cell that it is multiplied with."
            )
        key = (pre, power, of_activity, beside)
        posts[key] = posts.get(key, 0) + post
        _check_whose_phi(post, where)
    return Split(
        code,
        tuple(
            Term(_without_suffix(post, "_post"), _without_suffix(pre, "_pre"), *rest)
            for (pre, *rest), post in posts.items()
        ),
    )


def _without(term, where):
    """Return a product that has w_beside, without it."""
    rest = term / BESIDE
    if BESIDE in rest.free_symbols:
        raise RuleError(f"{where}: w_beside may stand to the power 1 only, not '{term}'.")
    return rest


def _check_whose_phi(post, where):
    """Raise RuleError for phi of what belongs to no cell: which cell's activation it is, is not known."""
    called = {str(one.func) for one in post.atoms(AppliedUndef)}
    if called & {"phi", "dphi"} and not any(s.name.endswith("_post") for s in post.free_symbols):
        raise RuleError(
            f"{where}: '{post}' is phi of no cell's variable. Write a number, or phi of a variable of one of the two cells."
        )


def _factors(term, where):
    """Return (post, pre, power of w) of one product; plain numbers and parameters go with
    `post`."""
    post, pre, power = sympy.Integer(1), sympy.Integer(1), 0
    for factor in sympy.Mul.make_args(term):
        names = {symbol.name for symbol in factor.free_symbols}
        ends = {name.rsplit("_", 1)[-1] for name in names if name.endswith(("_pre", "_post"))}
        base, exponent = factor.as_base_exp()
        if "w" in names:
            if base.name != "w" if base.is_Symbol else True:
                raise RuleError(
                    f"{where}: '{factor}' mixes w with other names. Write a sum of terms w**n * (...) * (...)."
                )
            if not (exponent.is_Integer and exponent > 0):
                raise RuleError(
                    f"{where}: w may stand to a positive whole power only, not '{factor}'."
                )
            power += int(exponent)
        elif ends == {"pre", "post"}:
            raise RuleError(
                f"{where}: '{factor}' cannot be written as (post) x (pre), so it would need one value per synapse "
                "and trial. Write a sum of products; or give the synapse a variable of its own, "
                "Plasticity(synapse='de/dt = ...')."
            )
        elif ends == {"pre"}:
            pre *= factor
        else:
            post *= factor
    return post, pre, power


def _without_suffix(expression, suffix):
    """Return the expression as text in the names that the cell itself uses."""
    names = {
        s: sympy.Symbol(s.name.removesuffix(suffix), real=True) for s in expression.free_symbols
    }
    return sympy_to_str(expression.subs(names))


def kinds_reached(line: Plasticity) -> tuple[str, ...]:
    """Return the kinds of unit that a line with `to` is restricted to: of "hidden2", ("hidden",);
    () if there are no such."""
    if not isinstance(line.to, str):
        return ()
    if line.to == "hidden" or named(line.to):
        return ("hidden",)
    return {"layers": ("hidden", "output"), "output": ("output",)}.get(line.to, ())
