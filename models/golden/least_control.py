"""The least-control principle: where controlled circuits settle, and whether their update makes control
smaller."""

import numpy as np
from scipy.optimize import approx_fprime, root

from neurofa import lookup, reference

from .common import (
    DTANH,
    TANH,
    biases,
    circuit,
    golden,
    gradient,
    off_by,
    play,
    states,
    weights,
    worst,
)


def equations(x, y, W, b, B, alpha, cost):
    """Return two functions of potentials and control, flattened: all rates, input first, and the
    control of all layers; and what is missing until they have settled. With B None, feedback is
    W^T."""
    B = [w.T for w in W[1:]] if B is None else B
    cuts = np.cumsum([len(w) for w in W])

    def settled(u):
        v = np.split(u.reshape(len(x), -1), cuts, axis=1)
        v, u = v[:-1], v[-1]
        psi = [u]
        for k in range(len(W) - 2, -1, -1):
            psi.insert(0, DTANH(v[k]) * (psi[0] @ B[k].T))
        return v, [x, *map(TANH, v[:-1]), v[-1]], psi, u

    def missing(found):
        v, r, psi, u = settled(found)
        off = [a - below @ w.T - c - p for a, below, w, c, p in zip(v, r[:-1], W, b, psi)]
        return np.hstack([*off, alpha * u + reference.cost_gradient(r[-1], y, cost)]).ravel()

    return lambda found: settled(found)[1:3], missing


def fixed_point(x, y, W, *others):
    """Return the potentials and control, flattened, at the root of the equations."""
    start = np.hstack([*reference.forward(x, W, others[0])[0], 0 * y]).ravel()
    return root(equations(x, y, W, *others)[1], start, tol=1e-14).x


def driven(x, W, b, psi):
    """Return the rates of the output under any control."""
    r = x
    for w, bias, p in zip(W, b, psi, strict=True):
        v = r @ w.T + bias + p
        r = TANH(v)
    return v


def paid(out, y, psi, alpha, cost):
    """Return what control and cost together come to, the mean over trials."""
    control = sum((p**2).sum() for p in psi) / 2
    if alpha:
        if cost == "squared":
            control += ((out - y) ** 2).sum() / 2 / alpha
        else:
            control += (np.log(np.exp(out).sum(1)) - (y * out).sum(1)).sum() / alpha
    return control / len(y)


def slope(x, y, W, b, B, alpha, cost):
    """Return minus the gradient of what is paid in the mean over trials, arrays as W and b."""
    given = [*W, *b]
    found = fixed_point(x, y, W, b, B, alpha, cost)
    # the roots for other weights are near, and so are the Jacobians there
    jacobian = approx_fprime(found, equations(x, y, W, b, B, alpha, cost)[1])

    def paid_with(array, k):
        changed = [*given[:k], array, *given[k + 1 :]]
        values, missing = equations(x, y, changed[: len(W)], changed[len(W) :], B, alpha, cost)
        r, psi = values(root(missing, found, jac=lambda _: jacobian, tol=1e-14).x)
        return paid(r[-1], y, psi, alpha, cost)

    return [-gradient(lambda a, k=k: paid_with(a, k), array) for k, array in enumerate(given)]


def _other(x, y, W, b, psi, alpha, cost, seed, step=1e-3):
    """Return by how much more is paid under a control that is off by `step` in a random direction."""
    rng = np.random.default_rng(seed)
    other = [p + step * rng.normal(size=p.shape) for p in psi]
    return paid(driven(x, W, b, other), y, other, alpha, cost) - paid(
        driven(x, W, b, psi), y, psi, alpha, cost
    )


@golden("least_control")
def least(model, target):
    """The controlled state is the root of the equations; with B = W^T, dW is minus the gradient of the
    control that it takes, and with another B it is not, by an angle."""
    for cost, alpha in (("squared", 0.0), ("squared", 0.5), ("cross_entropy", 0.5)):
        for B in (None, "random"):
            rule = lookup.rule(model).but(alpha=alpha)
            net, x, y = circuit(rule, trials=2, cost=cost, target=target)
            W, b = weights(net), biases(net)
            if B is None:
                net["B2"], net["B3"] = W[1].T, W[2].T
            play(net, x, y)
            B = B and [net[f"B{k}"].copy() for k in (2, 3)]
            given = x, y, W, b, B, alpha, cost
            r, psi = equations(*given)[0](fixed_point(*given))
            which = f"{'B random' if B else 'B = W^T'}, alpha = {alpha}, {cost}"
            ours = [*states(net, "r"), *states(net, "psi")]
            yield f"r and psi = root of the equations, {which}", worst(ours, [*r[1:], *psi]), 1e-9
            dW, db = reference.gradients(psi, r)
            yield f"dW = psi r^T, {which}", off_by(net, dW, db), 1e-9
            down = slope(*given)
            if B:
                off, learned = (
                    np.hstack([np.ravel(a) for a in part]) for part in (down, [*dW, *db])
                )
                cosine = off @ learned / np.linalg.norm(off) / np.linalg.norm(learned)
                yield f"angle to the gradient, degrees, {which}", np.degrees(np.arccos(cosine)), 90
            else:
                if alpha:
                    changes = [_other(x, y, W, b, psi, alpha, cost, seed) for seed in range(20)]
                    yield f"no other control costs less, {which}", max(0, -min(changes)), 0
                yield (
                    f"dW = minus the gradient of control, {which}",
                    off_by(net, down[:3], down[3:]),
                    1e-9,
                )
