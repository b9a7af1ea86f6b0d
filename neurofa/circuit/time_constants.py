"""The time constant of a state, found in the text of its equation."""

from functools import cache

import sympy
from brian2 import second
from brian2.core.variables import Variable
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

from ..rules.expressions import EVERYWHERE


@cache
def time_constant(
    rate: str, state: str, noises: tuple[str, ...], constants: tuple, default: str
) -> tuple[str, str]:
    """Return (tau*dx/dt, tau), both as text, of dx/dt = `rate`.

    tau is -1/(d(dx/dt)/dx) where that is a constant, as for a leak; else what the right-hand side
    is divided by; else, where that is no time either, the `default`. `constants` are the
    parameters that may stand in it, (name, dimensions, value) of each; the value is None where
    every unit has its own. `noises` are 0.
    """
    expression = str_to_sympy(rate).subs({_symbol(name): 0 for name in noises})
    slope = sympy.diff(expression, _symbol(state))
    candidates = [-1 / slope] * (slope != 0) + [sympy.fraction(sympy.together(expression))[1]]
    for candidate in candidates:
        tau = _positive(candidate, constants)
        if _is_time(tau, constants):
            return sympy_to_str(sympy.cancel(expression * tau)), sympy_to_str(tau)
    return f"({sympy_to_str(expression)}) * {default}", default


def _symbol(name):
    return sympy.Symbol(name, real=True)


def _positive(expression, constants):
    """Return an expression in its simplest form, with the sign that makes it positive for the
    values of the constants."""
    simple = sympy.simplify(expression)
    value = simple.subs({_symbol(n): value for n, _, value in constants if value is not None})
    return -simple if value.is_number and value.is_negative else simple


def _is_time(expression, constants):
    """Whether an expression is made of constants alone, and a time."""
    names = {name: Variable(name, dimensions=dim) for name, dim, _ in constants}
    try:
        return {s.name for s in expression.free_symbols} <= {*names} and (
            parse_expression_dimensions(sympy_to_str(expression), names | EVERYWHERE) is second.dim
        )
    except (ValueError, SyntaxError, TypeError, NotImplementedError):
        return False
