"""Circuits of cells that excite and cells that inhibit: where these settle, what dendrites are left with,
and that no weight changes its sign."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Trial, present, reference, settle

from .common import COSTS, asked, biases, circuit, everything, golden, play, states, weights, worst

MODEL = "dendritic_target_propagation"


def relu(v):
    """Return what is positive of an array."""
    return np.maximum(v, 0)


def settled(pull, *start, step=0.1, steps=4000):
    """Return arrays that no longer move, after steps along `pull`."""
    for _ in range(steps):
        start = [a + step * p for a, p in zip(start, pull(*start), strict=True)]
    return start


def inhibited(net, x):
    """Return potentials of all layers, their rates, the input first, and rates of the inhibitory cells
    of dendrites, lists over layers."""
    W, b, v, r, lateral = weights(net), biases(net), [], [x], []
    for k in (1, 2):
        P, E, R, S, F, G = (net[f"{name}{k}"] for name in "PERSFG")
        below = r[-1]
        driven = below @ W[k - 1].T + b[k - 1]

        def pull(v, i, d):
            rate = np.tanh(relu(v))
            return (
                driven - v - relu(i) @ S.T,
                below @ P.T + rate @ E.T - i - relu(i) @ R.T,
                rate @ F.T - d - relu(d) @ G.T,
            )

        zeros = np.zeros_like(driven)
        found = settled(pull, zeros, zeros, zeros)
        v, r, lateral = [*v, found[0]], [*r, np.tanh(relu(found[0]))], [*lateral, relu(found[2])]
    out = r[-1] @ W[2].T + b[2]
    return [*v, out], [*r, relu(out)], lateral


@golden(MODEL)
def settled_and_learned(model, target):
    """Free potentials and dendrites, and both updates, are those of the equations, in NumPy."""
    for cost in COSTS:
        net, x, y = circuit(model, trials=3, cost=cost, target=target, activation="tanh")
        learner, g_B = Learner(net), float(net.parameters["g_B"])
        v, r, lateral = inhibited(net, x)
        W = weights(net)
        play(net, x, y, "free")
        yield f"all potentials = root of the equations, {cost}", worst(states(net, "v"), v), 1e-9
        free = [
            np.clip(g_B * r[k + 1] @ W[k] - lateral[k - 1] @ net[f"Y{k}"].T, -1, 1) for k in (1, 2)
        ]
        yield (
            f"free dendrite = excitation - inhibition, {cost}",
            worst(states(net, "dend")[:2], free),
            1e-9,
        )
        changes, eta = asked(learner, "free"), float(net.parameters["eta_Y"])
        ours = [changes[f"Y{k}.w"][0] / eta for k in (1, 2)]
        expected = [d.T @ s / len(x) for d, s in zip(free, lateral, strict=True)]
        yield f"dY = dend r^T, {cost}", worst(ours, expected), 1e-9
        play(net, x, y)
        nudge = [-np.clip(reference.cost_gradient(r[-1], y, cost), -1, 1) * (v[-1] > 0)]
        for k in (2, 1):
            phi = relu if k == 2 else lambda u: np.tanh(relu(u))
            sent = phi(v[k] + nudge[0])
            dend = np.clip(g_B * sent @ W[k] - lateral[k - 1] @ net[f"Y{k}"].T, -1, 1)
            nudge.insert(0, dend * (1 - np.tanh(v[k - 1]) ** 2) * (v[k - 1] > 0))
        yield f"plateaus, from layer to layer, {cost}", worst(states(net, "plateau"), nudge), 1e-9
        changes, eta = asked(learner, "feedback"), float(net.parameters["eta"])
        ours = [changes[f"W{k}.w"][0] / eta for k in (1, 2, 3)]
        yield f"dW = plateau r^T, {cost}", worst(ours, reference.gradients(nudge, r)[0]), 1e-9


@golden(MODEL)
def signs(model, target):
    """However fast it learns, no weight and no rate is ever negative."""
    net, x, y = circuit(model, target=target)
    net.set(eta=3.0, eta_Y=3.0)
    learner, before = Learner(net, Trial(dt=2 * ms, default=settle(1e-3))), everything(net)
    for _ in range(5):
        present(learner, x, y)
    found = {name: w for name, w in everything(net).items() if name.endswith(".w")}
    yield "largest negative weight", max(0, *(-w.min() for w in found.values())), 0
    yield "largest negative rate", max(0, *(-r.min() for r in states(net, "r"))), 0
    silent = np.mean([(found[f"W{k}.w"] == 0).mean() for k in (1, 2, 3)])
    moved = np.mean([(found[f"W{k}.w"] != before[f"W{k}.w"]).mean() for k in (1, 2, 3)])
    yield "share of weights that were held at 0, from one half", abs(silent - 0.5), 0.499
    yield "share of weights that did not move", 1 - moved, 0.9
