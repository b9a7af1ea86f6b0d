"""Rules that hold one glance against another: CLAPP, whose layers do so each for itself, and its
end-to-end twins."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Trial, lookup, reference, settle

from .common import DTANH, TANH, biases, circuit, everything, golden, weights, worst

LONG = Trial(dt=1 * ms, default=settle(1e-13, 20000 * ms))
SIZES, SIGNS = (5, 4, 6, 3), {"fixation": 1, "saccade": -1}


def contrasting(model, phase, target, sizes=SIZES, **options):
    """Return a network with eta = 1, R = P^T and a P so large that some trials have met the margin;
    and both glances, (trials, inputs) each."""
    rule = lookup.rule(model).but(eta=1.0)
    net = circuit(rule, sizes, seed=1, target=target, **options)[0]
    rng = np.random.default_rng(4)
    first = rng.normal(size=(net.trials, sizes[0]))
    other = first + rng.normal(0, 0.3, first.shape)
    for name in groups(net, "P"):
        net[name] *= 4.0
        net[name.replace("P", "R")] = net[name].T
    return net, first, other if phase == "fixation" else first[::-1]


def groups(net, pathway):
    """Return the names of the synapse groups of a pathway, lowest layer first."""
    return [n.removesuffix(".w") for n in net.probeable if n.startswith(pathway) and n[-2:] == ".w"]


def learned(net, phase, first, second):
    """Let both glances be seen and learned from in `phase`; return {array name: change}, and the
    rates (inputs first) at both glances."""
    before, learner, seen = everything(net), Learner(net, LONG), []
    for name, x in (("free", first), (phase, second)):
        net.stimulus(x)
        net.run(name, LONG[name])
        seen.append([x, *(net[f"hidden{k}.r"].copy() for k in range(1, len(net.sizes) - 1))])
        learner.learn(name)
    return {name: net[name] - w for name, w in before.items()}, seen


def hinge(sign, c, z, P):
    """Return the mean over trials of max(0, 1 - sign z^T P c); c and z are (trials, units)."""
    return np.maximum(0, 1 - sign * np.einsum("ti,ij,tj->t", z, P, c)).mean()


def share_met(net):
    """Return which part of trials and layers has met the margin."""
    scores = [n for n in net.probeable if n.startswith("score") and n.endswith(".gamma")]
    return 1 - np.mean([np.abs(net[name]).mean() for name in scores])


# each layer for itself ----------------------------------------------------------------------------


@golden("clapp")
def contrast(model, target):
    """With R = P^T every layer descends its own loss, in a fixation and in a saccade."""
    for phase, sign in SIGNS.items():
        net, first, second = contrasting(model, phase, target)
        at, updates, slopes = everything(net), [], []
        changes, seen = learned(net, phase, first, second)
        for k in (1, 2):
            names = [f"W{k}.w", f"W{k}.bias", f"P{k}.w"]
            one, two = (glance[k - 1] for glance in seen)

            def loss(W, b, P, one=one, two=two, sign=sign):
                return hinge(sign, TANH(one @ W.T + b), TANH(two @ W.T + b), P)

            updates += [changes[name] for name in names]
            slopes += gradients(loss, [at[name] for name in names])
        yield (
            f"{phase}: update = -gradient of the loss",
            worst(updates, [-slope for slope in slopes]),
            1e-9,
        )
        yield (
            f"{phase}: R = P^T",
            worst(weights(net, "R"), [P.T for P in weights(net, "P")]),
            1e-14,
        )
        yield (
            f"{phase}: the output does not learn",
            worst([changes["W3.w"].ravel(), changes["W3.bias"]], [0, 0]),
            0,
        )
        yield (
            f"{phase}: share of trials that have met the margin, from one half",
            abs(share_met(net) - 0.5),
            0.49,
        )


def gradients(loss, arrays):
    """Return the numerical gradients of `loss(*arrays)` by each of them."""
    return [
        reference.numerical_gradient(
            lambda a, i=i: loss(*arrays[:i], a, *arrays[i + 1 :]), array, 1e-5
        )
        for i, array in enumerate(arrays)
    ]


@golden("clapp")
def global_contrast(model, target):
    """In a linear circuit without biases whose layers foresee as the last one does of what they
    become there, P_l = J_l^T P_L J_l with J_l the product of W above l, each layer descends the
    loss of the last one: CLAPP is backpropagation (derived here, from z_L = J_l z_l). So it is
    where all W are orthogonal and all P are I."""
    for phase in SIGNS:
        for case in ("J^T P J", "orthogonal, I"):
            changes = []
            for name, sizes in ((model, (5, 4, 4, 4, 2)), ("hinge_cpc", (5, 4, 4, 4))):
                net, first, second = contrasting(
                    name, phase, target, sizes, activation="linear", output_activation="linear"
                )
                impose(net, case)
                found = learned(net, phase, first, second)[0]
                changes.append([found[f"W{k}.{part}"] for k in (1, 2, 3) for part in ("w", "bias")])
            yield f"linear, {case}, {phase}: dW = that of hinge CPC", worst(*changes), 1e-12


def impose(net, case):
    """Make W and P of three layers what `case` says, the same in circuits of both kinds."""
    rng, size = np.random.default_rng(7), net.sizes[2]
    W, P = rng.normal(size=(2, size, size)) / 2, 3 * rng.normal(size=(size, size))
    if case == "orthogonal, I":
        W, P = [np.linalg.qr(w)[0] for w in W], np.eye(size)
    for k in (1, 2, 3):
        net[f"W{k}.bias"] = 0
    net["W1"] = rng.normal(size=(size, net.sizes[0])) / 2
    net["W2"], net["W3"] = W
    of_layer = {3: P, 2: W[1].T @ P @ W[1], 1: W[0].T @ W[1].T @ P @ W[1] @ W[0]}
    for name in groups(net, "P"):
        net[name] = of_layer[int(name[1:])]
        net[name.replace("P", "R")] = net[name].T


# end to end ---------------------------------------------------------------------------------------


@golden("hinge_cpc", "hinge_cpc_random")
def end_to_end(model, target):
    """With R = P^T all layers descend the one loss of the output, where B is W^T."""
    for phase, sign in SIGNS.items():
        net, first, second = contrasting(model, phase, target, output_activation="tanh")
        for name in groups(net, "B"):
            net[name] = net[name.replace("B", "W")].T
        layers = [(f"W{k}.w", f"W{k}.bias") for k in (1, 2, 3)]
        names = [name for layer in layers for name in layer]
        at = [net[name].copy() for name in (*names, "P3.w")]

        def loss(*arrays, first=first, second=second, sign=sign):
            c, z = (
                reference.forward(x, arrays[:6:2], arrays[1:6:2], output="tanh")[1][-1]
                for x in (first, second)
            )
            return hinge(sign, c, z, arrays[-1])

        changes = learned(net, phase, first, second)[0]
        updates = [changes[name] for name in (*names, "P3.w")]
        expected = [-slope for slope in gradients(loss, at)]
        yield f"B = W^T, {phase}: update = -gradient of the loss", worst(updates, expected), 1e-9
        yield (
            f"{phase}: share of trials that have met the margin, from one half",
            abs(share_met(net) - 0.5),
            0.49,
        )


@golden("hinge_cpc_random")
def random_descent(model, target):
    """Both errors of a cell descend through the same random synapses, each by the slope of its own
    glance."""
    for phase, sign in SIGNS.items():
        net, first, second = contrasting(model, phase, target, output_activation="tanh")
        W, b, P, B = weights(net), biases(net), net["P3"].copy(), weights(net, "B")
        (v_c, c), (v, z) = (reference.forward(x, W, b, output="tanh") for x in (first, second))
        changes = learned(net, phase, first, second)[0]
        gamma = sign * (sign * np.einsum("ti,ij,tj->t", z[-1], P, c[-1]) < 1)[:, None]
        errors = gamma * (c[-1] @ P.T) * DTANH(v[-1]), gamma * (z[-1] @ P) * DTANH(v_c[-1])
        expected = [np.mean(gamma[..., None] * z[-1][:, :, None] * c[-1][:, None], axis=0)]
        for k in (2, 1, 0):
            expected.append((errors[0].T @ z[k] + errors[1].T @ c[k]) / len(first))
            expected.append((errors[0] + errors[1]).mean(axis=0))
            if k:
                slopes = DTANH(v[k - 1]), DTANH(v_c[k - 1])
                errors = [slope * (e @ B[k - 1].T) for slope, e in zip(slopes, errors)]
        names = ["P3.w", *(f"W{k}.{part}" for k in (3, 2, 1) for part in ("w", "bias"))]
        yield (
            f"random B, {phase}: dW and dP = closed forms",
            worst([changes[n] for n in names], expected),
            1e-10,
        )
