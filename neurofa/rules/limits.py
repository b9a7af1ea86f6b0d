"""How far a rule's text is read: limits within which its parsers answer soon, and their errors in
our words."""

import ast
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

from brian2.core.base import BrianObjectException
from brian2.equations.equations import EquationError
from brian2.units.fundamentalunits import DimensionMismatchError
from sympy import Basic, Float, I, Rational, SympifyError, nan, oo, zoo

from ..base.errors import RuleError
from .constants import is_finite, is_truth, is_whole, short, value_of

LONGEST = 20_000  # characters of a text
DEEPEST = 60  # operations inside one another; a sum of n terms is n deep
HIGHEST = 64  # exponent that is a number
MOST = 2_000  # terms of an expression whose brackets are multiplied out
WHOLE = 2**53  # whole numbers beyond are no numbers of double precision, nor all of them C's

FOREIGN = (
    RecursionError,
    MemoryError,
    TypeError,
    KeyError,
    ValueError,
    ArithmeticError,
    AttributeError,
    SyntaxError,
    NotImplementedError,
    BrianObjectException,
    EquationError,
    DimensionMismatchError,
    SympifyError,
)
"""What the parsers of Python, Brian2 and sympy raise for text that they cannot read."""

TOO_LARGE = "holds a whole number beyond 2**53. Write it with a point or an exponent, such as 1e20."
_FLAGS = re.compile(r"(?<![*/(])\s*\([\w\s,-]*\)$")


@contextmanager
def in_words(where: str) -> Iterator[None]:
    """Raise RuleError naming `where` for what a parser makes of text. It goes around calls of
    parsers alone."""
    try:
        yield
    except RecursionError:
        raise RuleError(
            f"{where} is nested too deeply to be read. Name a part of it in a line of its own."
        ) from None
    except ZeroDivisionError:
        raise RuleError(f"{where} divides by zero.") from None
    except FOREIGN as problem:
        raise RuleError(f"{where}: {said(problem)}") from None


def said(problem: BaseException) -> str:
    """Return what a parser says of text; of syntax that it does not know, Brian2 gives the name
    alone."""
    return (
        f"a rule's text cannot have the operation {problem}."
        if isinstance(problem, KeyError)
        else str(problem) or type(problem).__name__
    )


def check_text(text: object, where: str) -> None:
    """Raise RuleError if a text is none, or has too many or other than printable ASCII characters
    outside comments."""
    if not isinstance(text, str):
        raise RuleError(f"{where} is {type(text).__name__}, and no text.")
    if len(text) > LONGEST:
        raise RuleError(
            f"{where} has {len(text)} characters. Write at most {LONGEST}; what is long is better named in lines of its own."
        )
    for line in text.splitlines():
        strange = [
            c for c in line.split("#")[0] if not (c.isascii() and (c.isprintable() or c == "\t"))
        ]
        if strange:
            raise RuleError(
                f"{where}: the line '{line.strip()}' has the character {strange[0]!r}. Write names in letters a to z, digits and _."
            )


def check_units(text: str, where: str) -> None:
    """Raise RuleError if a unit of some equations is anything but base units, multiplied, divided
    and raised to numbers."""
    for line in text.splitlines():
        unit = line.split("#")[0].partition(":")[2].strip()
        unit = _FLAGS.sub("", unit) if unit.endswith(")") else unit
        if unit and not _is_unit(unit):
            raise RuleError(
                f"{where}: '{unit}' is no unit. Write 1, or base units, their products and powers, such as volt or second**-0.5."
            )


def check_lines(text: str, where: str) -> None:
    """Raise RuleError if the expressions of some equations, from each "=" to its ":", are beyond
    the limits."""
    bare = "\n".join(line.split("#")[0] for line in text.splitlines())
    for code in re.findall(r"(?<![<>=!])=(?!=)((?:[^:=]|[<>=!]=)*):", bare):
        if code.strip():
            check_expression(" ".join(code.split()), where)


