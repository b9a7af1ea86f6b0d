"""Node perturbation: every neuron is perturbed by noise of its own, and one number, by how much that
made the cost worse, reaches all synapses: a reward, and no vector of errors.

Werfel, Xie & Seung, "Learning curves for stochastic gradient descent in linear feedforward networks",
Neural Computation 2005 (where learning is slower than gradient descent by the number of output units,
in one linear layer). The stimulus is shown twice: without noise, which gives the baseline of the cost, and with
noise z held on the potentials of all layers. One cell, `reward`, sums the cost of the output and
broadcasts its change, dC, through synapses that are all 1. On average over z, the update is minus the
gradient as sigma goes to 0. Noise is drawn in a phase of its own, then held while the circuit settles;
it starts from 0, and its variance, sigma^2 (1 - exp(-2t/tau_z)) after a time t, sets the size of steps.
Deviations: rates that settle, not spikes; the cost is half the squared distance of output rates from
their target, whatever cost the network was given, since it is what the reward cell can sum.
"""

from brian2 import ms

from neurofa.pathways import constant
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity, Population

NEURON = """
dv/dt = (-v + v_basal + reward_on * z) / tau_v : 1                      # soma: feedforward input and noise
dz/dt = noise_on * (-z / tau_z + sigma * sqrt(2/tau_z) * xi) : 1        # noise: drawn in its phase, then held
r = phi(v) : 1                                                          # firing rate
"""
OUTPUT = """
loss = (r - target)**2 / 2 : 1                                          # each unit's part of the cost
"""
REWARD = """
baseline : 1                                                            # the cost without noise
change = reward_on * (cost_now - baseline) : 1                          # what is broadcast
"""
RULE = LearningRule(
    name="node perturbation",
    reference="Werfel et al. 2005",
    neuron=NEURON,
    output=OUTPUT,
    populations=(Population("reward", REWARD, size=1),),
    pathways=(
        Pathway(
            "C", source="output", signal="loss", into="cost_now", to="reward", init=constant(1.0)
        ),
        Pathway(
            "B", source="reward", signal="change", into="heard", to="layers", init=constant(1.0)
        ),
    ),
    phases=(
        Phase("free"),
        Phase("noise", on=("noise_on",), start={"reward": "baseline = cost_now"}),
        Phase("reward", on=("reward_on",)),
    ),
    plasticity=(
        Plasticity(
            "W", after="reward", equation="w += -eta * heard_post * z_post * r_pre / sigma**2"
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_z=10 * ms,  # noise
        sigma=0.01,  # its standard deviation
        eta=0.01,  # learning rate
    ),
)
