"""A function of one variable from one text: its values and derivatives in NumPy, and the same as a
C++ expression.

The text is written as a rule's expressions are: "log(1 + exp(2*x)) / 2", "x*int(x > 0) +
0.1*x*int(x <= 0)".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from brian2.core.variables import Constant, Variable
from brian2.parsing.expressions import is_boolean_expression, parse_expression_dimensions
from brian2.parsing.sympytools import str_to_sympy
from brian2.utils.stringtools import get_identifiers

from ..base.errors import NetworkError, RuleError, choices
from .cpp import Cpp
from .derivatives import differentiated
from .limits import check_expression, check_folded, check_text, in_words
from .text import FUNCTIONS, evaluate

# its derivative is not known near 0
KNOWN = {name: function for name, function in FUNCTIONS.items() if name != "exprel"}


@dataclass(frozen=True)
class Formula:
    """The function of x that `code` says, of arrays of any shape and precision. Two of one text are
    equal."""

    code: str

    def __call__(self, x: npt.ArrayLike) -> np.ndarray:
        x = np.asarray(x)
        dtype = x.dtype if x.dtype.kind == "f" else np.float64
        with np.errstate(all="ignore"):
            values = evaluate(self.code, {"x": x.astype(dtype, copy=False)})
        return np.array(np.broadcast_to(values, x.shape), dtype=dtype)

    @property
    def derivative(self) -> "Formula":
        """The Formula of its derivative."""
        return Formula(differentiated(self.code, ())[1].get("x", "0"))

    @property
    def cpp(self) -> str:
        """The same as an expression of C++ in `x` of the type T, for code that has vectormath.h."""
        return f"T({Cpp().render_expr(self.code)})"


def formula(text: str, where: str) -> Formula:
    """Return the Formula of a text. Raises NetworkError, naming `where`, if it is no expression in
    x that has derivatives."""
    try:
        return _read(text, where)
    except RuleError as problem:
        raise NetworkError(str(problem)) from None


def _read(text, where):
    check_text(text, where)
    code = " ".join(text.split())
    check_expression(code, where)
    known = {**KNOWN, "x": Variable("x"), "pi": Constant("pi", value=np.pi)}
    for name in sorted(get_identifiers(code) - {*known}):
        raise RuleError(
            f"{where}: '{code}' uses '{name}'. It is an expression in x. " + choices(name, known)
        )
    with in_words(where):
        parse_expression_dimensions(code, known)
        if is_boolean_expression(code, known):
            raise RuleError(
                f"{where}: '{code}' is true or false, and no number. Write int({code})."
            )
        check_folded(str_to_sympy(code), code, where)
        found = Formula(code)
        found.derivative.derivative
    return found
