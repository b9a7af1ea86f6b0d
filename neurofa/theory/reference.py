"""The independent answers that simulated circuits are judged by, in plain NumPy: one file, to be
read beside the papers, which shares no code with anything.

Gradients by backpropagation (BP), the closed forms of feedback alignment (FA; Lillicrap et al.
2016) and direct feedback alignment (DFA; Nokland 2016), and the fixed points and discrete
trajectories of deep feedback control (DFC; Meulemans et al., "Credit assignment in neural networks
through deep feedback control", NeurIPS 2021).

Layers are 0 (input) .. L (output), with n_0 .. n_L units; every list has one entry per layer and
the trials come first.

    x      (trials, n_0)           input, equal to r[0]
    W[i]   (n_{i+1}, n_i)          weights into layer i+1, (post, pre)
    b[i]   (n_{i+1},)              its biases; b = None means no biases
    v[i]   (trials, n_{i+1})       its potentials
    r[i]   (trials, n_i)           rates of layer i: one entry more than v, because r[0] = x; the output is r[-1]
    Q      (n_1 + .. + n_L, n_L)   controller feedback, or the list of its blocks Q[i] (n_{i+1}, n_L); trials may lead

Gradients carry the sign of +dC/dW and are subtracted; updates are added (W += eta * dW). Both are
means over trials. `activation` is phi of the hidden layers, `output` that of the last one; `kind`
names the cost. An activation is a name, or an object with the functions `phi` and `dphi` of arrays;
`activation` may be a list, one for each hidden layer.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, log_softmax, softmax

from ..base.errors import NeurofaError, choices

ACTIVATIONS = {  # name: (phi, dphi), both functions of the potential
    "tanh": (np.tanh, lambda v: 1 - np.tanh(v) ** 2),
    "logistic": (expit, lambda v: expit(v) * expit(-v)),
    "relu": (lambda v: np.maximum(v, 0.0), lambda v: (v > 0).astype(float)),
    "linear": (lambda v: v, np.ones_like),
    "softplus": (lambda v: np.logaddexp(0.0, v), expit),
}
COSTS = {  # name: (C, dC/dr), both functions of the output rates and the target
    "squared": (lambda r, y: 0.5 * ((r - y) ** 2).sum(-1), lambda r, y: r - y),
    "cross_entropy": (
        lambda r, y: -(y * log_softmax(r, axis=-1)).sum(-1),
        lambda r, y: softmax(r, axis=-1) * y.sum(-1, keepdims=True) - y,
    ),
    "binary_cross_entropy": (
        lambda r, y: -(y * log_expit(r) + (1 - y) * log_expit(-r)).sum(-1),
        lambda r, y: expit(r) - y,
    ),
}


Arrays = Sequence[np.ndarray]  # one per layer
Update = tuple[list[np.ndarray], list[np.ndarray]]  # (dW, db)
Phi = str | Any  # the name of an activation, or an object with phi and dphi


class DFCState(NamedTuple):
    """A controlled network: u (trials, n_L) and lists v, r, v_basal; in a trajectory a time axis
    comes before the trials.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> Q = np.vstack([W[1].T, np.eye(2)])
    >>> state = reference.dfc_steady_state(np.ones((1, 4)), np.ones((1, 2)), W, None, Q, alpha=0.1)
    >>> state.u.shape, [v.shape for v in state.v]
    ((1, 2), [(1, 3), (1, 2)])
    """

    u: np.ndarray
    v: list
    r: list
    v_basal: list  # W_i r_{i-1} + b_i, what feedforward input alone would give

    def at(self, t: int) -> "DFCState":
        """Return the state at time point `t` of a trajectory."""
        return DFCState(self.u[t], *([layer[t] for layer in layers] for layers in self[1:]))


# --- the network ---
def forward(
    x: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None = None,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the potentials v (L arrays) and rates r (L+1 arrays, r[0] = x) of the feedforward
    pass.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> v, r = reference.forward(np.ones((1, 4)), W)
    >>> [one.shape for one in r]
    [(1, 4), (1, 3), (1, 2)]
    """
    state = _driven(x, None, [0.0] * len(W), W, b, activation, output)
    return state.v, state.r


