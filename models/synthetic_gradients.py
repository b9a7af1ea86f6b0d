"""Synthetic gradients: each hidden layer predicts its error from its own rates, and learns before
any feedback has come.

Jaderberg et al., "Decoupled neural interfaces using synthetic gradients", ICML 2017. Predictors are
linear and start at zero. Feedback, when it comes, brings the error of the layer above (a prediction
too, unless that is the output) through the transpose of W: not local. It corrects the predictor and
nothing else. In the paper no layer waits for another; here hidden layers learn at the end of the
free phase, the output and the predictors after feedback.
"""

from brian2 import ms

from neurofa.pathways import normal
from neurofa.rule import LearningRule, Pathway, Plasticity

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
dp/dt = (-p + v_lateral) / tau_p : 1                            # predicted gradient of the cost by this rate
ddelta/dt = (-delta + dphi(v) * p) / tau_delta : 1              # error, as predicted
r = phi(v) : 1                                                  # firing rate
"""
OUTPUT = """
p = feedback_on * dcost : 1                                     # the teacher: nothing to predict
"""
RULE = LearningRule(
    name="synthetic gradients",
    reference="Jaderberg et al. 2017",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(
        Pathway("A", source="same", signal="r", into="v_lateral", init=normal(0.0), bias=True),
        Pathway("B", source="above", signal="delta", into="v_apical", weights="W.T"),
    ),
    plasticity=(
        Plasticity("W", after="free", to="hidden", equation="w += -eta * delta_post * r_pre"),
        Plasticity("W", after="feedback", to="output", equation="w += -eta * delta_post * r_pre"),
        Plasticity(
            "A",
            after="feedback",
            equation="w += -eta_p * (p_post - v_apical_post) * r_pre",
            rate="eta_p",
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_p=10 * ms,  # prediction
        tau_delta=10 * ms,  # error
        eta=0.1,  # learning rate
        eta_p=0.1,  # learning rate of predictors
    ),
)
