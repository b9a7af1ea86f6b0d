"""Measures of what feedback does: angles to a reference, alignment, the conditions of DFC,
invariants and performance.

One long file, since a measure is looked up by its name. NumPy only, but for `stability` and
`transfer`, which ask a network's own equations (neurofa/theory/stability.py, transfer.py).
Weights `W` are (post, pre), layerwise feedback `B` has the shape of W^T, trials come first.

    FA   Lillicrap et al., "Random synaptic feedback weights support error backpropagation for deep
         learning", 2016
    DFC  Meulemans et al., "Credit assignment in neural networks through deep feedback control",
         NeurIPS 2021
    KP   Kolen and Pollack, "Backpropagation without weight transport", 1994

A ratio or angle that involves a zero array is nan: it has no value, and nan does not stop a
recording. All raise MeasureError, a ValueError, for what is no array of real numbers, and for
shapes that do not fit. A list of short measures, to be looked up in one place.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..base.arguments import number, numbers, sequence, whole
from ..base.errors import MeasureError
from .stability import Stability, stability
from .transfer import transfer

__all__ = [
    "Stability",
    "accuracy",
    "alignment",
    "angle",
    "angles",
    "chance_angle_spread",
    "condition_1",
    "condition_1_as_coded",
    "condition_2",
    "condition_3",
    "fa_invariant",
    "kolen_pollack_residual",
    "max_real_eigenvalue",
    "norm_ratio",
    "nse",
    "sign_agreement",
    "stability",
    "stability_matrix",
    "transfer",
    "trial_angles",
]


# --- angles and alignment ---
def angle(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return the angle in degrees between two arrays of one shape, flattened; nan if one of them is
    zero.

    From 0 to 180: an angle above 90 is not folded back. Accurate also near 0 and 180, where an
    arccos is not.

    Examples
    --------
    >>> round(analysis.angle([1, 0], [1, 1]), 6)
    45.0
    """
    a, b = _alike(a, b)
    return float(trial_angles(a[None], b[None])[0])


def trial_angles(a: npt.ArrayLike, b: npt.ArrayLike) -> np.ndarray:
    """Return the angle in degrees of each trial, shape (trials,): a[t] against b[t]; nan where one
    is zero.

    Examples
    --------
    >>> analysis.trial_angles([[1, 0], [1, 0]], [[1, 0], [0, 1]])
    array([ 0., 90.])
    """
    a, b = _alike(a, b)
    if not a.ndim:
        raise MeasureError("Trials come first: give arrays (trials, ...), or one number per trial.")
    a, b = (
        a.reshape(len(a), -1) if a.size else np.zeros((len(a), 1)),
        b.reshape(len(b), -1) if b.size else np.zeros((len(b), 1)),
    )
    a, b = (_ratio(c, np.linalg.norm(c, axis=1, keepdims=True)) for c in (a, b))
    return np.degrees(2 * np.arctan2(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1)))


def angles(a: Sequence[npt.ArrayLike], b: Sequence[npt.ArrayLike]) -> np.ndarray:
    """Return the angle per layer in degrees, shape (layers,), between two lists of arrays; nan
    where one is zero.

    Examples
    --------
    >>> analysis.angles([np.eye(2), np.eye(2)], [np.eye(2), -np.eye(2)])
    array([  0., 180.])
    """
    a, b = (
        sequence(what, one, "a list with an array per layer", MeasureError)
        for what, one in (("a", a), ("b", b))
    )
    if len(a) != len(b):
        raise MeasureError(f"Lists of {len(a)} and {len(b)} layers cannot be compared.")
    return np.array([angle(one, other) for one, other in zip(a, b)])


def alignment(W: npt.ArrayLike, B: npt.ArrayLike) -> float:
    """Return the angle in degrees between the feedback `B` and W^T, where backpropagation would
    have 0.

    Examples
    --------
    >>> W = np.arange(6.).reshape(2, 3)
    >>> analysis.alignment(W, W.T)
    0.0
    """
    return angle(B, _matrix("W", W).T)


