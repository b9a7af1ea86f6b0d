"""Parameters that every unit has of its own: they stay, have their unit, and set the pace where
they are time constants."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import Learner, Network, NetworkError, Trial, analysis, evaluate, present, settle

CURRENT = fa.RULE.but(
    neuron=fa.RULE.neuron.replace("v_basal) / tau_v", "v_basal + I_ext) / tau_v") + "\nI_ext : 1\n"
)
PACE = fa.RULE.but(
    neuron=fa.RULE.neuron.replace(
        "dv/dt = (-v + v_basal) / tau_v", "dv/dt = (-v + v_basal) / tau_i"
    )
    + "\ntau_i : second\n"
)
TRIAL = Trial(dt=5 * ms, default=settle(1e-10))
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))


def network(rule, target, **options):
    return Network([3, 5, 2], rule, trials=4, seed=1, target=target, **options)


def rates(net):
    """The settled output, by hand."""
    v = X @ net["W1"].T + net["W1.bias"] + net["hidden1.I_ext"]
    return np.tanh(v) @ net["W2"].T + net["W2.bias"] + net["output.I_ext"]


@pytest.mark.parametrize(
    "value",
    [2.0, np.linspace(-1, 1, 5), RNG.normal(size=(4, 5))],
    ids=["one", "per unit", "per unit and trial"],
)
def test_what_was_set_stays_when_a_trial_begins(target, value):
    net = network(CURRENT, target)
    net["hidden1.I_ext"] = value
    learner = Learner(net, TRIAL)
    for _ in range(2):
        result = present(learner, X, Y, learn=False)
        np.testing.assert_allclose(result[0].output, rates(net), atol=1e-8)
        np.testing.assert_array_equal(net["hidden1.I_ext"], np.broadcast_to(value, (4, 5)))
    net.reset()
    assert (
        (net["hidden1.I_ext"] == value).all()
        and not net["hidden1.v"].any()
        and net.unit_parameters == ("hidden1.I_ext", "output.I_ext")
    )
    assert (
        evaluate(learner, X, np.eye(2)[[0, 1, 0, 1]])[0] > 0
        and (net["hidden1.I_ext"] == value).all()
    )


def test_states_that_a_phase_sets_and_the_stimulus_do_not_stay():
    net = network(CURRENT, "numpy")
    net["hidden1.v"], net["input.r"], net["output.target"] = 1.0, 1.0, 1.0
    net.reset()
    assert (
        not net["hidden1.v"].any() and not net["input.r"].any() and not net["output.target"].any()
    )


def test_every_unit_has_a_time_constant_of_its_own(target):
    net = network(PACE, target)
    tau = np.linspace(6, 50, 5) * ms
    net["hidden1.tau_i"], net["output.tau_i"] = tau, 10 * ms
    learner = Learner(net, Trial(dt=1 * ms, free=20 * ms, feedback=1 * ms))
    present(learner, X, Y, learn=False)
    v = X @ net["W1"].T + net["W1.bias"]
    np.testing.assert_allclose(net["hidden1.v"], v * (1 - (1 - 1 * ms / tau) ** 21), rtol=1e-10)
    assert net.time_constants()["hidden1.v"] == ("tau_i", 0.006) and net.time_constants(np.max)[
        "hidden1.v"
    ] == ("tau_i", 0.05)
    np.testing.assert_allclose(
        net["hidden1.residual"], np.max(np.abs(v - net["hidden1.v"]), axis=1), rtol=0.1
    )
    with pytest.raises(
        NetworkError,
        match=r"dt = 7 ms is longer than the time constant of hidden1\.v, tau_i = 6 ms",
    ):
        net.run("free", Trial(dt=7 * ms, free=21 * ms)["free"])


def test_a_time_constant_that_was_not_set_is_named_before_anything_diverges(target):
    net = network(PACE, target)
    for value in (None, [10, 10, 0, 10, 10] * ms, -10 * ms):
        if value is not None:
            net["hidden1.tau_i"] = value
        said = r"time constant of hidden1\.v, tau_i, must be larger than 0 in every unit.*net\['hidden1.tau_i'\] = 10\*ms"
        with pytest.raises(NetworkError, match=said):
            present(Learner(net, TRIAL), X, Y)


@pytest.mark.parametrize(
    "name, value, said",
    [
        (
            "hidden1.tau_i",
            10,
            "'hidden1.tau_i' has a unit that does not fit. Give values in second",
        ),
        ("hidden1.tau_i", 10 * ms**2, "unit"),
        ("hidden1.tau_i", [10, 10, 10, 10, 10], "unit"),
        ("hidden1.v", 10 * ms, "plain numbers"),
        ("hidden1.tau_i", np.ones(4) * ms, "does not fit"),
        ("hidden1.tau_delta", 10 * ms, r"parameter of the rule: write net.set\(tau_delta=...\)"),
        ("hidden1.feedback_on", 1, "gate: phases open it"),
    ],
)
def test_what_is_refused(name, value, said):
    net = network(PACE, "numpy")
    with pytest.raises(NetworkError, match=said):
        net[name] = value
    assert not net["hidden1.tau_i"].any()


def test_the_prediction_of_stability_knows_them():
    net = network(CURRENT, "numpy")
    net["hidden1.I_ext"] = np.linspace(-1, 1, 5)
    predicted = analysis.stability(net, X)
    present(Learner(net, TRIAL), X, rates(net), learn=False)
    np.testing.assert_allclose(
        predicted.x[:, predicted.states["hidden1.v"]], net["hidden1.v"], atol=1e-7
    )
