"""Costs: their values by definition, their gradients by finite differences, and the gradient that
the circuit integrates."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import Network, NetworkError, Trial
from neurofa.rules.costs import COSTS, cost

RNG = np.random.default_rng(0)
R = RNG.normal(size=(5, 4))
ONE_HOT = np.eye(4)[[0, 2, 3, 1, 2]]
SOFT = RNG.dirichlet(np.ones(4), size=5)
ANY = RNG.normal(size=(5, 4))
TARGETS = {
    ("squared", "any"): ANY,
    ("squared", "one-hot"): ONE_HOT,
    ("cross_entropy", "one-hot"): ONE_HOT,
    ("cross_entropy", "soft"): SOFT,
    ("cross_entropy", "that do not add up to 1"): ONE_HOT + SOFT,
    ("binary_cross_entropy", "one-hot"): ONE_HOT,
    ("binary_cross_entropy", "soft"): SOFT,
}


def slope(value, r, step=1e-6):
    """Central differences of a cost per trial, shape (trials, units)."""
    shifts = step * np.eye(r.shape[1])
    return np.stack([(value(r + s) - value(r - s)) / (2 * step) for s in shifts], axis=1)


@pytest.mark.parametrize("name, targets", TARGETS)
def test_gradient_is_the_slope_of_the_value(name, targets):
    y = TARGETS[name, targets]
    wanted = slope(lambda r: cost(name).value(r, y), R)
    np.testing.assert_allclose(cost(name).gradient(R, y), wanted, atol=1e-8)
    assert np.abs(wanted).max() > 0.1


def test_squared_is_half_the_squared_distance():
    wanted = [sum((a - b) ** 2 for a, b in zip(r, y)) / 2 for r, y in zip(R, ANY)]
    np.testing.assert_allclose(cost("squared").value(R, ANY), wanted, rtol=1e-14)


def test_cross_entropy_is_minus_the_log_of_the_softmax_at_the_label():
    wanted = [
        -np.log(np.exp(r[label]) / np.exp(r).sum()) for r, label in zip(R, ONE_HOT.argmax(axis=1))
    ]
    np.testing.assert_allclose(cost("cross_entropy").value(R, ONE_HOT), wanted, rtol=1e-13)


def test_binary_cross_entropy_is_that_of_independent_coins():
    p = 1 / (1 + np.exp(-R))
    np.testing.assert_allclose(
        cost("binary_cross_entropy").value(R, SOFT),
        -(SOFT * np.log(p) + (1 - SOFT) * np.log(1 - p)).sum(1),
        rtol=1e-12,
    )


def test_binary_cross_entropy_is_finite_for_large_logits():
    r = np.array([[1e4, -1e4]])
    np.testing.assert_allclose(cost("binary_cross_entropy").value(r, np.array([[0.0, 0.0]])), [1e4])
    np.testing.assert_allclose(
        cost("binary_cross_entropy").gradient(r, np.array([[0.0, 1.0]])), [[1, -1]]
    )


def test_cross_entropy_is_finite_for_large_logits():
    r = np.array([[1e4, 0.0, 0.0, -1e4]])
    with np.errstate(over="raise", invalid="raise"):
        assert cost("cross_entropy").value(r, np.eye(4)[[3]])[0] == 2e4
        np.testing.assert_allclose(
            cost("cross_entropy").gradient(r, np.eye(4)[[3]]), [[1, 0, 0, -1]]
        )


@pytest.mark.parametrize("scale", [1.0, 1000.0], ids=["moderate", "large"])
@pytest.mark.parametrize("name", COSTS)
def test_the_circuit_integrates_this_gradient(name, scale, target):
    """FA's output shows feedback_on * dcost as v_apical, for a linear output whose rates are given
    by its biases."""
    net = Network((1, 4), fa.RULE, trials=5, cost=name, target=target)
    net["W1"] = 0.0
    net["W1.bias"] = scale * R[0]
    net.stimulus(np.zeros((5, 1)))
    net.target_rates(ONE_HOT)
    length = Trial(dt=1 * ms, feedback=400 * ms)["feedback"]
    net.run("feedback", length)
    assert np.abs(net["output.r"] - scale * R[0]).max() < 1e-9 * scale
    np.testing.assert_allclose(
        net["output.v_apical"], cost(name).gradient(net["output.r"], ONE_HOT), rtol=1e-9, atol=1e-12
    )


def test_unknown_cost():
    with pytest.raises(
        NetworkError,
        match=r"'sqared'.*binary_cross_entropy, cross_entropy, squared.*Did you mean 'squared'\?",
    ):
        Network((1, 2), fa.RULE, cost="sqared", target="numpy")
