"""Bidirectional direct feedback alignment: feedback from the output carries errors, and learns to
turn labels into rates.

Luo, Fu & Glass, "Adaptive bidirectional backpropagation: towards biologically plausible error
signal transmission in neural networks", arXiv:1702.07097, 2017. A reconstruction from the paper's
abstract, as models/bfa.py. The dreamt rate is linear in its drive and has no bias: with frozen W,
the columns of B become the layer's mean rates, class by class.
"""

from neurofa.rule import Pathway, Plasticity

from . import bfa

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                                       # soma: feedforward input only
ddelta/dt = (-delta + feedback_on * dphi(v) * v_apical) / tau_delta : 1  # error, while the teacher is there
dh/dt = (-h + dream_on * v_apical) / tau_v : 1                           # dreamt rate: what feedback makes of the label
r = phi(v) : 1                                                           # firing rate
sent = delta + h : 1                                                     # what feedback synapses carry; one at a time
"""
OUTPUT = """
v_apical = feedback_on * dcost : 1                                       # the teacher: gradient of the cost
h = dream_on * target : 1                                                # the dream starts from the label
"""
RULE = bfa.RULE.but(
    name="BDFA",
    neuron=NEURON,
    output=OUTPUT,
    input="",
    pathways=(Pathway("B", source="output", signal="sent", into="v_apical"),),
    plasticity=(
        bfa.RULE.plasticity[0],
        Plasticity(
            "B", after="dream", equation="w += -eta_b * (h_post - r_post) * sent_pre", rate="eta_b"
        ),
    ),
)
