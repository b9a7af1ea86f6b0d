"""What classifiers make of signatures of circuits whose like they never saw.

What is to be told (a rule) may not be told by what goes along with it (how large the circuit is, how
fast it learns). So whatever has one of the labels of what is held out is left out of what is learned
from, and what must be chosen of a classifier is chosen in the same way, from the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from ..base.arguments import one_of
from ..base.errors import ExperimentError

if TYPE_CHECKING:
    import xarray
    from sklearn.model_selection import GridSearchCV

__all__ = ["CLASSIFIERS", "answer", "fits", "folds", "losses", "rows"]

#: Classifiers of scikit-learn, by their names.
CLASSIFIERS = ("logistic regression", "gradient boosting")
Fold = tuple[np.ndarray, np.ndarray]


def rows(signatures: xarray.DataArray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the signatures of many trainings as rows (samples, statistics), and the coordinates of
    each, {name: (samples,)}; those with NaN, of trainings that broke off, are left out.

    `signatures` has the statistics along `number`, and may have any other dimensions.

    Examples
    --------
    >>> import xarray
    >>> from neurofa.identification import rows
    >>> data = xarray.DataArray(
    ...     [[[1.0, 2.0], [3.0, np.nan]]],
    ...     dict(model=["fa"], size=[20, 40]),
    ...     ("model", "size", "number"),
    ... )
    >>> x, about = rows(data)
    >>> x, about["size"]
    (array([[1., 2.]]), array([20]))
    """
    others = [str(dim) for dim in signatures.dims if dim != "number"]
    found = signatures.stack(training=others).dropna("training").transpose("training", "number")
    return found.values, {name: found[name].values for name in others}


def folds(*labels: np.ndarray) -> list[Fold]:
    """Return (places to learn from, places that are held out) for every combination of labels that
    there is, arrays (samples,): of what is learned from, none has any label of what is held out.

    Raises
    ------
    ExperimentError : a label is all that there is, so that nothing is left to learn from.

    Examples
    --------
    >>> from neurofa.identification import folds
    >>> size, rate = np.array([20, 20, 40, 40]), np.array([1, 2, 1, 2])
    >>> [(known.tolist(), held_out.tolist()) for known, held_out in folds(size, rate)]
    [([3], [0]), ([2], [1]), ([1], [2]), ([0], [3])]
    """
    found = []
    for combination in sorted(set(zip(*labels))):
        same = np.stack([label == value for label, value in zip(labels, combination)])
        found.append((np.flatnonzero(~same.any(0)), np.flatnonzero(same.all(0))))
    if not all(len(known) for known, _ in found):
        raise ExperimentError(
            "All samples have one label in common: give at least two of each, or leave that label out."
        )
    return found


def fits(
    x: np.ndarray, y: np.ndarray, by: str, *labels: np.ndarray, shuffled: bool = False
) -> Iterator[tuple[GridSearchCV, np.ndarray]]:
    """Yield (a fitted classifier, the places that it never saw) for each of `folds(*labels)`.

    Parameters
    ----------
    x : signatures, (samples, statistics).
    y : what is to be told, whole numbers (samples,).
    by : one of CLASSIFIERS, scikit-learn's. What is chosen of it (how much it is regularised, or how
        many trees it has) is chosen by values of the first label that are held out from the rest.
    labels : of every sample, (samples,).
    shuffled : whether it learns from `y` in random order, as a control.

    Raises
    ------
    ExperimentError : there is no such classifier; and as `folds`.

    Examples
    --------
    >>> from neurofa.identification import fits
    >>> y, size = np.arange(12) % 2, np.repeat([20, 40, 80], 4)
    >>> x = 2.0 * y[:, None] - 1.0
    >>> for fitted, held_out in fits(x, y, "logistic regression", size):
    ...     print(held_out, (fitted.predict(x[held_out]) == y[held_out]).all())
    [0 1 2 3] True
    [4 5 6 7] True
    [ 8  9 10 11] True
    """
    rng = np.random.default_rng(0)
    for known, held_out in folds(*labels):
        told = rng.permutation(y[known]) if shuffled else y[known]
        inner = folds(labels[0][known])
        with threadpool_limits(1):  # small work, of which many threads make long waiting
            fitted = _classifier(by, inner).fit(x[known], told)
        yield fitted, held_out


def answer(
    x: np.ndarray, y: np.ndarray, by: str, label: np.ndarray, asked: np.ndarray
) -> dict[int, float]:
    """Return how probable a classifier that has learned from all samples holds each value of `y` for
    one more, whose statistics are `asked`, (statistics,): the most probable first.

    What is chosen of it is chosen by values of one label that are held out; else as in `fits`.

    Examples
    --------
    >>> from neurofa.identification import answer
    >>> y, size = np.arange(12) % 2, np.repeat([20, 40, 80], 4)
    >>> x = 2.0 * y[:, None] - 1.0
    >>> found = answer(x, y, "logistic regression", size, asked=np.array([1.0]))
    >>> next(iter(found))  # the most probable
    1
    """
    with threadpool_limits(1):
        fitted = _classifier(by, folds(label)).fit(x, y)
        probable = fitted.predict_proba(asked[None])[0]
    order = np.argsort(-probable)
    return {int(fitted.classes_[k]): float(probable[k]) for k in order}


def losses(
    fitted: GridSearchCV,
    x: np.ndarray,
    y: np.ndarray,
    names: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, int]:
    """Return how many more of `y` (samples,) a classifier misses if the statistics of one name, the
    columns of `x` (samples, statistics) that have it, are those of other samples: {name: how many}.

    Columns of one name are exchanged together, so that one does not stand in for another; `rng` draws
    with which samples.

    Examples
    --------
    >>> from neurofa.identification import fits, losses
    >>> rng, y, size = np.random.default_rng(0), np.arange(12) % 2, np.repeat([20, 40, 80], 4)
    >>> x = np.stack([2.0 * y - 1.0, np.zeros(12)], axis=1)
    >>> fitted, held_out = next(fits(x, y, "logistic regression", size))
    >>> losses(fitted, x[held_out], y[held_out], ["rate", "nothing"], rng)["nothing"]
    0
    """
    known = [*dict.fromkeys(names)]
    mixed = [np.where(np.array([*names]) == name, rng.permutation(x), x) for name in known]
    # asked at once: to transform a column takes as long as all of its rows
    said = np.split(fitted.predict(np.concatenate([x, *mixed])), 1 + len(known))
    missed, *without = (int(np.count_nonzero(one != y)) for one in said)
    return {name: count - missed for name, count in zip(known, without)}


def _classifier(by: str, inner: list[Fold]) -> GridSearchCV:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer

    by = one_of("by", by, CLASSIFIERS, ExperimentError, "classifier")
    if by == CLASSIFIERS[0]:
        # statistics have long tails, such as those of a kurtosis or a ratio: by their ranks
        count = min(200, *(len(known) for known, _ in inner))
        ranks = QuantileTransformer(n_quantiles=count, output_distribution="normal", random_state=0)
        made = make_pipeline(ranks, LogisticRegression(max_iter=1000))
        choices: dict[str, list] = dict(logisticregression__C=[0.01, 0.1, 1.0])
    else:
        made = HistGradientBoostingClassifier(max_leaf_nodes=8, early_stopping=False)
        choices = dict(max_iter=[20, 60])
    return GridSearchCV(made, choices, cv=inner)
