"""Rules of other shapes than FA, DFA and DFC, written in the same schema: none of them needs a
change of the engine.

Relays that reuse synapses, plastic feedback, a state noted between phases, populations beside every
layer, two signals on one synapse group: each settled circuit is compared with a closed form.
"""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import (
    Learner,
    LearningRule,
    Network,
    Pathway,
    Phase,
    Plasticity,
    Population,
    Trial,
    present,
    settle,
)
from neurofa.rules.pathways import normal
from neurofa.theory.reference import forward

SIZES, K = (5, 4, 6, 3), 3
TAU = dict(tau_v=10 * ms, eta=0.1)


def settled(rule, tolerance=1e-12, learn=False, **options):
    """Return a network of `rule` after one trial, with what it saw and its weights before."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(K, SIZES[0])), rng.normal(size=(K, SIZES[-1]))
    net = Network(SIZES, rule, trials=K, seed=1, **options)
    before = {name: net[name].copy() for name in net.probeable if name.endswith(".w")}
    present(
        Learner(net, Trial(dt=1 * ms, default=settle(tolerance, 20000 * ms))), x, y, learn=learn
    )
    return net, x, y, before


def weights(net):
    return [net[f"W{k}"] for k in (1, 2, 3)]


def dphi(v):
    return 1 - np.tanh(v) ** 2


@pytest.mark.parametrize("target", ["cpp", "numpy"])
def test_indirect_fa_sends_errors_up_through_the_forward_synapses(target):
    rule = fa.RULE.but(
        name="IFA",
        pathways=(
            Pathway("B", source="output", signal="delta", into="v_apical", to="first"),
            Pathway(
                "relay", source="below", signal="delta", into="v_apical", to="later", weights="W"
            ),
        ),
    )
    net, x, y, _ = settled(rule, target=target)
    v, r = forward(x, weights(net))
    first = dphi(v[0]) * ((r[-1] - y) @ net["B1"].T)
    np.testing.assert_allclose(net["hidden1.delta"], first, atol=1e-10)
    np.testing.assert_allclose(net["hidden2.delta"], dphi(v[1]) * (first @ net["W2"].T), atol=1e-10)


def test_kolen_pollack_closes_the_gap_between_the_pathways():
    decay = 0.05
    rule = fa.RULE.but(
        name="KP",
        parameters=dict(decay=decay),
        plasticity=(
            Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre - decay*w"),
            Plasticity("B", after="feedback", equation="w += -eta * r_post * delta_pre - decay*w"),
        ),
    )
    net, _, _, before = settled(rule, learn=True)
    for k in (2, 3):
        gap = (1 - decay) * (before[f"W{k}.w"] - before[f"B{k}.w"].T)
        np.testing.assert_allclose(net[f"W{k}"] - net[f"B{k}"].T, gap, atol=1e-14)


def test_equilibrium_propagation_is_backpropagation_for_a_weak_nudge():
    beta = 1e-4
    rule = LearningRule(
        name="EP",
        reference="Scellier & Bengio 2017",
        input="r_free = r : 1",
        neuron="""
        dv/dt = (-v + dphi(v) * (v_basal + v_apical)) / tau_v : 1
        r = phi(v) : 1
        r_free : 1
        """,
        output="dv/dt = (-v + dphi(v)*v_basal + feedback_on * beta * dphi(v) * (target - r)) / tau_v : 1",
        pathways=(Pathway("F", source="above", signal="r", into="v_apical", weights="W.T"),),
        phases=(
            Phase("free"),
            Phase(
                "feedback",
                on=("feedback_on",),
                start=dict(hidden="r_free = r", output="r_free = r"),
            ),
        ),
        plasticity=(
            Plasticity(
                "W",
                after="feedback",
                equation="w += eta * (r_post*r_pre - r_free_post*r_free_pre) / beta",
            ),
        ),
        parameters=TAU | dict(beta=beta),
    )
    net, x, y, before = settled(rule, learn=True)

    def free_cost(weights, biases=None):
        copy = Network(SIZES, rule, trials=K, seed=1)
        for k, w in enumerate(weights, 1):
            copy[f"W{k}"] = w
        copy.stimulus(x)
        copy.run("free", settle(1e-13, 20000 * ms, dt=1 * ms))
        return 0.5 * ((copy["output.r"] - y) ** 2).sum() / K

    start = [before[f"W{k}.w"] for k in (1, 2, 3)]
    for layer, (i, j) in ((0, (1, 2)), (1, (3, 0)), (2, (2, 5))):
        up, down = [w.copy() for w in start], [w.copy() for w in start]
        up[layer][i, j] += 1e-5
        down[layer][i, j] -= 1e-5
        slope = (free_cost(up) - free_cost(down)) / 2e-5
        change = (net[f"W{layer + 1}"] - start[layer])[i, j] / 0.1
        assert change == pytest.approx(-slope, rel=2e-2, abs=2e-5)


def test_local_losses_have_a_readout_beside_every_layer():
    rule = LearningRule(
        name="local losses",
        reference="Nokland & Eidnes 2019",
        neuron="""
        dv/dt = (-v + v_basal) / tau_v : 1
        delta = feedback_on * dphi(v) * v_apical : 1
        r = phi(v) : 1
        """,
        output="delta = feedback_on * dphi(v) * dcost : 1",
        populations=(
            Population(
                "readout",
                along="hidden",
                size="output",
                links={"target": "output.target"},
                equations="""
        do/dt = (-o + drive) / tau_v : 1
        r = o : 1
        error = dcost : 1
        """,
            ),
        ),
        pathways=(
            Pathway("P", source="same", signal="r", into="drive", to="readout"),
            Pathway("L", source="readout", signal="error", into="v_apical", init=normal(0.3)),
        ),
        plasticity=(
            Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),
            Plasticity("P", after="feedback", equation="w += -eta * error_post * r_pre"),
        ),
        parameters=TAU,
    )
    for cost, gradient in (
        ("squared", lambda o, y: o - y),
        ("cross_entropy", lambda o, y: np.exp(o) / np.exp(o).sum(axis=1, keepdims=True) - y),
    ):
        net, x, y, _ = settled(rule, cost=cost)
        v, r = forward(x, weights(net))
        for k in (1, 2):
            error = gradient(r[k] @ net[f"P{k}"].T, y)
            np.testing.assert_allclose(
                net[f"hidden{k}.delta"], dphi(v[k - 1]) * (error @ net[f"L{k}"].T), atol=1e-9
            )


def test_difference_target_propagation_sends_two_signals_through_one_synapse_group():
    rule = LearningRule(
        name="DTP",
        reference="Lee et al. 2015",
        neuron="""
        dv/dt = (-v + v_basal) / tau_v : 1
        dgoal/dt = (-goal + r + tanh(from_goal) - tanh(from_rate)) / tau_v : 1
        r = phi(v) : 1
        signal = goal : 1
        """,
        output="dgoal/dt = (-goal + r - feedback_on * step * dcost) / tau_v : 1",
        pathways=(
            Pathway("Q", source="above", signal="goal", into="from_goal"),
            Pathway("R", source="above", signal="r", into="from_rate", weights="Q"),
        ),
        plasticity=(
            Plasticity(
                "W",
                after="feedback",
                equation="w += eta * (goal_post - r_post) * dphi(v_post) * r_pre",
            ),
        ),
        parameters=TAU | dict(step=0.1),
    )
    net, x, y, _ = settled(rule)
    _, r = forward(x, weights(net))
    goal = r[-1] - 0.1 * (r[-1] - y)
    for k in (2, 1):
        goal = r[k] + np.tanh(goal @ net[f"Q{k + 1}"].T) - np.tanh(r[k + 1] @ net[f"Q{k + 1}"].T)
        np.testing.assert_allclose(net[f"hidden{k}.goal"], goal, atol=1e-10)


def test_a_gate_of_a_sleep_phase_drives_the_input_with_another_signal():
    rule = fa.RULE.but(
        name="mirror",
        input="sent = r * (1 - mirror_on) + mirror_on * sin(6.28*t/period) : 1",
        feedforward=Pathway("W", source="below", signal="sent", into="v_basal", to="layers"),
        neuron=fa.NEURON + "sent = r : 1\n",
        phases=(*fa.RULE.phases, Phase("mirror", on=("mirror_on",))),
        parameters=dict(period=50 * ms),
    )
    net = Network(SIZES, rule, trials=K, seed=1)
    net.stimulus(np.zeros((K, SIZES[0])))
    net.run("free", settle(1e-9, dt=1 * ms))
    assert np.abs(net["hidden1.v"]).max() == 0
    net.run("mirror", Trial(mirror=20 * ms)["mirror"])
    assert np.abs(net["hidden1.v"]).max() > 1e-3
