"""What a pathway's weights start from: values for `Pathway(..., init=...)`, or `Pathway(...) |
at_angle(60*deg)`.

Each is called with (network, synapse group, random generator) and returns an array (post, pre). A
group draws from a stream of its own, which depends on the network's seed and the group's name only:
two rules with the same seed start from the same `W`.
"""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...base.arguments import fraction, has_unit, number, one_of, shown
from ...base.errors import RuleError
from ..text import evaluate
from .base import Value

# Lower case, because they are read as values: init=normal(0.3).

#: One degree in radians: `at_angle(60*deg)`.
deg = np.pi / 180
"""One degree, in radians."""


class Start(Value):
    """What weights start from. With `tracked`, they are made anew after every update; where that
    is `of_others`, from other weights, no synapse could know them.

    Examples
    --------
    One of your own:

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class diagonal(Start):
    ...     def __call__(self, net, group, rng):
    ...         return np.eye(*group.shape)
    >>> Network([3, 2, 2], fa.RULE.through(diagonal(), "W"), seed=1)["W1"]
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """

    tracked, of_others = False, True

    def finished(self, group: Any, w: np.ndarray) -> np.ndarray:
        """Return the weights (post, pre) once all has been done to the synapses."""
        return w


@dataclass(frozen=True)
class normal(Start):
    """Independent normal weights with standard deviation `std`; by default 1/sqrt(number of
    inputs). With `tracked`, they are drawn anew after every update.

    Examples
    --------
    >>> net = Network([400, 300, 20], fa.RULE.through(normal(0.1), "W"), seed=1)
    >>> round(float(net["W1"].std()), 2)
    0.1
    """

    std: float | None = None
    tracked: bool = False
    of_others = False

    def __post_init__(self):
        if self.std is not None:
            number("normal(std)", self.std, RuleError, least=0, example="0.1")

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(
            0.0, group.shape[1] ** -0.5 if self.std is None else self.std, group.shape
        )


@dataclass(frozen=True)
class uniform(Start):
    """Independent weights, uniform between -bound and bound.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE.through(uniform(0.5), "B"), seed=1)
    >>> bool(np.abs(net["B2"]).max() < 0.5)
    True
    """

    bound: float

    def __post_init__(self):
        number("uniform(bound)", self.bound, RuleError, least=0, example="0.1")

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(-self.bound, self.bound, group.shape)


@dataclass(frozen=True)
class glorot(Start):
    """Independent normal weights with standard deviation gain * sqrt(2 / (inputs + outputs)), the
    same for a matrix and its transpose.

    Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Examples
    --------
    >>> rule = fa.RULE.through(glorot(), "W")
    """

    gain: float = 1.0

    def __post_init__(self):
        number("glorot(gain)", self.gain, RuleError, least=0, example="1.0")

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(0.0, self.gain * (2 / sum(group.shape)) ** 0.5, group.shape)


@dataclass(frozen=True)
class constant(Start):
    """All weights are `value`: with 1, the target receives the sum over the source.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE.through(constant(1), "B"), seed=1)
    >>> net["B2"].tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """

    value: float = 1.0

    def __post_init__(self):
        number("constant(value)", self.value, RuleError, example="1.0")

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        return np.full(group.shape, self.value)


@dataclass(frozen=True)
class identity(Start):
    """One to one: every unit of the source drives the unit of the same number. Raises RuleError if
    the sizes differ.

    Examples
    --------
    >>> net = Network([4, 4, 4], fa.RULE.through(identity(), "W"), seed=1)
    >>> bool((net["W1"] == np.eye(4)).all())
    True
    """

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        if group.shape[0] != group.shape[1]:
            raise RuleError(
                f"{group.name} cannot be the identity: it goes from {group.shape[1]} to {group.shape[0]} units."
            )
        return np.eye(group.shape[0])


