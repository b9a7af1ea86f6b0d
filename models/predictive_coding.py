"""Predictive coding: each layer predicts the next, values relax until what the output missed is
shared out, and errors teach.

Whittington & Bogacz, "An approximation of the error backpropagation algorithm in a predictive
coding network with local Hebbian synaptic plasticity", Neural Computation 2017. Errors descend
through the transpose of W, as in the paper: not local. Error nodes follow their two inputs at once;
the paper gives them a leak, and the same steady state. The output's v is its prediction, and its
error is -dC/dv / Sigma_L: that of the paper's clamped output, where the cost is squared and the
output linear. Variances of hidden layers are 1.
"""

from brian2 import ms

from neurofa.rule import LearningRule, Pathway, Plasticity

NEURON = """
dv/dt = (v_basal - v + dphi(v) * v_apical) / tau_v : 1          # value: towards its prediction, and what helps the layer above
eps = v - v_basal : 1                                           # error: value minus prediction
r = phi(v) : 1                                                  # what is sent up
"""
OUTPUT = """
dv/dt = (v_basal - v) / tau_v : 1                               # prediction of the output
eps = -feedback_on * dphi(v) * dcost / Sigma_L : 1              # error: target minus prediction, over the variance
"""
RULE = LearningRule(
    name="predictive coding",
    reference="Whittington & Bogacz 2017",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(Pathway("B", source="above", signal="eps", into="v_apical", weights="W.T"),),
    plasticity=(Plasticity("W", after="feedback", equation="w += eta * eps_post * r_pre"),),
    parameters=dict(
        tau_v=10 * ms,  # value nodes
        # variance of the output; errors become those of backpropagation, over Sigma_L, as it grows
        Sigma_L=1.0,
        eta=0.1,  # learning rate
    ),
    advice="Values descend an energy, and overshoot where weights are large: use a smaller dt.",
)
