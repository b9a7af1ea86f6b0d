"""Costs by name: what the output should minimise, and the gradient dC/dr that the circuit's
equations call `dcost`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp, softmax

from ..base.errors import NetworkError, choices

Of = Callable[[np.ndarray, np.ndarray], np.ndarray]  # rates and targets, (trials, units)


@dataclass(frozen=True)
class Cost:
    """`dcost` is text that the circuit integrates; `value` and `gradient` are the same in NumPy,
    per trial.

    Examples
    --------
    >>> from neurofa import costs
    >>> squared = costs.cost("squared")
    >>> squared.dcost
    'r - target'
    >>> squared.gradient(np.array([[3.0, 2.0]]), np.array([[1.0, 2.0]]))
    array([[2., 0.]])
    """

    name: str
    dcost: str
    value: Of  # -> (trials,)
    gradient: Of  # -> (trials, units)

    @property
    def choice(self) -> str:
        """The parameter of circuits that were told no cost which is 1 where this one is chosen, and
        0 otherwise."""
        return f"dcost_{self.name}"


COSTS = {
    c.name: c
    for c in (
        Cost(
            "squared",
            "r - target",
            lambda r, y: 0.5 * ((r - y) ** 2).sum(axis=1),
            lambda r, y: r - y,
        ),
        # the softmax lives in the cost; the output's rates are logits
        Cost(
            "cross_entropy",
            "softmax_r - target",
            lambda r, y: logsumexp(r, axis=1) - (y * r).sum(axis=1),
            lambda r, y: softmax(r, axis=1) - y,
        ),
        # of every output by itself; its rate is the logit
        Cost(
            "binary_cross_entropy",
            "1 / (1 + exp(-r)) - target",
            lambda r, y: (np.logaddexp(0, r) - y * r).sum(axis=1),
            lambda r, y: expit(r) - y,
        ),
    )
}

# All of them, of which the circuit's parameters dcost_... choose one: of a network that learns with
# the cost of its task.
CHOOSABLE = Cost(
    "choosable",
    " + ".join(f"{c.choice} * ({c.dcost})" for c in COSTS.values()),
    None,  # type: ignore[arg-type]  # text alone: a network has one of them as its cost
    None,  # type: ignore[arg-type]
)
CHOICES = tuple(c.choice for c in COSTS.values())


def cost(name: str) -> Cost:
    """Return the cost called `name`. Raises NetworkError, with the valid names, if there is
    none.

    Examples
    --------
    >>> from neurofa import costs
    >>> float(costs.cost("squared").value(np.zeros((1, 2)), np.ones((1, 2)))[0])
    1.0
    """
    if not isinstance(name, str) or name not in COSTS:
        raise NetworkError(f"There is no cost '{name}'. " + choices(name, COSTS, "cost"))
    return COSTS[name]


def misfit(name: str, y: np.ndarray) -> str:
    """Return what is wrong with targets `y` (samples, outputs), or (samples, frames, outputs), for the
    cost `name`, as the end of a sentence; or nothing.

    Examples
    --------
    >>> from neurofa import costs
    >>> bool(costs.misfit("cross_entropy", np.full((1, 2), 3.0)))
    True
    """
    if name == "cross_entropy" and y.shape[-1] == 1:
        return "has one column, whose softmax is always 1. Use binary_cross_entropy."
    if name == "cross_entropy" and not (
        (y >= 0).all() and np.allclose(y.sum(axis=-1), 1, atol=1e-3)
    ):
        return "is no distribution over classes: cross_entropy needs rows of numbers from 0 that add up to 1, such as one-hot."
    if name == "binary_cross_entropy" and not ((y >= 0) & (y <= 1)).all():
        return "does not lie between 0 and 1, as binary_cross_entropy needs it."
    return ""
