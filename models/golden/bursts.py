"""Burst-dependent learning: closed forms of burst probabilities, and where they are backpropagation."""

import numpy as np
from scipy.special import expit, logit

from neurofa import Learner, analysis, lookup, present, reference

from .common import (
    COSTS,
    DTANH,
    TANH,
    biases,
    circuit,
    golden,
    off_by,
    play,
    states,
    weights,
    worst,
)
from .errors import AT_ONCE


def excess(r, y, W, b, Y, Q, p_0, beta, cost):
    """Return rates of all layers, input first, burst probabilities of the hidden ones, and what bursts
    exceed their baseline by in all layers."""
    v, r = reference.forward(r, W, b)
    event = 1 + r[-1]
    burst = p_0 * (event - reference.cost_gradient(r[-1], y, cost))
    p, over = [], [burst - p_0 * event]
    for k in range(len(W) - 2, -1, -1):
        apical = burst @ Y[k].T - event @ Q[k].T
        event = 1 + TANH(v[k])
        p.insert(0, expit(logit(p_0) + beta * DTANH(v[k]) / event * apical))
        burst = p[0] * event
        over.insert(0, (p[0] - p_0) * event)
    return r, p, over


def feedback(net):
    """Return copies of Y and Q of the hidden layers, lowest first."""
    return [[net[f"{name}{k}"].copy() for k in (2, 3)] for name in "YQ"]


@golden("burstccn")
def burst_probability(model, target, p_0=0.3, beta=3.0):
    """Without a teacher the pathways cancel; with one, or where they do not cancel, the closed form."""
    for cost in COSTS:
        net, x, y = circuit(lookup.rule(model).but(p_0=p_0, beta=beta), cost=cost, target=target)
        play(net, x, y, last="free")
        off = max(np.abs(net[f"hidden{k}.p"] - p_0).max() for k in (1, 2))
        yield f"free: p = baseline, {cost}", off, 1e-12
        present(Learner(net, AT_ONCE), x, y, learn=False)
        _, p, _ = excess(x, y, weights(net), biases(net), *feedback(net), p_0, beta, cost)
        off = worst([net[f"hidden{k}.p"] for k in (1, 2)], p)
        yield f"in steps of the time constants: p = closed form, {cost}", off, 1e-10
        rng = np.random.default_rng(3)
        for what in ("cancelling", "not cancelling"):
            play(net, x, y)
            r, p, over = excess(x, y, weights(net), biases(net), *feedback(net), p_0, beta, cost)
            found = [net[f"hidden{k}.p"] for k in (1, 2)]
            yield f"{what}: p = closed form, {cost}", worst(found, p), 1e-10
            off = off_by(net, *reference.gradients(over, r))
            yield f"{what}: dW = (p - p_0) event r^T, {cost}", off, 1e-10
            for k in (2, 3):
                net[f"Q{k}"] += 0.3 * rng.normal(size=net[f"Q{k}"].shape)


@golden("burstccn")
def weak_teacher(model, target, p_0=0.3):
    """With Y = W^T, what bursts exceed their baseline by is p_0 times minus the backpropagated gradient,
    to first order in the error of the output."""
    rule = lookup.rule(model).but(p_0=p_0, beta=1 / (p_0 * (1 - p_0)))
    angles = []
    for error in (1, 0.1, 0.01):
        net, x, y = circuit(rule, cost="squared", target=target)
        for k in (2, 3):
            net[f"Y{k}"], net[f"Q{k}"] = net[f"W{k}"].T, p_0 * net[f"W{k}"].T
        W, b = weights(net), biases(net)
        r = reference.forward(x, W, b)[1][-1]
        y = r + error * (y - r)
        play(net, x, y)
        down = [-p_0 * d for d in reference.backprop_deltas(x, y, W, b, kind="squared")][:-1]
        bursts, events = (states(net, name)[:-1] for name in ("burst", "event"))
        found = [burst - p_0 * event for burst, event in zip(bursts, events, strict=True)]
        angles.append(analysis.angles(found, down))
    angles = np.array(angles)
    sizes = [np.linalg.norm(a) / np.linalg.norm(e) for a, e in zip(found, down, strict=True)]
    yield "Y = W^T, weak teacher: angle to backprop, degrees", angles[-1].max(), 0.3
    yield (
        "it falls with the error: largest ratio, to a tenth",
        (angles[1:] / angles[:-1]).max(),
        0.2,
    )
    yield (
        "weak teacher: size, relative to p_0 times backprop",
        np.abs(np.subtract(sizes, 1)).max(),
        0.02,
    )
