"""Burst-dependent learning: the apical dendrite decides which part of a cell's events become bursts,
and synapses learn from how far that part is from its baseline.

Greedy, Zhu, Pemberton, Mellor & Ponte Costa, "Single-phase deep learning in cortico-cortical
networks", NeurIPS 2022 (BurstCCN). Synapses Y carry bursts of the layer above, synapses Q its events;
with Q = p_0 Y they cancel wherever the part of bursts is the baseline p_0, and only the teacher's
bursts are left. The dendrite is scaled by h = dphi/event, as in the authors' code, where it is 1 - event
for a sigmoid; with beta = 1/(p_0 (1 - p_0)), which is its 4 at 0.5, and weak errors, this is feedback
alignment. Deviations: events are the rest rate 1 plus phi(v), so that they are positive with tanh too (not
for a linear phi below -1), and synapses W send phi(v); the output, which may
be linear, has p_0 times minus the gradient of the cost more bursts than at its baseline. Y and Q are
fixed; the authors' code can let both learn. There is a free phase, which the paper's rule does not need:
nothing is learned in it.
"""

from brian2 import ms

from neurofa.pathways import copy_of
from neurofa.rule import LearningRule, Pathway, Plasticity

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                                       # soma: feedforward input only
dv_apical/dt = (-v_apical + v_burst - v_event) / tau_apical : 1          # dendrite: bursts from above, against events
r = phi(v) : 1                                                           # what events add to their rate at rest
event = 1 + r : 1                                                        # event rate
h = dphi(v) / event : 1                                                  # how much a cell with this rate can still change
p = (1 + tanh((beta * h * v_apical + log(p_0 / (1 - p_0))) / 2)) / 2 : 1  # burst probability, a sigmoid
burst = p * event : 1                                                    # burst rate
"""
OUTPUT = """
dv_apical/dt = (-v_apical - feedback_on * dcost * dphi(v)) / tau_apical : 1   # the teacher: minus the gradient of the cost
burst = p_0 * (event + v_apical) : 1                                     # burst rate
"""
RULE = LearningRule(
    name="BurstCCN",
    reference="Greedy et al. 2022",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(
        Pathway("Y", source="above", signal="burst", into="v_burst"),
        Pathway("Q", source="above", signal="event", into="v_event", init=copy_of("Y", "p_0")),
    ),
    plasticity=(
        Plasticity(
            "W",
            after="feedback",
            equation="w += eta * (burst_post - p_0 * event_post) * r_pre",  # (p - p_0) event
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_apical=10 * ms,  # apical dendrite
        p_0=0.5,  # burst probability without a teacher
        beta=4.0,  # slope of the burst probability
        eta=0.1,  # learning rate
    ),
)
