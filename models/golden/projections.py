"""Rules that learn without a layerwise error: of the target before there is an error, of feedback that
grows by itself or through helpers, of a second pass."""

import numpy as np

from neurofa import Learner, analysis, lookup, present, reference

from .common import (
    COSTS,
    DTANH,
    apart,
    asked,
    biases,
    circuit,
    golden,
    off_by,
    only,
    play,
    states,
    weights,
    worst,
)
from .errors import AT_ONCE

UPDATES, DECAY = 100, 0.01
LEFT = (1 - DECAY) ** UPDATES  # of what decays
SPREAD = 0.032  # of the tangent of an angle: see product_angle


def moved(after, before, eta):
    """Return the changes of lists of arrays, in units of eta."""
    return [(new - old) / eta for new, old in zip(after, before, strict=True)]


# direct random target projection ------------------------------------------------------------------


@golden("drtp")
def before_the_error(model, target):
    """Hidden layers learn -B y in the free phase, where the output's error is 0; the output learns its
    own after feedback, from hidden layers that have learned."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        eta, learner = float(net.parameters["eta"]), Learner(net, AT_ONCE)
        old = weights(net), biases(net)
        v, r = reference.forward(x, *old)
        deltas = [-DTANH(v[k]) * (y @ net[f"B{k + 1}"].T) for k in (0, 1)]
        dW, db = reference.gradients([*deltas, np.zeros_like(v[2])], r)
        play(net, x, y, "free")
        yield (
            f"before feedback: delta = -dphi B y, the output's = 0, {cost}",
            worst(states(net, "delta"), [*deltas, 0 * v[2]]),
            1e-10,
        )
        learner.learn("free")
        yield (
            f"before feedback: dW = -eta delta r^T, the output's = 0, {cost}",
            max(
                worst(moved(new, before, -eta), expected)
                for new, before, expected in zip((weights(net), biases(net)), old, (dW, db))
            ),
            1e-10,
        )
        r = reference.forward(x, weights(net), biases(net))[1]
        error = reference.cost_gradient(r[-1], y, cost)
        before = weights(net), biases(net)
        net.run("feedback", AT_ONCE["feedback"])
        learner.learn("feedback")
        expected = [0 * W for W in dW[:2]] + [error.T @ r[2] / len(x)]
        yield (
            f"after feedback: the output's dW = -eta error r^T, the others' = 0, {cost}",
            worst(moved(weights(net), before[0], -eta), expected),
            1e-10,
        )


@golden("drtp")
def only_the_label(model, target):
    """What hidden layers learn depends on the label, not on what is answered: the output's synapses
    can be any."""
    net, x, y = circuit(model, target=target)
    play(net, x, y, "free")
    first = states(net, "delta")
    net["W3"] = net["W3"] + 1
    play(net, x, y, "free")
    yield "other output synapses: deltas stay", worst(states(net, "delta"), first), 0


# direct Kolen-Pollack -----------------------------------------------------------------------------


@golden("direct_kolen_pollack")
def direct_update(model, target):
    """B makes the change of synapses from its layer straight to the output, transposed, and decays."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        eta, decay = (float(net.parameters[name]) for name in ("eta", "decay"))
        W, b, B = weights(net), biases(net), [net["B1"].copy(), net["B2"].copy()]
        deltas = reference.dfa_deltas(x, y, W, b, B, kind=cost)
        r = reference.forward(x, W, b)[1]
        present(Learner(net, AT_ONCE), x, y)
        dB = [-eta * r[k + 1].T @ deltas[-1] / len(x) - decay * B[k] for k in (0, 1)]
        dW = [-eta * g - decay * w for g, w in zip(reference.gradients(deltas, r)[0], W)]
        ours = moved([net["B1"], net["B2"], *weights(net)], [*B, *W], eta)
        yield (
            f"dB = -eta r delta_L^T - decay B, dW likewise, {cost}",
            worst(ours, [change / eta for change in (*dB, *dW)]),
            1e-10,
        )


@golden("direct_kolen_pollack")
def last_layer(model, target):
    """From the last hidden layer the direct path is W: the two forget how they differed."""
    for optimiser in ("gradient", "momentum", "adam"):
        net, x, y = circuit(model, target=target)
        net.set(decay=DECAY, eta=0.01)
        W, B = net["W3"].copy(), net["B2"].copy()
        learner = Learner(net, AT_ONCE, optimiser)
        for _ in range(UPDATES):
            present(learner, x, y)
        off = worst([net["W3"] - net["B2"].T], [LEFT * (W - B.T)])
        yield (
            f"last layer: W - B^T = (1 - decay)^100 (W_0 - B_0^T), {optimiser}; in units of what was learned",
            off / worst([net["W3"]], [LEFT * W]),
            1e-12,
        )


@golden("direct_kolen_pollack")
def correlation(model, target):
    """Where W stays, B goes to -(eta/decay) E[r delta_L^T], and what is left of the way is (1 - decay)^t
    of it."""
    frozen = lookup.rule(model).but(plasticity=only(model, "B"))
    net, x, y = circuit(frozen, target=target)
    net.set(decay=DECAY)
    W, b, eta = weights(net), biases(net), float(net.parameters["eta"])
    B = [net["B1"].copy(), net["B2"].copy()]
    r = reference.forward(x, W, b)[1]
    error = reference.cost_gradient(r[-1], y, "squared")
    ends = [-eta / DECAY * r[k].T @ error / len(x) for k in (1, 2)]
    learner = Learner(net, AT_ONCE)
    for _ in range(UPDATES):
        present(learner, x, y)
    yield (
        "W frozen: B = B* + (1 - decay)^100 (B_0 - B*), B* = -(eta/decay) E[r delta_L^T]",
        worst(
            [net["B1"], net["B2"]],
            [end + LEFT * (start - end) for start, end in zip(B, ends)],
        ),
        1e-11,
    )


