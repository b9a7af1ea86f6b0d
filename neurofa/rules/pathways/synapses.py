"""What a pathway's synapses are like: sparse, of low rank, few-valued, of one sign per cell.
Learning keeps them so.

Each draws from a stream of its own, which depends on the network's seed and the synapse group: the
same synapses are missing whatever else is changed.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ...base.arguments import fraction, numbers, whole
from ...base.errors import NetworkError, RuleError
from .base import Manipulation, layers


@dataclass(frozen=True)
class sparse(Manipulation):
    """A fraction `p` of the synapses exists, chosen at random, each stronger by 1/sqrt(p): the
    variance of the drive stays.

    p = 1 is the intact pathway. Raises RuleError unless 0 < p <= 1.

    Examples
    --------
    >>> rule = fa.RULE.through(sparse(0.5), "B")
    >>> net = Network([40, 30, 20], rule, seed=1)
    >>> abs(float((net["B2"] != 0).mean()) - 0.5) < 0.1
    True
    """

    p: float
    layer: int | tuple | None = None
    synaptic = True
    keeps = "existing"

    def __post_init__(self):
        fraction("sparse(p)", self.p, RuleError)
        layers(self)

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        exists = _chosen(rng, self.p, w.shape)
        return np.where(exists, w * self.p**-0.5, 0.0), exists

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        np.multiply(w, structure, out=w)


@dataclass(frozen=True)
class reaching(Manipulation):
    """The pathway reaches only a fraction `p` of the target's cells, chosen at random, with the
    synapses that they had anyway.

    Examples
    --------
    >>> rule = fa.RULE.through(reaching(0.5), "W")
    """

    p: float
    layer: int | tuple | None = None
    synaptic = True
    keeps = "existing"

    def __post_init__(self):
        fraction("reaching(p)", self.p, RuleError)
        layers(self)

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        reached = _chosen(rng, self.p, (len(w), 1))
        return w * reached, reached

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        np.multiply(w, structure, out=w)


@dataclass(frozen=True)
class masked(Manipulation):
    """Only the synapses where `exists` is true are there, with the weights that they had anyway;
    learning makes no others.

    `exists` is an array (post, pre) of truth values, or of 0 and 1: receptive fields, a connectome.
    A pathway that enters several layers takes one for each: `pathway | masked(A, layer=1) |
    masked(B, layer=2)`. A weight that is merely assigned zero is a value like any other, and
    learns. It is kept as rows of text, "0110", so that rules can be compared, hashed and written
    down. Raises RuleError for what is no such array, NetworkError where a synapse group has another
    shape.

    Examples
    --------
    >>> mask = np.eye(3, 4)
    >>> net = Network([4, 3, 2], fa.RULE.through(masked(mask, layer=1), "W"), seed=1)
    >>> int((net["W1"] != 0).sum())
    3
    """

    exists: npt.ArrayLike
    layer: int | tuple | None = None
    synaptic = True
    keeps = "existing"

    def __post_init__(self):
        layers(self)
        rows = self.exists
        if not (isinstance(rows, tuple) and rows and all(isinstance(row, str) for row in rows)):
            array = numbers("masked(exists)", rows, error=RuleError)
            if array.ndim != 2 or not array.size or not ((array == 0) | (array == 1)).all():
                raise RuleError(
                    f"masked(exists), of shape {array.shape}: give an array (post, pre) of truth values, or of 0 and 1."
                )
            rows = tuple("".join(row) for row in np.where(array == 1, "1", "0"))
        if len({*map(len, rows)}) != 1 or not rows[0] or not {*"".join(rows)} <= {*"01"}:
            raise RuleError("masked(exists): give rows of 0 and 1, all of one length.")
        object.__setattr__(self, "exists", rows)

    @property
    def array(self) -> np.ndarray:
        """Which synapses exist, truth values (post, pre)."""
        rows: Any = self.exists  # texts by now
        return np.array([list(row) for row in rows]) == "1"

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        exists = self.array
        if exists.shape != w.shape:
            raise NetworkError(
                f"{self} has the shape {exists.shape}, and {group.name} {w.shape}. With layer=, only the groups that enter "
                "that layer are meant."
            )
        return w * exists, exists

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        np.multiply(w, structure, out=w)

    def __str__(self):
        count, digest = (
            sum(row.count("1") for row in self.exists),
            zlib.crc32("/".join(self.exists).encode()),
        )
        where = "" if self.layer is None else f", layer={self.layer}"
        return f"masked({count} of {len(self.exists)}x{len(self.exists[0])} synapses, {digest:08x}{where})"

    __repr__ = __str__


@dataclass(frozen=True)
class low_rank(Manipulation):
    """The weights are those nearest to a random k-dimensional subspace of the source, made stronger
    to keep their norm.

    What the source sends orthogonally to that subspace transmits nothing. Learning stays in the
    subspace. `k` of the source's size or more is the intact pathway.

    Examples
    --------
    >>> net = Network([40, 30, 20], fa.RULE.through(low_rank(3), "B"), seed=1)
    >>> int(np.linalg.matrix_rank(net["B2"]))
    3
    """

    k: int
    layer: int | tuple | None = None
    synaptic = True

    def __post_init__(self):
        whole("low_rank(k)", self.k, RuleError)
        layers(self)

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray | None]:
        n = w.shape[1]
        if self.k >= n:
            return w, None
        span = np.linalg.qr(rng.normal(size=(n, self.k)))[0]
        project = span @ span.T
        projected = w @ project
        size = np.linalg.norm(projected)
        return projected * (np.linalg.norm(w) / size if size else 1.0), project

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        np.matmul(w.copy(), structure, out=w)


@dataclass(frozen=True)
class quantised(Manipulation):
    """Weights have `2**bits` values, evenly from -m to m, m the largest initial weight; synapses
    that do not exist stay away.

    Rounding is stochastic, to one of the two neighbours, so that its mean is the weight itself;
    what learns is rounded after every update, and no larger than m. Zero is none of the values: a
    small weight is rounded to either sign, unless signs are kept.

    Examples
    --------
    >>> net = Network([40, 30, 20], fa.RULE.through(quantised(1), "B"), seed=1)
    >>> len(np.unique(np.abs(net["B2"])))
    1
    """

    bits: int
    layer: int | tuple | None = None
    synaptic = True
    precedence = 1

    def __post_init__(self):
        whole("quantised(bits)", self.bits, RuleError, most=32)
        layers(self)

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        m = np.abs(w).max(initial=0.0)
        return self._rounded(w, m, rng), np.asarray(m)

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        np.copyto(w, self._rounded(w, structure[()], np.random.default_rng(stream)))

    def fits(self, w: np.ndarray, structure: np.ndarray) -> bool:
        """Whether no weight is larger than m: rounding is what it does to all that are not."""
        return bool((np.abs(w) <= structure * (1 + 1e-5)).all())

    def _rounded(self, w, m, rng):
        step = 2 * m / (2**self.bits - 1) or 1.0
        level = np.clip((w + m) / step, 0, 2**self.bits - 1)
        return np.where(
            w == 0, 0.0, np.floor(level + rng.random(w.shape)).clip(max=2**self.bits - 1) * step - m
        )


@dataclass(frozen=True)
class fixed_signs(Manipulation):
    """No synapse changes its sign: a weight that learning would take across zero stays at zero
    until it is driven back.

    Synapses that start from zero have no sign, and stay at zero.

    Examples
    --------
    >>> rule = fa.RULE.through(fixed_signs(), "W")
    """

    layer: int | tuple | None = None
    synaptic = True
    precedence = 2
    keeps = "signs"

    def __post_init__(self):
        layers(self)

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        return w, np.sign(w)

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        _keep_signs(w, structure)


@dataclass(frozen=True)
class dale(Manipulation):
    """All synapses that a cell makes have one sign: positive for a fraction of the source's cells,
    negative for the others.

    Magnitudes stay, and learning keeps the signs. Which cells are excitatory depends on the source
    population alone, so that several pathways from one population agree. Raises RuleError unless 0
    <= excitatory <= 1.

    Examples
    --------
    >>> net = Network([40, 30, 20], fa.RULE.through(dale(0.8), "W"), seed=1)
    >>> positive = (net["W2"] >= 0).all(axis=0)
    >>> int(positive.sum()), int((net["W2"][:, ~positive] <= 0).all())
    (24, 1)
    """

    excitatory: float = 0.8
    layer: int | tuple | None = None
    synaptic = True
    precedence = 2
    keeps = "signs"

    def __post_init__(self):
        fraction("dale(excitatory)", self.excitatory, RuleError, least_open=False)
        layers(self)

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        cells = np.random.default_rng(
            [net.synapses.seeds[group.name], zlib.crc32(f"{group.source} cell types".encode())]
        )
        signs = np.where(_chosen(cells, self.excitatory, (1, w.shape[1])), 1.0, -1.0) * (w != 0)
        return np.abs(w) * signs, signs

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        _keep_signs(w, structure)


def _chosen(rng, p, shape):
    """Return an array of truth values, round(p * size) of them true."""
    size = int(np.prod(shape))
    return (rng.permutation(size) < round(p * size)).reshape(shape)


def _keep_signs(w, signs):
    np.multiply(np.maximum(w * signs, 0.0), signs, out=w)


def check_synapses(where: str, manipulations: Iterable[Manipulation]) -> None:
    """Raise RuleError where one manipulation of the weights would undo what another stands for, in
    the same layer."""
    for one, other in combinations(
        [m for m in manipulations if type(m).weights is not Manipulation.weights], 2
    ):
        kinds, here, there = {type(one), type(other)}, layers(one), layers(other)
        if here is not None and there is not None and not set(here) & set(there):
            continue
        if type(one) is type(other) and type(one) is not sparse:
            raise RuleError(f"{where}: {type(one).__name__} stands there twice. Once is enough.")
        if low_rank in kinds and len(kinds) > 1:
            name = next(k.__name__ for k in kinds if k is not low_rank)
            raise RuleError(
                f"{where}: low_rank and {name} do not go together: the weights would not have that rank any more. "
                "Gain, delay, noise and lesions go with both."
            )
        if kinds == {fixed_signs, dale}:
            raise RuleError(f"{where}: dale keeps the signs already; leave out fixed_signs.")
