"""Directions against what they are by definition: finite differences, pseudoinverses, and what
settled circuits ask for."""

import numpy as np
import pytest
from brian2 import ms

from neurofa import (
    Learner,
    Network,
    NetworkError,
    Pathway,
    Trial,
    analysis,
    directions,
    lookup,
    reference,
    settle,
)

SIZES, K = (4, 6, 5, 3), 4
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(K, 4)), RNG.normal(size=(K, 3))


def network(model="bp", biased=True, **options):
    rule = lookup.rule(model)
    if not biased:
        rule = rule.but(feedforward=Pathway("W", "below", "r", "v_basal", to="layers"))
    net = Network(SIZES, rule, **dict(trials=K, target="numpy", seed=1) | options)
    for k in (1, 2, 3) if biased else ():
        net[f"W{k}.bias"] = np.linspace(-0.5, 0.5, SIZES[k])
    return net


def learner(net):
    return Learner(net, Trial(dt=10 * ms, default=settle(1e-12)))


def synapses(net):
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


def mean_cost(W, b, cost="squared", gain=1.0):
    """Return the mean cost of the feedforward network, written out."""
    r = X
    for k in range(3):
        v = gain * (r @ W[k].T + b[k])
        r = np.tanh(v) if k < 2 else v
    return (
        0.5 * ((r - Y) ** 2).sum()
        if cost == "squared"
        else (np.log(np.exp(r).sum(1)) - (r * TAUGHT).sum(1)).sum()
    ) / K


TAUGHT = np.eye(3)[Y.argmax(1)]


@pytest.mark.parametrize("cost", ["squared", "cross_entropy"])
def test_backprop_is_minus_the_slope_of_the_cost(cost):
    net = network(cost=cost)
    W, b = directions.weights(net)
    dW, db = directions.backprop(net, X, Y if cost == "squared" else TAUGHT)
    for k in range(3):

        def of_weights(w):
            return mean_cost([*W[:k], w, *W[k + 1 :]], b, cost)

        def of_biases(c):
            return mean_cost(W, [*b[:k], c, *b[k + 1 :]], cost)

        np.testing.assert_allclose(
            dW[k], -reference.numerical_gradient(of_weights, W[k]), atol=1e-8
        )
        np.testing.assert_allclose(db[k], -reference.numerical_gradient(of_biases, b[k]), atol=1e-8)


def test_somata_that_follow_in_part_have_the_gradient_of_weights_that_are_smaller():
    net = network()
    W, b = directions.weights(net)
    # dC/dW = gain dC/d(gain W)
    slopes = reference.numerical_gradient(lambda w: mean_cost([w, *W[1:]], b, gain=0.5), W[0])
    np.testing.assert_allclose(
        directions.backprop(net, X, Y, gain=0.5)[0][0] * 0.5, -slopes, atol=1e-8
    )


def test_what_backpropagation_asks_for_is_its_direction_and_nothing_changes():
    net = network()
    before = synapses(net)
    mine = learner(net)
    asked, exact = directions.asked(mine, X, Y), directions.backprop(net, X, Y)
    for part, other in zip(asked, exact):
        for a, b in zip(part, other):
            assert analysis.angle(a, b) < 1e-5 and analysis.norm_ratio(a, b) == pytest.approx(
                net.parameters["eta"]
            )
    assert directions.to_backprop(mine, X, Y).max() < 1e-5 and directions.angle(asked, exact) < 1e-5
    after = synapses(net)
    assert all((before[name] == after[name]).all() for name in before)


def test_angles_are_those_of_every_layer_and_the_whole_counts_biases_too():
    mine = learner(network("fa"))
    (dW, db), (gW, gb) = directions.asked(mine, X, Y), directions.backprop(mine.net, X, Y)
    found = directions.to_backprop(mine, X, Y)
    for k in range(3):
        cosine = (dW[k] * gW[k]).sum() / np.sqrt((dW[k] ** 2).sum() * (gW[k] ** 2).sum())
        assert np.cos(np.radians(found[k])) == pytest.approx(cosine)
    dot, ours, theirs = (
        sum((a * b).sum() for a, b in pairs)
        for pairs in (
            [*zip(dW, gW), *zip(db, gb)],
            [*zip(dW, dW), *zip(db, db)],
            [*zip(gW, gW), *zip(gb, gb)],
        )
    )
    assert np.cos(np.radians(directions.angle((dW, db), (gW, gb)))) == pytest.approx(
        dot / np.sqrt(ours * theirs)
    )
    assert found[0] > 20 and found[2] < 1e-5  # FA's hidden layers differ, its output does not


