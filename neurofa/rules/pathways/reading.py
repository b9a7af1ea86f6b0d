"""Manipulations as text, for the command line: "sparse(0.5) | delayed(20*ms)", "W: dale(0.8)"."""

from __future__ import annotations

import ast
import inspect
import operator
from typing import TYPE_CHECKING

from brian2 import ms, second, us

from ...base.arguments import shown
from ...base.errors import RuleError, choices
from . import lesions, positive, start, synapses, transmission
from .base import Manipulation
from .start import Start, deg

if TYPE_CHECKING:
    from ..rule import LearningRule

LONGEST = 10_000  # characters of a text
SIGNS = {ast.UAdd: operator.pos, ast.USub: operator.neg}
PRODUCTS = {ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow}
UNITS = dict(ms=ms, us=us, second=second, deg=deg)
MOMENTS = {name: getattr(lesions, name) for name in ("epoch", "trial", "update")}
VALUES = {
    name: value
    for module in (start, positive, synapses, transmission, lesions)
    for name, value in vars(module).items()
    if inspect.isclass(value)
    and issubclass(value, (Manipulation, Start))
    and value not in (Manipulation, Start)
}


def through(rule: LearningRule, text: str) -> LearningRule:
    """Return `rule` with what `text` says done to its pathways: all that have synapses of their
    own, or those named before ":".

    Raises RuleError if the text cannot be read, or where it does not make sense for the rule.
    """
    names, colon, values = text.rpartition(":")
    pathways = [name.strip() for name in names.split(",")] if colon else []
    for value in read(values):
        rule = rule.through(value, *pathways)
    return rule


def read(text: str) -> list[Manipulation | Start]:
    """Return the list of values that "value | value | ..." stands for. Raises RuleError if it
    cannot be read.

    A value is a call: names of the catalogue with arguments, which are numbers, units, products of
    them, moments such as epoch(3), texts, True, False, None, and tuples or lists of these. Nothing
    else of Python is understood.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body if len(text) <= LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None  # the last three: null bytes, and deep nesting
    if tree is None:
        raise RuleError(
            f"'{shown(text)}' cannot be read. Write for instance 'sparse(0.5) | delayed(20*ms)'."
        )
    parts: list[ast.expr] = []
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitOr):
        parts.insert(0, tree.right)
        tree = tree.left
    try:
        return [_value(part) for part in [tree, *parts]]
    except RecursionError:
        raise RuleError(f"'{shown(text)}' cannot be read: it is nested too deeply.") from None


def _value(tree):
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
        raise RuleError(
            f"'{_text(tree)}' is no manipulation. Write for instance sparse(0.5). "
            + choices(_text(tree).split("(")[0], VALUES, "name")
        )
    return _called(tree, VALUES)


def _called(tree, known):
    """Return what a call of one of the `known` names gives."""
    text, name = _text(tree), tree.func.id if isinstance(tree.func, ast.Name) else _text(tree.func)
    if name not in known:
        raise RuleError(
            f"'{text}' uses '{name}', which is no manipulation. " + choices(name, known, "name")
        )
    if any(keyword.arg is None for keyword in tree.keywords):
        raise RuleError(f"'{text}' cannot be made: write its arguments by name, without **.")
    arguments = [_argument(part) for part in tree.args]
    named = {keyword.arg: _argument(keyword.value) for keyword in tree.keywords}
    try:
        return known[name](*arguments, **named)
    except (TypeError, ValueError) as problem:
        raise RuleError(f"'{text}' cannot be made: {problem}") from None


def _argument(tree):
    """Return the value of an argument."""
    if isinstance(tree, ast.Constant) and isinstance(
        tree.value, (bool, int, float, str, type(None))
    ):
        return tree.value
    if isinstance(tree, ast.Name) and tree.id in UNITS:
        return UNITS[tree.id]
    if isinstance(tree, (ast.Tuple, ast.List)):
        return (tuple if isinstance(tree, ast.Tuple) else list)(map(_argument, tree.elts))
    if isinstance(tree, ast.Call):
        return _called(tree, VALUES | MOMENTS)
    if isinstance(tree, ast.UnaryOp) and type(tree.op) in SIGNS:
        return _computed(tree, SIGNS[type(tree.op)], tree.operand)
    if isinstance(tree, ast.BinOp) and type(tree.op) in PRODUCTS:
        return _computed(tree, PRODUCTS[type(tree.op)], tree.left, tree.right)
    if isinstance(tree, ast.Name):
        known = VALUES | MOMENTS | UNITS
        raise RuleError(
            f"'{tree.id}' is no unit and no value here. " + choices(tree.id, known, "name")
        )
    raise RuleError(
        f"'{_text(tree)}' is nothing that can be read here. Write numbers, units and products of them, such as 20*ms or "
        "0.1*ms**0.5, moments such as epoch(3), and tuples such as (0, 2)."
    )


def _computed(tree, compute, *operands):
    values = [_argument(operand) for operand in operands]
    if (
        isinstance(tree, ast.BinOp)
        and isinstance(tree.op, ast.Pow)
        and not (_is_number(values[1]) and abs(values[1]) <= 8)
    ):
        raise RuleError(
            f"'{_text(tree)}' cannot be made: an exponent is a number of at most 8, such as 0.5 in 0.1*ms**0.5."
        )
    try:
        return compute(*values)
    except (TypeError, ValueError, ArithmeticError) as problem:
        raise RuleError(f"'{_text(tree)}' cannot be made: {problem}") from None


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(tree):
    try:
        return shown(ast.unparse(tree))
    except RecursionError:
        return "this"
