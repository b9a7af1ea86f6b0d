"""Dendritic microcircuits: rules with interneurons beside the layers' own cells."""

import numpy as np
from brian2 import ms
from scipy.optimize import root

from neurofa import Learner, Trial, analysis, lookup, present, reference, settle

from .common import DTANH, TANH, biases, circuit, everything, golden, play, states, weights, worst

LONG = Trial(dt=1 * ms, default=settle(1e-13, 20000 * ms))


def self_predicting(model, target, **parameters):
    """Return a network in its self-predicting state, x, y, how far a cell follows its apical input
    or partner, and (W, b).

    W and b are as the soma sees them: weakened by its other conductances.
    """
    net, x, y = circuit(lookup.rule(model).but(**parameters), trials=3, target=target)
    lk, B, A, D, som = (float(net.parameters[f"g_{name}"]) for name in ("lk", "B", "A", "D", "som"))
    for k in (1, 2):
        net[f"IP{k}.bias"] = B * (lk + D) / (D * (lk + B + A)) * net[f"W{k + 1}.bias"]
    lambdas = dict(
        hidden=A / (lk + B + A), output=som / (lk + B + A + som), inter=som / (lk + D + som)
    )
    return (
        net,
        x,
        y,
        lambdas,
        [[B / (lk + B + A) * a for a in arrays] for arrays in (weights(net), biases(net))],
    )


@golden("dendritic_microcircuit")
def self_prediction(model, target):
    """Without a teacher, interneurons silence the apical dendrites, and nothing is learned."""
    net, x, y, _, (W, b) = self_predicting(model, target)
    before, learner = everything(net), Learner(net, LONG)
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", LONG["free"])
    learner.learn("free")
    yield (
        "self-predicting: v_apical = 0",
        max(np.abs(v).max() for v in states(net, "v_apical")),
        1e-12,
    )
    yield (
        "self-predicting: v = feedforward pass",
        worst(states(net, "v"), reference.forward(x, W, b)[0]),
        1e-11,
    )
    yield (
        "self-predicting: no weight changes",
        worst(everything(net).values(), before.values()),
        1e-12,
    )


@golden("dendritic_microcircuit")
def nudged(model, target):
    """Nudged by a teacher, in no state that is special, the circuit is where its equations have
    their root."""
    net, x, y, lam, (W, b) = self_predicting(model, target)
    rng = np.random.default_rng(5)
    for name in ("IP1", "IP2", "PI1", "PI2"):
        net[name] += rng.normal(0, 0.3, net[name].shape)
    play(net, x, y)
    D = float(net.parameters["g_D"] / (net.parameters["g_lk"] + net.parameters["g_D"]))
    names = ("hidden1", "hidden2", "output", "interneuron1", "interneuron2")
    settled = np.concatenate([net[f"{name}.v"] for name in names], axis=1)
    ends = np.cumsum([net[f"{name}.v"].shape[1] for name in names])[:-1]

    def pull(flat_v):
        v1, v2, v3, i1, i2 = np.split(flat_v.reshape(settled.shape), ends, axis=1)
        r1, r2 = TANH(v1), TANH(v2)
        new = [
            x @ W[0].T + b[0] + lam["hidden"] * (r2 @ net["B2"].T + TANH(i1) @ net["PI1"].T),
            r1 @ W[1].T + b[1] + lam["hidden"] * (v3 @ net["B3"].T + i2 @ net["PI2"].T),
            (1 - lam["output"]) * (r2 @ W[2].T + b[2]) + lam["output"] * y,
            (1 - lam["inter"]) * D * (r1 @ net["IP1"].T + net["IP1.bias"]) + lam["inter"] * v2,
            (1 - lam["inter"]) * D * (r2 @ net["IP2"].T + net["IP2.bias"]) + lam["inter"] * v3,
        ]
        return (np.concatenate(new, axis=1) - flat_v.reshape(settled.shape)).ravel()

    found = root(pull, np.zeros(settled.size), tol=1e-13).x
    yield "nudged: all potentials = root of the equations", worst([settled.ravel()], [found]), 1e-10


@golden("dendritic_microcircuit")
def weak_teacher(model, target):
    """A weak teacher makes the direction of backpropagation, and its size times what is lost on the
    way; interneurons keep up."""
    angles = []
    for g_som in (0.8, 0.08, 0.008):
        net, x, y, lam, (W, b) = self_predicting(
            model, target, g_som=g_som, k_IP=1.1 / 1.9 * (1.1 + g_som) / g_som
        )
        for k in (2, 3):  # feedback along the transposes, and interneurons against it
            net[f"B{k}"], net[f"PI{k - 1}"] = W[k - 1].T, -W[k - 1].T
        before = everything(net)
        present(Learner(net, LONG), x, y)
        moved = {name: net[name] - w for name, w in before.items()}
        v = reference.forward(x, W, b)[0]
        step = lam["hidden"] * (1 - lam["inter"])  # what is left of an error one layer down
        hidden2 = lam["output"] * step * DTANH(v[1]) * ((y - v[2]) @ W[2])
        hidden1 = step * DTANH(v[0]) * (hidden2 @ W[1])
        found = [net[f"hidden{k}.r"] - net[f"hidden{k}.r_basal"] for k in (1, 2)]
        angles.append(analysis.angles(found, (hidden1, hidden2)))
    angles = np.array(angles)
    sizes = [np.linalg.norm(a) / np.linalg.norm(e) for a, e in zip(found, (hidden1, hidden2))]
    lag = [
        np.linalg.norm(moved[f"IP{k}.w"] - 1.1 / 1.9 * moved[f"W{k + 1}.w"])
        / np.linalg.norm(moved[f"IP{k}.w"])
        for k in (1, 2)
    ]
    yield "weak teacher: angle to backprop, degrees", angles[-1].max(), 0.5
    yield (
        "it falls with the teacher: largest ratio, g_som to g_som/10",
        (angles[1:] / angles[:-1]).max(),
        0.5,
    )
    yield "weak teacher: size of errors, relative", np.abs(np.subtract(sizes, 1)).max(), 0.02
    yield "weak teacher: interneurons keep up with what they foresee, relative", max(lag), 0.02
