"""Rules that learn from one number, the change of the cost under noise in cells or at synapses: exactly,
given the noise, and on average over it."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Length, reference

from .common import EXACT, asked, biases, circuit, golden, play, states, weights, worst
from .errors import AT_ONCE


def passes(x, y, W, b, noise):
    """Return the rates of all layers, the input first, and the cost per trial, (trials,)."""
    r = [x]
    for k, (w, bias, z) in enumerate(zip(W, b, noise, strict=True)):
        v = r[-1] @ w.T + bias + z
        r.append(v if k == len(W) - 1 else np.tanh(v))
    return r, ((r[-1] - y) ** 2).sum(1) / 2


@golden("node_perturbation")
def given_the_noise(model, target):
    """The broadcast change of the cost, and dW, from two passes in NumPy with the noise drawn."""
    net, x, y = circuit(model, target=target, activation="tanh", output_activation="linear")
    net.set(sigma=0.3)
    W, b = weights(net), biases(net)
    learner = Learner(net, AT_ONCE)
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", EXACT)
    net.run("noise", Length(30 * ms, dt=1 * ms))
    z = states(net, "z")
    net.run("reward", EXACT)
    change = net["reward.change"].copy()
    learner.learn("reward")
    r, cost = passes(x, y, W, b, z)
    dC = cost - passes(x, y, W, b, [0 * part for part in z])[1]
    yield "dC = cost with noise - without", worst([change], [dC[:, None]]), 1e-9
    scale = -float(net.parameters["eta"]) / 0.3**2
    ours = [(new - old) / scale for new, old in zip(weights(net), W, strict=True)]
    expected = [(dC[:, None] * part).T @ r[k] / len(x) for k, part in enumerate(z)]
    yield "dW = -eta dC z r^T / sigma^2", worst(ours, expected), 1e-9


DRAWS = 20_000


@golden("node_perturbation", slow=True)
def mean_and_variance(model, target):
    """Over many draws for one stimulus, what each of n cells is told has the mean g, its gradient, and
    the variance |g|^2 + g_i^2 (Gaussian moments of (g z) z_i), which sum to (n + 1)|g|^2.

    The sampling error of the mean is sqrt((n + 1)/draws) of |g|, that of the variance about 1.7/sqrt(draws).
    """
    for sizes in ((6, 5, 4, 3), (6, 40, 20, 3)):
        net, x, y = circuit(
            model, sizes, DRAWS, target=target, activation="tanh", output_activation="linear"
        )
        x, y = np.tile(x[:1], (DRAWS, 1)), np.tile(y[:1], (DRAWS, 1))
        net.set(sigma=1e-4)
        net.reset()
        net.stimulus(x)
        net.target_rates(y)
        net.run("free", AT_ONCE["free"])
        net.run("noise", Length(60 * ms, dt=10 * ms))
        net.run("reward", AT_ONCE["reward"])
        told = np.hstack(states(net, "held")) * net["reward.change"] / 1e-4**2
        W, b = weights(net), biases(net)
        r = passes(x[:1], y[:1], W, b, [0.0] * 3)[0]
        deltas = [r[-1] - y[:1]]
        for k in (2, 1):
            deltas.insert(0, (1 - r[k] ** 2) * (deltas[0] @ W[k]))
        g = np.hstack(deltas)[0]
        n, size = len(g), np.sqrt(g @ g)
        yield (
            f"mean = gradient, {n} cells, of its size",
            np.linalg.norm(told.mean(0) - g) / size,
            2 * np.sqrt((n + 1) / DRAWS),
        )
        yield (
            f"variance = (n + 1)|g|^2, {n} cells",
            abs(told.var(0).sum() / ((n + 1) * size**2) - 1),
            5.1 / np.sqrt(DRAWS),
        )


# noise at synapses --------------------------------------------------------------------------------

REDRAWN = 3_000


@golden("weight_perturbation")
def given_the_synapses(model, target):
    """The broadcast change of the cost, and dW, from two passes in NumPy with the noise drawn."""
    net, x, y = circuit(model, target=target, activation="tanh", output_activation="linear")
    net.set(sigma=0.3)
    W, b, N, learner = weights(net), biases(net), weights(net, "N"), Learner(net, AT_ONCE)
    play(net, x, y, "reward")
    quiet, noisy = (
        passes(x, y, [w + sigma * n for w, n in zip(W, N, strict=True)], b, [0.0] * 3)[1]
        for sigma in (0.0, 0.3)
    )
    dC = noisy - quiet
    yield "dC = cost with noise - without", worst([net["reward.change"]], [dC[:, None]]), 1e-9
    changes, eta = asked(learner, "reward"), float(net.parameters["eta"])
    ours = [changes[f"W{k}.w"][0] / eta for k in (1, 2, 3)]
    yield "dW = -eta dC N / sigma", worst(ours, [-dC.mean() * n / 0.3 for n in N]), 1e-9
    yield "biases stay", max(np.abs(changes[f"W{k}.bias"][0]).max() for k in (1, 2, 3)), 0
    learner.learn("reward")
    stayed = [np.mean(new == old) for new, old in zip(weights(net, "N"), N, strict=True)]
    yield "share of N that an update does not draw anew", max(stayed), 0


@golden("weight_perturbation", slow=True)
def mean_and_variance_over_synapses(model, target):
    """Over many draws, the update has the mean -G, the gradient of the minibatch, and a variance that sums
    over P weights to (P + 1)|G|^2 (Gaussian moments of (G N) N).

    The sampling error of the mean is sqrt((P + 1)/draws) of |G|, that of the variance about
    1.5/sqrt(draws).
    """
    net, x, y = circuit(model, target=target, activation="tanh", output_activation="linear")
    net.set(sigma=1e-5)
    W, b, learner, told = weights(net), biases(net), Learner(net, AT_ONCE), []
    eta = float(net.parameters["eta"])
    for draw in range(REDRAWN):
        net.synapses.updated(draw)
        play(net, x, y, "reward", AT_ONCE["reward"])
        changes = asked(learner, "reward")
        told.append(np.hstack([changes[f"W{k}.w"][0].ravel() / eta for k in (1, 2, 3)]))
    deltas = reference.backprop_deltas(x, y, W, b)
    G = np.hstack(
        [d.ravel() for d in reference.gradients(deltas, reference.forward(x, W, b)[1])[0]]
    )
    told, P, size = np.array(told), len(G), np.linalg.norm(G)
    yield (
        f"mean = -gradient, {P} weights, of its size",
        np.linalg.norm(told.mean(0) + G) / size,
        2 * np.sqrt((P + 1) / REDRAWN),
    )
    yield (
        f"variance = (P + 1)|G|^2, {P} weights",
        abs(told.var(0).sum() / ((P + 1) * size**2) - 1),
        4.5 / np.sqrt(REDRAWN),
    )
