"""What a task is: inputs and targets, the same held out, a name and a cost; and how time passes in
them, if it does.

All arrays have one row per sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity, ms, second

from ..base.arguments import kind, numbers, quantity, shown, whole
from ..base.errors import TaskError, choices
from ..base.frames import Frame
from ..rules.costs import COSTS, misfit
from .classes import coding, labels_of
from .coded import Coded
from .one_hot import labels_as_one_hot
from .over_time import after


@dataclass(frozen=True, repr=False, eq=False)
class Task:
    """Inputs `x` (samples, n_in) and targets `y` (samples, n_out), and the same held out; read-only
    floats.

    With a `frame`, inputs, targets or both move: they are (samples, frames, n_in) and (samples,
    frames, n_out), and what has no such axis stands still. What is held out may have another number
    of frames.

    Targets that are given as whole numbers of shape (samples,) are labels of classes, from 0, and
    become one-hot. With a `frame`, so do whole numbers of shape (samples, frames): give targets that
    stand still as floats.

    Examples
    --------
    >>> task = tasks.Task(np.ones((4, 3)), [0, 1, 1, 0])
    >>> task.x.shape, task.y.shape
    ((4, 3), (4, 2))
    """

    x: np.ndarray | Coded  # bytes that are scaled, as images are, stay bytes
    y: np.ndarray  # one-hot for classification
    name: str = "task"
    # (test samples, n_in); None, and y_test too, where nothing is held out
    x_test: np.ndarray | Coded | None = None
    y_test: np.ndarray | None = None  # (test samples, n_out)
    cost: str = "squared"  # the cost the task is meant for, one of COSTS
    # how long each frame is shown; a time stands for Frame(time)
    frame: Frame | Quantity | None = None
    # frames that have ended by then count neither for the cost nor for the accuracy
    settling: Quantity = field(default_factory=lambda: 0 * ms)

    def __post_init__(self):
        kind("a Task's name", self.name, str, "text", TaskError)
        where = f"Task '{self.name}'"
        if not isinstance(self.cost, str) or self.cost not in COSTS:
            raise TaskError(
                f"{where}: there is no cost {shown(self.cost)}. {choices(self.cost, COSTS, 'cost')}"
            )
        if (self.x_test is None) != (self.y_test is None):
            raise TaskError(f"{where}: give both x_test and y_test, or none of them.")
        object.__setattr__(self, "frame", _frame(self.frame, where))
        for what, targets in labels_as_one_hot(
            self.name, self._given("y", "y_test"), self.moves
        ).items():
            object.__setattr__(self, what, targets)
        for what, given in self._given("x", "y", "x_test", "y_test").items():
            object.__setattr__(self, what, _checked(given, f"{where}: {what}", self.moves))
        self._check_shapes(where)
        self._check_time(where)
        for what, targets in self._given("y", "y_test").items():
            if wrong := misfit(self.cost, targets):
                raise TaskError(f"{where}: {what} {wrong}")

    def _given(self, *names):
        """Return {name: array} of the arrays that there are: of x and y always, held out or not."""
        arrays = {name: getattr(self, name) for name in names}
        return {n: array for n, array in arrays.items() if n in ("x", "y") or array is not None}

    def _check_shapes(self, where):
        for a, b, axis in (
            ("x", "y", 0),
            ("x_test", "y_test", 0),
            ("x", "x_test", -1),
            ("y", "y_test", -1),
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

    def _check_time(self, where):
        quantity(f"{where}: settling", self.settling, second, "20*ms", TaskError, True, "time")
        if not self.moves:
            if self.settling > 0 * ms:
                raise TaskError(
                    f"{where}: settling = {self.settling}, and this task has no frame, so that nothing in it has a time. "
                    "Leave settling out, or give frame=5*ms."
                )
            return
        given = self._given("x", "y", "x_test", "y_test")
        if not any(array.ndim == 3 for array in given.values()):
            raise TaskError(
                f"{where}: frame = {self.frame.length}, and no array has the shape (samples, frames, units). "
                "Leave frame out, or give one that has."
            )
        _check_alike(where, given)
        for frames, scored in ((self.frames, self.scored), (self.frames_test, self.scored_test)):
            if frames and not scored.any():
                raise TaskError(
                    f"{where}: settling = {self.settling} leaves no frame to score: there are {frames} of "
                    f"{self.frame.length}. Give less than {frames * self.frame.length}."
                )

    @property
    def sizes(self) -> tuple[int, int]:
        """The widths `(n_in, n_out)` that a network for this task must have."""
        return self.x.shape[-1], self.y.shape[-1]

    @property
    def moves(self) -> bool:
        """Whether inputs or targets have a time axis."""
        return self.frame is not None

    @property
    def frames(self) -> int:
        """How many frames inputs or targets have; 1 where nothing moves."""
        return _frames(self.x, self.y)

    @property
    def frames_test(self) -> int:
        """How many frames the held-out ones have; 1 where nothing moves, 0 where nothing is held
        out."""
        return _frames(self.x_test, self.y_test) if self.held_out else 0

    @property
    def scored(self) -> np.ndarray:
        """Which frames count for cost and accuracy, bool (frames,): those that are not over when
        `settling` is."""
        return after(self.settling, self.frame, self.frames)

    @property
    def scored_test(self) -> np.ndarray:
        """Which frames of what is held out count, bool (frames_test,)."""
        return after(self.settling, self.frame, self.frames_test)

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
        """A dict of sample counts, widths and moments of the training `x`; how many samples each
        class has in training, or frames of samples where they move; and how many frames there
        are."""
        x, (inputs, outputs) = np.asarray(self.x), self.sizes
        found: dict[str, Any] = {
            "samples": len(x),
            "test samples": 0 if self.x_test is None else len(self.x_test),
            "inputs": inputs,
            "outputs": outputs,
        }
        found |= {"mean": float(x.mean(dtype=np.float64)), "std": float(x.std(dtype=np.float64))}
        found |= {"min": float(x.min()), "max": float(x.max())}
        if self.moves:
            found |= {"frames": self.frames, "test frames": self.frames_test}
        if self.coding is None:
            return found
        labels = labels_of(self.y, None, self.coding).ravel()
        counts = np.bincount(labels, minlength=max(2, outputs))
        return found | {"class counts": counts.tolist()}

    def __repr__(self):
        (inputs, outputs), what = self.sizes, "outputs"
        if self.classes:
            outputs, what = max(2, outputs), "classes"
        counts = f"{len(self.x)} samples + {len(self.x_test) if self.held_out else 0} held out"
        time = f", {self.frames} frames of {self.frame.length}" if self.frame is not None else ""
        return f"Task {self.name}: {inputs} inputs -> {outputs} {what}, {counts}{time}, {self.cost}"

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


def _frame(value, where):
    try:
        return Frame.of(value, TaskError)
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None


def _frames(x, y):
    return next((array.shape[1] for array in (x, y) if array.ndim == 3), 1)


def _check_alike(where, given):
    """Check that inputs and targets move side by side, and as those that are held out do."""
    for a, b in (("x", "y"), ("x_test", "y_test")):
        n, m = (
            given[one].shape[1] if one in given and given[one].ndim == 3 else None for one in (a, b)
        )
        if n != m and None not in (n, m):
            raise TaskError(
                f"{where}: {a} has {n} frames but {b} has {m}. Give both as many, or one of them as (samples, units): "
                "it stands still."
            )
    for a, b in (("x", "x_test"), ("y", "y_test")):
        if b in given and given[a].ndim != given[b].ndim:
            raise TaskError(
                f"{where}: {a} has shape {given[a].shape} but {b} has {given[b].shape}. Let both move, or stand still."
            )


def _checked(array, what, moves):
    """Return a copy of `array` (samples, width), or (samples, frames, width) where it `moves`, as
    finite, C-contiguous, read-only float64, or float32 if it was; one that is Coded as it is."""
    if not isinstance(array, Coded):
        array = numbers(what, array, error=TaskError, finite=False)
    if array.ndim == 3 and not moves:
        raise TaskError(
            f"{what} has shape {array.shape}, and this task has no frame: give frame=5*ms, for how long each of the "
            f"{array.shape[1]} frames of a sample is shown."
        )
    if array.ndim not in (2, 3) or 0 in array.shape:
        one = (
            " For a single column, use reshape(-1, 1); labels of classes are whole numbers, astype(int)."
            * (array.ndim == 1)
        )
        shape = "(samples, width) or (samples, frames, width)" if moves else "(samples, width)"
        raise TaskError(
            f"{what} has shape {array.shape}, not {shape} with at least one of each. Reshape it.{one}"
        )
    if isinstance(array, Coded):
        return array
    axes = ("sample", "frame", "unit") if array.ndim == 3 else ("sample", "feature")
    array = np.array(numbers(what, array, error=TaskError, axes=axes), order="C")
    array.setflags(write=False)
    return array
