"""What a pathway's weights start from: values for `Pathway(..., init=...)`.

Each is called with (network, synapse group, random generator) and returns an array (post, pre). A group draws from a stream of
its own, which depends on the network's seed and the group's name only: two rules with the same seed start from the same `W`.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from .errors import RuleError, choices
from .text import evaluate

# Lower case, because they are read as values: init=normal(0.3).


@dataclass(frozen=True)
class normal:
    """Independent normal weights with standard deviation `std`; by default 1/sqrt(number of inputs)."""

    std: float | None = None

    def __call__(self, net, group, rng):
        return rng.normal(0.0, group.shape[1] ** -0.5 if self.std is None else self.std, group.shape)


@dataclass(frozen=True)
class uniform:
    """Independent weights, uniform between -bound and bound."""

    bound: float

    def __call__(self, net, group, rng):
        return rng.uniform(-self.bound, self.bound, group.shape)


@dataclass(frozen=True)
class constant:
    """All weights are `value`: with 1, the target receives the sum over the source."""

    value: float = 1.0

    def __call__(self, net, group, rng):
        return np.full(group.shape, self.value)


@dataclass(frozen=True)
class identity:
    """One to one: every unit of the source drives the unit of the same number. Raises RuleError if the sizes differ."""

    def __call__(self, net, group, rng):
        if group.shape[0] != group.shape[1]:
            raise RuleError(f"{group.name} cannot be the identity: it goes from {group.shape[1]} to {group.shape[0]} units.")
        return np.eye(group.shape[0])


@dataclass(frozen=True)
class product_of_transposes:
    """The transposed weights of a pathway on the way from the output down to the target, multiplied: W_{l+1}^T ... W_L^T.

    With this, the feedback pathway starts as the transposed Jacobian of a linear network; into the output it is the identity.
    """

    pathway: str = "W"

    def __call__(self, net, group, rng):
        layer, last = net.circuit.unit(group.target).layer, len(net.sizes) - 1
        product = np.eye(net.sizes[layer])
        for k in range(layer + 1, last + 1):
            product = product @ net[f"{self.pathway}{k}"].T
        return product


@dataclass(frozen=True)
class sign_of:
    """The signs of the transposed weights of a pathway, with magnitudes of their own.

    `magnitudes` is "uniform" (all the same, with the root mean square of the weights), "fixed" (absolute values of normal numbers
    with the standard deviation of `normal()`, drawn once), or "redrawn" (the same, drawn anew at every call). For a pathway from
    the layer above into a layer. Raises RuleError for other magnitudes.
    """

    pathway: str = "W"
    magnitudes: str = "fixed"

    def __post_init__(self):
        if self.magnitudes not in ("uniform", "fixed", "redrawn"):
            raise RuleError(f"magnitudes = '{self.magnitudes}'. " + choices(self.magnitudes, ("uniform", "fixed", "redrawn"), "value"))

    def __call__(self, net, group, rng):
        w = net[f"{self.pathway}{net.circuit.unit(group.target).layer + 1}"].T
        if self.magnitudes == "uniform":
            return np.sign(w) * np.sqrt((w**2).mean())
        if self.magnitudes == "fixed":
            rng = np.random.default_rng([net.seed, zlib.crc32(group.name.encode())])
        return np.sign(w) * np.abs(normal()(net, group, rng))


@dataclass(frozen=True)
class copy_of:
    """The weights of another pathway's group with the same source, or else with the same target, times `scale`.

    `scale` is text in the rule's parameters. Raises RuleError if no such group has the same shape.
    """

    pathway: str
    scale: str = "1"

    def __call__(self, net, group, rng):
        others = [g for g in net.circuit.groups if g.pathway.name == self.pathway and g.shape == group.shape]
        twins = [g for g in others if g.source == group.source] or [g for g in others if g.target == group.target]
        if not twins:
            raise RuleError(f"{group.name} cannot start as a copy of {self.pathway}: no group of it has the shape {group.shape} and "
                            "the same source or target.")
        return evaluate(self.scale, {n: float(v) for n, v in net.parameters.items()}) * net[twins[0].name]
