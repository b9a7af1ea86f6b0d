"""A recurrent circuit unrolled in time, and backpropagation through time: the control that is no
circuit.

To find these gradients, a cell would have to know every state of the trial when it has ended, all
weights that leave it, and their transposes. Plain NumPy; the circuit is one layer of cells that hear
each other, in forward Euler, and a readout that follows at once:

    v[t] = W x[t] + R r[t-1]
    r[t] = r[t-1] + step * (tanh(v[t]) - r[t-1])       step = dt / tau
    y[t] = V r[t]

    x   (trials, steps, n_in)      input, or (trials, n_in) if it stands still
    W   (n, n_in)                  its weights, (post, pre)
    R   (n, n)                     recurrent weights
    V   (n_out, n)                 those of the readout
    r   (trials, steps + 1, n)     rates: r[:, 0] is what they begin with
    y   (trials, steps, n_out)     the output, held against targets of that shape

The cost is the mean over trials, and over the steps that are scored; gradients carry its sign, and
are subtracted. Names of costs are those of reference.py.

Werbos, "Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 1990.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .reference import cost, cost_gradient


class Unrolled(NamedTuple):
    """What a circuit does in a trial: potentials v (trials, steps, n), rates r (trials, steps + 1,
    n), and its output y (trials, steps, n_out).

    Examples
    --------
    >>> from neurofa import unrolled
    >>> W, R, V = np.ones((3, 1)), np.zeros((3, 3)), np.ones((1, 3))
    >>> course = unrolled.unroll(np.ones((1, 1)), W, R, V, step=1, steps=5)
    >>> bool(np.allclose(course.y, 3 * np.tanh(1)))
    True
    """

    v: np.ndarray
    r: np.ndarray
    y: np.ndarray


class Gradients(NamedTuple):
    """The mean cost of a batch, and its gradients by W, R and V, each of its shape.

    Examples
    --------
    >>> from neurofa import unrolled
    >>> W, R, V = np.ones((3, 1)), np.zeros((3, 3)), np.zeros((1, 3))
    >>> found = unrolled.gradients(np.ones((1, 1)), np.ones((1, 5, 1)), W, R, V, step=1)
    >>> found.cost, bool(found.W.any()), bool(found.V.any())  # without a readout, no error comes back
    (0.5, False, True)
    """

    cost: float
    W: np.ndarray
    R: np.ndarray
    V: np.ndarray


def unroll(
    x: npt.ArrayLike,
    W: np.ndarray,
    R: np.ndarray,
    V: np.ndarray,
    step: float,
    steps: int,
    start: npt.ArrayLike = 0.0,
) -> Unrolled:
    """Return what the circuit does in so many `steps`, from rates that `start` at a number, or at (n,)
    or (trials, n). Raises ValueError for shapes that do not fit.

    Examples
    --------
    >>> from neurofa import unrolled
    >>> W, R, V = np.ones((3, 1)), np.eye(3) / 2, np.ones((1, 3))
    >>> course = unrolled.unroll(np.ones((1, 1)), W, R, V, step=0.1, steps=20)
    >>> [array.shape for array in course]
    [(1, 20, 3), (1, 21, 3), (1, 20, 1)]
    """
    drive = _drive(x, W, R, V, steps)
    trials, _, n = drive.shape
    v, r = np.empty((trials, steps, n)), np.empty((trials, steps + 1, n))
    r[:, 0] = start
    for t in range(steps):
        v[:, t] = drive[:, t] + r[:, t] @ R.T
        r[:, t + 1] = r[:, t] + step * (np.tanh(v[:, t]) - r[:, t])
    return Unrolled(v, r, r[:, 1:] @ V.T)


def gradients(
    x: npt.ArrayLike,
    target: np.ndarray,
    W: np.ndarray,
    R: np.ndarray,
    V: np.ndarray,
    step: float,
    start: npt.ArrayLike = 0.0,
    scored: np.ndarray | None = None,
    kind: str = "squared",
    B: np.ndarray | None = None,
) -> Gradients:
    """Return the mean cost of outputs beside a `target` (trials, steps, n_out), and its gradients, by
    backpropagation through time.

    `scored` says which steps count, bool (steps,); all, if None. With a `B` (n, n_out), errors come
    back to the cells through it in place of the transpose of V: those of W and R are then no
    gradients, but what random feedback makes of them. Raises ValueError for shapes that do not fit.

    Examples
    --------
    >>> from neurofa import unrolled
    >>> W, R, V = np.ones((3, 1)), np.eye(3) / 2, np.ones((1, 3))
    >>> found = unrolled.gradients(np.ones((1, 1)), np.zeros((1, 20, 1)), W, R, V, step=0.1)
    >>> [np.shape(array) for array in found]
    [(), (3, 1), (3, 3), (1, 3)]
    """
    trials, steps, _ = target.shape
    v, r, y = unroll(x, W, R, V, step, steps, start)
    counts = np.ones(steps) if scored is None else np.asarray(scored, float)
    counts /= counts.sum() * trials
    error = counts[:, None] * cost_gradient(y, target, kind)
    slope, heard = step * (1 - np.tanh(v) ** 2), error @ (V if B is None else np.transpose(B))
    back, later = (
        np.empty_like(v),
        np.zeros_like(v[:, 0]),
    )  # dC/dv; dC/dr by way of what comes later
    for t in reversed(range(steps)):
        by_rate = heard[:, t] + later
        back[:, t] = slope[:, t] * by_rate
        later = (1 - step) * by_rate + back[:, t] @ R
    shown = np.broadcast_to(_in_time(x), (trials, steps, np.shape(W)[1]))
    return Gradients(
        float((counts * cost(y, target, kind)).sum()),
        W=_product(back, shown),
        R=_product(back, r[:, :-1]),
        V=_product(error, r[:, 1:]),
    )


def _drive(x, W, R, V, steps):
    """Return what the input brings to the cells, (trials, steps, n)."""
    x, n = _in_time(x), len(W)
    if np.shape(R) != (n, n) or np.shape(V)[1:] != (n,):
        raise ValueError(
            f"W has the shape {np.shape(W)}, so that R must be {(n, n)}, not {np.shape(R)}, and V {(len(V), n)}, not {np.shape(V)}."
        )
    if x.ndim != 3 or x.shape[1] not in (1, steps) or x.shape[2] != np.shape(W)[1]:
        raise ValueError(
            f"x has the shape {x.shape}: wanted (trials, {steps}, {np.shape(W)[1]}), or one row per trial, which stands still."
        )
    return np.broadcast_to(x @ W.T, (len(x), steps, n))


def _in_time(x):
    x = np.asarray(x, float)
    return x[:, None] if x.ndim == 2 else x


def _product(post, pre):
    """Return the sum over trials and steps of the outer products of (trials, steps, post) and
    (trials, steps, pre)."""
    return np.einsum("kti,ktj->ij", post, pre, optimize=True)
