"""Backpropagation through time: against finite differences, and against what needs no unrolling."""

import numpy as np
import pytest

from neurofa import reference, unrolled

STEP = 0.15


def circuit(trials=3, steps=12, sizes=(2, 5, 3), seed=0):
    """Return (x, target, [W, R, V]) of a circuit with strong recurrence; targets are one-hot."""
    rng, (n_in, n, n_out) = np.random.default_rng(seed), sizes
    x = rng.normal(size=(trials, steps, n_in))
    target = np.eye(n_out)[rng.integers(n_out, size=(trials, steps))]
    return x, target, [rng.normal(size=s) for s in ((n, n_in), (n, n), (n_out, n))]


def by_differences(cost, weights):
    """Return the gradient of cost(W, R, V) by each of them."""
    return [
        reference.numerical_gradient(lambda w: cost(*weights[:k], w, *weights[k + 1 :]), weights[k])
        for k in range(3)
    ]


@pytest.mark.parametrize("kind", ["squared", "cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("start", [0.0, 0.1])
def test_gradients_are_those_of_finite_differences(kind, start):
    x, target, weights = circuit()
    scored = np.arange(12) % 5 > 0

    def cost(*weights):
        y = unrolled.unroll(x, *weights, STEP, 12, start).y
        return reference.cost(y, target, kind)[:, scored].mean()

    found = unrolled.gradients(x, target, *weights, STEP, start, scored, kind)
    assert found.cost == pytest.approx(cost(*weights), rel=1e-14)
    for ours, differences in zip(found[1:], by_differences(cost, weights)):
        np.testing.assert_allclose(ours, differences, atol=1e-9)
        assert np.abs(differences).max() > 1e-3


def test_every_step_counts_unless_one_says_which():
    x, target, weights = circuit()
    all_of_them = unrolled.gradients(x, target, *weights, STEP, scored=np.ones(12, bool))
    for one, other in zip(unrolled.gradients(x, target, *weights, STEP), all_of_them):
        np.testing.assert_array_equal(one, other)


def test_errors_that_come_back_through_B_are_the_cost_of_what_B_reads():
    """The gradient of sum(error * (r @ B)), with the errors as they are."""
    x, target, (W, R, V) = circuit()
    B = np.random.default_rng(1).normal(size=(5, 3))
    error = unrolled.unroll(x, W, R, V, STEP, 12).y - target

    def read(W, R, V):
        return (error * (unrolled.unroll(x, W, R, V, STEP, 12).r[:, 1:] @ B)).sum() / error[
            ..., 0
        ].size

    found = unrolled.gradients(x, target, W, R, V, STEP, B=B)
    by_W, by_R, _ = by_differences(read, [W, R, V])
    np.testing.assert_allclose(found.W, by_W, atol=1e-9)
    np.testing.assert_allclose(found.R, by_R, atol=1e-9)
    true = unrolled.gradients(x, target, W, R, V, STEP)
    assert np.abs(found.R - true.R).max() > 1e-3
    np.testing.assert_array_equal(found.V, true.V)


def test_a_cell_alone_relaxes_to_what_it_hears():
    """Without R, and with an input that stands still: r[t] = (1 - (1 - step)^t) tanh(W x)."""
    x, _, (W, R, V) = circuit()
    found = unrolled.unroll(x[:, 0], W, 0 * R, V, STEP, 12)
    heard = np.tanh(x[:, 0] @ W.T)
    left = (1 - STEP) ** np.arange(13)
    np.testing.assert_allclose(found.r, (1 - left)[:, None] * heard[:, None], atol=1e-14)
    np.testing.assert_allclose(found.y, found.r[:, 1:] @ V.T, atol=1e-15)


def test_one_step_of_a_whole_time_constant_is_the_feedforward_network():
    x, target, (W, R, V) = circuit(steps=1)
    found = unrolled.gradients(x, target, W, R, V, step=1.0)
    deltas = reference.backprop_deltas(x[:, 0], target[:, 0], [W, V])
    dW, _ = reference.gradients(deltas, reference.forward(x[:, 0], [W, V])[1])
    np.testing.assert_allclose(found.W, dW[0], atol=1e-15)
    np.testing.assert_allclose(found.V, dW[1], atol=1e-15)
    assert not found.R.any()  # at first, cells hear nothing of each other


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda x, y, W, R, V: (x, y, W, R[:, :4], V), r"R must be \(5, 5\), not \(5, 4\)"),
        (lambda x, y, W, R, V: (x, y, W, R, V.T), r"V \(5, 5\), not \(5, 3\)"),
        (lambda x, y, W, R, V: (x[:, :7], y, W, R, V), r"\(3, 7, 2\): wanted \(trials, 12, 2\)"),
        (lambda x, y, W, R, V: (x[..., :1], y, W, R, V), r"wanted \(trials, 12, 2\)"),
        (lambda x, y, W, R, V: (x, y[..., :2], W, R, V), r"target \(3, 12, 2\)"),
    ],
)
def test_mistakes_are_named(mistake, message):
    x, target, weights = circuit()
    with pytest.raises(ValueError, match=message):
        unrolled.gradients(*mistake(x, target, *weights), STEP)
