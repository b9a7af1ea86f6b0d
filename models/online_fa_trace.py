"""Feedback alignment without phases, with presynaptic traces: what a cell sent a moment ago is still
there when the error comes.

After Bacvanski, Ziyin & Poggio, "On biologically plausible learning in continuous time", arXiv
2510.18808 (2025), which asks for eligibility traces; the form of the trace is ours. It is the low-
passed rate of the presynaptic cell, so that a change is still (postsynaptic) x (presynaptic): one
variable per cell, and none per synapse. Its price is that errors are gated by what the postsynaptic
cell does when they come, not by what it did (models/online_dfa_eligibility.py). The output's error
is at hand at once: its synapses keep no trace.
"""

from dataclasses import replace

from brian2 import ms

from . import online_fa

TRACE = "dtrace/dt = (-trace + r) / tau_e : 1  # what the cell sent, fading"
TRACED = "dw/dt = -eta * delta_post * trace_pre / tau_w"
[LINE] = online_fa.RULE.plasticity
RULE = online_fa.RULE.but(
    name="FA, without phases, traces",
    neuron=online_fa.RULE.neuron + TRACE,
    input=TRACE,
    plasticity=(replace(LINE, to="hidden", equation=TRACED), replace(LINE, to="output")),
    parameters=dict(
        tau_e=100 * ms,  # trace
    ),
)
