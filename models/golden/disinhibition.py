"""Dis-inhibitory control: where circuits of excitatory and inhibitory cells settle under control, and
what they learn."""

import numpy as np
from brian2 import ms
from scipy.optimize import root

from neurofa import lookup, reference

from .common import COSTS, biases, circuit, golden, off_by, play, states, weights, worst

SOFTPLUS = lambda v: np.logaddexp(0, v), lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
CELLS = {"tanh": reference.ACTIVATIONS["tanh"], "softplus": SOFTPLUS}


def fixed_point(x, y, W, b, Q, gain, phi, cost):
    """Return potentials of excitatory cells and of inhibitory ones (lists over hidden layers), the
    output's rates and the control u, where nothing moves; `gain` is u over the output's error."""
    sizes = [len(w) for w in W]
    cuts = np.cumsum([*sizes[:-1], *sizes[:-1]])

    def split(found):
        parts = np.split(found.reshape(len(x), -1), cuts, axis=1)
        return parts[: len(W) - 1], parts[len(W) - 1 : -1], parts[-1]

    def moves(found):
        v, v_I, out = split(found)
        u = -gain * reference.cost_gradient(out, y, cost)
        below = [x, *map(phi, v)]
        driven = [r @ w.T + c for r, w, c in zip(below, W, b, strict=True)]
        return np.hstack(
            [
                *(a - d + phi(i) for a, d, i in zip(v, driven, v_I)),
                *(i - phi(a) + u @ q.T for a, i, q in zip(v, v_I, Q, strict=True)),
                out - driven[-1] - u,
            ]
        ).ravel()

    v, v_I, out = split(root(moves, np.zeros(len(x) * (cuts[-1] + sizes[-1])), tol=1e-14).x)
    return v, v_I, out, -gain * reference.cost_gradient(out, y, cost)


def controlled(model, target, cost, activation, **parameters):
    """Return a network with feedback that is not the transpose, its x, y, and (W, b, Q)."""
    rule = lookup.rule(model).but(**parameters)
    net, x, y = circuit(rule, trials=3, cost=cost, activation=activation, target=target)
    rng = np.random.default_rng(4)
    for k in (1, 2):
        net[f"Q{k}"] += 0.3 * rng.normal(size=net[f"Q{k}"].shape)
    return net, x, y, (weights(net), biases(net), weights(net, "Q"))


@golden("disinhibitory_control")
def settled(model, target):
    """Under control the circuit is at the root of its equations, and dW is what it says there."""
    for cost in COSTS:
        for activation, (phi, dphi) in CELLS.items():
            net, x, y, (W, b, Q) = controlled(model, target, cost, activation, alpha=0.5)
            play(net, x, y)
            v, v_I, out, u = fixed_point(x, y, W, b, Q, 0.4 / 0.5 + 0.2, phi, cost)
            which = f"{cost}, {activation}"
            ours = [*states(net, "v"), net["interneuron1.v"], net["interneuron2.v"]]
            yield (
                f"all potentials = root of the equations, {which}",
                worst(ours, [*v, out, *v_I]),
                1e-9,
            )
            lacking = [a - c for a, c in zip(map(phi, v), v_I, strict=True)]
            yield f"r - v_I = Q u, {which}", worst(lacking, [u @ q.T for q in Q]), 1e-9
            told = [*(dphi(a) * (u @ q.T) for a, q in zip(v, Q, strict=True)), u]
            update = reference.gradients(told, [x, *map(phi, v), out])
            yield f"dW = dphi(v) Q u r^T, {which}", off_by(net, *update), 1e-9


@golden("disinhibitory_control")
def weak_control(model, target):
    """Weak control stays at the free state: u is the gain times the error there, and what is taught
    differs from dphi(v) Q error by the order of the gain."""
    apart = []
    for gain in (0.1, 0.01, 0.001):
        net, x, y, (W, b, Q) = controlled(
            model, target, "squared", "softplus", k_i=gain / 2, k_p=gain / 2, tau_u=20 * ms
        )
        play(net, x, y)
        phi, dphi = CELLS["softplus"]
        v, _, out, _ = fixed_point(x, y, W, b, Q, 0.0, phi, "squared")
        expected = [*(dphi(a) * ((y - out) @ q.T) for a, q in zip(v, Q, strict=True)), y - out]
        ours = [
            dphi(net[f"hidden{k}.v"]) * (net[f"hidden{k}.r"] - net[f"hidden{k}.v_I"]) / gain
            for k in (1, 2)
        ]
        apart.append(worst([*ours, net["controller.u"] / gain], expected))
    yield "weak control: taught dphi(v) Q error of the free state", apart[-1], 0.02
    yield (
        "it comes there in proportion: largest ratio, gain to gain/10",
        max(np.divide(apart[1:], apart[:-1])),
        0.2,
    )