def test_layers_that_do_not_learn_have_no_angle_and_do_not_count():
    mine = learner(network("frozen"))
    asked, exact = directions.asked(mine, X, Y), directions.backprop(mine.net, X, Y)
    assert asked[0][:2] == [None, None] == asked[1][:2]
    found = directions.angles(asked, exact)
    assert np.isnan(found[:2]).all() and found[2] < 1e-5 and directions.angle(asked, exact) < 1e-5
    assert np.isnan(directions.angle(([None] * 3,) * 2, exact))


def test_minimum_norm_is_the_pseudoinverse_for_small_steps():
    net, lam = network(), 1e-6
    W, b = directions.weights(net)
    r = reference.forward(X, W, b)[1]
    J = reference.jacobian(X, W, b)
    dv = np.array([np.linalg.pinv(J[t]) @ (Y[t] - r[-1][t]) for t in range(K)])
    hidden = (1 - r[1] ** 2) * dv[:, :6]  # the rates follow the potentials
    np.testing.assert_allclose(
        directions.minimum_norm(net, X, Y, lam)[0][0] / lam, hidden.T @ X / K, rtol=1e-4, atol=1e-8
    )


@pytest.mark.parametrize("biased", [True, False])
def test_gauss_newton_is_the_pseudoinverse_of_all_weights_slopes(biased):
    net = network(biased=biased)
    W, b = directions.weights(net)
    r = reference.forward(X, W, b)[1]
    J = reference.per_layer(reference.jacobian(X, W, b), W)
    total = 0
    for t in range(K):  # the Jacobian of all synapses, built
        slopes = np.hstack(
            [np.einsum("ki,j->kij", J[i][t], r[i][t]).reshape(3, -1) for i in range(3)]
            + [J[i][t] for i in range(3)] * biased
        )
        total = total + np.linalg.pinv(slopes) @ (0.5 * (Y[t] - r[-1][t])) / K
    dW, db = directions.gauss_newton(net, X, Y, lam=0.5)
    found = np.concatenate([a.ravel() for a in (*dW, *(db if biased else ()))])
    np.testing.assert_allclose(found, total, atol=1e-9)
    assert biased or db == [None] * 3


def test_damping_turns_gauss_newton_towards_the_gradient():
    net = network()
    exact = directions.backprop(net, X, Y)
    near, far = (
        directions.angle(directions.gauss_newton(net, X, Y, 1e-3, damping), exact)
        for damping in (1e6, 0.0)
    )
    assert near < 0.1 < far
    assert (
        directions.angle(directions.gauss_newton(net, X, Y), directions.minimum_norm(net, X, Y))
        > 0.1
    )


def test_angles_of_feedback_and_of_what_it_brings():
    """Written out for every sample: B's own errors, and what the transpose of W would make of the
    same ones."""
    net = network("fa")
    W, B = [net[f"W{k}"] for k in (1, 2, 3)], {k: net[f"B{k}"] for k in (2, 3)}
    of_weights, of_deltas = directions.feedback_angles(net, X, Y)
    degrees = lambda a, b: np.degrees(
        np.arccos((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)))
    )
    found = {2: [], 3: []}
    for x, y in zip(X, Y):
        h1 = np.tanh(W[0] @ x + net["W1.bias"])
        h2 = np.tanh(W[1] @ h1 + net["W2.bias"])
        delta3 = W[2] @ h2 + net["W3.bias"] - y
        delta2 = (1 - h2**2) * (B[3] @ delta3)
        found[3].append(degrees(B[3] @ delta3, W[2].T @ delta3))
        found[2].append(degrees(B[2] @ delta2, W[1].T @ delta2))
    np.testing.assert_allclose(of_deltas, [np.mean(found[2]), np.mean(found[3])], rtol=1e-12)
    np.testing.assert_allclose(of_weights, [degrees(B[k], W[k - 1].T) for k in (2, 3)], rtol=1e-12)


def test_feedback_that_is_tied_to_the_transpose_has_no_weights_of_its_own():
    with pytest.raises(NetworkError, match="B2 has no weights of its own"):
        directions.feedback_angles(network("bp"), X, Y)
