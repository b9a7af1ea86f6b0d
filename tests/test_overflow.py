"""Signals and parameters that become NaN or infinite are named, and reach no weight."""

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models import dfc, fa

from neurofa import (
    Diverged,
    Learner,
    LearningRule,
    Length,
    Network,
    NetworkError,
    Pathway,
    Plasticity,
    Recorder,
    Trial,
    present,
)

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1      # nothing comes back to it: no residual sees what the feedback is
r = phi(v) : 1
"""
X, Y = np.ones((3, 2)), np.zeros((3, 2))
OVERFLOWING = [
    ("exp(1e4 * v**2)", "float64"),
    ("exp(90 + v**2)", "float32"),
    ("1.0 / int(v > 1e9)", "float64"),
    ("log(-1 - v**2)", "float32"),
]


def network(
    signal,
    target,
    dtype="float64",
    line=dict(after="feedback", equation="w += eta * v_apical_post * r_pre"),
):
    """A circuit whose output sends `signal` back to where weights learn from it, and nothing
    else."""
    rule = LearningRule(
        name="overflowing",
        reference="none",
        neuron=NEURON,
        output=f"s = {signal} : 1",
        pathways=(Pathway("B", source="output", signal="s", into="v_apical"),),
        plasticity=(Plasticity("W", to="hidden", **line),),
        parameters=dict(tau_v=10 * ms, eta=0.1),
    )
    return Network([2, 3, 2], rule, trials=3, dtype=dtype, target=target, seed=2)


@pytest.mark.parametrize(
    "line",
    [
        dict(after="feedback", equation="w += eta * v_apical_post * r_pre"),
        dict(during="feedback", equation="dw/dt = eta * v_apical_post * r_pre / tau_v"),
    ],
    ids=["after", "during"],
)
@pytest.mark.parametrize("signal, dtype", OVERFLOWING)
def test_a_signal_that_overflows_is_named_and_reaches_no_weight(signal, dtype, line, target):
    net = network(signal, target, dtype, line)
    before, recorder = net["W1"].copy(), Recorder(["output.v"])
    with pytest.raises(
        Diverged,
        match=r"free phase, trial 0: 'output.s' became NaN or infinite in unit 0, at or before 50 ms",
    ):
        present(Learner(net, Trial(dt=5 * ms, default=50 * ms)), X, Y, record=recorder)
    np.testing.assert_array_equal(net["W1"], before)
    assert len(recorder.recording()["output.v"].time) == 10


def test_the_trial_that_overflows_is_named(target):
    net = network("exp(1e3 * v**2)", target)
    net["W1"], net["W2"] = 1.0, 1.0
    net.stimulus([[0, 0], [0, 0], [1, 1]])
    with pytest.raises(Diverged, match="trial 2: 'output.s'"):
        net.run("feedback", Length(100 * ms, dt=5 * ms))
    net.stimulus([[0, 0], [0, 0]])  # what the third trial left does not count
    assert np.isfinite(net.run("feedback", Length(100 * ms, dt=5 * ms)).residual).all()


def test_what_nobody_hears_may_be_infinite(target):
    """An expression that is only looked at, such as a logarithm for a figure, stops nothing."""
    rule = fa.RULE.but(neuron=f"{fa.RULE.neuron}\nseen = log(1.0 * int(v > 1e9)) : 1")
    net = Network([2, 3, 2], rule, trials=3, target=target)
    present(Learner(net, Trial(dt=5 * ms, default=50 * ms)), X, Y)
    assert np.isneginf(net["hidden1.seen"]).all()


@pytest.mark.parametrize(
    "rule, value, dtype, problem",
    [
        (fa.RULE, dict(eta=1e300), "float32", "too large for float32"),
        (fa.RULE, dict(eta=-4e38), "float32", "too large for float32"),
        (dfc.RULE, dict(alpha=1e-39), "float32", "too small for float32"),
        (fa.RULE, dict(tau_v=1e-42 * second), "float32", "too small for float32"),
        (fa.RULE, dict(eta=1e-310), "float64", "too small for float64"),
    ],
)
def test_a_parameter_that_the_precision_cannot_hold_is_refused(rule, value, dtype, problem, target):
    [name] = value
    with pytest.raises(NetworkError, match=f"'{name}' = .* is {problem}"):
        Network([2, 3, 2], rule.but(**value), dtype=dtype, target=target)
    net = Network([2, 3, 2], rule, dtype=dtype, target=target)
    before = net.parameters[name]
    with pytest.raises(NetworkError, match=f"'{name}' = .* is {problem}"):
        net.set(**value)
    assert net.parameters[name] == before and np.isfinite(net[f"hidden1.{name}"]).all()


def test_zero_and_the_limits_are_held():
    for value in (0.0, 3e38, 2e-38, -3e38):
        net = Network([2, 3, 2], fa.RULE.but(eta=value), dtype="float32", target="numpy")
        assert net["hidden1.eta"] == np.float32(value)
