"""How a synapse turns the changes that its plasticity line asks for into changes of its weight.

Each synapse keeps its own state (moments); nothing is shared between synapses. As with rules, the
text is what runs: `dw` is the change that the line asks for, averaged over the trials and with the
learning rate `eta` in it; `n` counts updates. Decay terms of a plasticity line do not pass through
here: they act on the weight as they stand. So does the optimiser's own `decay`,
`ADAM.but(decay=1e-2)`: decoupled from the moments (Loshchilov & Hutter, "Decoupled weight decay
regularization", ICLR 2019).
"""

import ast
import re
from collections.abc import Collection, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Self

import numpy as np
import numpy.typing as npt
from brian2.parsing.rendering import NodeRenderer
from brian2.utils.stringtools import get_identifiers

from ..base.arguments import kind, number, sequence
from ..base.description import described
from ..base.errors import NetworkError, RuleError, choices
from ..base.fixed import Fixed
from ..rules.limits import check_expression, check_text, in_words
from ..rules.text import NUMERIC, evaluate


@described
@dataclass(frozen=True)
class Optimiser:
    """State variables of every synapse, and assignments that are made in their order at each
    update.

    Examples
    --------
    >>> faster = ADAM.but(decay=0.01)
    >>> faster.name, faster.decay
    ('adam', 0.01)
    """

    name: str
    reference: str
    state: tuple[str, ...]
    text: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    # at every update, weights, but not biases, lose this share of themselves times eta
    decay: float = 0.0

    def __post_init__(self):
        for what in ("name", "text"):
            kind(f"the optimiser's {what}", getattr(self, what), str, "text")
        names = sequence(f"{self.name}: state", self.state, "a tuple of names, such as ('m',)")
        object.__setattr__(
            self, "state", tuple(kind(f"{self.name}: state", name, str, "names") for name in names)
        )
        parameters = kind(
            f"{self.name}: parameters", self.parameters, Mapping, "a dict, such as dict(mu=0.9)"
        )
        object.__setattr__(self, "parameters", Fixed(parameters))
        for name, value in (*self.parameters.items(), ("decay", self.decay)):
            number(f"{self.name}: {name}", value, least=0, example="0.9")
        known = {"w", *self.state, *self.parameters, "dw", "n", "eta", *NUMERIC}
        where = f"The optimiser {self.name}"
        with _as_network_error():
            check_text(self.text, where)
        for name, code in assignments(self.text):
            if name not in ("w", *self.state):
                raise NetworkError(
                    f"The optimiser {self.name} assigns to '{name}'. "
                    + choices(name, ("w", *self.state))
                )
            for other in sorted(names_in(code, where) - known):
                raise NetworkError(f"{where} uses '{other}' in '{code}'. " + choices(other, known))
        one = np.ones((1, 1))
        # what cannot be calculated is no optimiser
        self.update({name: one.copy() for name in ("w", *self.state)}, one, 1, 0.5)

    def but(self, **parameters: float) -> Self:
        """Return this optimiser with other parameters, or another decay. Raises NetworkError for an
        unknown one."""
        decay = parameters.pop("decay", self.decay)
        for name in parameters:
            if name not in self.parameters:
                raise NetworkError(
                    f"{self.name} has no parameter '{name}'. "
                    + choices(name, (*self.parameters, "decay"), "parameter")
                )
        return replace(self, parameters=dict(self.parameters) | parameters, decay=decay)

    def update(self, state: dict[str, np.ndarray], dw: npt.ArrayLike, n: int, eta: float) -> None:
        """Change the arrays of `state` ("w" and the moments) in place. Without a learning rate,
        nothing changes."""
        if eta == 0:
            return
        names = dict(self.parameters, dw=dw, n=n, eta=eta)
        for name, code in assignments(self.text):
            state[name][...] = self._value(code, names | state)

    def _value(self, code, names):
        """Return the value of an expression. Raises NetworkError if numbers alone make it none, or
        one that is not real."""
        try:
            with np.errstate(all="ignore"):
                value = evaluate(code, names)
        except (ArithmeticError, TypeError, ValueError) as problem:
            raise NetworkError(
                f"The optimiser {self.name} cannot calculate '{code}': {problem}."
            ) from None
        if np.asarray(value).dtype.kind not in "iuf":
            raise NetworkError(f"The optimiser {self.name}: '{code}' is no real number.")
        return value


