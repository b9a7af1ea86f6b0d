"""Targets that stand for classes: how they are coded, how many rates say the right one, and which
are taken for which."""

import numpy as np
from scipy.special import expit

from ..base.arguments import numbers
from ..base.errors import NetworkError


def coding(*targets: np.ndarray) -> tuple[float, float] | None:
    """Return the (low, high) by which arrays (samples, outputs), or (samples, frames, outputs), code
    for classes; None where they are no classes.

    One output is a threshold between the two values that it has. Of several outputs, just one is
    high in every row: 1 beside 0, 1 beside -1, or smoothed, 0.91 beside 0.01.

    Examples
    --------
    >>> from neurofa.classes import coding
    >>> coding(np.eye(3))
    (0.0, 1.0)
    """
    low, high = min(y.min() for y in targets), max(y.max() for y in targets)
    if low == high or not all(((y == low) | (y == high)).all() for y in targets):
        return None
    if targets[0].shape[-1] == 1:
        return float(low), float(high)
    one_in_each = all((np.count_nonzero(y == high, axis=-1) == 1).all() for y in targets)
    return (
        (float(low), float(high))
        if one_in_each and (low >= 0 and high <= 1 or low == -high)
        else None
    )


def labels_of(values: np.ndarray, cost: str | None, coded: tuple[float, float]) -> np.ndarray:
    """Return the class that each row of rates or targets (samples, outputs) stands for, shape
    (samples,), whole numbers from 0; of (samples, frames, outputs), shape (samples, frames).

    `cost` is the name of the cost under which rates were learned; None for targets. The rate under
    "binary_cross_entropy" is a logit. `coded` is what `coding` returned.

    Examples
    --------
    >>> from neurofa.classes import labels_of
    >>> labels_of(np.array([[0.9, 0.1], [0.2, 0.8]]), "squared", (0.0, 1.0))
    array([0, 1])
    """
    if values.shape[-1] > 1:
        return values.argmax(axis=-1)
    if cost == "binary_cross_entropy":
        values = expit(values)
    return (values[..., 0] > sum(coded) / 2).astype(int)


def accuracy(
    rates: np.ndarray, targets: np.ndarray, cost: str, coded: tuple[float, float] | None
) -> float:
    """Return how many of the `rates` say the class of the `targets`, as a fraction; NaN if `coded`
    is None.

    Examples
    --------
    >>> from neurofa.classes import accuracy, coding
    >>> targets = np.eye(2)
    >>> accuracy(np.array([[0.9, 0.1], [0.8, 0.2]]), targets, "squared", coding(targets))
    0.5
    """
    if coded is None:
        return float("nan")
    return float((labels_of(rates, cost, coded) == labels_of(targets, None, coded)).mean())


def confusion(rates: np.ndarray, targets: np.ndarray, cost: str = "squared") -> np.ndarray:
    """Return how often which class was taken for which, counts of shape (classes, classes): rows
    are targets, columns rates.

    `rates` and `targets` are (samples, outputs), `cost` the name of the network's, `net.cost.name`.
    Raises NetworkError for arrays of different shapes, and for targets that are no classes.

    Examples
    --------
    >>> from neurofa.classes import confusion
    >>> confusion(np.array([[0.9, 0.1], [0.8, 0.2]]), np.eye(2))
    array([[1, 0],
           [1, 0]])
    """
    rates, targets = (
        numbers(what, one, axes=("sample", "unit"))
        for what, one in (("rates", rates), ("targets", targets))
    )
    if rates.ndim != 2 or rates.shape != targets.shape or not rates.size:
        raise NetworkError(
            f"Rates of shape {rates.shape} and targets of shape {targets.shape}: give both as (samples, outputs)."
        )
    coded = coding(targets)
    if coded is None:
        raise NetworkError(
            "These targets are no classes: one output of every row must be high, or a single output have two values."
        )
    found = np.zeros((max(2, rates.shape[1]),) * 2, int)
    np.add.at(found, (labels_of(targets, None, coded), labels_of(rates, cost, coded)), 1)
    return found