def cost(r: npt.ArrayLike, y: npt.ArrayLike, kind: str = "squared") -> np.ndarray:
    """Return the cost per trial, shape (trials,): 1/2 |r - y|^2, -sum_k y_k log softmax(r)_k, or
    that of each r_k as a logit.

    Examples
    --------
    >>> from neurofa import reference
    >>> reference.cost(np.zeros((1, 2)), np.ones((1, 2)), "squared")
    array([1.])
    """
    return _named(COSTS, kind, "cost")[0](*_same_shape(r, y))


def cost_gradient(r: npt.ArrayLike, y: npt.ArrayLike, kind: str = "squared") -> np.ndarray:
    """Return dC/dr per trial, shape (trials, n_L).

    Examples
    --------
    >>> from neurofa import reference
    >>> reference.cost_gradient(np.zeros((1, 2)), np.ones((1, 2)), "squared")
    array([[-1., -1.]])
    """
    return _named(COSTS, kind, "cost")[1](*_same_shape(r, y))


def jacobian(
    x: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None = None,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
) -> np.ndarray:
    """Return J = d r_L / d[v_1 .. v_L] at the feedforward state, shape (trials, n_L, n_1 + .. +
    n_L).

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> reference.jacobian(np.ones((1, 4)), W).shape
    (1, 2, 5)
    """
    return jacobian_at(forward(x, W, b, activation, output)[0], W, activation, output)


def jacobian_at(
    v: Arrays, W: Arrays, activation: Phi | Sequence[Phi] = "tanh", output: Phi = "linear"
) -> np.ndarray:
    """Return J at the potentials `v`, shape (trials, n_L, n_1 + .. + n_L): J_L = D_L, J_i = J_{i+1}
    W_{i+1} D_i.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> v, r = reference.forward(np.ones((1, 4)), W)
    >>> bool((reference.jacobian_at(v, W) == reference.jacobian(np.ones((1, 4)), W)).all())
    True
    """
    slopes = [dphi(potential) for (_, dphi), potential in zip(_functions(W, activation, output), v)]
    blocks = [slopes[-1][:, :, None] * np.eye(len(W[-1]))]
    for weights, slope in zip(W[:0:-1], slopes[-2::-1]):
        blocks.insert(0, blocks[0] @ weights * slope[:, None, :])
    return np.concatenate(blocks, axis=-1)


# --- error feedback: BP, FA, DFA ---
def backprop_deltas(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None = None,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
    kind: str = "squared",
) -> list[np.ndarray]:
    """Return delta_i = dC/dv_i per trial, L arrays (trials, n_i): delta_i = phi'(v_i) * W_{i+1}^T
    delta_{i+1}.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> x, y = np.ones((1, 4)), np.zeros((1, 2))
    >>> [delta.shape for delta in reference.backprop_deltas(x, y, W)]
    [(1, 3), (1, 2)]
    """
    return fa_deltas(x, y, W, b, [np.transpose(w) for w in W[1:]], activation, output, kind)


def fa_deltas(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None,
    B: Arrays,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
    kind: str = "squared",
) -> list[np.ndarray]:
    """Return FA's deltas, L arrays (trials, n_i): delta_i = phi'(v_i) * B delta_{i+1}; L-1 matrices
    B (n_i, n_{i+1}).

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> x, y = np.ones((1, 4)), np.zeros((1, 2))
    >>> as_bp = reference.fa_deltas(x, y, W, None, [W[1].T])
    >>> bool(np.allclose(as_bp[0], reference.backprop_deltas(x, y, W)[0]))
    True
    """
    return _feedback_deltas(x, y, W, b, B, activation, output, kind, source=0)


def dfa_deltas(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None,
    B: Arrays,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
    kind: str = "squared",
) -> list[np.ndarray]:
    """Return DFA's deltas, L arrays (trials, n_i): delta_i = phi'(v_i) * B delta_L; L-1 matrices B
    (n_i, n_L).

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> x, y = np.ones((1, 4)), np.zeros((1, 2))
    >>> [delta.shape for delta in reference.dfa_deltas(x, y, W, None, [W[1].T])]
    [(1, 3), (1, 2)]
    """
    return _feedback_deltas(x, y, W, b, B, activation, output, kind, source=-1)


