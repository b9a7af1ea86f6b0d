"""Manipulations as text, for the command line: "sparse(0.5) | delayed(20*ms)", "W: dale(0.8)"."""

import ast
import inspect

from brian2 import ms, second, us

from ..errors import RuleError, choices
from . import lesions, start, synapses, transmission
from .base import Manipulation
from .start import Start, deg

UNITS = dict(ms=ms, us=us, second=second, deg=deg)
MOMENTS = {name: getattr(lesions, name) for name in ("epoch", "trial", "update")}
VALUES = {name: value for module in (start, synapses, transmission, lesions) for name, value in vars(module).items()
          if inspect.isclass(value) and issubclass(value, (Manipulation, Start)) and value not in (Manipulation, Start)}


def through(rule, text):
    """Return `rule` with what `text` says done to its pathways: all that have synapses of their own, or those named before ":".

    Raises RuleError if the text cannot be read, or where it does not make sense for the rule.
    """
    names, colon, values = text.rpartition(":")
    pathways = [name.strip() for name in names.split(",")] if colon else []
    for value in read(values):
        rule = rule.through(value, *pathways)
    return rule


def read(text):
    """Return the list of values that "value | value | ..." stands for. Raises RuleError if it cannot be read."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise RuleError(f"'{text}' cannot be read. Write for instance 'sparse(0.5) | delayed(20*ms)'.") from None
    parts = []
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitOr):
        parts.insert(0, tree.right)
        tree = tree.left
    return [_value(part) for part in [tree, *parts]]


def _value(tree):
    text = ast.unparse(tree)
    known = VALUES | MOMENTS | UNITS
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in known:
            raise RuleError(f"'{text}' uses '{node.id}', which is no manipulation and no unit. "
                            + choices(node.id, known, "name"))
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in VALUES):
        raise RuleError(f"'{text}' is no manipulation. Write for instance sparse(0.5). " + choices(text.split("(")[0], VALUES, "name"))
    try:
        return eval(compile(ast.Expression(tree), text, "eval"), {"__builtins__": {}}, known)
    except (TypeError, ValueError) as problem:
        raise RuleError(f"'{text}' cannot be made: {problem}") from None
