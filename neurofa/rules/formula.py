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
from brian2.parsing.rendering import CPPNodeRenderer
from brian2.parsing.sympytools import str_to_sympy
from brian2.utils.stringtools import get_identifiers

from ..base.errors import NetworkError, RuleError, choices
from .derivatives import differentiated
from .limits import check_expression, check_folded, check_text, in_words
from .text import FUNCTIONS, evaluate

# its derivative is not known near 0
KNOWN = {name: function for name, function in FUNCTIONS.items() if name != "exprel"}
_IN_CPP = {
    "exp": "neurofa::exp",
    "log": "neurofa::log",
    "sin": "neurofa::sin",
    "cos": "neurofa::cos",
    "tanh": "neurofa::tanh",
    "sqrt": "neurofa::sqrt",
    "abs": "std::fabs",
    "arcsin": "std::asin",
    "arccos": "std::acos",
    "arctan": "std::atan",
}
_MADE = {
    "sign": "T(({0} > T(0)) - ({0} < T(0)))",
    "clip": "std::min(std::max({0}, {1}), {2})",
    "int": "std::trunc({0})",
}


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
        return f"T({_Cpp().render_expr(self.code)})"


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


class _Cpp(CPPNodeRenderer):
    """An expression of C++ in which every number has the type T, and which needs no code of
    Brian2's beside it."""

    def render_Constant(self, node):
        return f"T({super().render_Constant(node)})"

    def render_Name(self, node):
        return {"pi": "T(3.14159265358979323846)", "e": "T(2.71828182845904523536)"}.get(
            node.id
        ) or super().render_Name(node)

    def render_BinOp(self, node):
        left, right = self.render_node(node.left), self.render_node(node.right)
        whole = f"std::floor(({left}) / ({right}))"
        made = {
            "Pow": f"T(std::pow({left}, {right}))",
            "FloorDiv": whole,
            "Mod": f"(({left}) - ({right}) * {whole})",
            "Div": f"(({left}) / ({right}))",
        }
        return made.get(type(node.op).__name__) or super().render_BinOp(node)

    def render_Call(self, node):
        name, operands = node.func.id, [f"T({self.render_node(one)})" for one in node.args]
        if name in _MADE:
            return _MADE[name].format(*operands)
        return f"{_IN_CPP.get(name, f'std::{name}')}({', '.join(operands)})"