@dataclass(frozen=True)
class spectral(Start):
    """Independent normal weights of variance 1/n, scaled so that the largest modulus of their
    eigenvalues is `radius`: for recurrent pathways.

    A linear layer forgets what it heard if `radius` is below 1. Weights are scaled last: sparse,
    masked, of low rank or of one sign per cell, they have that radius too. Learning may change it,
    and lesions do. Raises RuleError if source and target are not of one size, or where all
    eigenvalues are zero.

    Examples
    --------
    >>> from neurofa.models import rflo
    >>> net = Network([4, 30, 2], rflo.RULE.through(spectral(0.9), "R"), seed=1)
    >>> round(float(abs(np.linalg.eigvals(net["R1"])).max()), 6)
    0.9
    """

    radius: float

    def __post_init__(self):
        number("spectral(radius)", self.radius, RuleError, least=0, open_at=(0,), example="0.9")

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        if group.shape[0] != group.shape[1]:
            raise RuleError(
                f"{group.name} cannot have a spectral radius: it goes from {group.shape[1]} to {group.shape[0]} units."
            )
        return self.finished(group, normal()(net, group, rng))

    def finished(self, group: Any, w: np.ndarray) -> np.ndarray:
        largest = np.abs(np.linalg.eigvals(w)).max()
        if largest <= 1e-9 * np.linalg.norm(w):
            raise RuleError(
                f"{group.name} cannot have the spectral radius {self.radius}: with these synapses, which make no loop, all "
                "eigenvalues are zero. Leave more of them."
            )
        return w * (self.radius / largest)


@dataclass(frozen=True)
class product_of_transposes(Start):
    """The transposed weights of a pathway on the way from the source down to the target,
    multiplied: W_{l+1}^T ... W_s^T.

    From units beside the layers, such as a controller, the way begins at the output. With this, the
    feedback pathway starts as the transposed Jacobian of a linear network; within a layer it is the
    identity. Raises RuleError if there is no such way, or if it begins with another number of units
    than the source has.

    Examples
    --------
    >>> from neurofa.models import dfc
    >>> net = Network([4, 3, 2], dfc.RULE, seed=1)
    >>> bool(np.allclose(net["Q1"], net["W2"].T))
    True
    """

    pathway: str = "W"

    def __call__(self, net: Any, group: Any, rng: np.random.Generator | None) -> np.ndarray:
        source, last = net.circuit.unit(group.source), len(net.sizes) - 1
        top = source.layer if source.kind in ("input", "hidden", "output") else last
        if (
            group.layer is None
            or top < group.layer
            or group.shape != (net.sizes[group.layer], net.sizes[top])
        ):
            raise _no_way(group, self.pathway)
        product = np.eye(net.sizes[top])
        for k in range(top, group.layer, -1):
            product = net[f"{self.pathway}{k}"].T @ product
        return product


def _no_way(group, pathway):
    return RuleError(
        f"{group.name} goes from {group.source} to {group.target}: there is no transpose of {pathway}, and no product of "
        "transposes, on that way. That needs a pathway from a layer above, or from units beside the layers, as many as the "
        "output has."
    )


def transpose(net, group, pathway: str) -> np.ndarray:
    """Return what backpropagation would have in place of a feedback group from a layer above, or
    from a controller: the product of transposes, of a single one from the next layer."""
    above = net.circuit.unit(group.source).layer
    if above is not None and group.layer is not None and above <= group.layer:
        raise _no_way(group, pathway)
    return product_of_transposes(pathway)(net, group, None)


