"""Rules whose layers, or whose feedback synapses, have an aim of their own: to dream, to do the
task, to predict the error."""

import numpy as np
from brian2 import ms

from neurofa import Learner, lookup, present, reference

from .common import (
    COSTS,
    DTANH,
    TANH,
    biases,
    circuit,
    everything,
    golden,
    gradient,
    only,
    play,
    states,
    weights,
    worst,
)
from .errors import AT_ONCE

# bidirectional feedback alignment -----------------------------------------------------------------


@golden("bfa")
def dream(model, target):
    """In the dream the label becomes an input, and what the dreamt input misses of the real one
    climbs through W."""
    net, x, y = circuit(model, target=target)
    W, B = weights(net), weights(net, "B")
    play(net, x, y, "dream")
    drive2 = y @ B[2].T
    drive1 = TANH(drive2) @ B[1].T
    miss0 = TANH(drive1) @ B[0].T - x
    miss1 = DTANH(drive1) * (miss0 @ W[0].T)
    miss2 = DTANH(drive2) * (miss1 @ W[1].T)
    ours = [
        net[name]
        for name in ("hidden1.h", "hidden2.h", "input.miss", "hidden1.miss", "hidden2.miss")
    ]
    yield (
        "dreamt rates and misses = closed form",
        worst(ours, [TANH(drive1), TANH(drive2), miss0, miss1, miss2]),
        1e-10,
    )


@golden("bfa")
def reconstruction(model, target):
    """With W = B^T, the dream descends the gradient of what is missed."""
    net, x, y = circuit(
        lookup.rule(model).but(plasticity=only(model, "B"), eta_b=1.0), target=target
    )
    B = weights(net, "B")
    for k in (1, 2):
        net[f"W{k}"] = B[k - 1].T

    def missed(k, changed):
        B1, B2, B3 = (changed if k == j else b for j, b in enumerate(B))
        return 0.5 * ((TANH(TANH(y @ B3.T) @ B2.T) @ B1.T - x) ** 2).sum(axis=1).mean()

    slopes = [gradient(lambda changed: missed(k, changed), b) for k, b in enumerate(B)]
    present(Learner(net, AT_ONCE), x, y)
    moved = [after - before for after, before in zip(weights(net, "B"), B)]
    yield (
        "W = B^T: dB = -gradient of the reconstruction",
        worst(moved, [-slope for slope in slopes]),
        1e-9,
    )


@golden("bdfa")
def class_means(model, target):
    """Dreaming makes the columns of B the mean rates of each class: two thirds of the distance are
    left each time."""
    net, x, y = circuit(
        lookup.rule(model).but(plasticity=only(model, "B"), eta_b=1.0), trials=30, target=target
    )
    learner = Learner(net, AT_ONCE)
    for _ in range(40):
        present(learner, x, y)
    r = reference.forward(x, weights(net), biases(net))[1]
    means = [np.stack([r[k][y[:, c] == 1].mean(axis=0) for c in range(3)], axis=1) for k in (1, 2)]
    yield "W frozen: columns of B = class means", worst([net["B1"], net["B2"]], means), 1e-6


# local losses -------------------------------------------------------------------------------------


@golden("local_losses")
def own_cost(model, target):
    """Each layer, and its readout, descends the gradient of the readout's cost."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        before, v = everything(net), reference.forward(x, weights(net), biases(net))[0]
        eta, found = float(net.parameters["eta"]), []

        def own(k, v, P, c):
            return reference.cost(TANH(v) @ P.T + c, y, cost).sum()

        for k in (1, 2):
            at = [v[k - 1], before[f"P{k}.w"], before[f"P{k}.bias"]]
            found.append(
                [gradient(lambda a: own(k, *at[:i], a, *at[i + 1 :]), at[i]) for i in range(3)]
            )
        play(net, x, y)
        slopes, by_P, by_c = zip(*found)
        yield (
            f"delta = gradient of the layer's own cost, {cost}",
            worst(states(net, "delta")[:2], slopes),
            1e-9,
        )
        present(Learner(net, AT_ONCE), x, y)
        moved = [
            net[f"P{k}{part}"] - before[f"P{k}{part}"] for part in (".w", ".bias") for k in (1, 2)
        ]
        yield (
            f"the readout's dP = -eta gradient, {cost}",
            worst(moved, [-eta / len(x) * slope for slope in (*by_P, *by_c)]),
            1e-9,
        )


@golden("local_losses_random")
def own_error(model, target):
    """The readout's error comes back through random synapses."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        play(net, x, y)
        v, r = reference.forward(x, weights(net), biases(net))
        errors = [
            reference.cost_gradient(r[k] @ net[f"P{k}"].T + net[f"P{k}.bias"], y, cost)
            for k in (1, 2)
        ]
        expected = [DTANH(v[k - 1]) * (errors[k - 1] @ net[f"L{k}"].T) for k in (1, 2)]
        yield f"delta = closed form, {cost}", worst(states(net, "delta")[:2], expected), 1e-10


