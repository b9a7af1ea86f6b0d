"""CLAPP: each layer learns to foresee its own rates from one glance at an object to the next, but
not across a saccade.

Illing, Ventura, Bellec & Gerstner, "Local plasticity rules can learn deep representations using
self-supervised contrastive predictions", NeurIPS 2021. There is no target: set the input to a first
glance (free), another one at the same object (fixation) and one at another object (saccade). Both
are foreseen from the first, one step ahead; the paper has one of the two in turn, and several
steps. The way back, R, has synapses of its own and the update of P, transposed: with R = P^T, a
layer descends max(0, 1 - s) in a fixation and max(0, 1 + s) in a saccade. Score and gamma are the
layer's, through synapses of weight 1. The output does not learn.
End to end: models/hinge_cpc.py.
"""

from brian2 import ms

from neurofa.pathways import constant, normal
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity, Population

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
dv_c/dt = note_on * (v - v_c) / tau_c : 1                       # context: potential at the first glance, then held
r = phi(v) : 1                                                  # firing rate
r_c = phi(v_c) : 1                                              # its context
vote = r * v_apical : 1                                         # how well the apical dendrite foresees this rate
"""
OUTPUT = """
vote = 0 : 1                                                    # takes no part
"""
INPUT = """
dr_c/dt = note_on * (r - r_c) / tau_c : 1                       # context of the input
"""
SCORE = """
y = fixation_on - saccade_on : 1                                # same object or another
gamma = y * int(y * s < 1) : 1                                  # what the layer is told: learn, unlearn, or leave it
"""
RULE = LearningRule(
    name="CLAPP",
    reference="Illing et al. 2021",
    neuron=NEURON,
    output=OUTPUT,
    input=INPUT,
    populations=(Population("score", SCORE, size=1, along="hidden"),),
    pathways=(
        # predicts r from its context
        Pathway("P", source="same", signal="r_c", into="v_apical", init=normal()),
        # and the context from r
        Pathway("R", source="same", signal="r", into="v_back", init=normal()),
        Pathway("S", source="same", signal="vote", into="s", to="score", init=constant(1.0)),
        Pathway("G", source="score", signal="gamma", into="gamma", init=constant(1.0)),
    ),
    phases=(
        Phase("free", on=("note_on",)),
        Phase("fixation", on=("fixation_on",)),
        Phase("saccade", on=("saccade_on",)),
    ),
    plasticity=tuple(
        Plasticity(name, after=phase, to=to, equation=f"w += eta * gamma_post * ({change})")
        for phase in ("fixation", "saccade")
        for name, to, change in (
            (
                "W",
                "hidden",
                "v_apical_post * dphi(v_post) * r_pre + v_back_post * dphi(v_c_post) * r_c_pre",
            ),
            ("P", None, "r_post * r_c_pre"),
            ("R", None, "r_c_post * r_pre"),
        )
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_c=10 * ms,  # context
        eta=0.1,  # learning rate
    ),
)
