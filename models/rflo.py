"""RFLO: random feedback local online learning. Cells of a recurrent layer learn from errors that come
back through fixed random synapses while the trial goes on.

Murray, "Local online learning in recurrent networks with random feedback", eLife 2019. A synapse keeps
a trace p of how its weight has moved the rate of its cell: the derivative, but for what has gone round
by way of R. Weights change when the trial has ended, as in the paper's code, where W stays as it is. R
starts with the spectral radius 1.5 there, here with 0.9, so that cells come to rest where their input
does. The paper has one recurrent layer; with more of them, each learns by itself.
"""

from brian2 import ms

from neurofa.pathways import spectral
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity

NEURON = """
dr/dt = (-r + phi(v)) / tau : 1                                 # firing rate
v = v_basal + v_lateral : 1                                     # what it hears, from below and beside
"""
OUTPUT = """
r = v : 1                                                       # readout, which follows at once
v = v_basal : 1                                                 # it is not recurrent
delta = dcost : 1                                               # its error: the cost's gradient
"""
BY_TRACE = dict(
    during="online",
    to="hidden",
    synapse="dp/dt = (-p + dphi(v_post) * r_pre) / tau_p : 1",
    equation="dw/dt = -eta * v_apical_post * p / tau",
)
RULE = LearningRule(
    name="RFLO",
    reference="Murray 2019",
    neuron=NEURON,
    output=OUTPUT,
    feedforward=Pathway("W", source="below", signal="r", into="v_basal", to="layers"),
    pathways=(
        Pathway("R", source="same", signal="r", into="v_lateral", init=spectral(0.9)),
        # what it brings is of the moment of the traces
        Pathway("B", source="output", signal="delta", into="v_apical", reads="end"),
    ),
    phases=(Phase("online"),),
    plasticity=(
        Plasticity("R", **BY_TRACE),
        Plasticity("W", **BY_TRACE),
        Plasticity(
            "W", during="online", to="output", equation="dw/dt = -eta * delta_post * r_pre / tau"
        ),
    ),
    parameters=dict(
        tau=10 * ms,  # rates
        tau_p=10 * ms,  # traces: as rates
        eta=0.003,  # learning rate: 0.03 for a mean over a trial of 100 ms
    ),
)
