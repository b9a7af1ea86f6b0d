"""How late, or strong, a pathway may be before a linear circuit loses its stability.

A pathway that is delayed by d sends exp(-s d) times what it sends at once: the circuit is on the
edge of instability where det(s - A(exp(-s d))) = 0 has a root on the imaginary axis, A(z) being the
Jacobian with the pathway multiplied by z. For one that a loop passes once, A(z) = A_0 + z A_1.
A, B, C, D are the circuit with the pathway cut: dx/dt = A x + B sent, and C x + D sent is what it
would send.
"""

import numpy as np
from scipy.linalg import schur, solve_triangular
from scipy.optimize import brentq
from scipy.sparse.csgraph import connected_components


def on_loops(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: np.ndarray) -> list[np.ndarray] | None:
    """Return what lies on loops through the pathway, A, B, C, D without the rest; None if there is
    no loop."""
    M, n = np.block([[A, B], [C, D]]), len(A)
    _, part = connected_components(M != 0, directed=True, connection="strong")
    looped = (np.bincount(part)[part] > 1) | (M.diagonal() != 0)
    kept = np.isin(part, part[n:][looped[n:]])
    x, sent = np.flatnonzero(kept[:n]), n + np.flatnonzero(kept[n:])
    return [M[np.ix_(to, of)] for to in (x, sent) for of in (x, sent)] if len(sent) else None


def closed(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: np.ndarray, z: complex) -> np.ndarray:
    """Return A(z), the Jacobian with the pathway multiplied by z."""
    return A + z * B @ np.linalg.solve(np.eye(len(D)) - z * D, C)


def shortest_delay(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: np.ndarray) -> float:
    """Return the smallest d > 0 at which exp(-i w d) L(i w) has the eigenvalue 1, with the open
    loop L(s) = C (s - A)^-1 B + D.

    There an eigenvalue of L is on the unit circle; the moduli of its eigenvalues, in order, are
    continuous in w.
    """
    if abs(np.linalg.eigvals(D)).max() >= 1:
        return 0.0  # without a state in between: at however high a frequency
    T, U = schur(A, output="complex")
    B, C, poles = U.conj().T @ B, C @ U, np.diag(T)

    def loop(w):
        values = np.linalg.eigvals(C @ solve_triangular(1j * w * np.eye(len(T)) - T, B) + D)
        return values[np.argsort(-abs(values))]

    top = 2 * max(
        np.linalg.norm(closed(T, B, C, D, np.exp(1j * angle)), 2)
        for angle in np.linspace(0, 2 * np.pi, 32)
    )
    bottom = 1e-4 * abs(np.linalg.eigvals(closed(T, B, C, D, 1))).min()
    resonances = poles.imag[:, None] + abs(poles.real)[:, None] * np.array(
        [-3, -1, -0.3, 0, 0.3, 1, 3]
    )
    grid = np.concatenate(
        [np.geomspace(bottom, top, int(60 * np.log10(top / bottom))), resonances.ravel()]
    )
    grid = np.unique(grid[(grid >= bottom) & (grid <= top)])
    above = np.array([abs(loop(w)) > 1 for w in grid])
    found = np.inf
    for i, k in np.argwhere(above[1:] != above[:-1]):
        w = brentq(
            lambda w: abs(loop(w)[k]) - 1, grid[i], grid[i + 1], xtol=1e-14 * grid[i], rtol=1e-14
        )
        found = min(found, np.angle(loop(w)[k]) % (2 * np.pi) / w)
    return found


def smallest_gain(
    A: np.ndarray, B: np.ndarray, C: np.ndarray, D: np.ndarray, largest: float = 1e4
) -> float:
    """Return the smallest g > 1 at which an eigenvalue of A(g) is on the imaginary axis."""

    def growth(g):
        return np.linalg.eigvals(closed(A, B, C, D, g)).real.max()

    gains = np.geomspace(1, largest, 161)
    for low, high in zip(gains, gains[1:]):
        if growth(high) >= 0:
            return brentq(growth, low, high, rtol=1e-13)
    return np.inf
