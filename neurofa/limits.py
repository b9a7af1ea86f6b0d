"""How far a rule's text is read: limits within which its parsers answer soon, and their errors in our words."""

import ast
import math
import operator
import re
from contextlib import contextmanager

import numpy as np
from brian2.core.base import BrianObjectException
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.equations.equations import EquationError
from brian2.units.fundamentalunits import DimensionMismatchError
from sympy import Float, I, Rational, SympifyError, nan, oo, zoo

from .errors import RuleError

LONGEST = 20_000      # characters of a text
DEEPEST = 60          # operations inside one another; a sum of n terms is n deep
HIGHEST = 64          # exponent that is a number
MOST = 2_000          # terms of an expression whose brackets are multiplied out
WHOLE = 2**53         # whole numbers beyond are no numbers of double precision, nor all of them C's

FOREIGN = (RecursionError, MemoryError, TypeError, KeyError, ValueError, ArithmeticError, AttributeError, SyntaxError, NotImplementedError,
           BrianObjectException, EquationError, DimensionMismatchError, SympifyError)
"""What the parsers of Python, Brian2 and sympy raise for text that they cannot read."""

ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
              ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv}
COMPARISONS = {ast.Lt: operator.lt, ast.Gt: operator.gt, ast.LtE: operator.le, ast.GtE: operator.ge, ast.Eq: operator.eq,
               ast.NotEq: operator.ne}
KNOWN = {"int", "exp", "log", "log10", "log1p", "expm1", "exprel", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin",
         "arccos", "arctan", "abs", "sign", "floor", "ceil", "clip"}
TOO_LARGE = "holds a whole number beyond 2**53. Write it with a point or an exponent, such as 1e20."
_FLAGS = re.compile(r"(?<![*/(])\s*\([\w\s,-]*\)$")


@contextmanager
def in_words(where):
    """Raise RuleError naming `where` for what a parser makes of text. It goes around calls of parsers alone."""
    try:
        yield
    except RecursionError:
        raise RuleError(f"{where} is nested too deeply to be read. Name a part of it in a line of its own.") from None
    except ZeroDivisionError:
        raise RuleError(f"{where} divides by zero.") from None
    except FOREIGN as problem:
        raise RuleError(f"{where}: {said(problem)}") from None


def said(problem):
    """Return what a parser says of text; of syntax that it does not know, Brian2 gives the name alone."""
    return f"a rule's text cannot have the operation {problem}." if isinstance(problem, KeyError) else str(problem) or type(problem).__name__


def check_text(text, where):
    """Raise RuleError if a text is none, or has too many or other than printable ASCII characters outside comments."""
    if not isinstance(text, str):
        raise RuleError(f"{where} is {type(text).__name__}, and no text.")
    if len(text) > LONGEST:
        raise RuleError(f"{where} has {len(text)} characters. Write at most {LONGEST}; what is long is better named in lines of its own.")
    for line in text.splitlines():
        strange = [c for c in line.split("#")[0] if not (c.isascii() and (c.isprintable() or c == "\t"))]
        if strange:
            raise RuleError(f"{where}: the line '{line.strip()}' has the character {strange[0]!r}. Write names in letters a to z, digits and _.")


def check_units(text, where):
    """Raise RuleError if a unit of some equations is anything but base units, multiplied, divided and raised to numbers."""
    for line in text.splitlines():
        unit = line.split("#")[0].partition(":")[2].strip()
        unit = _FLAGS.sub("", unit) if unit.endswith(")") else unit
        if unit and not _is_unit(unit):
            raise RuleError(f"{where}: '{unit}' is no unit. Write 1, or base units, their products and powers, such as volt or second**-0.5.")


def check_lines(text, where):
    """Raise RuleError if the expressions of some equations, from each "=" to its ":", are beyond the limits."""
    bare = "\n".join(line.split("#")[0] for line in text.splitlines())
    for code in re.findall(r"(?<![<>=!])=(?!=)((?:[^:=]|[<>=!]=)*):", bare):
        if code.strip():
            check_expression(" ".join(code.split()), where)


def _is_unit(text):
    try:
        check_expression(text, "")
        names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        if names & {"boolean", "integer"}:      # of Brian2: here, every variable is a real number
            return False
        allowed = (ast.Expression, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.Load)
        return all(isinstance(node, allowed) for node in ast.walk(ast.parse(text, mode="eval")))
    except RuleError:
        return False


def check_expression(code, where):
    """Raise RuleError if an expression is beyond what its parsers answer soon: its depth, its numbers, its exponents, its terms."""
    with in_words(f"{where}: '{_short(code)}' cannot be read"):
        tree = ast.parse(code.strip(), mode="eval").body
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)], depth + 1
        if depth > DEEPEST:
            raise RuleError(f"{where}: '{_short(code)}' is more than {DEEPEST} operations deep. Name a part of it in a line of its own.")
    if _is_truth(tree):
        raise RuleError(f"{where}: '{_short(code)}' is true or false, and no number. Write int({_short(code)}).")
    _check_numbers(tree, where)
    if _terms(tree) > MOST:
        raise RuleError(f"{where}: '{_short(code)}' has more than {MOST} terms when its brackets are multiplied out. "
                        "Name a part of it in a line of its own.")


