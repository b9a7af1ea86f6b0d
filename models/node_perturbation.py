"""Node perturbation: every neuron is perturbed by noise of its own, and one number, by how much that
made the cost worse, reaches all synapses: a reward, and no vector of errors.

Werfel, Xie & Seung, "Learning curves for stochastic gradient descent in linear feedforward networks",
Neural Computation 2005 (where learning is slower than gradient descent by the number of output units,
in one linear layer). The stimulus is shown twice, without noise and with noise z, held on the potentials
of all layers. One cell, `reward`, sums by how much each output unit made the cost worse and broadcasts
the sum, dC, through synapses that are all 1. On average over z, the update is minus the gradient as
sigma goes to 0. Noise is drawn in a phase of its own and felt in the next, when it is held; it starts
from 0, and its variance, sigma^2 (1 - exp(-2t/tau_z)) after a time t, sets the size of steps. Where the
target is met, noise still makes the cost worse, and weights move by the order of eta sigma.
Deviations: rates that settle. dC is the trapezoid of the cost's gradient between the two passes: exact
for the squared cost, to third order in the noise for cross-entropy, which is no sum over units.
"""

from brian2 import ms

from neurofa.pathways import constant
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity, Population

NEURON = """
dv/dt = (-v + v_basal + reward_on * held) / tau_v : 1                   # soma: feedforward input and noise
dz/dt = -z / tau_z + noise_on * sigma * sqrt(2/tau_z) * xi : 1          # noise: drawn in its phase
held : 1                                                                # and felt, as it was then, in the next
r = phi(v) : 1                                                          # firing rate
"""
OUTPUT = """
r_free : 1                                                              # rate without noise
slope : 1                                                               # gradient of the cost there
worse = reward_on * (r - r_free) * (dcost + slope) / 2 : 1              # what noise adds to the cost
"""
REWARD = """
change = dC : 1                                                         # what is broadcast
"""
RULE = LearningRule(
    name="node perturbation",
    reference="Werfel et al. 2005",
    neuron=NEURON,
    output=OUTPUT,
    populations=(Population("reward", REWARD, size=1),),
    pathways=(
        Pathway("C", source="output", signal="worse", into="dC", to="reward", init=constant(1.0)),
        Pathway(
            "B", source="reward", signal="change", into="heard", to="layers", init=constant(1.0)
        ),
    ),
    phases=(
        Phase("free"),
        Phase("noise", on=("noise_on",)),
        Phase(
            "reward",
            on=("reward_on",),
            start={"hidden": "held = z", "output": "held = z; r_free = r; slope = dcost"},
        ),
    ),
    plasticity=(
        Plasticity(
            "W", after="reward", equation="w += -eta * heard_post * held_post * r_pre / sigma**2"
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_z=10 * ms,  # noise
        sigma=0.01,  # its standard deviation
        eta=0.01,  # learning rate
    ),
)
