"""What a network answers without learning, held against forward passes by hand; arguments that are
none."""

import warnings

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import Diverged, Learner, Network, NetworkError, Trial, evaluate, reference, settle
from neurofa.learning.predict import predict

TRIAL = Trial(dt=10 * ms, default=settle(1e-10))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 4))


def network(outputs=3, **options):
    return Network([4, 5, outputs], fa.RULE, trials=4, seed=1, target="numpy", **options)


def forward(net, x=X):
    return reference.forward(x, [net["W1"], net["W2"]], [net["W1.bias"], net["W2.bias"]])[1][-1]


def test_predictions_are_the_forward_pass_and_need_no_targets():
    net = network()
    learner = Learner(net, TRIAL, "adam")
    before = {name: net[name].copy() for name in net.probeable if name.startswith(("W", "B"))}
    for found in (predict(net, X, TRIAL), predict(learner, X), predict(learner, X.tolist())):
        np.testing.assert_allclose(found, forward(net), atol=1e-9)
    assert "W1.w.m" in net.probeable and all(
        (net[name] == values).all() for name, values in before.items()
    )
    assert learner.trials == 0


def accuracy(net, y):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* no classes")
        return evaluate(Learner(net, TRIAL), X, y)[1]


@pytest.mark.parametrize(
    "low, high, cost, threshold",
    [
        (0, 1, "squared", 0.5),
        (-1, 1, "squared", 0),
        (0.1, 0.9, "squared", 0.5),
        (0, 1, "binary_cross_entropy", 0),
        (0.1, 0.9, "binary_cross_entropy", 0),
    ],
)
def test_one_output_with_two_values_has_a_threshold(low, high, cost, threshold):
    net = network(outputs=1, cost=cost)
    net["W2.bias"] = 0.3
    labels = np.array([0, 1, 1, 0, 1, 0, 1])
    wanted = np.mean((forward(net)[:, 0] > threshold) == labels)
    assert 0 < wanted < 1 and accuracy(net, np.where(labels, high, low)[:, None]) == wanted


@pytest.mark.parametrize("low, high", [(0, 1), (-1, 1), (0.05, 0.9)])
def test_of_several_outputs_the_largest_counts(low, high):
    net, labels = network(), np.array([0, 1, 2, 0, 1, 2, 1])
    y = np.where(np.eye(3)[labels] == 1, high, low)
    assert accuracy(net, y) == np.mean(forward(net).argmax(1) == labels)


@pytest.mark.parametrize(
    "y",
    [RNG.normal(size=(7, 3)), np.ones((7, 3)), RNG.integers(0, 2, (7, 3))],
    ids=["regression", "constant", "several"],
)
def test_what_is_no_classification_has_no_accuracy_and_this_is_said(y):
    with pytest.warns(UserWarning, match="no classes .* no accuracy"):
        cost, found = evaluate(Learner(network(), TRIAL), X, y)
    assert np.isnan(found) and np.isfinite(cost)


def test_a_single_output_without_two_values_has_no_accuracy():
    for y in (RNG.normal(size=(7, 1)), np.ones((7, 1))):
        with pytest.warns(UserWarning, match="no accuracy"):
            assert np.isnan(evaluate(Learner(network(outputs=1), TRIAL), X, y)[1])


def test_a_cost_that_is_no_number_is_an_error():
    net = network()
    net["W2"], net["W2.bias"] = 1e200, 1e200
    with (
        warnings.catch_warnings(),
        pytest.raises(Diverged, match="The cost is too large to be summed.*smaller learning rate"),
    ):
        warnings.simplefilter("error", RuntimeWarning)
        evaluate(Learner(net, TRIAL), X, np.eye(3)[[0, 1, 2, 0, 1, 2, 0]])


@pytest.mark.parametrize(
    "call, said",
    [
        (
            lambda net: evaluate(net, X, X[:, :3]),
            "learner = Network.*give a Learner, such as Learner",
        ),
        (lambda net: evaluate(Learner(net), X, X[:5, :3]), "7 inputs and 5 targets"),
        (
            lambda net: evaluate(Learner(net), X, X),
            r"targets must have the shape \(samples, 3\), not \(7, 4\)",
        ),
        (
            lambda net: evaluate(Learner(net), X[:0], X[:0, :3]),
            r"shape \(samples, 4\), not \(0, 4\)",
        ),
        (
            lambda net: evaluate(Learner(net), np.ma.masked_greater(X, 1), X[:, :3]),
            "inputs has masked entries",
        ),
        (lambda net: evaluate(Learner(net), X * ms, X[:, :3]), "inputs has a unit"),
        (lambda net: predict(X, X), "give a Learner or a Network"),
        (lambda net: predict(net, X[0]), r"not \(4,\)"),
        (lambda net: predict(net, X * 1j), "complex"),
        (lambda net: predict(net, "x"), "real numbers"),
        (lambda net: predict(net, None), "object"),
        (lambda net: predict(net, X, trial=10), "give a Trial or a SteadyState"),
        (lambda net: predict(Learner(net), X, trial=TRIAL), "trial of its own"),
        (lambda net: Learner("fa"), "net = 'fa': give a Network"),
        (lambda net: Learner(net, 5 * ms), "give a Trial"),
    ],
)
def test_arguments_that_are_none(call, said):
    with pytest.raises(NetworkError, match=said):
        call(network())
