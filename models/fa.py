"""Feedback alignment: errors descend through fixed random synapses, layer by layer.

Lillicrap et al., "Random synaptic feedback weights support error backpropagation for deep
learning", Nature Communications 2016. The paper's rule is discrete; here errors are a second
potential of every cell, which does not move the first.
"""

from brian2 import ms

from neurofa.rule import LearningRule, Pathway, Plasticity

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
ddelta/dt = (-delta + dphi(v) * v_apical) / tau_delta : 1       # error, gated by the cell's own derivative
r = phi(v) : 1                                                  # firing rate
"""
OUTPUT = """
v_apical = feedback_on * dcost : 1                              # the teacher: gradient of the cost
"""
RULE = LearningRule(
    name="FA",
    reference="Lillicrap et al. 2016",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(Pathway("B", source="above", signal="delta", into="v_apical"),),
    plasticity=(Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_delta=10 * ms,  # error
        eta=0.1,  # learning rate
    ),
)
