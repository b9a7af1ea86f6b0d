"""Bidirectional feedback alignment: feedback synapses carry errors, and learn in a dream to make of
the label what was seen.

Luo, Fu & Glass, "Adaptive bidirectional backpropagation: towards biologically plausible error
signal transmission in neural networks", arXiv:1702.07097, 2017. A reconstruction from the paper's
abstract (feedback weights are plastic, and trained to approximate the forward activations); its
equations were not at hand. In the dream the output is clamped to the label, and B generates rates h
downwards, to the input. What is missed there climbs through W, as errors descend through B: each
direction is the other's feedback alignment. The dreamt input is linear in its drive. There are no
biases in the dream.
"""

from brian2 import ms

from neurofa.rule import LearningRule, Pathway, Phase, Plasticity

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                                       # soma: feedforward input only
ddelta/dt = (-delta + feedback_on * dphi(v) * v_apical) / tau_delta : 1  # error, while the teacher is there
dh/dt = (-h + dream_on * phi(v_apical)) / tau_v : 1                      # dreamt rate: what feedback makes of the label
dmiss/dt = (-miss + dphi(v_apical) * v_relay) / tau_delta : 1            # error of the dream
r = phi(v) : 1                                                           # firing rate
sent = delta + h : 1                                                     # what feedback synapses carry; one at a time
"""
OUTPUT = """
v_apical = feedback_on * dcost : 1                                       # the teacher: gradient of the cost
h = dream_on * target : 1                                                # the dream starts from the label
miss = 0 : 1                                                             # a label that is given misses nothing
"""
INPUT = """
miss = dream_on * (v_apical - r) : 1                                     # dreamt minus real input
"""
RULE = LearningRule(
    name="BFA",
    reference="Luo et al. 2017",
    neuron=NEURON,
    output=OUTPUT,
    input=INPUT,
    pathways=(
        Pathway("B", source="above", signal="sent", into="v_apical"),
        Pathway("B", source="above", signal="sent", into="v_apical", to="input"),
        Pathway("relay", source="below", signal="miss", into="v_relay", weights="W"),
    ),
    phases=(
        Phase("free"),
        Phase("feedback", on=("feedback_on",)),
        Phase("dream", on=("dream_on",)),
    ),
    plasticity=(
        Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),
        Plasticity("B", after="dream", equation="w += -eta_b * miss_post * sent_pre", rate="eta_b"),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_delta=10 * ms,  # errors
        eta=0.1,  # learning rate
        eta_b=0.01,  # learning rate of feedback synapses
    ),
)
