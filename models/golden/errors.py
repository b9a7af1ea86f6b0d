"""Rules that carry the output's error down to every layer: closed forms of the errors, and what W
does about them."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Trial, present, reference, settle

from .common import (
    COSTS,
    DTANH,
    biases,
    circuit,
    everything,
    golden,
    off_by,
    play,
    states,
    weights,
    worst,
)

# dt = tau: without a loop, exact in as many steps as there are layers
AT_ONCE = Trial(dt=10 * ms, default=settle(1e-13))
DIRECT = ("dfa", "bdfa")  # from the output to every layer; the others, from layer to layer


@golden(
    "bp",
    "fa",
    "dfa",
    "bfa",
    "bdfa",
    "kolen_pollack",
    "weight_mirror",
    "sign_symmetry",
    "sign_symmetry_redrawn",
    "sign_symmetry_uniform",
)
def deltas(model, target):
    """Engaged, all these are backpropagation with other feedback weights, or with a shortcut from
    the output."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        play(net, x, y)
        W, b = weights(net), biases(net)
        if model == "bp":
            expected = reference.backprop_deltas(x, y, W, b, kind=cost)
        elif model in DIRECT:
            expected = reference.dfa_deltas(x, y, W, b, [net["B1"], net["B2"]], kind=cost)
        else:
            expected = reference.fa_deltas(x, y, W, b, [net["B2"], net["B3"]], kind=cost)
        yield f"delta = closed form, {cost}", worst(states(net, "delta"), expected), 1e-10
        yield f"dW = -eta delta r^T, {cost}", _descent(net, expected, x), 1e-10


def _descent(net, deltas, x):
    """Return how far the change of W and its biases is from gradient descent along `deltas`, in
    units of eta."""
    dW, db = reference.gradients(deltas, reference.forward(x, weights(net), biases(net))[1])
    return off_by(net, [-g for g in dW], [-g for g in db])


@golden("fa")
def transposed(model, target):
    """With B = W^T, feedback alignment is backpropagation."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        for k in (2, 3):
            net[f"B{k}"] = net[f"W{k}"].T
        play(net, x, y)
        expected = reference.backprop_deltas(x, y, weights(net), biases(net), kind=cost)
        yield (
            f"B = W^T: delta = backpropagated gradient, {cost}",
            worst(states(net, "delta"), expected),
            1e-10,
        )


@golden("frozen")
def delta_rule(model, target):
    """Nothing but the output's synapses learns, and these by the delta rule."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        before, r = everything(net), reference.forward(x, weights(net), biases(net))[1]
        present(Learner(net, AT_ONCE), x, y)
        delta, moved = (
            reference.cost_gradient(r[-1], y, cost),
            {name: net[name] - w for name, w in before.items()},
        )
        eta = float(net.parameters["eta"])
        expected = {"W3.w": -eta * delta.T @ r[2] / len(x), "W3.bias": -eta * delta.mean(axis=0)}
        yield (
            f"the output's dW = -eta delta r^T, {cost}",
            worst([moved[n] for n in expected], expected.values()),
            1e-12,
        )
        yield (
            f"hidden weights stay, {cost}",
            max(np.abs(moved[n]).max() for n in moved if n not in expected),
            0,
        )


@golden("ifa", "ifa_random")
def climbing(model, target):
    """The output's error enters the first hidden layer, and climbs from there through W or synapses
    of its own."""
    relay = "W" if model == "ifa" else "relay"
    for cost in COSTS:
        net, x, y = circuit(model, (6, 5, 4, 4, 3), cost=cost, target=target)
        play(net, x, y)
        v, r = reference.forward(x, weights(net), biases(net))
        error = reference.cost_gradient(r[-1], y, cost)
        expected = [DTANH(v[0]) * (error @ net["B1"].T)]
        for k in (2, 3):
            expected.append(DTANH(v[k - 1]) * (expected[-1] @ net[f"{relay}{k}"].T))
        expected.append(error)
        yield f"delta = closed form, climbing, {cost}", worst(states(net, "delta"), expected), 1e-10
        yield f"dW = -eta delta r^T, {cost}", _descent(net, expected, x), 1e-10


@golden("dfa", "ifa", "ifa_random")
def one_hidden_layer(model, target):
    """With one hidden layer, indirect, direct and layerwise feedback are the same."""
    found = []
    for name, feedback in (("fa", "B2"), (model, "B1")):
        net, x, y = circuit(name, (6, 5, 3), target=target)
        net[feedback] = np.random.default_rng(9).normal(size=(5, 3))
        learner = Learner(net, AT_ONCE)
        for _ in range(20):
            present(learner, x, y)
        found.append([*weights(net), *biases(net)])
    yield "one hidden layer: FA, 20 updates", worst(*found), 0


@golden("ifa_random")
def relay_of_w(model, target):
    """A relay that equals W is W."""
    found = []
    for name in ("ifa", model):
        net, x, y = circuit(name, target=target)
        if name == model:
            net["relay2"] = net["W2"]
        play(net, x, y)
        found.append(net["hidden2.delta"])
    yield "relay = W: IFA", worst(found[:1], found[1:]), 0


@golden("kolen_pollack")
def forgetting(model, target):
    """W and B^T get the same changes, so that decay makes them forget how they differed, whatever
    the optimiser."""
    decay, updates = 0.01, 100
    for optimiser in ("gradient", "momentum", "adam"):
        net, x, y = circuit(model, target=target)
        net.set(decay=decay, eta=0.01)
        before = {k: (net[f"W{k}"].copy(), net[f"B{k}"].T.copy()) for k in (2, 3)}
        learner, left = Learner(net, AT_ONCE, optimiser), (1 - decay) ** updates
        for _ in range(updates):
            present(learner, x, y)
        off = worst(
            [net[f"W{k}"] - net[f"B{k}"].T for k in before],
            [left * (W - B) for W, B in before.values()],
        )
        learned = worst([net[f"W{k}"] for k in before], [left * W for W, _ in before.values()])
        yield (
            f"W - B^T = (1 - decay)^100 (W_0 - B_0^T), {optimiser}; in units of what was learned",
            off / learned,
            1e-12,
        )


@golden("kolen_pollack", "bfa", "bdfa", "local_losses", "local_losses_random")
def target_met(model, target):
    """Decay goes on, a dream teaches feedback, a layer's own readout has its own error; but the
    output has nothing to teach."""
    net, x, _ = circuit(model, target=target)
    still = {"kolen_pollack": ("W", "B"), "bfa": "W", "bdfa": "W"}.get(model, "W3")
    left, before = 1 - float(net.parameters.get("decay", 0)), everything(net)
    present(Learner(net, AT_ONCE), x, reference.forward(x, weights(net), biases(net))[1][-1])
    names = [name for name in before if name.startswith(still)]
    what = "W and B do but decay" if model == "kolen_pollack" else f"{still} stays"
    yield (
        f"target met: {what}",
        worst([net[n] for n in names], [left * before[n] for n in names]),
        1e-14,
    )
