"""Deep feedback control: a controller drives the output to a target, and synapses learn what the
control had to add.

Meulemans et al., "Credit assignment in neural networks through deep feedback control", NeurIPS
2021. The leak is on the controller's whole output u, as in the authors' code, so that error =
alpha*u when settled. Equation 4 of the paper has it on the integral part only:
models/dfc_integral_leak.py. Apical potentials follow Q u without a delay of their own.
"""

from brian2 import ms

from neurofa.pathways import product_of_transposes
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity, Population

NEURON = """
dv/dt = (-v + v_basal + v_apical) / tau_v : 1                    # soma: feedback moves it
r = phi(v) : 1                                                   # firing rate
r_basal = phi(v_basal) : 1                                       # the rate that feedforward input alone would give
"""
OUTPUT = """
setpoint : 1                                                     # the target r*, noted as feedback sets in
"""
CONTROLLER = """
dU/dt = feedback_on * (k_i*error - alpha*u) / tau_u : 1          # integral part, leak on the whole output
u = U + feedback_on * k_p * error : 1                            # control signal
error = setpoint - r_out : 1
"""
RULE = LearningRule(
    name="DFC",
    reference="Meulemans et al. 2021",
    neuron=NEURON,
    output=OUTPUT,
    populations=(
        Population(
            "controller", CONTROLLER, links={"setpoint": "output.setpoint", "r_out": "output.r"}
        ),
    ),
    pathways=(
        Pathway(
            "Q",
            source="controller",
            signal="u",
            into="v_apical",
            to="layers",
            init=product_of_transposes("W"),
        ),
    ),
    phases=(
        Phase("free"),
        Phase("feedback", on=("feedback_on",), start={"output": "setpoint = r - lam * dcost"}),
    ),
    plasticity=(
        Plasticity(
            "W", during="feedback", equation="dw/dt = eta * (r_post - r_basal_post) * r_pre / tau_u"
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_u=50 * ms,  # controller
        k_i=1.0,  # integral gain
        k_p=0.0,  # proportional gain
        alpha=1.0,  # leak
        lam=0.1,  # lambda: how far the target is from the free output
        eta=0.1,  # learning rate, per tau_u of feedback
    ),
    advice="Eigenvalues of J Q + alpha I may have crossed zero as W learned; a larger alpha keeps the loop stable.",
)
