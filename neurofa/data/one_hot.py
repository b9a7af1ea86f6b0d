"""Labels of classes as one-hot targets."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..base.arguments import shown, whole
from ..base.errors import TaskError

#: The largest number of classes that `one_hot` takes for labels.
MOST_CLASSES = 100_000


def one_hot(
    labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Return `labels` (samples,), whole numbers from 0, as rows of zeros with a single one, shape
    (samples, classes).

    Without `classes`, there are as many as the largest label asks for. Raises TaskError for what is
    no label.

    Examples
    --------
    >>> tasks.one_hot([2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    return _as_one_hot("one_hot: labels", labels, classes, (1,), dtype)


def labels_as_one_hot(name: str, targets: dict, moving: bool) -> dict[str, np.ndarray]:
    """Return those of `{"y": .., "y_test": ..}`, of the task `name`, that are labels, as one-hot
    over the classes of both.

    Labels are whole numbers (samples,); and (samples, frames) where targets may be `moving`, which
    become (samples, frames, classes).
    """
    axes = (1, 2) if moving else (1,)
    labels = {what: given for what, given in targets.items() if _are_labels(given, axes)}
    others = [given for what, given in targets.items() if what not in labels]
    if not labels:
        return {}
    if not others:
        classes = max(
            1, min(MOST_CLASSES, 1 + max(int(np.max(given)) for given in labels.values()))
        )
    else:
        classes = _width(others[0])
    return {
        what: _as_one_hot(f"Task '{name}': {what}", given, classes, axes)
        for what, given in labels.items()
    }


def _as_one_hot(what, labels, classes, axes, dtype=np.float64):
    if not _are_labels(labels, axes) or np.ma.is_masked(labels) or np.min(labels) < 0:
        raise TaskError(
            f"{what} = {shown(labels)}: give one whole number, 0 or larger, per sample, without masked entries. "
            "np.unique(labels, return_inverse=True)[1] numbers labels of any kind."
        )
    labels = np.asarray(labels)
    classes = (
        int(labels.max()) + 1 if classes is None else whole(f"{what}: classes", classes, TaskError)
    )
    if not labels.max() < classes <= MOST_CLASSES:
        raise TaskError(
            f"{what}: the largest is {labels.max()}, which does not fit {classes} classes, of which there may be "
            f"{MOST_CLASSES}. Number the classes from 0: np.unique(labels, return_inverse=True)[1]."
        )
    y = np.zeros((*labels.shape, classes), dtype)
    np.put_along_axis(y, labels.astype(np.int64)[..., None], 1, axis=-1)
    return y


def _are_labels(targets, axes):
    try:
        targets = np.asarray(targets)
    except (TypeError, ValueError, RuntimeError):
        return False  # no array, which is said elsewhere
    return targets.ndim in axes and targets.size > 0 and targets.dtype.kind in "bui"


def _width(targets):
    """Return how many units some targets have; None if they are no rows of one length."""
    try:
        return np.shape(targets)[1:][-1]
    except (IndexError, TypeError, ValueError, RuntimeError):
        return None