# product feedback alignment -----------------------------------------------------------------------


@golden("product_feedback_alignment")
def product(model, target):
    """Errors are those of feedback alignment with the product RB; R learns from helpers and rates."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        eta, W, b = float(net.parameters["eta"]), weights(net), biases(net)
        B, R = [net["B2"], net["B3"]], [net["R1"], net["R2"]]
        play(net, x, y)
        products = [out @ into for out, into in zip(R, B)]
        deltas = reference.fa_deltas(x, y, W, b, products, kind=cost)
        r = reference.forward(x, W, b)[1]
        dW, db = reference.gradients(deltas, r)
        yield f"delta = closed form with RB, {cost}", worst(states(net, "delta"), deltas), 1e-10
        yield (
            f"dW = -eta delta r^T, {cost}",
            off_by(net, [-g for g in dW], [-g for g in db]),
            1e-10,
        )
        changes = asked(Learner(net), "feedback")
        helpers = [deltas[k] @ B[k - 1].T for k in (1, 2)]
        yield (
            f"dR = -eta r h^T, h = B delta, {cost}",
            worst(
                [changes[f"R{k}.w"][0] / eta for k in (1, 2)],
                [-r[k].T @ helpers[k - 1] / len(x) for k in (1, 2)],
            ),
            1e-10,
        )


@golden("product_feedback_alignment")
def product_forgetting(model, target):
    """R and W^T B^T get the same changes, so that decay makes them forget how they differed: with every
    optimiser that is linear in them."""
    for optimiser in ("gradient", "momentum"):
        net, x, y = circuit(model, target=target)
        net.set(decay=DECAY, eta=0.01)

        def differences(net=net):
            return [net[f"R{k}"] - net[f"W{k + 1}"].T @ net[f"B{k + 1}"].T for k in (1, 2)]

        before, W = differences(), [net["W2"].copy(), net["W3"].copy()]
        learner = Learner(net, AT_ONCE, optimiser)
        for _ in range(UPDATES):
            present(learner, x, y)
        learned = worst([net["W2"], net["W3"]], [LEFT * w for w in W])
        yield (
            f"R - W^T B^T = (1 - decay)^100 (its start), {optimiser}; in units of what was learned",
            worst(differences(), [LEFT * d for d in before]) / learned,
            1e-12,
        )


@golden("product_feedback_alignment")
def product_angle(model, target, n=40, m=50):
    """Where R has become W^T B^T, tan(angle(RB, W^T)) = sqrt((n + 1)/N) for n cells above and N helpers.

    2000 draws of normal W and B in NumPy spread by SPREAD of it.
    """
    net, _, _ = circuit(model, (3, m, n, 2), target=target)
    B, W = net["B2"], net["W2"]
    tangent = np.tan(np.radians(analysis.alignment(W, W.T @ B.T @ B)))
    expected = ((n + 1) / len(B)) ** 0.5
    yield (
        "R = W^T B^T: tan(angle(RB, W^T)) = sqrt((n + 1)/N); relative, limit 5 sd",
        abs(tangent / expected - 1),
        5 * SPREAD,
    )


# PEPITA -------------------------------------------------------------------------------------------


@golden("pepita")
def two_passes(model, target):
    """The second pass is that of x + F e; layers learn the difference of rates, the output its error."""
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        eta, W, b, F = float(net.parameters["eta"]), weights(net), biases(net), net["F0"]
        play(net, x, y, "modulated")
        first = reference.forward(x, W, b)[1]
        error = reference.cost_gradient(first[-1], y, cost)
        second = reference.forward(x + error @ F.T, W, b)[1]
        yield (
            f"rates of both passes = closed form, {cost}",
            worst(
                [net["input.sent"], *states(net, "r"), *states(net, "r_free")[:2]],
                [*second, *first[1:3]],
            ),
            1e-10,
        )
        post = [first[k] - second[k] for k in (1, 2)]
        post.append(reference.cost_gradient(second[-1], y, cost))
        dW, db = reference.gradients(post, second)
        changes = asked(Learner(net), "modulated")
        for part, expected in (("w", dW), ("bias", db)):
            ours = [changes[f"W{k}.{part}"][0] / -eta for k in (1, 2, 3)]
            yield f"d{part} = -eta (r of free - r) r^T, {cost}", worst(ours, expected), 1e-10


@golden("pepita")
def small_modulation(model, target, small=1e-4):
    """To first order in F, a hidden layer learns the error that -W..W_1 F e would bring it, gated by
    derivatives that no cell knows."""
    net, x, y = circuit(model, target=target)
    net["F0"] = small * np.random.default_rng(4).normal(size=net["F0"].shape)
    play(net, x, y, "modulated")
    v, r = reference.forward(x, weights(net), biases(net))
    W1, W2, _ = weights(net)
    reached = reference.cost_gradient(r[-1], y, "squared") @ net["F0"].T
    expected = [DTANH(v[0]) * (reached @ W1.T)]
    expected.append(DTANH(v[1]) * (expected[0] @ W2.T))
    found = [net[f"hidden{k}.r"] - net[f"hidden{k}.r_free"] for k in (1, 2)]
    for k in (0, 1):
        yield (
            f"layer {k + 1}: r - r of free = dphi W..W_1 F e to first order, F of order 1e-4; relative",
            apart(found[k], expected[k]),
            10 * small,
        )
