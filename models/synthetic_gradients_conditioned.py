"""Synthetic gradients that know the label: predictors see the target beside the rates of their
layer.

Jaderberg et al., "Decoupled neural interfaces using synthetic gradients", ICML 2017 (cDNI). As
models/synthetic_gradients.py, but the label comes with the feedback phase, and hidden layers learn
at its end.
"""

from neurofa.pathways import normal
from neurofa.rule import Pathway, Plasticity

from . import synthetic_gradients as plain

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
dp/dt = (-p + v_lateral + v_label) / tau_p : 1                  # predicted gradient, from rates and label
ddelta/dt = (-delta + dphi(v) * p) / tau_delta : 1              # error, as predicted
r = phi(v) : 1                                                  # firing rate
"""
OUTPUT = (
    plain.OUTPUT
    + """
label = feedback_on * target : 1                                # what predictors are told
"""
)
RULE = plain.RULE.but(
    name="synthetic gradients, conditioned",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(
        *plain.RULE.pathways,
        Pathway("C", source="output", signal="label", into="v_label", init=normal(0.0)),
    ),
    plasticity=(
        Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),
        plain.RULE.plasticity[2],
        Plasticity(
            "C",
            after="feedback",
            equation="w += -eta_p * (p_post - v_apical_post) * label_pre",
            rate="eta_p",
        ),
    ),
)