def check_folded(folded, code, where):
    """Raise RuleError if an expression, in sympy's simplest form, holds what is no finite number whatever the states are."""
    if folded.has(nan, oo, -oo, zoo, I) or not all(_finite(number) for number in folded.atoms(Float)):
        raise RuleError(f"{where}: '{_short(code)}' holds a part that is infinite, or no real number, whatever the states are.")
    if any(max(abs(number.p), number.q) > WHOLE for number in folded.atoms(Rational)):
        raise RuleError(f"{where}: '{_short(code)}' {TOO_LARGE}")


def _short(code):
    return code.strip() if len(code) < 200 else f"{code.strip()[:190]} ..."


def _check_numbers(tree, where):
    """Check that what is made of numbers alone is a finite number, and that exponents are small. Texts are no numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and (not isinstance(node.value, (bool, int, float)) or not _finite(node.value)):
            raise RuleError(f"{where}: {_short(repr(node.value))} is no finite real number.")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = _number(node.right, where)
            if exponent is not None and abs(exponent) > HIGHEST:
                raise RuleError(f"{where}: '{_short(ast.unparse(node))}' has an exponent beyond {HIGHEST}.")
        if isinstance(node, ast.BoolOp) and not all(map(_is_truth, node.values)):
            raise RuleError(f"{where}: '{_short(ast.unparse(node))}' joins a number. Join what is true or false, such as v > 0 and r < 1.")
        if truth := next(filter(_is_truth, _calculated(node)), None):
            raise RuleError(f"{where}: '{_short(ast.unparse(truth))}' is true or false, and no number to calculate with. Write int(...), or 1 or 0.")
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod)) and _number(node.right, where) == 0:
            raise RuleError(f"{where}: '{_short(ast.unparse(node))}' divides by zero.")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            raise RuleError(f"{where}: a rule's text cannot have '//'. Write floor({_short(ast.unparse(node.left))} / {_short(ast.unparse(node.right))}).")
        value = _number(node, where)
        if value is not None and abs(value) > WHOLE and _is_whole(node):
            raise RuleError(f"{where}: '{_short(ast.unparse(node))}' {TOO_LARGE}")


def _calculated(node):
    """Return the operands with which an expression's outermost operation calculates; int() and comparisons take what is true or false."""
    if isinstance(node, ast.BinOp):
        return node.left, node.right
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return (node.operand,)
    return node.args if isinstance(node, ast.Call) and getattr(node.func, "id", "") != "int" else ()


def _is_truth(node):
    """Whether an expression is true or false by its form."""
    return (isinstance(node, (ast.Compare, ast.BoolOp)) or isinstance(node, ast.Constant) and isinstance(node.value, bool)
            or isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def _is_whole(node):
    """Whether what is made of numbers alone is a whole number by its form."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.Call):
        return node.func.id == "int" or node.func.id in ("abs", "sign", "clip") and all(map(_is_whole, node.args))
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return bool(parts) and not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)) and all(map(_is_whole, parts))


def _finite(value):
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _number(node, where):
    """Return the value of what is made of numbers alone, as a float; None of anything else."""
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand, where)
        return None if value is None else -value
    if isinstance(node, ast.Name) and node.id == "pi":
        return math.pi
    operation, operands = _operation(node)
    if operation is not None:
        values = [_number(operand, where) for operand in operands]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and 0 in values:
            return 0.       # as Brian2 simplifies it
        if None in values:
            return None
        try:
            with np.errstate(all="ignore"):
                value = operation(*values)
            value = value if isinstance(value, complex) else float(value)
        except ArithmeticError:
            value = math.nan
        if isinstance(value, complex) or not math.isfinite(value):
            raise RuleError(f"{where}: '{_short(ast.unparse(node))}' is no finite number.")
        return value
    return None


def _operation(node):
    """Return the function that an expression's outermost operation is, and its operands; (None, []) if numbers alone do not settle it."""
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        return ARITHMETIC[type(node.op)], [node.left, node.right]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        return COMPARISONS[type(node.ops[0])], [node.left, node.comparators[0]]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KNOWN and len(node.args) == (3 if node.func.id == "clip" else 1):
        return DEFAULT_FUNCTIONS[node.func.id].pyfunc, node.args
    return None, []


def _terms(node):
    """Return how many terms an expression has once its brackets are multiplied out."""
    if isinstance(node, ast.BinOp):
        left, right = _terms(node.left), _terms(node.right)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return left + right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Pow) and left > 1:
            exponent = node.right.value if isinstance(node.right, ast.Constant) else 1
            return math.comb(left + int(exponent) - 1, int(exponent)) if exponent == int(exponent) else left
        return left
    return max((_terms(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)), default=1)
