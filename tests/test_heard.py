"""Circuits whose teacher is an expression: nobody has heard it yet when a phase has made its first steps."""

import numpy as np
import pytest
from brian2 import ms

from neurofa import (
    Learner,
    LearningRule,
    Network,
    Pathway,
    Plasticity,
    Population,
    SteadyState,
    Trial,
    lookup,
    present,
    settle,
)
from neurofa.circuit.plan import plan
from neurofa.rules.costs import cost

RULE = LearningRule(
    name="taught by an expression",
    reference="tests/test_heard.py",
    neuron="""
    dv/dt = (-v + v_basal) / tau_v : 1
    ddelta/dt = (-delta + dphi(v) * v_apical) / tau_v : 1
    r = phi(v) : 1
    """,
    output="""
    v_apical = 0 : 1
    delta = feedback_on * dcost : 1
    """,
    pathways=(Pathway("B", source="above", signal="delta", into="v_apical"),),
    plasticity=(Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),),
    parameters=dict(tau_v=10 * ms, eta=0.1),
)
# hidden errors are expressions, too, but for a trace of them
PASSED_ON = RULE.but(
    name="passed on by expressions",
    neuron="""
    dv/dt = (-v + v_basal) / tau_v : 1
    delta = dphi(v) * v_apical : 1
    dtrace/dt = (-trace + delta) / tau_v : 1
    r = phi(v) : 1
    """,
)
# from a state, through two populations, the second of which a step visits first
RELAYED = RULE.but(
    name="relayed",
    output="""
    v_apical = feedback_on * dcost : 1
    ddelta/dt = (-delta + v_apical) / tau_v : 1
    """,
    populations=(
        Population("lower", "sent = heard : 1", links={"heard": "upper.sent"}),
        Population("upper", "sent = heard : 1", links={"heard": "output.delta"}),
    ),
    pathways=(Pathway("B", source="lower", signal="sent", into="v_apical"),),
)
SIZES = (6, 5, 4, 5, 3)


def unheard(rule):
    return plan(SIZES, rule, cost("squared")).unheard


def test_late_readings_are_counted():
    assert unheard(RULE) == (1, 0)
    assert unheard(PASSED_ON) == (3, 2)
    assert unheard(RELAYED) == (0, 1)
    assert unheard(lookup.rule("fa")) == (0, 0)


def test_a_circle_of_expressions_is_counted_once_in_every_population():
    circle = RULE.but(
        neuron=RULE.neuron + "loop = v_lateral + delta : 1\n",
        output=RULE.output + "loop = delta : 1\nv_lateral = 0 : 1\n",
        pathways=(*RULE.pathways, Pathway("R", source="same", signal="loop", into="v_lateral")),
    )
    assert unheard(circle) == (1, 0)  # no state hears the loop
    heard = circle.but(neuron=circle.neuron.replace("v_basal)", "v_basal + v_lateral)"))
    assert unheard(heard) == (1, len(SIZES) - 1)  # of errors, which are states


# votes of the output are heard by every layer in expressions
WAITING = {"hinge_cpc", "hinge_cpc_random"}


def test_no_other_rule_of_the_shelf_is_asked_to_stay_quiet_for_longer():
    found = {name for name in lookup.model_names() if unheard(lookup.rule(name)).between}
    assert found == WAITING


@pytest.mark.parametrize("rule", [RULE, PASSED_ON, RELAYED], ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    "trial",
    [Trial(dt=10 * ms, default=settle(1e-9)), SteadyState(1e-6)],
    ids=["dt = tau", "steady state"],
)
def test_hidden_layers_hear_before_a_phase_has_settled(rule, trial, target):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, SIZES[0])), rng.normal(size=(4, SIZES[-1]))
    net = Network(SIZES, rule, 4, seed=1, target=target)
    present(Learner(net, trial), x, y, learn=False)
    delta = error = net["output.r"] - y
    for k in (3, 2, 1):
        told = error @ net[f"B{k}"].T if rule is RELAYED else delta @ net[f"B{k + 1}"].T
        delta = (1 - net[f"hidden{k}.r"] ** 2) * told
        np.testing.assert_allclose(net[f"hidden{k}.delta"], delta, atol=1e-5)
