"""Deep feedback control, analytic form: a second, linear circuit on the same synapses computes what
control would add.

Meulemans et al., "Credit assignment in neural networks through deep feedback control", NeurIPS 2021
(DFC-SSA, lemma 1). The paper inverts J Q + alpha I; here the controller of a linearised circuit
settles, and inverts it by doing so. Neurons (v) stay as they are: x is how control would move them
to first order, and c is the controlled potential that Q u alone would bring about. The synapses of
W carry three signals, one for each. Otherwise as models/dfc_ss.py.
"""

from neurofa.rule import Pathway, Phase, Plasticity, Population

from . import dfc

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                               # soma: feedforward input only
dx/dt = (-x + x_basal + v_apical) / tau_v : 1                    # linear response to control, and what comes from below
dc/dt = (-c + c_basal + v_apical) / tau_v : 1                    # controlled potential
c_basal = v_basal + from_below : 1                               # what the controlled rates below would give
r = phi(v) : 1                                                   # firing rate
response = dphi(v) * x : 1                                       # linear response of the rate
r_controlled = phi(c) : 1                                        # controlled rate
change = r_controlled - r : 1
"""
OUTPUT = """
delta : 1                                                        # by how much the target is off, noted as feedback sets in
"""
INPUT = """
response = 0 : 1
r_controlled = r : 1
change = 0 : 1
"""
CONTROLLER = """
dU/dt = feedback_on * (k_i*error - alpha*u) / tau_u : 1          # integral part, leak on the whole output
u = U + feedback_on * k_p * error : 1                            # control signal
error = delta - response : 1
"""
RULE = dfc.RULE.but(
    name="DFC-SSA",
    neuron=NEURON,
    output=OUTPUT,
    input=INPUT,
    populations=(
        Population(
            "controller", CONTROLLER, links={"delta": "output.delta", "response": "output.response"}
        ),
    ),
    pathways=(
        *dfc.RULE.pathways,
        Pathway("X", source="below", signal="response", into="x_basal", to="layers", weights="W"),
        Pathway("C", source="below", signal="change", into="from_below", to="layers", weights="W"),
    ),
    phases=(
        Phase("free"),
        Phase("feedback", on=("feedback_on",), start={"output": "delta = -lam * dcost"}),
    ),
    plasticity=(
        Plasticity(
            "W",
            after="feedback",
            equation="w += eta * (phi(c_post) - phi(c_basal_post)) * r_controlled_pre",
        ),
    ),
)
