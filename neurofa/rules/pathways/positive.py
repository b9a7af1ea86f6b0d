"""What weights start from that are all positive: magnitudes, where a rule's equations say which cells
excite and which inhibit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...base.arguments import number
from ...base.errors import RuleError
from .start import Start


@dataclass(frozen=True)
class shares(Start):
    """Independent positive weights, the magnitudes of normal ones, which sum to `total` over the
    inputs of every cell: with 1, it receives a mean over the source.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE.through(shares(1), "W"), seed=1)
    >>> net["W1"].sum(axis=1)
    array([1., 1., 1.])
    """

    total: float = 1.0

    def __post_init__(self):
        number("shares(total)", self.total, RuleError, least=0, example="1.0")

    def __call__(self, net: Any, group: Any, rng: np.random.Generator) -> np.ndarray:
        w = np.abs(rng.normal(size=group.shape))
        return self.total * w / w.sum(axis=1, keepdims=True)