def _feedback_deltas(x, y, W, b, B, activation, output, kind, source):
    """Go down from the output; deltas[source] is what feedback carries: the layer above (0) or the
    output (-1)."""
    if len(B) != len(W) - 1:
        raise ValueError(
            f"B has {len(B)} matrices: wanted {len(W) - 1}, one for each hidden layer."
        )
    v, r = forward(x, W, b, activation, output)
    slopes = [dphi(potential) for (_, dphi), potential in zip(_functions(W, activation, output), v)]
    deltas = [slopes[-1] * cost_gradient(r[-1], y, kind)]
    for i in reversed(range(len(B))):
        if np.shape(B[i]) != (len(W[i]), deltas[source].shape[1]):
            raise ValueError(
                f"B[{i}] has shape {np.shape(B[i])}: wanted {(len(W[i]), deltas[source].shape[1])}."
            )
        deltas.insert(0, slopes[i] * (deltas[source] @ np.transpose(B[i])))
    return deltas


def gradients(deltas: Arrays, r: Arrays) -> Update:
    """Return (dW, db), means over trials of delta_i r_{i-1}^T, shapes (n_i, n_{i-1}), and of
    delta_i, shapes (n_i,).

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> x, y = np.ones((1, 4)), np.zeros((1, 2))
    >>> v, r = reference.forward(x, W)
    >>> dW, db = reference.gradients(reference.backprop_deltas(x, y, W), r)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    rows = [
        (delta.reshape(-1, delta.shape[-1]), pre.reshape(-1, pre.shape[-1]))
        for delta, pre in zip(deltas, r)
    ]
    return [delta.T @ pre / len(delta) for delta, pre in rows], [delta.mean(0) for delta, _ in rows]


def numerical_gradient(function: Callable, a: npt.ArrayLike, step: float = 1e-6) -> np.ndarray:
    """Return d function / d a by central differences, shape a.shape + function(a).shape.

    Examples
    --------
    >>> from neurofa import reference
    >>> np.round(reference.numerical_gradient(lambda a: float((a**2).sum()), np.array([1.0, 2.0]), 1e-3), 6)
    array([2., 4.])
    """
    a, slopes = np.array(a, dtype=float), []
    for index in np.ndindex(a.shape):
        shift = np.zeros_like(a)
        shift[index] = step
        slopes.append((np.asarray(function(a + shift)) - function(a - shift)) / (2 * step))
    return np.reshape(slopes, a.shape + np.shape(slopes[0]))


# --- deep feedback control ---
def effective_leak(alpha: float, k_i: float = 1.0, k_p: float = 0.0) -> float:
    """Return what to use for alpha at steady state if the leak is on the integral part U alone, as
    in the paper's eq. 4.

    There u = k_i U + k_p e and e = alpha U. The published code has the leak on u itself, where
    alpha is right as it is.

    Examples
    --------
    >>> from neurofa import reference
    >>> reference.effective_leak(alpha=0.5, k_i=1.0, k_p=2.0)
    0.25
    """
    return alpha / (k_i + alpha * k_p)


def dfc_linear_response(
    J: np.ndarray, Q: np.ndarray | Arrays, alpha: float, delta_L: npt.ArrayLike
) -> np.ndarray:
    """Return the controller's first-order steady state u = (JQ + alpha I)^-1 delta_L, shape
    (trials, n_L) (Lemma 1).

    Examples
    --------
    >>> from neurofa import reference
    >>> J, Q = np.ones((1, 1, 3)), np.ones((3, 1))
    >>> reference.dfc_linear_response(J, Q, alpha=1.0, delta_L=np.ones((1, 1)))
    array([[0.25]])
    """
    Q = np.concatenate(Q, axis=-2) if isinstance(Q, (list, tuple)) else Q
    return _solve(J @ Q + alpha * np.eye(J.shape[1]), delta_L)


def dfc_steady_state(
    x: npt.ArrayLike,
    r_star: np.ndarray,
    W: Arrays,
    b: Arrays | None,
    Q: np.ndarray | Arrays,
    alpha: float,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
    tolerance: float = 1e-13,
    max_steps: int = 100,
) -> DFCState:
    """Return the exact nonlinear steady state (a DFCState) of alpha u = r* - r_L, v_i = W_i r_{i-1}
    + b_i + Q_i u.

    Newton's method from u = 0, until |alpha u - r* + r_L| < tolerance * max(1, |r*|) in every
    trial. Whether the dynamics settle there is another question. For a leak on the integral part
    pass effective_leak(alpha, k_i, k_p) as alpha.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> x, target = np.ones((1, 4)), np.ones((1, 2))
    >>> Q = np.vstack([W[1].T, np.eye(2)])
    >>> state = reference.dfc_steady_state(x, target, W, None, Q, alpha=0.1)
    >>> bool(np.allclose(0.1 * state.u, target - state.r[-1]))
    True
    """
    Q = _stacked(Q, W)
    _, r_star = _same_shape(forward(x, W, b, activation, output)[1][-1], r_star)
    limit, u = tolerance * np.maximum(1, abs(r_star).max(-1)), np.zeros_like(r_star)
    for _ in range(max_steps + 1):
        state = _driven(x, u, _pushes(Q, u, W), W, b, activation, output)
        residual = alpha * u - r_star + state.r[-1]
        if (abs(residual).max(-1) < limit).all():
            return state
        slope = jacobian_at(state.v, W, activation, output) @ Q + alpha * np.eye(len(W[-1]))
        u = u - _solve(slope, residual)
    size = np.nan_to_num(abs(residual).max(-1), nan=np.inf)
    trial = int(np.argmax(size / limit))
    raise NeurofaError(
        f"dfc_steady_state: trial {trial}: residual {size[trial]:.1e} > {limit[trial]:.1e} after {max_steps}"
        " Newton steps. Perhaps the output cannot reach r_star: bring it nearer to r_L, or raise alpha."
    )


def simulate_dfc(
    x: npt.ArrayLike,
    r_star: np.ndarray,
    W: Arrays,
    b: Arrays | None,
    Q: np.ndarray | Arrays,
    alpha: float,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
    *,
    dt: float,
    tau: float,
    steps: int,
    k_p: float = 0.0,
    proactive: bool = True,
    inst_transmission: bool = True,
) -> DFCState:
    """Return the discrete trajectory of the published DFC code, a DFCState with arrays (steps + 1,
    trials, n).

    r_star is (trials, n_L), or (steps, trials, n_L) for a target that moves, as theirs does not.
    Times are in units of tau_u, tau = tau_v / tau_u; tau = dt makes the neurons instantaneous (v =
    v_basal + Q u). The leak acts on u. `proactive`: the neurons see the new u, not the one of a
    step ago. `inst_transmission`: each layer sees the new rates of the one below, so that input
    crosses the network in one step.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> x, target = np.ones((1, 4)), np.ones((1, 2))
    >>> Q = np.vstack([W[1].T, np.eye(2)])
    >>> course = reference.simulate_dfc(x, target, W, None, Q, 0.1, dt=0.01, tau=0.1, steps=50)
    >>> course.u.shape
    (51, 1, 2)
    """
    Q, functions = _stacked(Q, W), _functions(W, activation, output)
    aims = np.broadcast_to(r_star, (steps, *np.shape(r_star)[-2:]))
    now = _driven(x, np.zeros(aims.shape[1:]), [0.0] * len(W), W, b, activation, output)
    _same_shape(now.r[-1], now.u)
    integral, trajectory = now.u, [now]
    for aim in aims:
        error = aim - now.r[-1]
        integral = integral + dt * (error - alpha * now.u)
        u = integral + k_p * error
        new = DFCState(u, [], now.r[:1], [])
        for i, apical in enumerate(_pushes(Q, u if proactive else now.u, W)):
            new.v_basal.append(_basal((new if inst_transmission else now).r[i], W, b, i))
            new.v.append(now.v[i] + dt / tau * (apical + new.v_basal[i] - now.v[i]))
            new.r.append(functions[i][0](new.v[i]))
        now = new
        trajectory.append(now)
    lists = (
        [np.stack(layer) for layer in zip(*(state[k] for state in trajectory))] for k in (1, 2, 3)
    )
    return DFCState(np.stack([state.u for state in trajectory]), *lists)


def dfc_ss_update(
    state: DFCState,
    W: Arrays,
    b: Arrays | None = None,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
) -> Update:
    """Return (dW, db) of DFC-SS, [phi(v_i) - phi(v_basal_i)] r_{i-1}^T at steady state (the paper's
    eq. 5).

    As in the published code, v_basal is computed again from the rates, and v keeps its distance to
    v_basal: this matters only where `state` has not settled. That code stores -2 times this update
    as the gradient.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> Q = np.vstack([W[1].T, np.eye(2)])
    >>> state = reference.dfc_steady_state(np.ones((1, 4)), np.ones((1, 2)), W, None, Q, alpha=0.1)
    >>> dW, db = reference.dfc_ss_update(state, W)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    posts = []
    for i, (phi, _) in enumerate(_functions(W, activation, output)):
        v_basal = _basal(state.r[i], W, b, i)
        posts.append(phi(state.v[i] - state.v_basal[i] + v_basal) - phi(v_basal))
    return gradients(posts, state.r)


