"""Weight perturbation: every synapse is perturbed by noise of its own, and one number, by how much all
that made the cost worse, reaches all synapses: a reward, and no vector of errors.

Jabri & Flower, "Weight perturbation: an optimal architecture and learning technique for analog VLSI
feedforward and recurrent multilayer networks", IEEE Transactions on Neural Networks 1992, as it is taught
today (read: a lecture on that paper, and public code of a course, neuromatch/NeuroAI_Course), with noise on
all weights at once. Synapses N stand beside W and are drawn anew after every update: one matrix for
all trials of a minibatch. The stimulus is shown without them and with them; the cell `reward` broadcasts
dC as in models/node_perturbation.py. Derived here: on average over N the update is minus the gradient G of the
minibatch, as sigma goes to 0; its variance, summed over all P weights, is (P + 1)|G|^2, where that of noise
in n cells is (n + 1)|g|^2 per trial. Deviation: biases are not perturbed, and do not learn.
"""

from brian2 import ms

from neurofa.pathways import normal
from neurofa.rule import Pathway, Phase, Plasticity

from . import node_perturbation

NEURON = """
dv/dt = (-v + v_basal + reward_on * sigma * v_noise) / tau_v : 1        # soma: what synapses bring, and their noise
r = phi(v) : 1                                                          # firing rate
"""
RULE = node_perturbation.RULE.but(
    name="weight perturbation",
    reference="Jabri & Flower 1992",
    neuron=NEURON,
    pathways=(
        *node_perturbation.RULE.pathways,
        Pathway(
            "N",
            source="below",
            signal="r",
            into="v_noise",
            to="layers",
            init=normal(1.0, tracked=True),
        ),
    ),
    phases=(
        Phase("free"),
        Phase("reward", on=("reward_on",), start={"output": "r_free = r; slope = dcost"}),
    ),
    plasticity=(
        Plasticity(
            "W",
            after="reward",
            beside="N",
            equation="w += -eta * heard_post * w_beside / sigma",
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        sigma=0.01,  # standard deviation of the noise
        eta=0.001,  # learning rate
    ),
)