def sign_agreement(W: npt.ArrayLike, B: npt.ArrayLike) -> float:
    """Return the fraction of synapses whose sign is that of W^T: 0.5 by chance, 1 for concordant
    feedback.

    Counted over the entries where neither is zero, so that a missing synapse has no sign; nan if
    there are none.

    Examples
    --------
    >>> W = np.array([[1., -1., 2.]])
    >>> analysis.sign_agreement(W, -W.T)
    0.0
    """
    W, B = _alike(_matrix("W", W).T, B)
    both = (W != 0) & (B != 0)
    return float(_ratio((np.sign(W) == np.sign(B))[both].sum(), both.sum()))


def norm_ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return |a| / |b|, Frobenius norms of arrays of any shape; nan if `b` is zero.

    Examples
    --------
    >>> analysis.norm_ratio([3, 4], [1, 0])
    5.0
    """
    return float(
        _ratio(*(np.linalg.norm(_array(what, one).ravel()) for what, one in (("a", a), ("b", b))))
    )


def chance_angle_spread(n: float) -> float:
    """Return the spread (sd, degrees) around 90 of the angle between random directions in n >> 1
    dimensions.

    Examples
    --------
    >>> round(analysis.chance_angle_spread(1000), 1)
    1.8
    """
    return float(
        np.degrees(1) / np.sqrt(number("n", n, MeasureError, least=0, open_at=(0,), example="100"))
    )


# --- deep feedback control ---
def condition_1(r: Sequence[npt.ArrayLike]) -> float:
    """Return std / mean over layers of |r_i|, mean over trials: 0 where DFC's condition 1 (equal
    norms) holds.

    `r` lists the rates of the layers 0 .. L, (trials, n_i); the output r_L is left out, as it
    drives no synapse.

    Examples
    --------
    >>> analysis.condition_1([np.ones((5, 4)), np.ones((5, 4)), np.ones((5, 2))])
    0.0
    """
    norms = _layer_norms(r)
    return float(_ratio(norms.std(0), norms.mean(0)).mean())


def condition_1_as_coded(r: Sequence[npt.ArrayLike]) -> float:
    """Return condition 1 as the published code has it, for its figure 3C: sqrt(var / mean), mean
    over trials.

    Examples
    --------
    >>> analysis.condition_1_as_coded([np.ones((5, 4)), np.ones((5, 4)), np.ones((5, 2))])
    0.0
    """
    norms = _layer_norms(r)
    return float(np.sqrt(_ratio(norms.var(0), norms.mean(0))).mean())


def condition_2(J: npt.ArrayLike, Q: npt.ArrayLike | Sequence[npt.ArrayLike]) -> float:
    """Return the mean over trials of |P_J Q| / |Q|, P_J projecting on the row space of J: 1 where
    condition 2 holds.

    J is (trials, n_L, N); Q (N, n_L), or the list of its blocks. A random isotropic Q has about
    sqrt(n_L / N).

    Examples
    --------
    >>> J = np.random.default_rng(0).normal(size=(1, 2, 6))
    >>> round(analysis.condition_2(J, J[0].T), 6)
    1.0
    """
    J, Q = _jacobian_and_feedback(J, Q)
    _, scale, rows = np.linalg.svd(J, full_matrices=False)
    rows = rows * (scale > 1e-12 * scale.max(-1, keepdims=True))[..., None]
    inside = np.linalg.norm(rows @ Q, axis=(1, 2))
    return float(_ratio(inside, np.linalg.norm(Q, axis=(-2, -1))).mean())


def condition_3(
    J: npt.ArrayLike, Q: npt.ArrayLike | Sequence[npt.ArrayLike], alpha: float
) -> np.ndarray:
    """Return min Re eig(JQ) + alpha per trial, shape (trials,): positive where condition 3 holds.

    That is the slowest rate, in units of 1/tau_u, at which the controller settles when the neurons
    are instantaneous.

    Examples
    --------
    >>> J = np.ones((1, 1, 3))
    >>> analysis.condition_3(J, np.ones((3, 1)), 0.1)
    array([3.1])
    """
    J, Q = _jacobian_and_feedback(J, Q)
    return np.linalg.eigvals(J @ Q).real.min(-1) + number("alpha", alpha, MeasureError)


def stability_matrix(
    W: Sequence[npt.ArrayLike],
    dphi: Sequence[npt.ArrayLike],
    Q: npt.ArrayLike | Sequence[npt.ArrayLike],
    alpha: float,
    tau: float,
    k_p: float = 0.0,
) -> np.ndarray:
    """Return A_PI, shape (trials, N + n_L, N + n_L): the linearised dynamics of [v - v_basal, u] in
    units of tau_u.

    `dphi` lists phi'(v_i), (trials, n_i), at the state of interest, and tau = tau_v / tau_u. The
    controller is du/dt = e + k_p de/dt - alpha u, with the leak on u; without a proportional part
    A_PI is the paper's A_I.

    Examples
    --------
    >>> W, dphi = [np.ones((2, 4))], [np.ones((1, 2))]  # one linear layer of two cells
    >>> A = analysis.stability_matrix(W, dphi, np.eye(2), alpha=0.1, tau=0.5)
    >>> A.shape, bool(analysis.max_real_eigenvalue(A) < 0)
    ((1, 4, 4), True)
    """
    alpha, k_p = (number(what, one, MeasureError) for what, one in (("alpha", alpha), ("k_p", k_p)))
    tau = number("tau", tau, MeasureError, least=0, open_at=(0,))
    W, dphi = (
        [
            _matrix(what, one)
            for one in sequence(what, several, "a list with a matrix per layer", MeasureError)
        ]
        for what, several in (("W", W), ("dphi", dphi))
    )
    sizes = [len(w) for w in W]
    if any(w.shape[1] != n for w, n in zip(W[1:], sizes)):
        raise MeasureError(
            f"W has shapes {[w.shape for w in W]}, which do not follow one another: (n, n of the layer below)."
        )
    if [d.shape[1:] for d in dphi] != [(n,) for n in sizes] or len({len(d) for d in dphi}) != 1:
        raise MeasureError(
            f"dphi has shapes {[np.shape(d) for d in dphi]}: wanted (trials, n) with n = {sizes}."
        )
    N, n_L, starts = sum(sizes), sizes[-1], np.cumsum([0] + sizes)
    # I - J_hat, J_hat[i, i-1] = W_i diag(phi'_{i-1})
    coupling = np.tile(np.eye(N), (len(dphi[0]), 1, 1))
    for i in range(1, len(W)):
        block = -W[i] * dphi[i - 1][:, None, :]
        coupling[:, starts[i] : starts[i + 1], starts[i - 1] : starts[i]] = block
    readout = np.zeros((len(dphi[0]), n_L, N))  # [0 .. 0 diag(phi'_L)]
    readout[:, :, -n_L:] = dphi[-1][:, :, None] * np.eye(n_L)
    J, Q = _jacobian_and_feedback(readout @ np.linalg.inv(coupling), Q)
    return np.concatenate(
        [
            np.concatenate([-coupling / tau, coupling @ Q / tau], axis=-1),
            np.concatenate(
                [k_p / tau * readout - J, -(alpha * np.eye(n_L) + k_p / tau * readout @ Q)], axis=-1
            ),
        ],
        axis=-2,
    )


def max_real_eigenvalue(A: npt.ArrayLike) -> np.ndarray:
    """Return the largest real part of the eigenvalues of A (trials, n, n), shape (trials,):
    negative where stable.

    Examples
    --------
    >>> analysis.max_real_eigenvalue([np.diag([-1., -2.])])
    array([-1.])
    """
    A = numbers("A", A, error=MeasureError)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2] or not A.size:
        raise MeasureError(f"A has the shape {A.shape}: give square matrices, (trials, n, n).")
    return np.linalg.eigvals(A).real.max(-1)


# --- learning: invariants and performance ---
def kolen_pollack_residual(
    W: npt.ArrayLike,
    B: npt.ArrayLike,
    W_start: npt.ArrayLike,
    B_start: npt.ArrayLike,
    decay: float,
    steps: int,
) -> float:
    """Return max |W - B^T - (1 - decay)^steps (W_start - B_start^T)|, which KP learning keeps at 0.

    `decay` is the weight decay per update (decoupled from the learning rate), the same for W and B.

    Examples
    --------
    >>> W, B = np.ones((2, 3)), np.zeros((3, 2))
    >>> analysis.kolen_pollack_residual(W / 2, B, W, B, decay=0.5, steps=1)
    0.0
    """
    decay, steps = (
        number("decay", decay, MeasureError, least=0, most=1, example="0.01"),
        whole("steps", steps, MeasureError, least=0),
    )
    now, start = (
        np.subtract(*_alike(w, _matrix("B", b).T)) for w, b in ((W, B), (W_start, B_start))
    )
    _alike(now, start)
    return float(abs(now - (1 - decay) ** steps * start).max())


def fa_invariant(W: npt.ArrayLike, B: npt.ArrayLike, W_next: npt.ArrayLike) -> np.ndarray:
    """Return W W^T - B W_next - (B W_next)^T, shape (n, n), which FA gradient flow conserves in a
    linear network.

    W (n, n_below) enters the layer, W_next (n_above, n) leaves it, and B (n, n_above) is its
    feedback.

    Examples
    --------
    >>> analysis.fa_invariant(W=np.eye(2), W_next=np.eye(2), B=np.eye(2) / 2)
    array([[0., 0.],
           [0., 0.]])
    """
    W, W_next = _matrix("W", W), _matrix("W_next", W_next)
    back, _ = _alike(B, W_next.T)
    if len(W) != W_next.shape[1]:
        raise MeasureError(
            f"W has the shape {W.shape} and W_next {W_next.shape}: W_next leaves the layer that W enters."
        )
    loop = back @ W_next
    return W @ W.T - loop - loop.T


def nse(y_hat: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return the normalised squared error, sum |y - y_hat|^2 / sum |y|^2, pooled over trials; y is
    not centred.

    1 for an output of zero; nan if `y` is zero.

    Examples
    --------
    >>> analysis.nse(np.zeros((2, 3)), np.ones((2, 3)))
    1.0
    """
    y_hat, y = _alike(y_hat, y)
    return float(_ratio(((y - y_hat) ** 2).sum(), (y**2).sum()))