def dfc_ssa_update(
    x: npt.ArrayLike,
    delta_L: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None,
    Q: np.ndarray | Arrays,
    alpha: float,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
) -> Update:
    """Return (dW, db) of DFC-SSA: as DFC-SS, with u from the linear response to delta_L = r* -
    r_L^-.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> Q = np.vstack([W[1].T, np.eye(2)])
    >>> dW, db = reference.dfc_ssa_update(np.ones((1, 4)), np.ones((1, 2)), W, None, Q, 0.1)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    J = jacobian(x, W, b, activation, output)
    u = dfc_linear_response(J, Q, alpha, delta_L)
    state = _driven(x, u, _pushes(_stacked(Q, W), u, W), W, b, activation, output)
    return dfc_ss_update(state, W, b, activation, output)


def dfc_continuous_update(
    trajectory: DFCState, activation: Phi | Sequence[Phi] = "tanh", output: Phi = "linear"
) -> Update:
    """Return (dW, db) of continuous DFC: mean over trials and time points of [phi(v_i) -
    phi(v_basal_i)] r_{i-1}^T.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> x, target = np.ones((1, 4)), np.ones((1, 2))
    >>> Q = np.vstack([W[1].T, np.eye(2)])
    >>> course = reference.simulate_dfc(x, target, W, None, Q, 0.1, dt=0.01, tau=0.1, steps=50)
    >>> dW, db = reference.dfc_continuous_update(course)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    layers = zip(_functions(trajectory.v, activation, output), trajectory.v, trajectory.v_basal)
    return gradients([phi(v) - phi(v_basal) for (phi, _), v, v_basal in layers], trajectory.r)


