"""How a synapse turns the changes that its plasticity line asks for into changes of its weight.

Each synapse keeps its own state (moments); nothing is shared between synapses. As with rules, the text is what runs:
`dw` is the change that the line asks for, averaged over the trials and with the learning rate `eta` in it; `n` counts updates.
Decay terms of a plasticity line do not pass through here: they act on the weight as they stand (decoupled decay).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import NetworkError, choices
from .fixed import Fixed


@dataclass(frozen=True)
class Optimiser:
    """State variables of every synapse, and assignments that are made in their order at each update."""

    name: str
    reference: str
    state: tuple[str, ...]
    text: str
    parameters: dict = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "parameters", Fixed(self.parameters))

    def but(self, **parameters):
        """Return this optimiser with other parameters. Raises NetworkError for an unknown one."""
        for name in parameters:
            if name not in self.parameters:
                raise NetworkError(f"{self.name} has no parameter '{name}'. " + choices(name, self.parameters, "parameter"))
        return replace(self, parameters=dict(self.parameters) | parameters)

    def update(self, state, dw, n, eta):
        """Change the arrays of `state` ("w" and the moments) in place. Without a learning rate, nothing changes."""
        if eta == 0:
            return
        names = dict(self.parameters, dw=dw, n=n, eta=eta, sqrt=np.sqrt)
        for name, code in _compiled(self.text):
            state[name][...] = eval(code, {}, names | state)


def _compiled(text, _made={}):
    if text not in _made:
        lines = [line.split("#")[0].strip() for line in text.strip().splitlines()]
        _made[text] = [(name.strip(), compile(code.strip(), "optimiser", "eval"))
                       for name, code in (line.split("=", 1) for line in lines)]
    return _made[text]


GRADIENT = Optimiser("gradient", "", (), "w = w + dw")

MOMENTUM = Optimiser("momentum", "Polyak 1964", ("m",), """
m = mu * m + dw        # a trace of past changes
w = w + m
""", dict(mu=0.9))

ADAM = Optimiser("adam", "Kingma & Ba 2015", ("m", "s"), """
m = beta1 * m + (1 - beta1) * dw           # mean change
s = beta2 * s + (1 - beta2) * dw**2        # mean square
w = w + eta * (m / (1 - beta1**n)) / (sqrt(s / (1 - beta2**n)) + epsilon * eta)
""", dict(beta1=0.9, beta2=0.999, epsilon=1e-8))

OPTIMISERS = Fixed({o.name: o for o in (GRADIENT, MOMENTUM, ADAM)})


def by_pathway(chosen, pathways):
    """Return `{pathway: Optimiser}` for those that are plastic: `chosen` for all, or, where it is a dict, by name.

    What a dict does not name follows the gradient. Raises NetworkError for an optimiser or a pathway that is none.
    """
    named = chosen if isinstance(chosen, Mapping) else dict.fromkeys(pathways, chosen)
    for name in named:
        if name not in pathways:
            raise NetworkError(f"optimiser = {chosen!r}: '{name}' is no plastic pathway. " + choices(name, pathways, "pathway"))
    return {name: optimiser(named.get(name, GRADIENT)) for name in pathways}


def optimiser(name):
    """Return the optimiser called `name` (or `name` itself, if it is one). Raises NetworkError if there is none."""
    if isinstance(name, Optimiser):
        return name
    if not isinstance(name, str) or name not in OPTIMISERS:
        raise NetworkError(f"There is no optimiser '{name}'. " + choices(name, OPTIMISERS, "optimiser"))
    return OPTIMISERS[name]