def accuracy(r: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return the fraction of trials in which the largest of the outputs `r` (trials, n) is that of
    the target.

    `y` is one-hot, (trials, n), or the class numbers, (trials,).

    Examples
    --------
    >>> analysis.accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    r, y = _array("r", r), _array("y", y)
    if r.ndim != 2 or y.shape not in (r.shape, r.shape[:1]) or not r.size:
        raise MeasureError(
            f"Outputs have shape {r.shape} and targets {y.shape}: wanted (trials, n) and that or (trials,)."
        )
    return float((r.argmax(-1) == (y.argmax(-1) if y.ndim == 2 else y)).mean())


# --- helpers ---
def _array(what, values):
    return numbers(what, values, np.float64, MeasureError, finite=False)


def _matrix(what, values):
    return numbers(what, values, np.float64, MeasureError, ndim=2, finite=False)


def _alike(a, b):
    a, b = _array("a", a), _array("b", b)
    if a.shape != b.shape:
        raise MeasureError(
            f"Shapes {a.shape} and {b.shape} cannot be compared: they must be equal; B has the shape of W^T."
        )
    return a, b


def _ratio(a, b):
    """Return a / b, nan where b is zero."""
    return np.divide(a, np.where(b == 0, np.nan, b))


def _layer_norms(r):
    layers = [
        _matrix("r", layer)
        for layer in sequence(
            "r", r, "a list with the rates of every layer, (trials, units)", MeasureError
        )
    ]
    if len(layers) < 2 or len({len(layer) for layer in layers}) != 1 or not len(layers[0]):
        trials = [len(layer) for layer in layers]
        raise MeasureError(
            f"r has {len(layers)} layers of {trials} trials: give two or more, of the same trials."
        )
    return np.array([np.linalg.norm(layer, axis=1) for layer in layers[:-1]])


def _jacobian_and_feedback(J, Q):
    if isinstance(Q, (list, tuple)) and Q and np.ndim(Q[0]) > 1:  # its blocks
        blocks = [_array("Q", block) for block in Q]
        if len({block.shape[:-2] + block.shape[-1:] for block in blocks}) != 1:
            raise MeasureError(
                f"The blocks of Q have the shapes {[block.shape for block in blocks]}, and cannot be put below each other."
            )
        Q = np.concatenate(blocks, axis=-2)
    J, Q = (numbers(what, one, np.float64, MeasureError) for what, one in (("J", J), ("Q", Q)))
    if (
        J.ndim != 3
        or Q.shape[-2:] != J.shape[:0:-1]
        or not J.size
        or Q.shape[:-2] not in ((), J.shape[:1])
    ):
        raise MeasureError(
            f"J has shape {J.shape} and Q {Q.shape}: wanted (trials, n_L, N) and (N, n_L), N units in all."
        )
    return J, Q
