"""What a task is: inputs and targets, the same held out, a name and a cost; and labels of classes as
one-hot targets.

All arrays have one row per sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..base.arguments import kind, numbers, shown, whole
from ..base.errors import TaskError, choices
from ..rules.costs import COSTS, misfit
from .classes import coding, labels_of
from .coded import Coded

MOST_CLASSES = 100_000


@dataclass(frozen=True, repr=False, eq=False)
class Task:
    """Inputs `x` (samples, n_in) and targets `y` (samples, n_out), and the same held out; read-only
    floats.

    Targets that are given as whole numbers of shape (samples,) are labels of classes, from 0, and
    become one-hot.
    """

    x: np.ndarray | Coded  # bytes that are scaled, as images are, stay bytes
    y: np.ndarray  # one-hot for classification
    name: str = "task"
    # (test samples, n_in); None, and y_test too, where nothing is held out
    x_test: np.ndarray | Coded | None = None
    y_test: np.ndarray | None = None  # (test samples, n_out)
    cost: str = "squared"  # the cost the task is meant for, one of COSTS

    def __post_init__(self):
        kind("a Task's name", self.name, str, "text", TaskError)
        where = f"Task '{self.name}'"
        if not isinstance(self.cost, str) or self.cost not in COSTS:
            raise TaskError(
                f"{where}: there is no cost {shown(self.cost)}. {choices(self.cost, COSTS, 'cost')}"
            )
        if (self.x_test is None) != (self.y_test is None):
            raise TaskError(f"{where}: give both x_test and y_test, or none of them.")
        for what, targets in _labels_as_one_hot(self.name, self._given("y", "y_test")).items():
            object.__setattr__(self, what, targets)
        for what, given in self._given("x", "y", "x_test", "y_test").items():
            object.__setattr__(self, what, _checked(given, f"{where}: {what}"))
        for a, b, axis in (
            ("x", "y", 0),
            ("x_test", "y_test", 0),
            ("x", "x_test", 1),
            ("y", "y_test", 1),
        ):
            n, m = (
                None if (array := getattr(self, one)) is None else array.shape[axis]
                for one in (a, b)
            )
            if n != m and None not in (n, m):
                raise TaskError(
                    f"{where}: {a} has {n} {('samples', 'columns')[axis]} but {b} has {m}. "
                    f"{('Give one row of targets per row of inputs', 'Hold out samples of the same kind')[axis]}."
                )
        for what, targets in self._given("y", "y_test").items():
            if wrong := misfit(self.cost, targets):
                raise TaskError(f"{where}: {what} {wrong}")

    def _given(self, *names):
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def sizes(self) -> tuple[int, int]:
        """The widths `(n_in, n_out)` that a network for this task must have."""
        return self.x.shape[1], self.y.shape[1]

    @property
    def held_out(self) -> bool:
        """Whether there are held-out samples."""
        return self.x_test is not None

    @property
    def coding(self) -> tuple[float, float] | None:
        """The two values by which the targets, training and held out, code for classes; None where
        they are no classes."""
        return coding(*self._given("y", "y_test").values())

    @property
    def classes(self) -> bool:
        """Whether the targets stand for classes: one high output in every row, or a single output
        of two values."""
        return self.coding is not None

    @property
    def statistics(self) -> dict:
        """A dict of sample counts, widths and moments of the training `x`; and how many samples
        each class has in training."""
        x, (inputs, outputs) = np.asarray(self.x), self.sizes
        found: dict[str, Any] = {
            "samples": len(x),
            "test samples": 0 if self.x_test is None else len(self.x_test),
            "inputs": inputs,
            "outputs": outputs,
        }
        found |= {"mean": float(x.mean(dtype=np.float64)), "std": float(x.std(dtype=np.float64))}
        found |= {"min": float(x.min()), "max": float(x.max())}
        if self.coding is None:
            return found
        counts = np.bincount(labels_of(self.y, None, self.coding), minlength=max(2, outputs))
        return found | {"class counts": counts.tolist()}

    def __repr__(self):
        (inputs, outputs), what = self.sizes, "outputs"
        if self.classes:
            outputs, what = max(2, outputs), "classes"
        counts = f"{len(self.x)} samples + {len(self.x_test) if self.held_out else 0} held out"
        return f"Task {self.name}: {inputs} inputs -> {outputs} {what}, {counts}, {self.cost}"

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Return an iterator over index arrays `(size,)` that visit every sample once, in an order
        drawn from `rng`.

        The last one is shorter where `size` does not divide the number of samples.
        """
        size = whole(f"Task '{self.name}': the batch size", size, TaskError)
        kind(
            "rng",
            rng,
            np.random.Generator,
            "a generator, such as np.random.default_rng(0)",
            TaskError,
        )
        order = rng.permutation(len(self.x))
        return (order[start : start + size] for start in range(0, len(order), size))


def _checked(array, what):
    """Return a copy of `array` (samples, width) as finite, C-contiguous, read-only float64, or
    float32 if it was; one that is Coded as it is."""
    if isinstance(array, Coded) and array.ndim == 2 and array.size:
        return array
    array = numbers(what, array, error=TaskError, axes=("sample", "feature"))
    if array.ndim != 2 or 0 in array.shape:
        one = (
            " For a single column, use reshape(-1, 1); labels of classes are whole numbers, astype(int)."
            * (array.ndim == 1)
        )
        raise TaskError(
            f"{what} has shape {array.shape}, not (samples, width) with at least one of each. Reshape it.{one}"
        )
    array = np.array(array, order="C")
    array.setflags(write=False)
    return array


def one_hot(
    labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Return `labels` (samples,), whole numbers from 0, as rows of zeros with a single one, shape
    (samples, classes).

    Without `classes`, there are as many as the largest label asks for. Raises TaskError for what is
    no label.
    """
    return _as_one_hot("one_hot: labels", labels, classes, dtype)


def _as_one_hot(what, labels, classes, dtype=np.float64):
    if not _are_labels(labels) or np.ma.is_masked(labels) or np.min(labels) < 0:
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
    y = np.zeros((len(labels), classes), dtype)
    y[np.arange(len(labels)), labels.astype(np.int64)] = 1
    return y


def _are_labels(targets):
    try:
        targets = np.asarray(targets)
    except (TypeError, ValueError, RuntimeError):
        return False  # no array, which is said elsewhere
    return targets.ndim == 1 and targets.size > 0 and targets.dtype.kind in "bui"


def _labels_as_one_hot(name, targets):
    """Return those of `{"y": .., "y_test": ..}` that are labels, as one-hot over the classes of
    both."""
    labels = {what: given for what, given in targets.items() if _are_labels(given)}
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
        what: _as_one_hot(f"Task '{name}': {what}", given, classes)
        for what, given in labels.items()
    }


def _width(targets):
    """Return how many columns some targets have; None if they are no rows of one length."""
    try:
        return np.shape(targets)[1]
    except (IndexError, TypeError, ValueError, RuntimeError):
        return None
