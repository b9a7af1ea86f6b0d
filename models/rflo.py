"""RFLO: random feedback local online learning. Recurrent cells learn from errors that come back
through fixed random synapses while the trial goes on.

Murray, "Local online learning in recurrent networks with random feedback", eLife 2019. Every synapse
has a trace p of how its weight has moved the rate of its cell, with what goes round through R left
out. In the paper, the output is the sum of what it hears: here it follows that with a time constant,
and is the same if that is the time step, as it is with Trial(dt=1*ms). The paper leaves W fixed in
its code, and starts R with 1.5, at which cells do not settle when the input stands still.
"""

from brian2 import ms

from neurofa.pathways import spectral
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity

NEURON = """
dr/dt = (-r + phi(v)) / tau : 1                                 # firing rate
v = v_basal + v_lateral : 1                                     # what the cell hears, from below and from its layer
"""
OUTPUT = """
dr/dt = (-r + v_basal) / tau_out : 1                            # readout
v = v_basal : 1                                                 # it is not recurrent
delta = dcost : 1                                               # its error, as the rate's gradient of the cost
"""
TRACE = "dp/dt = (-p + dphi(v_post) * r_pre) / tau_p : 1"
RULE = LearningRule(
    name="RFLO",
    reference="Murray 2019",
    neuron=NEURON,
    output=OUTPUT,
    feedforward=Pathway("W", source="below", signal="r", into="v_basal", to="layers"),
    pathways=(
        Pathway("R", source="same", signal="r", into="v_lateral", init=spectral(0.9)),
        Pathway("B", source="output", signal="delta", into="v_apical", reads="end"),
    ),
    phases=(Phase("feedback"),),
    plasticity=(
        *(
            Plasticity(
                name,
                during="feedback",
                to="hidden",
                synapse=TRACE,
                equation="dw/dt = -eta * v_apical_post * p / tau",
            )
            for name in "RW"
        ),
        Plasticity(
            "W", during="feedback", to="output", equation="dw/dt = -eta * delta_post * r_pre / tau"
        ),
    ),
    parameters=dict(
        tau=10 * ms,  # rates
        tau_p=10 * ms,  # traces: as rates
        tau_out=1 * ms,  # readout
        eta=0.003,  # learning rate: 0.03 for a mean over a trial of 100 ms
    ),
)
