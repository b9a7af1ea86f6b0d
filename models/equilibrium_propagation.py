"""Equilibrium propagation: a symmetric network settles, is nudged towards the target, and learns
how its rates have moved.

Scellier & Bengio, "Equilibrium propagation: bridging the gap between energy-based models and
backpropagation", Frontiers in Computational Neuroscience 2017. The way down uses the synapses of
the way up, as in the paper: not local. Activations are the network's, where the paper clips s to
[0, 1]; the cost is one of rates. Trials start from rest, where the paper starts from how that
sample ended before, and the sign of beta is fixed. The output is part of the energy: where it is
linear, a cost with bounded targets (squared) keeps weights small.
"""

from brian2 import ms

from neurofa.rule import LearningRule, Pathway, Phase, Plasticity

NEURON = """
dv/dt = (-v + dphi(v) * (v_basal + v_apical)) / tau_v : 1        # down the energy; from below and from above alike
r = phi(v) : 1                                                   # firing rate
r_free : 1                                                       # rate before the nudge
"""
OUTPUT = """
v_apical = -nudged_on * beta * dcost : 1                         # the teacher: a weak pull towards the target
"""
RULE = LearningRule(
    name="EP",
    reference="Scellier & Bengio 2017",
    neuron=NEURON,
    output=OUTPUT,
    input="r_free = r : 1",  # clamped in both phases
    pathways=(Pathway("B", source="above", signal="r", into="v_apical", weights="W.T"),),
    phases=(
        Phase("free"),
        Phase("nudged", on=("nudged_on",), start={"hidden": "r_free = r", "output": "r_free = r"}),
    ),
    plasticity=(
        Plasticity(
            "W",
            after="nudged",
            equation="w += eta * (r_post*r_pre - r_free_post*r_free_pre) / beta",
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        # how strong the nudge is; the update is off the gradient by a part that is proportional to
        # it
        beta=0.1,
        eta=0.1,  # learning rate
    ),
    advice="Large weights make several equilibria: start from smaller ones. A strong nudge may tip the network from one to another.",
)
