"""PEPITA: the stimulus is presented again with the output's error added to it, and each layer learns
from how its rates differ between the two passes.

Dellaferrera & Kreiman, "Error-driven input modulation: solving the credit assignment problem without
a backward pass", ICML 2022. The error returns to the input only, through fixed random synapses F, and
from there goes the way of any stimulus: there is no backward pathway, and no derivative of phi. The
second pass presents x + F e, where e is the error of the first, and a layer learns by -(r of the first
pass - r of the second), times what it hears in the second. To first order in F, that is descent along
-dphi W..W_1 F e: of use where W and F come to oppose each other. The output learns from its error in
the second pass, as in the authors' code (whose paper's equations were not at hand). F is small, as
there, where it is uniform within 0.05 sqrt(6/inputs); here it is normal, with nearly the same spread
where inputs are many more than outputs. The authors' networks have no biases; here these learn as
synapses from a cell whose rate is always 1. There is no dropout.
"""

from brian2 import ms

from neurofa.pathways import glorot
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
r = phi(v) : 1                                                  # firing rate
r_free : 1                                                      # rate of the first pass
sent = r : 1                                                    # what feedforward synapses carry
"""
OUTPUT = """
error : 1                                                       # gradient of the cost in the first pass
delta = modulated_on * dcost : 1                                # the teacher: in the second
"""
INPUT = """
sent = r + modulated_on * v_error : 1                           # the stimulus; in the second pass, with the error
"""
RULE = LearningRule(
    name="PEPITA",
    reference="Dellaferrera & Kreiman 2022",
    neuron=NEURON,
    output=OUTPUT,
    input=INPUT,
    feedforward=Pathway("W", source="below", signal="sent", into="v_basal", to="layers", bias=True),
    pathways=(
        Pathway(
            "F", source="output", signal="error", into="v_error", to="input", init=glorot(0.05)
        ),
    ),
    phases=(
        Phase("free"),
        Phase(
            "modulated",
            on=("modulated_on",),
            start={"hidden": "r_free = r", "output": "error = dcost"},
        ),
    ),
    plasticity=(
        Plasticity(
            "W",
            after="modulated",
            to="hidden",
            equation="w += -eta * (r_free_post - r_post) * sent_pre",
        ),
        Plasticity(
            "W", after="modulated", to="output", equation="w += -eta * delta_post * sent_pre"
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        eta=0.1,  # learning rate
    ),
)
