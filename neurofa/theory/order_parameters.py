"""Learning in large circuits as a few differential equations: a student of one hidden layer learns
from a teacher of the same kind, one Gaussian input at a time.

    student  y = v . g(w x / sqrt(N)),  w (K, N), v (K,)      teacher  the same with M cells
    g(h) = erf(h / sqrt(2)),  x (N,) standard normal,  e = y - y_teacher,  error = <e^2> / 2
    w -> w - eta f g'(w x / sqrt(N)) e x / sqrt(N),    v -> v - eta/N e g(w x / sqrt(N))

f is what feedback brings per error: a fixed vector F (DFA), or v itself (BP). For N to infinity, the
overlaps Q = w w^T / N, R = w w_teacher^T / N and T of the teacher with itself determine the error,
and are moved by what an update does on average, in the time t = updates / N. For BP, Saad and Solla,
"On-line learning in soft committee machines", Physical Review E 1995; for DFA, Refinetti, d'Ascoli,
Ohana and Goldt, "Align, then memorise: the dynamics of learning with feedback alignment", ICML 2021
(read: abstract and public code only).

All averages are derived here from two facts. The potentials of both, h, are Gaussian with
covariance C = [[Q, R], [R^T, T]], of which <g(a) g(b)> is an arcsine. And g'(a) is itself a
Gaussian, sqrt(2/pi) exp(-a^2/2): an average with this factor is that of the others under another
covariance (`_tilted`), times a number. Only K and M count, N does not. NumPy and SciPy only.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from ..base.arguments import number, numbers
from ..base.errors import MeasureError

__all__ = ["Course", "error", "flow", "integrate"]


class Course(NamedTuple):
    """What `integrate` returns, at each of its times.

    Examples
    --------
    >>> from neurofa import order_parameters
    >>> start = np.eye(2) / 4, np.eye(2) / 10, np.eye(2), np.ones(2) / 10, np.ones(2)
    >>> course = order_parameters.integrate(*start, eta=0.1, times=[0, 10, 100])
    >>> bool((np.diff(course.error) < 0).all())
    True
    """

    Q: np.ndarray  # (times, K, K), overlaps of the student's cells with each other
    R: np.ndarray  # (times, K, M), with those of the teacher
    v: np.ndarray  # (times, K), the student's second layer
    error: np.ndarray  # (times,), of generalisation


def error(
    Q: npt.ArrayLike,
    R: npt.ArrayLike,
    T: npt.ArrayLike,
    v: npt.ArrayLike,
    v_teacher: npt.ArrayLike,
) -> float:
    """Return the generalisation error <e^2>/2 of a student with overlaps Q (K, K) and R (K, M) and
    second layer v (K,); T (M, M) and v_teacher (M,) are the teacher's.

    Raises MeasureError for shapes that do not fit.

    Examples
    --------
    >>> from neurofa import order_parameters
    >>> same = np.eye(2), np.eye(2), np.eye(2), np.ones(2), np.ones(2)
    >>> round(order_parameters.error(*same), 12)
    0.0
    """
    C, out = _fields(*_arrays(Q, R, T, v, v_teacher))
    return float(out @ _products(C) @ out / 2)


def flow(
    Q: npt.ArrayLike,
    R: npt.ArrayLike,
    T: npt.ArrayLike,
    v: npt.ArrayLike,
    v_teacher: npt.ArrayLike,
    eta: float,
    F: npt.ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (dQ/dt (K, K), dR/dt (K, M), dv/dt (K,)) under DFA with the feedback vector F (K,), or
    under BP if there is none; t is updates / N, and all else as in `error`.

    Raises MeasureError for shapes that do not fit.

    Examples
    --------
    >>> from neurofa import order_parameters
    >>> same = np.eye(2), np.eye(2), np.eye(2), np.ones(2), np.ones(2)
    >>> dQ, dR, dv = order_parameters.flow(*same, eta=0.1)
    >>> bool(np.allclose(dQ, 0))
    True
    """
    Q, R, T, v, v_teacher = _arrays(Q, R, T, v, v_teacher)
    eta = number("eta", eta, MeasureError)
    F = None if F is None else _vector("F", F, len(v))
    return _flow(Q, R, T, v, v_teacher, eta, F)


