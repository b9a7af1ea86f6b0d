"""Dis-inhibitory control: feedback inhibits the inhibitory cells, and synapses learn from how far
inhibition is from what the cell's own rate would call for.

Rossbroich & Zenke, "Dis-inhibitory neuronal circuits can control the sign of synaptic plasticity",
NeurIPS 2023 (read: abstract and public code only, whose constants these are). Every hidden cell has
an inhibitory partner, which hears its rate, minus the control Q u: what inhibition lacks is the
error. This is the authors' exact rule, in which the cell finds its partner's potential, v_I, from the
inhibition, by the inverse of phi; it is brought here as it is. Deviations: Q starts as the product of
transposes and stays; in the code it is the Jacobian at every stimulus, scaled to a norm of 1.
Activations are the network's, in the code soft rectifiers ("softplus"), with which rates and inhibition
have one sign; with tanh they have two. The teacher is the gradient of any cost.
"""

from brian2 import ms

from neurofa.pathways import identity, product_of_transposes
from neurofa.rule import LearningRule, Pathway, Plasticity, Population

NEURON = """
dv/dt = (-v + v_basal - inhibition) / tau_E : 1                  # excitatory cell: inhibition is all that control can change
r = phi(v) : 1                                                   # firing rate
told = dphi(v) * (r - v_I) : 1                                   # by how much its partner is driven less than by the rate alone
"""
OUTPUT = """
dv/dt = (-v + v_basal + v_apical) / tau_E : 1                    # readout: control moves it directly
told = v - v_basal : 1                                           # by how much
error = -feedback_on * dcost : 1                                 # target - r in the squared cost, label - softmax(r) in the cross-entropy
"""
INTERNEURON = """
dv/dt = (-v + r_partner - v_apical) / tau_I : 1                  # inhibitory cell: driven by its partner, inhibited by the control
r = phi(v) : 1                                                   # firing rate
"""
CONTROLLER = """
dU/dt = (error - alpha*U) / tau_u : 1                            # leaky integral
u = k_i * U + k_p * error : 1                                    # control signal
"""
BESIDE = dict(size="same", along="hidden", links={"r_partner": "same.r"})
CONTROL = dict(source="controller", signal="u", into="v_apical")
RULE = LearningRule(
    name="dis-inhibitory control",
    reference="Rossbroich & Zenke 2023",
    neuron=NEURON,
    output=OUTPUT,
    populations=(
        Population("controller", CONTROLLER, links={"error": "output.error"}),
        Population("interneuron", INTERNEURON, **BESIDE),
    ),
    pathways=(
        Pathway("Q", **CONTROL, to="interneuron", init=product_of_transposes("W")),
        Pathway("C", **CONTROL, to="output", init=identity()),
        Pathway("I", source="interneuron", signal="r", into="inhibition", init=identity()),
        Pathway("V", source="interneuron", signal="v", into="v_I", weights="I"),
    ),
    plasticity=(Plasticity("W", after="feedback", equation="w += eta * told_post * r_pre"),),
    parameters=dict(
        tau_E=20 * ms,  # excitatory cells and readout
        tau_I=5 * ms,  # inhibitory cells
        tau_u=100 * ms,  # controller
        k_i=0.4,  # integral gain
        k_p=0.2,  # proportional gain
        alpha=1.0,  # leak
        eta=0.1,  # learning rate
    ),
    advice="A larger alpha or a longer tau_u keep the loop stable.",
)
