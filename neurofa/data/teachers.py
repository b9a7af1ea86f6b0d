"""Tasks whose targets are computed: a linear map, or a teacher network, drawn from a seed."""

from collections.abc import Sequence

import numpy as np

from ..base.arguments import sequence, whole
from ..base.errors import TaskError
from .streams import streams
from .task import Task


def _streams(kind, sizes, seed):
    """Return the generators of a task between layers of these sizes."""
    for size in sizes:
        whole(f"{kind}: a width in sizes={sizes}", size, TaskError)
    return streams(kind, seed)


def _drawn(kind, function, sizes, samples, test, seed):
    """Return the task y = function(x) with x standard normal; the counts do not change the
    function."""
    counts = whole(f"{kind}: samples", samples, TaskError), whole(f"{kind}: test", test, TaskError)
    x, x_test = (
        rng.standard_normal((n, sizes[0]))
        for rng, n in zip(_streams(kind, sizes, seed)[1:], counts)
    )
    return Task(x, function(x), kind, x_test, function(x_test), "squared")


def linear_target(sizes: Sequence[int] = (30, 10), seed: int = 0) -> np.ndarray:
    """Return the matrix T (n_out, n_in) of `linear_map`, its entries uniform in (-1, 1).

    Examples
    --------
    >>> tasks.linear_target().shape
    (10, 30)
    """
    sizes = sequence("linear_map: sizes", sizes, "(n_in, n_out)", TaskError)
    if len(sizes) != 2:
        raise TaskError(
            f"linear_map: sizes={sizes} must be (n_in, n_out). Hidden layers belong to the network."
        )
    return _streams("linear_map", sizes, seed)[0].uniform(-1, 1, (sizes[1], sizes[0]))


def linear_map(
    sizes: Sequence[int] = (30, 10), samples: int = 4000, test: int = 1000, seed: int = 0
) -> Task:
    """Return y = T x, x (samples, n_in) standard normal, y (samples, n_out): the target of the
    30-20-10 linear network.

    Lillicrap et al. 2014, arXiv:1411.0247, and 2016, Nature Communications 7:13276, for the task
    and its widths. Our choice: the distributions of T (see `linear_target`) and x, and the numbers
    of samples.

    Examples
    --------
    >>> tasks.linear_map(samples=100, test=10).y.shape
    (100, 10)
    """
    T = linear_target(sizes, seed)
    return _drawn("linear_map", lambda x: x @ T.T, sizes, samples, test, seed)


def teacher(
    sizes: Sequence[int] = (30, 20, 10, 10), seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the layers of `student_teacher` as (W, b) pairs, W (n_l, n_{l-1}) and b (n_l,).

    The distribution is our choice: W normal with standard deviation 1.5/sqrt(n_{l-1}), b with 0.1.

    Examples
    --------
    >>> [W.shape for W, b in tasks.teacher((30, 20, 10))]
    [(20, 30), (10, 20)]
    """
    sizes = sequence(
        "student_teacher: sizes", sizes, "the width of every layer, such as (30, 20, 10)", TaskError
    )
    if len(sizes) < 2:
        raise TaskError(
            f"student_teacher: sizes={sizes} needs at least an input and an output width."
        )
    rng = _streams("student_teacher", sizes, seed)[0]
    return [
        (rng.normal(0, 1.5 * n**-0.5, (m, n)), rng.normal(0, 0.1, m))
        for n, m in zip(sizes, sizes[1:])
    ]


def teach(layers: list[tuple[np.ndarray, np.ndarray]], x: np.ndarray) -> np.ndarray:
    """Return what a teacher makes of x (samples, n_in): tanh hidden layers, linear output.

    Examples
    --------
    >>> tasks.teach(tasks.teacher((30, 20, 10)), np.ones((5, 30))).shape
    (5, 10)
    """
    *hidden, (W_out, b_out) = layers
    for W, b in hidden:
        x = np.tanh(x @ W.T + b)
    return x @ W_out.T + b_out


def student_teacher(
    sizes: Sequence[int] = (30, 20, 10, 10), samples: int = 10000, test: int = 5000, seed: int = 0
) -> Task:
    """Return the outputs y (samples, n_out) of a random tanh network with linear output for x
    (samples, n_in).

    Lillicrap et al. 2014, arXiv:1411.0247, and 2016, Nature Communications 7:13276: the 30-20-10-10
    teacher with tanh hidden layers, a linear output and biases, and 5000 test points. Our choice: x
    standard normal, the teacher's weights (see `teacher`), and 10000 samples.

    Examples
    --------
    >>> tasks.student_teacher(samples=100, test=10).y.shape
    (100, 10)
    """
    layers = teacher(sizes, seed)
    return _drawn("student_teacher", lambda x: teach(layers, x), sizes, samples, test, seed)
