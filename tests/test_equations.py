"""From the author's text to the equations of a population: what is kept as an array, and which time
constants there are."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms
from neurofa.models import dfa, dfc, fa

from neurofa import Network, Pathway, Plasticity, Trial, lookup
from neurofa.circuit.equations import PopulationText
from neurofa.circuit.topology import topology
from neurofa.rules.costs import cost

SIZES = (5, 4, 3, 2)


def text(rule, population, kind="squared"):
    circuit = topology(SIZES, rule)
    return PopulationText(circuit, rule, circuit.unit(population), cost(kind))


# --- stored or looked at ---
@pytest.mark.parametrize(
    "rule, population, stored, looked_at",
    [
        (fa.RULE, "hidden1", ["r"], []),  # W2 reads r
        (fa.RULE, "output", ["r"], ["v_apical"]),  # its rates are noted as frames end
        (dfa.RULE, "hidden2", ["r"], []),
        (dfc.RULE, "hidden1", ["r"], ["r_basal"]),
        (dfc.RULE, "output", ["r"], ["r_basal"]),  # the controller's link reads r
        (dfc.RULE, "controller", ["u"], ["error"]),  # Q reads u
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_expressions_that_others_read_are_stored(rule, population, stored, looked_at):
    found = text(rule, population)
    assert found.stored == stored
    assert [name for name in found.read_out if name != "dcost"] == looked_at


def test_a_signal_of_a_second_pathway_is_stored_too():
    rule = dfc.RULE.but(
        pathways=(*dfc.RULE.pathways, Pathway("C", source="controller", signal="error", into="c"))
    )
    assert set(text(rule, "controller").stored) == {"u", "error"}


def test_presynaptic_factors_of_plasticity_during_a_phase_are_stored():
    rule = dfc.RULE.but(
        plasticity=(
            Plasticity("W", during="feedback", equation="dw/dt = eta * r_post * r_pre / tau_u"),
            Plasticity("Q", during="feedback", equation="dw/dt = eta * r_post * error_pre / tau_u"),
        )
    )
    assert set(text(rule, "controller").stored) == {"u", "error"}


@pytest.mark.parametrize("kind, needed", [("squared", False), ("cross_entropy", True)])
@pytest.mark.parametrize(
    "rule", [fa.RULE, dfc.RULE], ids=["in the equations", "at the start of a phase"]
)
def test_the_softmax_is_there_where_the_cost_needs_it(rule, kind, needed):
    assert text(rule, "output", kind).softmax is needed
    assert not text(rule, "hidden1", kind).softmax


@pytest.mark.parametrize("model", lookup.model_names())
def test_every_name_of_the_rule_can_be_seen(model):
    rule = lookup.rule(model)
    for units in topology(SIZES, rule).units:
        assert set(text(rule, units.name).equations) <= {
            slot.name for slot in text(rule, units.name).slots()
        }


def test_seen_expressions_are_those_of_the_present_state():
    net = Network(SIZES, dfc.RULE, trials=2, target="numpy", seed=1)
    net.stimulus(np.random.default_rng(0).normal(size=(2, 5)))
    net.target_rates(np.ones((2, 2)))
    for phase in ("free", "feedback"):
        net.run(phase, Trial(dt=1 * ms, **{phase: 7 * ms})[phase])
    np.testing.assert_allclose(net["hidden1.r_basal"], np.tanh(net["hidden1.v_basal"]), rtol=1e-14)
    np.testing.assert_allclose(
        net["controller.error"], net["output.setpoint"] - net["output.r"], rtol=1e-14
    )
    assert np.abs(net["controller.error"]).min() > 0


def test_the_gradient_of_the_cost_can_be_sent_down_a_pathway():
    """`dcost` is among the variables of the output that messages list: what it transmits is r -
    target."""
    rule = fa.RULE.but(pathways=(Pathway("B", source="output", signal="dcost", into="v_apical"),))
    net = Network(SIZES, rule, target="numpy")
    net.stimulus(np.ones((1, 5)))
    net.target_rates(np.ones((1, 2)))
    net.run("free", Trial(dt=10 * ms, free=100 * ms)["free"])
    np.testing.assert_allclose(
        net["hidden1.v_apical"], (net["output.r"] - 1) @ net["B1"].T, rtol=1e-12
    )


@pytest.mark.parametrize("reads, steps", [("new", 1), ("old", 2)])
def test_a_pathway_reads_the_rates_of_this_step_or_of_the_one_before(reads, steps, target):
    """With dt = tau_v a layer follows its input at once, so that the stimulus needs one step in
    all, or one per layer."""
    rule = fa.RULE.but(feedforward=replace(fa.RULE.feedforward, reads=reads))
    net = Network((1, 1, 1), rule, activation="linear", target=target)
    net["W1"] = net["W2"] = 1.0
    net.stimulus([[1.0]])
    for step in range(1, 4):
        net.run("free", Trial(dt=10 * ms, free=10 * ms)["free"])
        assert net["hidden1.v"].item() == 1.0
        assert net["output.v"].item() == float(step >= steps)


# --- time constants ---
VALUES = dict(v=0.3, v_basal=-0.7, tau_v=0.010, tau_b=0.004, tau_delta=0.025, gain=2.5, rate=50.0)
EXTRA = dict(tau_b=4 * ms, gain=2.5, rate=50 * Hz)
LONGEST = 0.025
TIME_CONSTANTS = {
    # a leak: what is left of a deviation of v falls by 1/e in this time
    "(-v + v_basal) / tau_v": 0.010,
    "-v/tau_v + v_basal/tau_v": 0.010,
    "-v / tau_v": 0.010,
    "(-v + gain*v_basal) / tau_v": 0.010,
    "(-v + v_basal) / (gain*tau_v)": 0.025,
    "gain * (-v + v_basal) / tau_b": 0.004 / 2.5,
    "(-v + v_basal) / (tau_v + tau_b)": 0.014,
    "(-v + v_basal) / (sqrt(gain)*tau_v)": 0.010 * 2.5**0.5,
    "(-v + v_basal) / (exp(gain)*tau_b)": 0.004 * np.exp(2.5),
    "-v/tau_v + v_basal/tau_b": 0.010,
    "(-v + v_basal)/tau_v - v/tau_b": 1 / (1 / 0.010 + 1 / 0.004),
    "(-v + v_basal) * rate": 1 / 50.0,
    # no leak: what it is divided by
    "v_basal / tau_b": 0.004,
    "phi(v - v_basal) / tau_b": 0.004,
    "(v - v_basal) / tau_v": 0.010,  # grows: the sign is not part of a time
    # neither
    "v_basal * rate": LONGEST,
    "(-v + v_basal) / (tau_v*(1 + v**2))": LONGEST,
}


@pytest.mark.parametrize("right", TIME_CONSTANTS)
def test_time_constant_of_a_right_hand_side(right):
    """tau is that of the leak, else what the right-hand side is divided by, else the longest of the
    rule.

    The residual is tau times that side.
    """
    rule = replace(
        fa.RULE,
        neuron=fa.NEURON.replace("(-v + v_basal) / tau_v", right)
        + "\nused = gain*rate*tau_b + dt/tau_v : 1\n",
        parameters={**fa.RULE.parameters, **EXTRA, "tau_delta": 25 * ms},
    )
    above, tau = text(rule, "hidden1").time_constants["v"]
    functions = dict(sqrt=np.sqrt, exp=np.exp, phi=np.tanh)
    assert eval(tau, functions, VALUES) == pytest.approx(TIME_CONSTANTS[right], rel=1e-12)
    assert eval(above, functions, VALUES) == pytest.approx(
        TIME_CONSTANTS[right] * eval(right, functions, VALUES), rel=1e-12
    )


def test_time_constant_where_there_is_none_at_all():
    rule = replace(
        fa.RULE,
        neuron="dv/dt = v_basal * rate : 1\nr = phi(v) : 1\ndelta = dphi(v) * v_apical : 1",
        parameters=dict(rate=50 * Hz, eta=0.1),
    )
    above, tau = text(rule, "hidden1").time_constants["v"]
    assert eval(tau, dict(second=1.0), {}) == 1
    assert eval(above, dict(second=1.0), VALUES) == pytest.approx(-0.7 * 50)


def test_every_state_has_a_time_constant():
    assert set(text(dfc.RULE, "controller").time_constants) == {"U"}
    assert set(text(fa.RULE, "output").time_constants) == {"v", "delta"}
    assert text(dfc.RULE, "controller").time_constants["U"][1] == "tau_u"


def test_functions_in_a_time_constant_do_not_stop_the_network():
    rule = replace(
        fa.RULE,
        neuron=fa.NEURON.replace("/ tau_v", "/ (sqrt(gain)*tau_v)"),
        parameters={**fa.RULE.parameters, "gain": 4.0},
    )
    net = Network((3, 2), rule, target="numpy")
    net.stimulus(np.ones((1, 3)))
    net.run("free", Trial(dt=1 * ms, free=20 * ms)["free"])
    left = (1 - 1 / 20) ** 20  # Euler's factor per step of 1 ms, tau = sqrt(4) * 10 ms
    np.testing.assert_allclose(
        net["output.v"], (1 - left) * net["W1"].sum(axis=1)[None], rtol=1e-12
    )


def test_a_signal_made_from_the_softmax_is_of_this_very_step(target):
    rule = fa.RULE.but(
        output="s = feedback_on * dcost : 1\nv_apical = s : 1",
        pathways=(Pathway("B", source="output", signal="s", into="v_apical"),),
    )
    net, rng = (
        Network((3, 4, 3), rule, trials=2, cost="cross_entropy", target=target),
        np.random.default_rng(0),
    )
    net.stimulus(rng.normal(size=(2, 3)))
    net.target_rates(np.eye(3)[[0, 2]])
    net.run("free", 20 * ms)
    odds = np.exp(net["output.r"])
    np.testing.assert_allclose(
        net["output.softmax_r"], odds / odds.sum(axis=1, keepdims=True), atol=1e-14
    )
    net.run("feedback", 1 * ms)
    sent = net["output.softmax_r"] - np.eye(3)[[0, 2]]
    np.testing.assert_allclose(net["output.s"], sent, atol=1e-14)
    net.run("feedback", 1 * ms)
    np.testing.assert_allclose(net["hidden1.v_apical"], sent @ net["B1"].T, atol=1e-14)
