"""Frozen hidden weights, the control: only the output's synapses learn, by the delta rule.

Widrow & Hoff, "Adaptive switching circuits", IRE WESCON 1960. What a rule achieves beyond this, its
feedback has taught.
"""

from neurofa.rule import Plasticity

from . import fa

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1
r = phi(v) : 1
"""
OUTPUT = """
delta = feedback_on * dphi(v) * dcost : 1                       # gradient of the cost
"""
RULE = fa.RULE.but(
    name="frozen",
    reference="Widrow & Hoff 1960",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(),
    plasticity=(
        Plasticity("W", after="feedback", to="output", equation="w += -eta * delta_post * r_pre"),
    ),
)