@golden("local_losses", "local_losses_random")
def locality(model, target):
    """No error crosses layers: whatever is above the first hidden layer, its error stays the same
    to the last bit."""
    net, x, y = circuit(model, target=target)
    play(net, x, y, length=100 * ms)
    first = net["hidden1.delta"].copy()
    for name in ("W2", "W3", "P2", "W2.bias"):
        net[name] = net[name] + 1
    play(net, x, y, length=100 * ms)
    yield (
        "other layers changed: delta of the first stays",
        worst([net["hidden1.delta"]], [first]),
        0,
    )


# synthetic gradients ------------------------------------------------------------------------------


@golden("synthetic_gradients")
def before_feedback(model, target):
    """Hidden layers learn from the prediction before any feedback has come; the output waits for
    it."""
    net, x, y = circuit(model, target=target)
    for k in (1, 2):
        net[f"A{k}"] = np.random.default_rng(k).normal(size=net[f"A{k}"].shape)
    v, r = reference.forward(x, weights(net), biases(net))
    before, eta, learner = weights(net), float(net.parameters["eta"]), Learner(net, AT_ONCE)
    net.reset()
    net.stimulus(x)
    net.run("free", AT_ONCE["free"])
    learner.learn("free")
    expected = [
        -eta * (DTANH(v[k - 1]) * (r[k] @ net[f"A{k}"].T)).T @ r[k - 1] / len(x) for k in (1, 2)
    ]
    moved = [after - w for after, w in zip(weights(net), before)]
    yield (
        "hidden dW = closed form before feedback, the output's = 0",
        worst(moved, [*expected, 0 * moved[2]]),
        1e-14,
    )


@golden("synthetic_gradients_conditioned")
def conditioned(model, target):
    """The prediction knows the label."""
    net, x, y = circuit(model, target=target)
    for name in ("A1", "A2", "C1", "C2"):
        net[name] = np.random.default_rng(1).normal(size=net[name].shape)
    play(net, x, y)
    v, r = reference.forward(x, weights(net), biases(net))
    expected = [DTANH(v[k - 1]) * (r[k] @ net[f"A{k}"].T + y @ net[f"C{k}"].T) for k in (1, 2)]
    yield "delta = closed form, with the label", worst(states(net, "delta")[:2], expected), 1e-10


@golden("synthetic_gradients", "synthetic_gradients_conditioned", slow=True)
def regression(model, target, updates=2000):
    """With W frozen, predictors end as A* = E[g z^T] E[z z^T]^-1; z is what they see: rates, 1, and
    the label if conditioned.

    Each update multiplies the distance E to it by I - eta_p E[z z^T], whose largest factor in the span of z is `left`. Layer 1
    regresses on what layer 2 predicts, which is off by W2^T D2 E2 z2; with eta_p <= 1/(largest eigenvalue) this adds at most
    |W2| |E2| per update. So |E2| <= left^n |E2(0)| and |E1| <= left^n |E1(0)| + n left^(n-1) |W2| |E2(0)|.
    """
    rule = lookup.rule(model).but(plasticity=only(model, "A") + only(model, "C"))
    net, x, y = circuit(rule, trials=40, seed=3, target=target)
    v, r = reference.forward(x, weights(net), biases(net))
    z = [
        np.hstack([r[k], np.ones((40, 1))] + [y] * (model == "synthetic_gradients_conditioned"))
        for k in (1, 2)
    ]
    gradient2 = (r[3] - y) @ net["W3"]
    goal2 = np.linalg.lstsq(z[1], gradient2, rcond=None)[0].T
    goal1 = np.linalg.lstsq(z[0], (DTANH(v[1]) * (z[1] @ goal2.T)) @ net["W2"], rcond=None)[0].T
    eigenvalues = [np.linalg.eigvalsh(a.T @ a / 40) for a in z]
    seen = np.concatenate([e[e > 1e-10] for e in eigenvalues])
    net.set(eta_p=1 / seen.max())
    left, learner = 1 - seen.min() / seen.max(), Learner(net, AT_ONCE)
    for _ in range(updates):
        present(learner, x, y)
    bound2 = left**updates * np.linalg.norm(goal2)
    bound1 = left**updates * np.linalg.norm(goal1) + updates * left ** (
        updates - 1
    ) * np.linalg.norm(net["W2"], 2) * np.linalg.norm(goal2)
    for k, goal, bound in ((1, goal1, bound1), (2, goal2, bound2)):
        found = np.hstack(
            [net[f"A{k}"], net[f"A{k}.bias"][:, None]]
            + [net[n] for n in (f"C{k}",) if n in net.groups]
        )
        yield (
            f"W frozen: predictor {k} = regression",
            np.linalg.norm(found - goal),
            min(bound, 1e-6) + 1e-12,
        )
