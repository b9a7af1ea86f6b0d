"""Predictive coding, equilibrium propagation, microcircuits, CLAPP: each against an answer that shares no code with it."""

import numpy as np
import pytest
from brian2 import ms
from scipy.optimize import minimize, root

from neurofa import Learner, Network, Trial, present, settle
from neurofa.models import (clapp, dendritic_microcircuit, equilibrium_propagation, equilibrium_propagation_centred,
                            predictive_coding)

SIZES, K = (5, 4, 6, 3), 3
EXACT = Trial(dt=1*ms, default=settle(1e-13, 20000*ms))


def network(rule, sizes=SIZES, seed=1, **options):
    """Return a network with random biases, an input, and a target."""
    rng = np.random.default_rng(seed)
    net = Network(sizes, rule, trials=K, seed=seed, **options)
    for k, size in enumerate(sizes[1:], 1):
        net[f"W{k}.bias"] = rng.normal(0, 0.3, size)
    return net, rng.normal(size=(K, sizes[0])), rng.normal(0, 0.5, (K, sizes[-1]))


def weights(net):
    """Return copies of the matrices W and of the biases."""
    layers = range(1, len(net.sizes))
    return [net[f"W{k}"].copy() for k in layers], [net[f"W{k}.bias"].copy() for k in layers]


def numerical_gradient(function, arrays, step=1e-5):
    """Return the central differences of function() with respect to every entry of `arrays`, in one vector."""
    slopes = []
    for a in arrays:
        for index in np.ndindex(a.shape):
            kept, values = a[index], []
            for a[index] in (kept + step, kept - step):
                values.append(function())
            a[index] = kept
            slopes.append((values[0] - values[1]) / (2 * step))
    return np.array(slopes)


def flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays])


