"""How a step of a population ends in C++: rates in one call, and slopes that are made of them."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, dfc_ssa, fa

from neurofa import Length, Network
from neurofa.engine.rates import interpreted, rates
from neurofa.rule import Population

SIZES = [4, 6, 5, 3]


def ends(rule, population="hidden1", **options):
    net = Network(SIZES, rule, target="numpy", **options)
    return rates(net.circuit.texts[population], net.activations[population])


def test_a_rate_that_is_only_that_is_made_in_the_call_and_noted_for_the_slope():
    end = ends(fa.RULE)
    assert end.into == {"v": ["r", "rate_of_v"]} and end.noted == {"v": "rate_of_v"}
    assert end.signals == "" and end.note == "rate_of_v = phi(v)"
    assert end.used("x*dphi(v) + phi(v)") == "x*(1 - rate_of_v*rate_of_v) + rate_of_v"


def test_what_stands_still_with_its_synapses_is_made_once():
    first, second = ends(dfc.RULE), ends(dfc.RULE, "hidden2")
    assert first.standing == {("v_basal", "rate_of_v_basal"): "W1"} and first.into == {"v": ["r"]}
    assert first.signals == "" and [*first.plasticity] == ["feedback"]
    assert "rate_of_v_basal" in first.plasticity["feedback"]
    # of the second layer it moves, and only plasticity asks for it
    assert second.standing == {} and second.into == {"v": ["r"]}
    assert "phi(v_basal)" in second.plasticity["feedback"]
    assert "phi(v)" not in second.plasticity["feedback"]


def test_what_is_made_of_rates_follows():
    end = ends(dfc_ssa.RULE)
    assert end.signals == "response = (1 - r*r) * x\nchange = (rate_of_c) - r"


def test_other_activations_stay_in_the_code():
    net = Network(SIZES, fa.RULE, activation="logistic", target="numpy")
    text = net.circuit.texts["hidden1"]
    assert rates(text, net.activations["hidden1"]) == interpreted(text)
    assert interpreted(text).signals == "r = phi(v)" and interpreted(text).into == {}


def test_a_line_that_comes_before_the_rate_has_the_old_one():
    """As everywhere in a step: assignments are made in their order."""
    early = fa.NEURON.replace("r = phi(v) : 1", "early = 2*r : 1\nr = phi(v) : 1")
    rule = fa.RULE.but(
        name="early",
        neuron=early,
        populations=(
            Population("late", "dx/dt = (heard - x)/tau_v : 1", links={"heard": "output.early"}),
        ),
    )
    end = ends(rule, "output", output_activation="tanh")
    assert end.into == {"v": ["rate_of_v", "rate_of_v2"]}
    assert end.signals.splitlines() == ["early = 2*r", "r = rate_of_v"]


@pytest.mark.parametrize("model", [fa, dfc_ssa])
def test_potentials_set_between_phases_have_their_own_slope(model, needs_compiler):
    """In the first step, too, though the rates are still those of before."""
    found = {}
    for target in ("cpp", "numpy"):
        net = Network(SIZES, model.RULE, 2, target=target, seed=1)
        net.stimulus(np.ones((2, 4)))
        net.run("free", Length(5 * ms, dt=1 * ms))
        rng = np.random.default_rng(0)
        for name in ("hidden1.v", "hidden2.v"):
            net[name][...] = rng.normal(size=net[name].shape)
        net.target_rates(np.ones((2, 3)))
        net.run("feedback", Length(1 * ms, dt=1 * ms))
        found[target] = {name: array.copy() for name, array in net.arrays.items()}
    assert np.abs(found["cpp"]["hidden1.r"]).min() > 1e-3
    for name, array in found["cpp"].items():
        np.testing.assert_allclose(
            array, found["numpy"][name], rtol=1e-12, atol=1e-15, err_msg=name
        )


def test_factors_are_summed_in_the_phase_of_their_plasticity_alone(target):
    net = Network(SIZES, dfc.RULE, 2, target=target, seed=1)
    net.stimulus(np.ones((2, 4)))
    net.target_rates(np.ones((2, 3)))
    for phase, learns in (("free", False), ("feedback", True)):
        net.run(phase, Length(20 * ms, dt=1 * ms))
        for group in ("W1", "W2", "W3"):
            assert net[f"{group}.g_post"].any() == learns


def test_a_rule_may_have_the_names_for_itself():
    neuron = fa.NEURON.replace("(-v + v_basal)", "(-v + v_basal + rate_of_v)")
    rule = fa.RULE.but(
        name="taken", neuron=neuron, parameters=fa.RULE.parameters | dict(rate_of_v=0.5)
    )
    assert ends(rule).noted == {"v": "rate_of_v2"}
