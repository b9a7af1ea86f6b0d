"""White noise in a rule's text: what it may look like, how a step is made of it, and whether the
step is short enough.

A state that is nothing but noise and its own leak, dx/dt = -x/tau + s*xi (an Ornstein-Uhlenbeck
process), takes exact steps: with s = sigma*sqrt(2/tau), x has the standard deviation sigma and the
autocorrelation exp(-lag/tau) at every dt. All other states take steps of Euler-Maruyama, of Ito's
calculus where the noise is multiplied by a state.
"""

from collections.abc import Iterable, Mapping
from functools import cache

import sympy
from brian2.equations.equations import SingleEquation
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.stateupdaters.explicit import ExplicitStateUpdater

from ..base.errors import RuleError, warn

EULER_MARUYAMA = ExplicitStateUpdater(
    "x_new = x + dt * f(x,t) + g(x,t) * dW", stochastic="multiplicative"
)
"""Brian2's own `euler`, which is meant for noise that is added; where it is multiplied by a state,
the same is Ito's calculus."""

NEAR = 0.1
"""From this part of a time constant on, dt is near it: steps of Euler-Maruyama then have 5 % more
variance than is written."""


def is_noise(name: str) -> bool:
    """Return whether a name of a rule's text is that of a white noise."""
    return name == "xi" or name.startswith("xi_")


def noises(equations: Iterable[SingleEquation]) -> list[str]:
    """Return the names of the white noises (xi, xi_1, ...) in some equations."""
    return sorted({n for e in equations for n in e.identifiers if is_noise(n)})


def check_noise(where: str, equation: SingleEquation) -> None:
    """Raise RuleError if white noise is not added, times something without noise, in a differential
    equation."""
    names = noises([equation])
    if names and _factors(str_to_sympy(equation.expr.code), names) is None:
        raise RuleError(
            f"{where}: the white noise {', '.join(names)} may only be added, multiplied by something free of noise, as in "
            f"'... + s*v*xi'; not '{equation.expr.code.strip()}'. For a function of noise, let a state be the noise, "
            "'dx/dt = -x/tau_x + sigma*sqrt(2/tau_x)*xi : 1', and take the function of x."
        )


@cache  # to simplify takes several milliseconds
def exact_rate(state: str, code: str, constants: frozenset[str]) -> str | None:
    """Return the rate of a state whose step of Euler-Maruyama is the exact step of dx/dt = -x/tau +
    s*xi; None if it is no such state.

    1/tau is made of `constants`, names of what does not change in a phase; s of anything but x.
    With c = -1/tau, the exact step is x <- exp(c dt) x + s sqrt((exp(2 c dt) - 1) / (2 c)) n, n
    standard normal, and exprel(y) is (exp(y) - 1)/y, also for y = 0.
    """
    rate, x = str_to_sympy(code), sympy.Symbol(state, real=True)
    factors = _factors(rate, {s.name for s in rate.free_symbols if is_noise(s.name)})
    rest = factors and _terms(factors.pop("1"), [x])
    if not rest or set(rest) != {x} or any(factor.has(x) for factor in factors.values()):
        return None
    leak = sympy.simplify(rest[x])
    if leak.has(x) or not {s.name for s in leak.free_symbols} <= constants:
        return None
    noise = sum(factor * sympy.Symbol(name, real=True) for name, factor in factors.items())
    dt, exprel = str_to_sympy("dt"), str_to_sympy("exprel(y)").func
    return sympy_to_str(leak * exprel(leak * dt) * x + sympy.sqrt(exprel(2 * leak * dt)) * noise)


def _factors(rate, names):
    """Return `{noise: its factor}` and what is left as "1"; None if the rate is no sum of such
    products and of terms without noise."""
    symbols = [sympy.Symbol(name, real=True) for name in names]
    terms = _terms(rate, symbols)
    if not set(terms) <= {sympy.S.One, *symbols} or any(
        term.has(*symbols) for term in terms.values()
    ):
        return None
    return {"1": sympy.S.Zero} | {str(symbol): factor for symbol, factor in terms.items()}


def _terms(expression, symbols):
    """Return `{what of the symbols a term contains: its factor}` of a sum, 1 where it contains
    none."""
    return expression.expand().collect(symbols, evaluate=False)


def warn_of_dt(
    phase: str, dt: float, paces: Mapping[str, tuple[bool, bool, str, float]], learns: bool
) -> bool:
    """Warn if `dt`, in seconds, is near the time constant of a noise in a phase; return whether it
    is.

    `paces` is `{state that noise reaches: (whether its steps are exact, whether it is white, name
    of a time constant, seconds)}`, that of what hears it if it is white. Noise that is exact or
    white is right all the same, but what other states make of it is not, which matters if something
    `learns` from the phase.
    """
    for place, (exact, white, name, tau) in paces.items():
        if dt > NEAR * tau * (1 + 1e-9) and (learns or not (exact or white)):
            said = (
                f"{place} takes exact steps, but states that hear it take steps of forward Euler, and make more of it than they should"
                if exact or white
                else f"{place} takes steps of Euler-Maruyama, with which its variance is {1 / (1 - dt / (2 * tau)):.3g} times what is "
                "written. A state that is nothing but noise, dx/dt = -x/tau + sigma*sqrt(2/tau)*xi, takes exact steps"
            )
            warn(
                f"{phase} phase: dt = {dt * 1e3:g} ms is near the time constant of {'what hears a' if white else 'a'} noise, {name} = {tau * 1e3:g} ms. {said}. "
                f"Use dt <= {NEAR * tau * 1e3:g} ms where the strength of noise matters."
            )
            return True
    return False
