"""Weight mirror: while no stimulus is there, neurons fire noise, and each feedback synapse learns
what comes back of it.

Akrout, Wilson, Humphreys, Lillicrap & Tweed, "Deep learning without weight transport", NeurIPS 2019
(equation 7). Engaged, it is feedback alignment (models/fa.py). In the mirror phase, the cell that
carries the error mirrors its neuron's own noise z, not the whole rate: E[z r_above] = var(z) W^T
E[dphi] holds whatever else the neurons do, so that all layers mirror at once, and biases do not
disturb them. (The paper mirrors one layer after the other.) Noise is exact at every dt: from 0 as
the phase begins, its standard deviation is sigma*sqrt(1 - exp(-2t/tau_z)), its autocorrelation
exp(-lag/tau_z). Neurons follow it by the factor tau_z / (tau_z + tau_v) where dt is much shorter
than both; by k / (1 - (1 - k)*exp(-dt/tau_z)), k = dt/tau_v, in steps of dt, which is 1 where dt =
tau_v. With the decay, B ends as (eta_b/decay) times that factor times W^T E[dphi].
"""

from brian2 import ms

from neurofa.rule import Pathway, Phase, Plasticity

from . import fa

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
ddelta/dt = (-delta + dphi(v) * v_apical) / tau_delta : 1       # error, gated by the cell's own derivative
dz/dt = -z / tau_z + mirror_on * sigma * sqrt(2/tau_z) * xi : 1 # noise that the neuron fires
r = phi(v) + z : 1                                              # firing rate
sent = r : 1                                                    # what feedforward synapses carry
"""
OUTPUT = """
v_apical = feedback_on * dcost : 1                              # the teacher: gradient of the cost
z = 0 : 1                                                       # nothing is below to learn from the output's noise
"""
RULE = fa.RULE.but(
    name="weight mirror",
    reference="Akrout et al. 2019",
    neuron=NEURON,
    output=OUTPUT,
    input="sent = (1 - mirror_on) * r : 1",  # no stimulus in the mirror phase
    feedforward=Pathway("W", source="below", signal="sent", into="v_basal", to="layers", bias=True),
    phases=(*fa.RULE.phases, Phase("mirror", on=("mirror_on",))),
    plasticity=(
        *fa.RULE.plasticity,
        Plasticity(
            "B",
            during="mirror",
            equation="dw/dt = (eta_b * z_post * r_pre / sigma**2 - decay * w) / tau_z",
            rate="eta_b",
        ),
    ),
    parameters=dict(
        tau_z=10 * ms,  # noise
        sigma=0.3,  # its standard deviation
        eta_b=0.01,  # learning rate of B, per tau_z of the mirror phase
        decay=0.01,  # part of B that is lost per tau_z of the mirror phase
    ),
)