# --- reference directions ---
def minimum_norm_update(
    x: npt.ArrayLike,
    delta_L: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None = None,
    damping: float = 0.0,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
) -> Update:
    """Return (dW, db): [phi(v_i + dv_i) - phi(v_i)] r_{i-1}^T, feedforward v and r, dv = J^T (JJ^T
    + damping I)^-1 delta_L.

    With damping = 0, dv is the smallest change of all potentials that moves the output by delta_L,
    to first order. The published MN angle uses this with delta_L = +dC/dr_L, and compares with a
    gradient.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> dW, db = reference.minimum_norm_update(np.ones((1, 4)), np.ones((1, 2)), W)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    v, r = forward(x, W, b, activation, output)
    J = jacobian_at(v, W, activation, output)
    dv = _pushes(np.swapaxes(J, 1, 2), _damped(J @ np.swapaxes(J, 1, 2), damping, delta_L), W)
    layers = zip(_functions(W, activation, output), v, dv)
    return gradients(
        [phi(potential + change) - phi(potential) for (phi, _), potential, change in layers], r
    )


def gauss_newton_update(
    x: npt.ArrayLike,
    delta_L: npt.ArrayLike,
    W: Arrays,
    b: Arrays | None = None,
    damping: float = 0.0,
    activation: Phi | Sequence[Phi] = "tanh",
    output: Phi = "linear",
) -> Update:
    """Return (dW, db): J_W^T (J_W J_W^T + damping I)^-1 delta_L per trial, J_W = d r_L / d(all
    weights and biases).

    J_W is never built: J_W J_W^T = sum_i (|r_{i-1}|^2 + 1) J_i J_i^T, without the 1 where b is
    None.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> dW, db = reference.gauss_newton_update(np.ones((1, 4)), np.ones((1, 2)), W)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    v, r = forward(x, W, b, activation, output)
    J = per_layer(jacobian_at(v, W, activation, output), W)
    gains = [(pre**2).sum(-1)[:, None, None] + (b is not None) for pre in r[:-1]]
    metric = sum(gain * (block @ np.swapaxes(block, 1, 2)) for gain, block in zip(gains, J))
    error = _damped(metric, damping, delta_L)
    return gradients([np.einsum("tki,tk->ti", block, error) for block in J], r)