@dataclass(frozen=True)
class at_angle(Start):
    """Weights at the angle `theta` (radians: 60*deg) to what backpropagation would have, and of the
    same norm.

    cos(theta) T/|T| + sin(theta) N, N random, of norm 1 and orthogonal to T, times |T|; T is the
    transpose of W above, or for a direct pathway the product of transposes on the way. With `tracked`, the
    angle is restored after every update, with the same N as far as it can stay orthogonal. Raises
    RuleError unless 0 <= theta <= 180*deg, or if there is no transpose to compare with.

    Examples
    --------
    >>> net = Network([40, 30, 20], fa.RULE.through(at_angle(60*deg), "B"), seed=1)
    >>> round(analysis.alignment(net["W2"], net["B2"]), 6)
    60.0
    """

    theta: float
    tracked: bool = False
    pathway: str = "W"

    def __post_init__(self):
        if not (has_unit(self.theta, 1) and 0 <= self.theta <= np.pi + 1e-12):
            raise RuleError(
                f"at_angle({shown(self.theta)}): give an angle from 0 to 180*deg. It is in radians: write 60*deg."
            )

    def __str__(self):
        return f"at_angle({self.theta / deg:g}*deg{', tracked=True' * self.tracked})"

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        wanted = transpose(net, group, self.pathway).astype(float)
        size = np.linalg.norm(wanted)
        if size == 0:
            raise RuleError(
                f"{group.name} cannot be at an angle to the transpose of {self.pathway}, which is zero."
            )
        other = _own_stream(net, group).normal(size=group.shape)
        other -= (other * wanted).sum() / size**2 * wanted
        length = np.linalg.norm(other)
        if length < 1e-9 and np.sin(self.theta) > 1e-9:
            raise RuleError(f"{group.name} has a single synapse, which cannot be at an angle.")
        return np.cos(self.theta) * wanted + np.sin(self.theta) * size * other / (length or 1.0)


@dataclass(frozen=True)
class sign_concordant(Start):
    """A fraction `c` of the weights has the sign of what backpropagation would have, the others
    have the opposite sign.

    `magnitudes` is "uniform" (all the same, with the root mean square of the transpose), "fixed"
    (absolute values of normal numbers with the standard deviation of `normal()`, drawn once), or
    "redrawn" (the same, drawn anew whenever the signs are). With `tracked`, the signs follow those
    of W after every update; to keep W's own signs instead, see `fixed_signs` and `dale`. For
    Gaussian W, the cosine to the transpose is (2c - 1) 2/pi, or (2c - 1) sqrt(2/pi) with uniform
    magnitudes. Raises RuleError for other magnitudes, or unless 0 <= c <= 1.

    Examples
    --------
    >>> net = Network([40, 30, 20], fa.RULE.through(sign_concordant(1), "B"), seed=1)
    >>> analysis.sign_agreement(net["W2"], net["B2"])
    1.0
    """

    c: float = 1.0
    magnitudes: str = "fixed"
    tracked: bool = False
    pathway: str = "W"

    def __post_init__(self):
        fraction("sign_concordant(c)", self.c, RuleError, least_open=False)
        one_of("magnitudes", self.magnitudes, ("uniform", "fixed", "redrawn"), RuleError, "value")

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        wanted, own = transpose(net, group, self.pathway), _own_stream(net, group)
        magnitudes = np.abs(normal()(net, group, rng if self.magnitudes == "redrawn" else own))
        if self.magnitudes == "uniform":
            magnitudes = np.sqrt((wanted**2).mean())
        discordant = own.permutation(wanted.size).reshape(wanted.shape) >= round(
            self.c * wanted.size
        )
        return np.where(discordant, -1, 1) * np.sign(wanted) * magnitudes


def _own_stream(net, group):
    """Return a generator that is the same at every call, so that what follows W differs by W
    alone."""
    return np.random.default_rng([net.synapses.seeds[group.name], zlib.crc32(group.name.encode())])


@dataclass(frozen=True)
class copy_of(Start):
    """The weights of another pathway's group with the same source, or else with the same target,
    times `scale`.

    `scale` is text in the rule's parameters. Raises RuleError if no such group has the same shape.

    Examples
    --------
    >>> C = Pathway("C", source="below", signal="r", into="c", init=copy_of("W", "-2"))
    >>> net = Network([4, 3, 2], fa.RULE.but(pathways=(*fa.RULE.pathways, C)), seed=1)
    >>> bool(np.allclose(net["C1"], -2 * net["W1"]))
    True
    """

    pathway: str
    scale: str = "1"

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        others = [
            g
            for g in net.circuit.groups
            if g.pathway.name == self.pathway and g.shape == group.shape
        ]
        twins = [g for g in others if g.source == group.source] or [
            g for g in others if g.target == group.target
        ]
        if not twins:
            raise RuleError(
                f"{group.name} cannot start as a copy of {self.pathway}: no group of it has the shape {group.shape} and "
                "the same source or target."
            )
        return (
            evaluate(self.scale, {n: float(v) for n, v in net.parameters.items()})
            * net[twins[0].name]
        )
