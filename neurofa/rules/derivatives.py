"""Derivatives of a rule's text, by sympy: text in, text out."""

from functools import cache

import sympy
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

from ..base.errors import NetworkError
from .noise import is_noise


def _known_slope(name, slope):
    return type(
        name,
        (sympy.Function,),
        {"fdiff": lambda self, index=1: slope(self.args[0]), "is_extended_real": True},
    )


_int, _dphi = sympy.Function("int_"), _known_slope("dphi", sympy.Function("_ddphi"))
REWRITTEN = {
    "phi": _known_slope("phi", _dphi),
    "dphi": _dphi,
    "sqrt": lambda x: x ** sympy.Rational(1, 2),
    "Mod": lambda x, y: x - y * sympy.floor(x / y),
    "clip": lambda x, low, high: (
        low * _int(x < low) + x * _int(x >= low) * _int(x <= high) + high * _int(x > high)
    ),
}
FLAT = ("int_", "floor", "ceiling", "sign")


@cache
def differentiated(code: str, gates: tuple[tuple[str, float], ...]) -> tuple[str, dict[str, str]]:
    """Return an expression's code with the values of `gates` and without noise, and `{name: code of
    its derivative by it}`.

    Raises NetworkError if a function has no derivative that is known.
    """
    expression = str_to_sympy(code)
    noises = [(s.name, 0) for s in expression.free_symbols if is_noise(s.name)]
    expression = expression.subs(
        {sympy.Symbol(name, real=True): value for name, value in (*gates, *noises)}
    )
    expression = expression.replace(
        lambda e: _name(e) in REWRITTEN, lambda e: REWRITTEN[_name(e)](*e.args)
    )
    steps: dict[sympy.Basic, sympy.Dummy] = {}  # functions whose slope is zero, but where they jump
    smooth = expression.replace(
        lambda e: _name(e) in FLAT, lambda e: steps.setdefault(e, sympy.Dummy(real=True))
    )
    slopes = {}
    for symbol in smooth.free_symbols - set(steps.values()):
        slope = sympy.diff(smooth, symbol)
        for step, dummy in reversed(steps.items()):
            slope = slope.subs(dummy, step)
        if slope.has(sympy.Derivative, sympy.Subs):
            raise NetworkError(f"'{code}' has no derivative by {symbol} that is known.")
        slopes[symbol.name] = sympy_to_str(slope)
    return sympy_to_str(expression), slopes


def _name(e):
    return getattr(e.func, "__name__", "") if isinstance(e, sympy.Function) else ""