# --- helpers ---
def per_layer(a: np.ndarray, W: Arrays) -> list[np.ndarray]:
    """Split the last axis of `a`, n_1 + .. + n_L long, into the list of the layers' parts.

    Examples
    --------
    >>> from neurofa import reference
    >>> W = [np.ones((3, 4)) / 4, np.ones((2, 3)) / 3]
    >>> [part.shape for part in reference.per_layer(np.zeros((1, 5)), W)]
    [(1, 3), (1, 2)]
    """
    return np.split(a, np.cumsum([len(w) for w in W])[:-1], axis=-1)


def _driven(x, u, pushes, W, b, activation, output):
    """Return the state in which v_i = W_i r_{i-1} + b_i + push_i, layer after layer."""
    state = DFCState(u, [], [np.asarray(x, dtype=float)], [])
    for i, ((phi, _), push) in enumerate(zip(_functions(W, activation, output), pushes)):
        state.v_basal.append(_basal(state.r[i], W, b, i))
        state.v.append(state.v_basal[i] + push)
        state.r.append(phi(state.v[i]))
    return state


def _basal(r, W, b, i):
    if np.ndim(W[i]) != 2 or r.ndim != 2 or r.shape[1] != np.shape(W[i])[1]:
        raise ValueError(
            f"W[{i}], (post, pre), has shape {np.shape(W[i])}, and its input, (trials, pre), has {r.shape}."
        )
    if b is not None and (len(b) != len(W) or np.shape(b[i]) != (len(W[i]),)):
        raise ValueError(
            f"b must be None or {len(W)} vectors, b[i] of shape (post,), as W[{i}] has {len(W[i])} rows."
        )
    return r @ np.transpose(W[i]) + (0.0 if b is None else b[i])


def _functions(layers, activation, output):
    """Return (phi, dphi) of each layer."""
    hidden = (
        list(activation)
        if isinstance(activation, (list, tuple))
        else [activation] * (len(layers) - 1)
    )
    if len(hidden) != len(layers) - 1:
        raise ValueError(
            f"activation has {len(hidden)} entries: wanted {len(layers) - 1}, one for each hidden layer."
        )
    return [
        (one.phi, one.dphi) if hasattr(one, "dphi") else _named(ACTIVATIONS, one, "activation")
        for one in (*hidden, output)
    ]


def _named(table, name, what):
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"No {what} is called '{name}'. {choices(name, table, what)}")
    return table[name]


def _same_shape(r, y):
    r, y = np.asarray(r, dtype=float), np.asarray(y, dtype=float)
    if r.shape != y.shape:
        raise ValueError(
            f"The output has shape {r.shape} and its target {y.shape}: both must be (trials, n_L)."
        )
    return r, y


def _stacked(Q, W):
    Q = np.concatenate(Q, axis=-2) if isinstance(Q, (list, tuple)) else np.asarray(Q, dtype=float)
    shape = sum(len(w) for w in W), len(W[-1])
    if Q.shape[-2:] != shape:
        raise ValueError(
            f"Q, stacked over the layers, has shape {Q.shape}: wanted {shape}, all units by outputs."
        )
    return Q


def _pushes(Q, u, W):
    return per_layer(np.einsum("...ik,...k->...i", Q, u), W)


def _solve(matrix, vectors):
    try:
        return np.linalg.solve(matrix, np.asarray(vectors, dtype=float)[..., None])[..., 0]
    except np.linalg.LinAlgError:
        raise NeurofaError(
            "JQ + alpha I is singular in some trial, so u is undefined: raise alpha or change Q."
        ) from None


def _damped(matrix, damping, vectors):
    inverse = np.linalg.pinv(matrix + damping * np.eye(matrix.shape[-1]), hermitian=True)
    return np.einsum("tkl,tl->tk", inverse, vectors)