@cache
def assignments(text: str) -> tuple[tuple[str, str], ...]:
    """Return the assignments of an optimiser's text: ((name, expression), ...). Raises NetworkError
    for a line that is none."""
    lines = [line.split("#")[0].strip() for line in text.strip().splitlines()]
    for line in lines:
        if not re.fullmatch(r"\w+\s*=[^=].*", line):
            raise NetworkError(
                f"An optimiser's text has the line '{line}', which is no assignment such as 'w = w + dw'."
            )
    return tuple(
        (name.strip(), code.strip()) for name, code in (line.split("=", 1) for line in lines)
    )


def names_in(code: str, where: str) -> set[str]:
    """Return the names that an expression of numbers, names and elementary functions uses. Raises
    NetworkError if it is none.

    Examples
    --------
    >>> from neurofa import optimisers
    >>> sorted(optimisers.names_in("eta * sqrt(g)", "mine"))
    ['eta', 'g', 'sqrt']
    """
    with _as_network_error():
        check_expression(code, where)
        with in_words(f"{where} uses '{code}', which cannot be read"):
            tree = ast.parse(code, mode="eval")
            for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                # NumPy would write into a second one
                if (
                    len(call.args) != (3 if getattr(call.func, "id", "") == "clip" else 1)
                    or call.keywords
                ):
                    raise NetworkError(
                        f"{where}: '{ast.unparse(call)}' has not the arguments that this function takes: clip(x, low, high), "
                        "and one for all others."
                    )
            return set(get_identifiers(NodeRenderer().render_expr(code)))


@contextmanager
def _as_network_error():
    """Raise as a NetworkError what the checks of a rule's text say of an optimiser's."""
    try:
        yield
    except RuleError as problem:
        raise NetworkError(str(problem)) from None


GRADIENT = Optimiser("gradient", "", (), "w = w + dw")

MOMENTUM = Optimiser(
    "momentum",
    "Polyak 1964",
    ("m",),
    """
m = mu * m + dw        # a trace of past changes
w = w + m
""",
    dict(mu=0.9),
)

ADAM = Optimiser(
    "adam",
    "Kingma & Ba 2015",
    ("m", "s"),
    """
m = beta1 * m + (1 - beta1) * dw           # mean change
s = beta2 * s + (1 - beta2) * dw**2        # mean square
w = w + eta * (m / (1 - beta1**n)) / (sqrt(s / (1 - beta2**n)) + epsilon * eta)
""",
    dict(beta1=0.9, beta2=0.999, epsilon=1e-8),
)

OPTIMISERS = Fixed({o.name: o for o in (GRADIENT, MOMENTUM, ADAM)})


def by_pathway(
    chosen: str | Optimiser | Mapping[str, str | Optimiser], pathways: Collection[str]
) -> dict[str, Optimiser]:
    """Return `{pathway: Optimiser}` for those that are plastic: `chosen` for all, or, where it is a
    dict, by name.

    What a dict does not name follows the gradient. Raises NetworkError for an optimiser or a
    pathway that is none.

    Examples
    --------
    >>> from neurofa import optimisers
    >>> {name: one.name for name, one in optimisers.by_pathway({"W": "adam"}, ["W", "B"]).items()}
    {'W': 'adam', 'B': 'gradient'}
    """
    named = chosen if isinstance(chosen, Mapping) else dict.fromkeys(pathways, chosen)
    for name in named:
        if name not in pathways:
            raise NetworkError(
                f"optimiser = {chosen!r}: '{name}' is no plastic pathway. "
                + choices(name, pathways, "pathway")
            )
    return {name: optimiser(named.get(name, GRADIENT)) for name in pathways}


def optimiser(name: str | Optimiser) -> Optimiser:
    """Return the optimiser called `name` (or `name` itself, if it is one). Raises NetworkError if
    there is none.

    Examples
    --------
    >>> from neurofa import optimisers
    >>> optimisers.optimiser("adam").name
    'adam'
    """
    if isinstance(name, Optimiser):
        return name
    if not isinstance(name, str) or name not in OPTIMISERS:
        raise NetworkError(
            f"There is no optimiser '{name}'. " + choices(name, OPTIMISERS, "optimiser")
        )
    return OPTIMISERS[name]
