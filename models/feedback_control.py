"""Feedback control of a recurrent circuit: a controller corrects the output's error while it is being
made, and recurrent synapses learn what the control had to add.

Kaleb, Feulner, Gallego & Clopath, "Feedback control guides credit assignment in recurrent neural
networks", NeurIPS 2024. Cells hear the integral of the output's error, the position where the output
is a velocity, and learn by RFLO with it in the place of an error: every synapse has a trace p of how
its weight has moved the rate of its cell, with what goes round through R left out. Here it is rates
that follow, in the paper potentials; learning hears what the control brings to the cells, as late as
they do, and weights move when the trial has ended, in the paper in every step. Gains, leak and time
constant of the controller are those of models/dfc_tracking.py; the paper has no leak, and trains
feedback weights, which here are fixed.
"""

from brian2 import ms

from neurofa.pathways import identity, product_of_transposes, spectral
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity, Population

NEURON = """
dr/dt = (-r + phi(v)) / tau_r : 1                                # firing rate
v = v_basal + v_lateral + v_apical : 1                           # from below, from its layer, from the controller
"""
OUTPUT = """
r = v : 1                                                        # readout, which follows at once
v = v_basal : 1                                                  # it is not recurrent, and control does not enter it
error = -feedback_on * dcost : 1                                 # target - r in the squared cost, label - softmax(r) in the cross-entropy
"""
CONTROLLER = """
dU/dt = feedback_on * (k_i*error - alpha*u) / tau_u : 1          # integral part, leak on the whole output
u = U + k_p * error : 1                                          # control signal
"""
RULE = LearningRule(
    name="feedback control",
    reference="Kaleb et al. 2024",
    neuron=NEURON,
    output=OUTPUT,
    populations=(Population("controller", CONTROLLER),),
    feedforward=Pathway("W", source="below", signal="r", into="v_basal", to="layers"),
    pathways=(
        Pathway("R", source="same", signal="r", into="v_lateral", init=spectral(0.9)),
        # unit by unit, as the step before ended
        Pathway(
            "E", source="output", signal="error", into="error", to="controller", init=identity()
        ),
        Pathway(
            "Q",
            source="controller",
            signal="u",
            into="v_apical",
            init=product_of_transposes("W"),
        ),
    ),
    phases=(Phase("free"), Phase("feedback", on=("feedback_on",))),
    plasticity=(
        Plasticity(
            "R",
            during="feedback",
            synapse="dp/dt = (-p + dphi(v_post) * r_pre) / tau_r : 1",
            equation="dw/dt = eta * v_apical_post * p / tau_r",
        ),
    ),
    parameters=dict(
        tau_r=10 * ms,  # rates
        tau_u=100 * ms,  # controller
        k_i=1.0,  # integral gain
        k_p=0.0,  # proportional gain
        alpha=1.0,  # leak
        eta=0.01,  # learning rate, per tau_r of feedback
    ),
    advice="A larger alpha, a longer tau_u or a shorter delay of Q keep the loop stable.",
)