def angle(a, b):
    """Return the angle in degrees, by a formula that is exact for small angles."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return np.degrees(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))


def slope(v):
    return 1 - np.tanh(v) ** 2


def forward(x, W, b):
    """Return the potentials of a tanh network, first layer first."""
    potentials = []
    for w, bias in zip(W, b):
        potentials.append((np.tanh(potentials[-1]) if potentials else x) @ w.T + bias)
    return potentials


def backprop(x, y, W, b):
    """Return -dC/dv of every layer of a tanh network with a linear output, C = |v - y|^2 / 2."""
    v = forward(x, W, b)
    errors = [y - v[-1]]
    for potential, w in zip(v[-2::-1], W[:0:-1]):
        errors.insert(0, slope(potential) * (errors[0] @ w))
    return errors


# --- predictive coding ---

@pytest.mark.parametrize("Sigma_L", [0.3, 1.0, 10.0])
def test_linear_predictive_coding_is_damped_gauss_newton(target, Sigma_L):
    net, x, y = network(predictive_coding.RULE.but(Sigma_L=Sigma_L), activation="linear", target=target)
    present(Learner(net, EXACT), x, y, learn=False)
    W, b = weights(net)
    mu = ((x @ W[0].T + b[0]) @ W[1].T + b[1]) @ W[2].T + b[2]
    J = [W[2] @ W[1], W[2]]                        # of the output, by the potentials of the hidden layers
    eps = np.linalg.solve(Sigma_L * np.eye(3) + sum(j @ j.T for j in J), (y - mu).T).T
    np.testing.assert_allclose(net["output.eps"], eps, atol=1e-8)
    for k, j in enumerate(J, 1):
        np.testing.assert_allclose(net[f"hidden{k}.eps"], eps @ j, atol=1e-8)


def test_predictive_coding_approaches_backpropagation_as_the_variance_of_the_output_grows():
    angles = []
    for Sigma_L in (1, 10, 100, 1000):
        net, x, y = network(predictive_coding.RULE.but(Sigma_L=Sigma_L))
        present(Learner(net, EXACT), x, y, learn=False)
        errors = backprop(x, y, *weights(net))
        angles.append([angle(net[f"{name}.eps"], error) for name, error in zip(("hidden1", "hidden2", "output"), errors)])
    assert (np.diff(angles, axis=0) < 0).all()
    assert (np.array(angles[2]) / angles[3] > 9).all() and max(angles[3]) < 0.1


# --- equilibrium propagation ---

def free_rates(x, W, b):
    """Return the rates of every layer where the energy sum v^2/2 - sum r W r - sum b r is lowest, found by scipy."""
    ends = np.cumsum([len(bias) for bias in b])[:-1]

    def rates(v):
        v = np.split(v.reshape(K, -1), ends, axis=1)
        return [x, *map(np.tanh, v[:-1]), v[-1]]

    def energy(v):
        r = rates(v)
        return 0.5 * v @ v - sum(((r[k] @ w.T + bias) * r[k + 1]).sum() for k, (w, bias) in enumerate(zip(W, b)))

    def slopes(v):
        r = rates(v)
        drive = [r[k] @ W[k].T + b[k] + (r[k + 2] @ W[k + 1] if k + 1 < len(W) else 0) for k in range(len(W))]
        gain = np.concatenate([*(1 - hidden ** 2 for hidden in r[1:-1]), np.ones_like(r[-1])], axis=1)
        return v - (gain * np.concatenate(drive, axis=1)).ravel()

    lowest = minimize(energy, np.zeros(K * sum(map(len, b))), jac=slopes, tol=1e-6).x
    found = root(slopes, lowest, tol=1e-14)
    assert np.abs(found.fun).max() < 1e-11
    return rates(found.x)


@pytest.mark.parametrize("rule, order", [(equilibrium_propagation.RULE, 1), (equilibrium_propagation_centred.RULE, 2)],
                         ids=["one nudge", "centred"])
def test_equilibrium_propagation_descends_the_settled_cost_up_to_an_order_of_beta(rule, order):
    net, x, y = network(rule, sizes=(3, 4, 3, 2))
    W, b = weights(net)
    gradient = numerical_gradient(lambda: 0.5 * ((free_rates(x, W, b)[-1] - y) ** 2).sum() / K, [*W, *b])
    learner, off = Learner(net, EXACT), []
    for beta in (0.05, 0.025, 0.0125):
        net.set(beta=beta, eta=1.0)
        for k in (1, 2, 3):
            net[f"W{k}"], net[f"W{k}.bias"] = W[k - 1], b[k - 1]
        free = present(learner, x, y)[0].output
        new_W, new_b = weights(net)
        off.append(np.linalg.norm(flat([*new_W, *new_b]) - flat([*W, *b]) + gradient) / np.linalg.norm(gradient))
    np.testing.assert_allclose(free, free_rates(x, W, b)[-1], atol=1e-10)
    assert off[-1] < 0.1 ** order
    np.testing.assert_allclose(np.divide(off[:-1], off[1:]), 2 ** order, rtol=0.1)


# --- dendritic microcircuits ---

def microcircuit(**parameters):
    """Return a network in its self-predicting state, x, y, lambdas, and the weights and biases as the soma sees them."""
    net, x, y = network(dendritic_microcircuit.RULE.but(**parameters))
    lk, B, A, D, som = (float(net.parameters[f"g_{name}"]) for name in ("lk", "B", "A", "D", "som"))
    for k in (1, 2):
        net[f"IP{k}.bias"] = B * (lk + D) / (D * (lk + B + A)) * net[f"W{k + 1}.bias"]
    lambdas = dict(h=A / (lk + B + A), o=som / (lk + B + A + som), i=som / (lk + D + som))
    return net, x, y, lambdas, [[B / (lk + B + A) * a for a in arrays] for arrays in weights(net)]


def test_self_prediction_silences_the_apical_dendrites():
    net, x, y, _, (W, b) = microcircuit()
    before = {name: net[name].copy() for name in net.groups}
    net.stimulus(x)
    net.target_rates(y)
    learner = Learner(net, EXACT)
    net.run("free", EXACT["free"])
    learner.learn("free")
    for name, v in zip(("hidden1", "hidden2", "output"), forward(x, W, b)):
        assert np.abs(net[f"{name}.v_apical"]).max() < 1e-12
        np.testing.assert_allclose(net[f"{name}.v"], v, atol=1e-11)
    for name, w in before.items():
        np.testing.assert_allclose(net[name], w, atol=1e-12)


def test_the_nudged_microcircuit_is_the_root_of_its_equations():
    net, x, y, lam, (W, b) = microcircuit()
    rng = np.random.default_rng(5)
    for name in ("IP1", "IP2", "PI1", "PI2"):
        net[name] += rng.normal(0, 0.3, net[name].shape)     # no state that is special
    present(Learner(net, EXACT), x, y, learn=False)
    D = float(net.parameters["g_D"] / (net.parameters["g_lk"] + net.parameters["g_D"]))
    names = ("hidden1", "hidden2", "output", "interneuron1", "interneuron2")
    settled = np.concatenate([net[f"{name}.v"] for name in names], axis=1)

    def pull(flat_v):
        v1, v2, v3, i1, i2 = np.split(flat_v.reshape(K, -1), np.cumsum((4, 6, 3, 6)), axis=1)
        r1, r2 = np.tanh(v1), np.tanh(v2)
        new = [x @ W[0].T + b[0] + lam["h"] * (r2 @ net["B2"].T + np.tanh(i1) @ net["PI1"].T),
               r1 @ W[1].T + b[1] + lam["h"] * (v3 @ net["B3"].T + i2 @ net["PI2"].T),
               (1 - lam["o"]) * (r2 @ W[2].T + b[2]) + lam["o"] * y,
               (1 - lam["i"]) * D * (r1 @ net["IP1"].T + net["IP1.bias"]) + lam["i"] * v2,
               (1 - lam["i"]) * D * (r2 @ net["IP2"].T + net["IP2.bias"]) + lam["i"] * v3]
        return (np.concatenate(new, axis=1) - flat_v.reshape(K, -1)).ravel()

    found = root(pull, np.zeros(settled.size), tol=1e-13)
    np.testing.assert_allclose(settled.ravel(), found.x, atol=1e-10)


def test_a_weak_teacher_makes_backpropagations_direction():
    angles, ratios = [], []
    for g_som in (0.8, 0.08, 0.008):
        net, x, y, lam, (W, b) = microcircuit(g_som=g_som, k_IP=1.1 / 1.9 * (1.1 + g_som) / g_som)
        for k in (2, 3):                                     # feedback along the transposes, and interneurons against it
            net[f"B{k}"], net[f"PI{k - 1}"] = W[k - 1].T, -W[k - 1].T
        before = {name: net[name].copy() for name in ("W2", "W3", "IP1", "IP2")}
        present(Learner(net, EXACT), x, y)
        moved = {name: net[name] - w for name, w in before.items()}
        v = forward(x, W, b)
        step = lam["h"] * (1 - lam["i"])                     # what is left of an error one layer down
        hidden2 = lam["o"] * step * slope(v[1]) * ((y - v[2]) @ W[2])
        hidden1 = step * slope(v[0]) * (hidden2 @ W[1])
        found = [net[f"hidden{k}.r"] - net[f"hidden{k}.r_basal"] for k in (1, 2)]
        angles.append([angle(a, e) for a, e in zip(found, (hidden1, hidden2))])
        ratios.append([np.linalg.norm(a) / np.linalg.norm(e) for a, e in zip(found, (hidden1, hidden2))])
    angles = np.array(angles)
    assert (angles[:-1] / angles[1:] > 2).all() and angles[-1].max() < 0.5
    np.testing.assert_allclose(ratios[-1], 1, atol=0.02)
    for k in (1, 2):                                         # interneurons keep up with what they foresee
        assert np.linalg.norm(moved[f"IP{k}"] - 1.1 / 1.9 * moved[f"W{k + 1}"]) < 0.02 * np.linalg.norm(moved[f"IP{k}"])


# --- CLAPP ---

def clapp_loss(sign, first, second, W, b, P):
    """Return the mean over trials of max(0, 1 - sign z^T P c) of one layer, from what enters it at both glances."""
    c, z = np.tanh(first @ W.T + b), np.tanh(second @ W.T + b)
    return np.maximum(0, 1 - sign * np.einsum("ti,ij,tj->t", z, P, c)).mean()


@pytest.mark.parametrize("phase, sign", [("fixation", 1), ("saccade", -1)])
def test_clapp_descends_the_loss_of_every_layer(target, phase, sign):
    net, first, _ = network(clapp.RULE.but(eta=1.0), target=target)
    second = first + np.random.default_rng(4).normal(0, 0.3, first.shape) if phase == "fixation" else first[::-1]
    for k in (1, 2):
        net[f"P{k}"] *= 2.0                        # so that some trials have met the margin
        net[f"R{k}"] = net[f"P{k}"].T
    seen, learner = {}, Learner(net, EXACT)
    before = {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}
    for name, x in (("free", first), (phase, second)):
        net.stimulus(x)
        net.run(name, EXACT[name])
        learner.learn(name)
        seen[name] = [x, net["hidden1.r"].copy()]
    for k in (1, 2):
        names = (f"W{k}.w", f"W{k}.bias", f"P{k}.w")
        arrays = [before[name].copy() for name in names]
        gradient = numerical_gradient(lambda: clapp_loss(sign, seen["free"][k - 1], seen[phase][k - 1], *arrays), arrays)
        np.testing.assert_allclose(flat([net[name] - before[name] for name in names]), -gradient, atol=1e-9)
        np.testing.assert_allclose(net[f"R{k}"], net[f"P{k}"].T, atol=1e-14)
    assert 0 < np.abs(net["score2.gamma"]).mean() < 1
    assert all((net[name] == before[name]).all() for name in ("W3.w", "W3.bias"))
