"""Direct feedback alignment without phases, with an eligibility trace in every synapse.

After Bacvanski, Ziyin & Poggio, "On biologically plausible learning in continuous time", arXiv
2510.18808 (2025), which asks for such traces; their form is that of Murray, "Local online learning in
recurrent networks with random feedback", eLife 2019, with a time constant of its own. A synapse
low-passes how much it moves the rate of its cell, dphi(v) times the input, which is no product of
what either cell could keep: it takes one variable per synapse and trial. The error finds the
derivative of the time when the input came. Synapses of the output keep none: its error is at hand at
once. There are no biases, which have no synapse.
"""

from dataclasses import replace

from brian2 import ms

from . import online_dfa

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
r = phi(v) : 1                                                  # firing rate
"""
OUTPUT = """
v_apical = feedback_on * dcost : 1                              # the teacher: gradient of the cost
ddelta/dt = (-delta + dphi(v) * v_apical) / tau_delta : 1       # what the hidden layers hear
"""
TRACE = "dtrace/dt = (-trace + dphi(v_post) * r_pre) / tau_e : 1"
ELIGIBLE = "dw/dt = -eta * v_apical_post * trace / tau_w"
[LINE] = online_dfa.RULE.plasticity
RULE = online_dfa.RULE.but(
    name="DFA, without phases, eligibility",
    neuron=NEURON,
    output=OUTPUT,
    feedforward=replace(online_dfa.RULE.feedforward, bias=False),
    plasticity=(
        replace(LINE, to="hidden", synapse=TRACE, equation=ELIGIBLE),
        replace(LINE, to="output"),
    ),
    parameters=dict(
        tau_e=100 * ms,  # trace
    ),
)
