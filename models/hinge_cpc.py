"""Hinge-loss CPC: only the output foresees, from one glance at an object to the next, and its error
descends through all layers: the end-to-end twin of models/clapp.py.

Illing, Ventura, Bellec & Gerstner, "Local plasticity rules can learn deep representations using
self-supervised contrastive predictions", NeurIPS 2021 (read: abstract and public code, where it is
"the end-to-end version of CLAPP": a single loss at the final layer, no gradient blocked). Phases,
score, gamma, P and R are those of models/clapp.py, of the output alone; with R = P^T, all layers
descend its max(0, 1 - s) in a fixation and its max(0, 1 + s) in a saccade. Every cell carries two
errors, of its rate and of its context, which descend through the same synapses. These are the
transposes of W: not local. The last layer of the encoder is the output: give it the activation of
the others. There is no target.
"""

from neurofa.pathways import constant, normal
from neurofa.rule import LearningRule, Pathway, Plasticity, Population

from . import clapp

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
dv_c/dt = note_on * (v - v_c) / tau_c : 1                       # context: potential at the first glance, then held
ddelta/dt = (-delta + dphi(v) * v_apical) / tau_delta : 1       # error of the rate
ddelta_c/dt = (-delta_c + dphi(v_c) * v_past) / tau_delta : 1   # error of the context
r = phi(v) : 1                                                  # firing rate
r_c = phi(v_c) : 1                                              # its context
"""
OUTPUT = """
vote = r * v_foreseen : 1                                       # how well the apical dendrite foresees this rate
v_apical = -gamma * v_foreseen : 1                              # the loss's gradient, by the rate
v_past = -gamma * v_back : 1                                    # and by the context
"""
RULE = LearningRule(
    name="hinge CPC",
    reference="Illing et al. 2021",
    neuron=NEURON,
    output=OUTPUT,
    input=clapp.INPUT,
    populations=(Population("score", clapp.SCORE, size=1),),
    pathways=(
        # foresees r from its context
        Pathway("P", source="same", signal="r_c", into="v_foreseen", to="output", init=normal()),
        # and the context from r
        Pathway("R", source="same", signal="r", into="v_back", to="output", init=normal()),
        Pathway("S", source="output", signal="vote", into="s", to="score", init=constant(1.0)),
        Pathway("G", source="score", signal="gamma", into="gamma", to="output", init=constant(1.0)),
        Pathway("B", source="above", signal="delta", into="v_apical", weights="W.T"),
        Pathway("C", source="above", signal="delta_c", into="v_past", weights="W.T"),
    ),
    phases=clapp.RULE.phases,
    plasticity=tuple(
        Plasticity(name, after=phase, equation=f"w += {change}")
        for phase in ("fixation", "saccade")
        for name, change in (
            ("W", "-eta * (delta_post * r_pre + delta_c_post * r_c_pre)"),
            ("P", "eta * gamma_post * r_post * r_c_pre"),
            ("R", "eta * gamma_post * r_c_post * r_pre"),
        )
    ),
    parameters=dict(clapp.RULE.parameters) | dict(tau_delta=clapp.RULE.parameters["tau_v"]),
)
