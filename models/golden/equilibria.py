"""Predictive coding and equilibrium propagation: their equilibria, and how fast these come near
backpropagation."""

import numpy as np
from brian2 import ms
from scipy.optimize import minimize, root

from neurofa import Learner, Trial, analysis, lookup, present, reference, settle

from .common import apart, biases, circuit, golden, play, states, weights, worst

# differences of equilibria are compared
LONG = Trial(dt=1 * ms, default=settle(1e-13, 20000 * ms))


# predictive coding --------------------------------------------------------------------------------


@golden("predictive_coding")
def linear(model, target):
    """In a linear circuit, errors are those of damped Gauss-Newton."""
    for Sigma_L in (0.3, 1.0, 10.0):
        net, x, y = circuit(
            lookup.rule(model).but(Sigma_L=Sigma_L), activation="linear", target=target
        )
        play(net, x, y, length=LONG["feedback"])
        W, mu = weights(net), reference.forward(x, weights(net), biases(net), "linear")[1][-1]
        J = [W[2] @ W[1], W[2]]  # of the output, by the potentials of the hidden layers
        eps = np.linalg.solve(Sigma_L * np.eye(3) + sum(j @ j.T for j in J), (y - mu).T).T
        expected = [*(eps @ j for j in J), eps]
        yield (
            f"linear, Sigma_L = {Sigma_L:g}: eps = damped Gauss-Newton",
            worst(states(net, "eps"), expected),
            1e-8,
        )


@golden("predictive_coding")
def wide_output(model, target):
    """As the variance of the output grows, errors take the direction of backpropagation's, by an
    angle of order 1/Sigma_L."""
    angles = []
    for Sigma_L in (1, 10, 100, 1000):
        net, x, y = circuit(lookup.rule(model).but(Sigma_L=Sigma_L), target=target)
        y = y / 2  # the angle grows with the error
        play(net, x, y, length=LONG["feedback"])
        deltas = reference.backprop_deltas(x, y, weights(net), biases(net))
        angles.append(analysis.angles(states(net, "eps"), [-delta for delta in deltas]))
    angles = np.array(angles)
    yield (
        "angle to backprop falls as Sigma_L grows: largest ratio, Sigma_L to 10 Sigma_L",
        (angles[1:] / angles[:-1]).max(),
        1,
    )
    yield (
        "a tenth of it from Sigma_L = 100 to 1000: ratio/0.1 - 1",
        np.abs(10 * angles[3] / angles[2] - 1).max(),
        0.1,
    )
    yield "angle to backprop at Sigma_L = 1000, degrees", angles[3].max(), 0.1


# equilibrium propagation --------------------------------------------------------------------------


def free_rates(x, W, b):
    """Return the rates of every layer where the energy sum v^2/2 - sum r W r - sum b r is lowest,
    found by scipy."""
    ends = np.cumsum([len(bias) for bias in b])[:-1]

    def rates(v):
        v = np.split(v.reshape(len(x), -1), ends, axis=1)
        return [x, *map(np.tanh, v[:-1]), v[-1]]

    def energy(v):
        r = rates(v)
        return 0.5 * v @ v - sum(
            ((r[k] @ w.T + bias) * r[k + 1]).sum() for k, (w, bias) in enumerate(zip(W, b))
        )

    def slopes(v):
        r = rates(v)
        drive = [
            r[k] @ W[k].T + b[k] + (r[k + 2] @ W[k + 1] if k + 1 < len(W) else 0)
            for k in range(len(W))
        ]
        gain = np.concatenate([*(1 - hidden**2 for hidden in r[1:-1]), np.ones_like(r[-1])], axis=1)
        return v - (gain * np.concatenate(drive, axis=1)).ravel()

    lowest = minimize(energy, np.zeros(len(x) * sum(map(len, b))), jac=slopes, tol=1e-6).x
    return rates(root(slopes, lowest, tol=1e-14).x)


@golden("equilibrium_propagation", "equilibrium_propagation_centred")
def nudged(model, target):
    """The free state is where the energy is lowest, and updates descend the cost there but for an
    order of beta."""
    order = 2 if model.endswith("centred") else 1
    net, x, y = circuit(model, (3, 4, 3, 2), trials=3, seed=1, target=target)
    start = [*weights(net), *biases(net)]
    W, b = start[:3], start[3:]

    def settled_cost(k, changed):
        arrays = [changed if j == k else a for j, a in enumerate(start)]
        return reference.cost(free_rates(x, arrays[:3], arrays[3:])[-1], y).mean()

    gradient = flat(
        [
            reference.numerical_gradient(lambda a: settled_cost(k, a), array, 1e-5)
            for k, array in enumerate(start)
        ]
    )
    learner, off = Learner(net, LONG), []
    for beta in (0.05, 0.025, 0.0125):
        net.set(beta=beta, eta=1.0)
        for k in (1, 2, 3):
            net[f"W{k}"], net[f"W{k}.bias"] = W[k - 1], b[k - 1]
        free = present(learner, x, y)[0].output
        off.append(apart(flat([*weights(net), *biases(net)]) - flat(start), -gradient))
    power = "beta" if order == 1 else "beta^2"
    yield "free output = minimum of the energy", worst([free], [free_rates(x, W, b)[-1]]), 1e-10
    yield "update at beta = 1/80 off the gradient, relative", off[-1], 0.1**order
    yield (
        f"that is of order {power}: ratio/{2**order} - 1",
        np.abs(np.divide(off[:-1], off[1:]) / 2**order - 1).max(),
        0.1,
    )


def flat(arrays):
    """Return all entries of some arrays as one vector."""
    return np.concatenate([np.ravel(a) for a in arrays])
