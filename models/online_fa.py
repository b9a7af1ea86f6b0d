"""Feedback alignment without phases: input, error and plasticity run at once, in one phase without
an end.

Bacvanski, Ziyin & Poggio, "On biologically plausible learning in continuous time", arXiv 2510.18808
(2025): activity and weights follow coupled equations, and a synapse learns what it should while its
input and the error of that input overlap. Weights there move one to two orders of magnitude more
slowly than inputs follow one another: eta / tau_w is that pace, and 1/s suits inputs of 10 to 100
ms. No more than the paper's summary was at hand: equations of cells are those of models/fa.py, whose
gate is always open. Where weights are slow and an input long, it teaches what a trial of FA does.
"""

from brian2 import ms, second

from neurofa.rule import Phase, Plasticity

from . import fa

RULE = fa.RULE.but(
    name="FA, without phases",
    reference="Bacvanski et al. 2025",
    phases=(Phase("online", on=("feedback_on",)),),  # the teacher never leaves
    plasticity=(
        # in every time step: weights move while activity flows
        Plasticity(
            "W", during="online", equation="dw/dt = -eta * delta_post * r_pre / tau_w", every="dt"
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_delta=10 * ms,  # error
        tau_w=1 * second,  # plasticity
        eta=1.0,  # learning rate, per tau_w
    ),
)
