"""What is made of numbers alone in an expression: its value, and whether it is true or false, or
whole, by its form."""

import ast
import math
import operator
from typing import SupportsFloat

import numpy as np
from brian2.core.functions import DEFAULT_FUNCTIONS

from ..base.errors import RuleError

ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
}
COMPARISONS = {
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
KNOWN = {
    "int",
    "exp",
    "log",
    "log10",
    "log1p",
    "expm1",
    "exprel",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "arcsin",
    "arccos",
    "arctan",
    "abs",
    "sign",
    "floor",
    "ceil",
    "clip",
}


def is_truth(node: ast.AST) -> bool:
    """Whether an expression is true or false by its form."""
    return (
        isinstance(node, (ast.Compare, ast.BoolOp))
        or isinstance(node, ast.Constant)
        and isinstance(node.value, bool)
        or isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.Not)
    )


def is_whole(node: ast.AST) -> bool:
    """Whether what is made of numbers alone is a whole number by its form."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.Call):
        return (
            getattr(node.func, "id", "") == "int"
            or getattr(node.func, "id", "") in ("abs", "sign", "clip")
            and all(map(is_whole, node.args))
        )
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return (
        bool(parts)
        and not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
        and all(map(is_whole, parts))
    )


def is_finite(value: SupportsFloat) -> bool:
    """Whether a number, of Python or sympy, is finite in double precision."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def value_of(node: ast.AST, where: str) -> float | None:
    """Return the value of what is made of numbers alone, as a float; None of anything else."""
    if isinstance(node, ast.Constant):
        return float(node.value) if isinstance(node.value, (bool, int, float)) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = value_of(node.operand, where)
        return None if value is None else -value
    if isinstance(node, ast.Name) and node.id == "pi":
        return math.pi
    operation, operands = _operation(node)
    if operation is not None:
        values = [value_of(operand, where) for operand in operands]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and 0 in values:
            return 0.0  # as Brian2 simplifies it
        if None in values:
            return None
        try:
            with np.errstate(all="ignore"):
                value = operation(*values)
            value = value if isinstance(value, complex) else float(value)
        except ArithmeticError:
            value = math.nan
        if isinstance(value, complex) or not math.isfinite(value):
            raise RuleError(f"{where}: '{short(ast.unparse(node))}' is no finite number.")
        return value
    return None


def _operation(node):
    """Return the function that an expression's outermost operation is, and its operands; (None, [])
    if numbers alone do not settle it."""
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        return ARITHMETIC[type(node.op)], [node.left, node.right]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        return COMPARISONS[type(node.ops[0])], [node.left, node.comparators[0]]
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in KNOWN
        and len(node.args) == (3 if node.func.id == "clip" else 1)
    ):
        return DEFAULT_FUNCTIONS[node.func.id].pyfunc, node.args
    return None, []


def short(code: str) -> str:
    """Return code as a message shows it."""
    return code.strip() if len(code) < 200 else f"{code.strip()[:190]} ..."