def integrate(
    Q: npt.ArrayLike,
    R: npt.ArrayLike,
    T: npt.ArrayLike,
    v: npt.ArrayLike,
    v_teacher: npt.ArrayLike,
    eta: float,
    times: npt.ArrayLike,
    F: npt.ArrayLike | None = None,
) -> Course:
    """Return the Course of learning at `times` (in updates / N, from 0, rising), from the overlaps
    and weights given at time 0; all else as in `flow`.

    Relative tolerance 1e-8. Raises MeasureError for shapes that do not fit, and times that do not
    rise.

    Examples
    --------
    >>> from neurofa import order_parameters
    >>> start = np.eye(2) / 4, np.eye(2) / 10, np.eye(2), np.ones(2) / 10, np.ones(2)
    >>> course = order_parameters.integrate(*start, eta=0.1, times=[0, 10, 100], F=[1.0, -0.5])
    >>> course.Q.shape, bool(course.error[-1] < course.error[0])
    ((3, 2, 2), True)
    """
    Q, R, T, v, v_teacher = _arrays(Q, R, T, v, v_teacher)
    times = np.atleast_1d(numbers("times", times, float, MeasureError))
    if times[0] < 0 or (np.diff(times) <= 0).any():
        raise MeasureError("times: give numbers from 0, each larger than the one before.")
    eta, F = number("eta", eta, MeasureError), None if F is None else _vector("F", F, len(v))
    ends, shapes = np.cumsum([Q.size, R.size]), (Q.shape, R.shape, v.shape)

    def apart(states):
        parts = np.split(states, ends, axis=-1)
        return [part.reshape(*part.shape[:-1], *shape) for part, shape in zip(parts, shapes)]

    def rate(_, state):
        Q, R, v = apart(state)
        return np.concatenate([d.ravel() for d in _flow(Q, R, T, v, v_teacher, eta, F)])

    start = np.concatenate([Q.ravel(), R.ravel(), v])
    found = solve_ivp(rate, (0, times[-1]), start, t_eval=times, rtol=1e-8, atol=1e-10)
    Qs, Rs, vs = apart(found.y.T)
    errors = [error(Q, R, T, v, v_teacher) for Q, R, v in zip(Qs, Rs, vs)]
    return Course(Qs, Rs, vs, np.array(errors))


def _flow(Q, R, T, v, v_teacher, eta, F):
    K, F = len(v), v if F is None else F
    C, out = _fields(Q, R, T, v, v_teacher)
    met = np.empty_like(C[:K])  # <f_k g'(h_k) e h_b>: what cell k learns in the direction of b
    both = np.empty((K, K))  # <f_k g'(h_k) f_l g'(h_l) e^2>: what two updates have in common
    for k in range(K):
        weight, tilted = _tilted(C, [k])
        met[k] = F[k] * weight * _slopes(tilted) @ out
        for m in range(K):
            weight, tilted = _tilted(C, [k, m])
            both[k, m] = F[k] * F[m] * weight * (out @ _products(tilted) @ out)
    dQ = -eta * (met[:, :K] + met[:, :K].T) + eta**2 * both
    return dQ, -eta * met[:, K:], -eta * (_products(C) @ out)[:K]


def _fields(Q, R, T, v, v_teacher):
    """Return the covariance of all potentials, and the weights with which their g add up to e."""
    return np.block([[Q, R], [R.T, T]]), np.concatenate([v, -v_teacher])


def _products(C):
    """Return <g(a) g(b)> for all pairs: g(a) is the chance that a standard normal number is below
    a, beyond one half and doubled, and such chances of two correlated numbers are an arcsine."""
    scale = np.sqrt(1 + np.diag(C))
    return 2 / np.pi * np.arcsin(C / np.outer(scale, scale))


def _slopes(C):
    """Return <b g(a)> for all pairs, [b, a], by partial integration: C_ba <g'(a)>."""
    return C * np.sqrt(2 / np.pi / (1 + np.diag(C)))


def _tilted(C, cells):
    """Return (c, C'): an average with the factors g' of `cells` is c times that of the rest under C'.

    The inverse covariance grows by 1 for every factor. A cell may come twice.
    """
    rows = C[cells]
    grown = np.eye(len(cells)) + rows[:, cells]
    weight = (2 / np.pi) ** (len(cells) / 2) / np.sqrt(np.linalg.det(grown))
    return weight, C - rows.T @ np.linalg.solve(grown, rows)


def _arrays(Q, R, T, v, v_teacher):
    """Return all as arrays of floats that fit each other."""
    R = numbers("R", R, float, MeasureError, ndim=2)
    found = [R]
    for what, given, size in (("Q", Q, len(R)), ("T", T, R.shape[1])):
        found.append(numbers(what, given, float, MeasureError, ndim=2))
        if found[-1].shape != (size, size):
            raise MeasureError(
                f"{what} has the shape {found[-1].shape}; with R of the shape {R.shape} (student, "
                f"teacher), it is {(size, size)}."
            )
    return found[1], R, found[2], _vector("v", v, len(R)), _vector("v_teacher", v_teacher, len(T))


def _vector(what, given, size):
    found = numbers(what, given, float, MeasureError, ndim=1)
    if found.shape != (size,):
        raise MeasureError(f"{what} has {len(found)} numbers: give {size}, one for each cell.")
    return found