def _is_unit(text):
    try:
        check_expression(text, "")
        names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        if names & {"boolean", "integer"}:  # of Brian2: here, every variable is a real number
            return False
        allowed = (
            ast.Expression,
            ast.Name,
            ast.Constant,
            ast.BinOp,
            ast.UnaryOp,
            ast.Mult,
            ast.Div,
            ast.Pow,
            ast.USub,
            ast.Load,
        )
        return all(isinstance(node, allowed) for node in ast.walk(ast.parse(text, mode="eval")))
    except RuleError:
        return False


def check_expression(code: str, where: str) -> None:
    """Raise RuleError if an expression is beyond what its parsers answer soon: its depth, its
    numbers, its exponents, its terms."""
    with in_words(f"{where}: '{short(code)}' cannot be read"):
        tree = ast.parse(code.strip(), mode="eval").body
    level, depth = [tree], 0
    while level:
        level, depth = (
            [
                child
                for node in level
                for child in ast.iter_child_nodes(node)
                if isinstance(child, ast.expr)
            ],
            depth + 1,
        )
        if depth > DEEPEST:
            raise RuleError(
                f"{where}: '{short(code)}' is more than {DEEPEST} operations deep. Name a part of it in a line of its own."
            )
    if is_truth(tree):
        raise RuleError(
            f"{where}: '{short(code)}' is true or false, and no number. Write int({short(code)})."
        )
    _check_numbers(tree, where)
    if _terms(tree) > MOST:
        raise RuleError(
            f"{where}: '{short(code)}' has more than {MOST} terms when its brackets are multiplied out. "
            "Name a part of it in a line of its own."
        )


def check_folded(folded: Basic, code: str, where: str) -> None:
    """Raise RuleError if an expression, in sympy's simplest form, holds what is no finite number
    whatever the states are."""
    if folded.has(nan, oo, -oo, zoo, I) or not all(
        is_finite(number) for number in folded.atoms(Float)
    ):
        raise RuleError(
            f"{where}: '{short(code)}' holds a part that is infinite, or no real number, whatever the states are."
        )
    if any(max(abs(number.p), number.q) > WHOLE for number in folded.atoms(Rational)):
        raise RuleError(f"{where}: '{short(code)}' {TOO_LARGE}")


def _check_numbers(tree, where):
    """Check that what is made of numbers alone is a finite number, and that exponents are small.
    Texts are no numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and (
            not isinstance(node.value, (bool, int, float)) or not is_finite(node.value)
        ):
            raise RuleError(f"{where}: {short(repr(node.value))} is no finite real number.")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = value_of(node.right, where)
            if exponent is not None and abs(exponent) > HIGHEST:
                raise RuleError(
                    f"{where}: '{short(ast.unparse(node))}' has an exponent beyond {HIGHEST}."
                )
        if isinstance(node, ast.BoolOp) and not all(map(is_truth, node.values)):
            raise RuleError(
                f"{where}: '{short(ast.unparse(node))}' joins a number. Join what is true or false, such as v > 0 and r < 1."
            )
        if truth := next(filter(is_truth, _calculated(node)), None):
            raise RuleError(
                f"{where}: '{short(ast.unparse(truth))}' is true or false, and no number to calculate with. Write int(...), or 1 or 0."
            )
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod))
            and value_of(node.right, where) == 0
        ):
            raise RuleError(f"{where}: '{short(ast.unparse(node))}' divides by zero.")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            raise RuleError(
                f"{where}: a rule's text cannot have '//'. Write floor({short(ast.unparse(node.left))} / {short(ast.unparse(node.right))})."
            )
        value = value_of(node, where)
        if value is not None and abs(value) > WHOLE and is_whole(node):
            raise RuleError(f"{where}: '{short(ast.unparse(node))}' {TOO_LARGE}")


def _calculated(node):
    """Return the operands with which an expression's outermost operation calculates; int() and
    comparisons take what is true or false."""
    if isinstance(node, ast.BinOp):
        return node.left, node.right
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return (node.operand,)
    return node.args if isinstance(node, ast.Call) and getattr(node.func, "id", "") != "int" else ()


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
            return (
                math.comb(left + int(exponent) - 1, int(exponent))
                if exponent == int(exponent)
                else left
            )
        return left
    return max(
        (_terms(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)),
        default=1,
    )
