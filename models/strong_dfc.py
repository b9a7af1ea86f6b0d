"""Strong deep feedback control: the output is driven all the way to the label, and all synapses
learn at once, from noisy signals.

Meulemans, Tristany Farinha, Cervera, Sacramento & Grewe, "Minimizing control for credit assignment
with strong feedback", ICML 2022 (single phase). Feedback learns from the fast part of the control
signal, which answers noise, and feedforward synapses from all of it. The label is the target that
the task gives; make it soft there. The free phase is only to ask what the circuit would do by
itself. The paper's code makes up for the layers that a neuron's noise passes, by (1 + tau_v/tau_z)
for each; with tau_z much longer than tau_v this is left out. Noise z is exact at every dt: from 0
as feedback begins, its standard deviation is sigma*sqrt(1 - exp(-2t/tau_z)), its autocorrelation
exp(-lag/tau_z); the code takes Euler-Maruyama steps, with which it would be larger by 1/sqrt(1 -
dt/(2*tau_z)). It adds the new noise to v where forward Euler adds that of a step ago, and
multiplies the control signal with the apical potential of the step before where both are of the
same step here: this vanishes with dt.
"""

from brian2 import ms

from neurofa.pathways import identity
from neurofa.rule import Pathway, Phase, Plasticity, Population

from . import dfc

NEURON = """
dv/dt = (-v + v_basal + v_apical) / tau_v : 1                    # soma: feedback moves it
dz/dt = -z / tau_z + feedback_on * sigma * sqrt(2/tau_z) * xi : 1  # apical noise
v_apical = v_feedback + z : 1                                    # apical potential
r = phi(v) : 1                                                   # firing rate
r_basal = phi(v_basal) : 1                                       # the rate that feedforward input alone would give
"""
OUTPUT = """
error = -feedback_on * dcost : 1                                 # label - softmax(r) in the cross-entropy, label - r in the squared
"""
CONTROLLER = """
dU/dt = feedback_on * (k_i*error - alpha*u) / tau_u : 1          # integral part, leak on the whole output
u = U + k_p * error : 1                                          # control signal
dslow/dt = (u - slow) / tau_f : 1                                # its slow part
fast = u - slow : 1                                              # its fast part
"""
RULE = dfc.RULE.but(
    name="Strong-DFC",
    reference="Meulemans et al. 2022",
    neuron=NEURON,
    output=OUTPUT,
    populations=(Population("controller", CONTROLLER, links={"error": "output.error"}),),
    pathways=(
        Pathway("Q", source="controller", signal="u", into="v_feedback"),
        Pathway(
            "Q", source="controller", signal="u", into="v_feedback", to="output", init=identity()
        ),
    ),
    phases=(Phase("free"), Phase("feedback", on=("feedback_on",))),
    plasticity=(
        *dfc.RULE.plasticity,
        Plasticity(
            "Q",
            during="feedback",
            equation="dw/dt = -eta_q * (v_apical_post * fast_pre / sigma**2 + beta * w) / tau_u",
            rate="eta_q",
        ),
    ),
    parameters=dict(
        tau_z=100 * ms,  # noise; much longer than tau_v
        tau_f=100 * ms,  # what counts as slow in the control signal
        sigma=0.3,  # standard deviation of the noise
        eta_q=0.001,  # learning rate of Q, per tau_u of feedback
        beta=0.01,  # decay of Q
    ),
)
