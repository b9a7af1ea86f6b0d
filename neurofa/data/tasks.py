"""The tasks that there are, each a function that returns a Task; and a task by its name.

`digits()` needs no download, `linear_map()` and `student_teacher()` are drawn from a seed,
`mnist()` and `idx()` read files; `picture()` is a function of position, `click_through()` and
`block_model()` are no images, `hierarchical()` is generated level by level; `sines()` and
`reaching()` move in time, and `stream(task)` shows the samples of another task one after the
other. `views(x, rng)` are images as another glance sees them.
"""

import os
from http.client import HTTPException
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..base.arguments import seed_of, shown
from ..base.errors import TaskError, choices
from ..base.others import loaded, others, package
from .generated import block_graph, block_model, click_through, log_odds, tastes
from .hierarchies import grammar, hierarchical
from .idx import IDX_DTYPES, IDX_FILES, IDX_FOLDERS, idx, read_idx, scaled
from .in_time import in_time
from .moving import reaching, sines, stream
from .one_hot import MOST_CLASSES, one_hot
from .pictures import photograph, picture, pixel_codes
from .task import Task
from .teachers import linear_map, linear_target, student_teacher, teach, teacher
from .views import views

__all__ = [
    "IDX_DTYPES",
    "IDX_FILES",
    "IDX_FOLDERS",
    "MOST_CLASSES",
    "TASKS",
    "Task",
    "block_graph",
    "block_model",
    "click_through",
    "digits",
    "grammar",
    "hierarchical",
    "idx",
    "in_time",
    "linear_map",
    "linear_target",
    "log_odds",
    "mnist",
    "one_hot",
    "photograph",
    "picture",
    "pixel_codes",
    "reaching",
    "read_idx",
    "sines",
    "stream",
    "student_teacher",
    "task",
    "tastes",
    "teach",
    "teacher",
    "views",
]


def digits(seed: int = 0, test: float = 0.25) -> Task:
    """Return scikit-learn's 8 x 8 digits: x (samples, 64) in 0..1, y (samples, 10); a share `test`
    is held out.

    1797 samples, from the UCI optical recognition set. Every class is held out in proportion;
    `seed` draws the split.

    Examples
    --------
    >>> task = tasks.digits()
    >>> task.x.shape, task.y.shape, task.x_test.shape
    ((1347, 64), (1347, 10), (450, 64))
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, labels = load_digits(return_X_y=True)
    seed_of("digits: the seed", seed, TaskError)
    try:
        split = train_test_split(
            x / 16, one_hot(labels, 10), test_size=test, random_state=seed, stratify=labels
        )
    except ValueError as error:
        raise TaskError(f"digits(seed={seed!r}, test={test!r}) cannot be split: {error}") from error
    x, x_test, y, y_test = split
    return Task(x, y, "digits", x_test, y_test, "cross_entropy")


def mnist(folder: str | os.PathLike | None = None, dtype: DTypeLike = np.float64) -> Task:
    """Return MNIST: x (60000, 784) in 0..1, one-hot y (60000, 10), and 10000 held-out samples.

    The IDX files are looked for in `folder`, else in the folder that the environment variable
    NEUROFA_MNIST names, as `idx` does; with neither, scikit-learn fetches 'mnist_784' from
    openml.org and keeps it.

    Examples
    --------
    >>> task = tasks.mnist(dtype="float32")  # doctest: +SKIP
    >>> task.x.shape, task.y.shape, task.x_test.shape  # doctest: +SKIP
    ((60000, 784), (60000, 10), (10000, 784))
    """
    folder = folder or os.environ.get("NEUROFA_MNIST")
    if folder:
        return idx(folder, "mnist", dtype)
    from sklearn.datasets import fetch_openml

    try:
        x, labels = fetch_openml(
            "mnist_784", version=1, as_frame=False, parser="liac-arff", return_X_y=True
        )
    except (OSError, ValueError, HTTPException) as error:
        raise TaskError(
            f"MNIST could not be fetched from openml.org ({error}). Download {', '.join(IDX_FILES)} (or .gz) by hand "
            "and name their folder, as mnist(folder=...) or in the environment variable NEUROFA_MNIST."
        ) from error
    x, y = scaled(x, 0, 255, dtype), one_hot(labels.astype(int), 10, dtype)
    return Task(x[:60000], y[:60000], "mnist", x[60000:], y[60000:], "cross_entropy")


#: The functions that `task` knows by name.
TASKS = {
    f.__name__: f
    for f in (
        *(digits, linear_map, student_teacher, idx, mnist, sines, reaching, stream),
        *(picture, click_through, block_model, hierarchical),
    )
}


def task(name: str, **kwargs: Any) -> Task:
    """Return the `Task` called `name`, made with `kwargs`: `task("digits", seed=1)` is
    `digits(seed=1)`.

    Other packages may bring tasks, functions that return one, under names of their own
    (base/others.py). Raises TaskError if there is none of that name, or what another package
    brings is none.

    Examples
    --------
    >>> tasks.task("digits", seed=1).x.shape
    (1347, 64)
    """
    if name in TASKS:
        return TASKS[name](**kwargs)
    known = others("task", TASKS)
    if name not in known:
        raise TaskError(f"There is no task '{name}'. {choices(name, (*TASKS, *known), 'task')}")
    make = loaded("task", known[name], TaskError)
    found = make(**kwargs) if callable(make) else make
    if not isinstance(found, Task):
        raise TaskError(
            f"The task '{name}' of {package(known[name])}: {known[name].value} is no function that "
            f"returns a Task, but {'returns' if callable(make) else 'is'} {shown(found)}."
        )
    return found
