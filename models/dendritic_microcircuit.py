"""Dendritic microcircuits: interneurons cancel what feedback brings to apical dendrites; what they
cannot foresee is the error.

Sacramento, Costa, Bengio & Senn, "Dendritic cortical microcircuits approximate the backpropagation
algorithm", NeurIPS 2018. Interneurons have the phi of the layer above, whose cells they imitate; in
the paper, all cells have the same. The output's apical dendrite is at rest; in the paper it has
none. The teacher's current is the gradient of any cost. W and IP change after the teacher's phase,
and PI after the free one; in the paper all change all the time, low-passed. There is no noise.
Synapses start in the self-predicting state; B stays as it is. Conductances are in units of one;
their ratios matter, once settled.
"""

from brian2 import ms

from neurofa.pathways import copy_of
from neurofa.rule import LearningRule, Pathway, Plasticity, Population

NEURON = """
dv/dt = (-g_lk*v + g_B*(v_basal - v) + g_A*(v_apical - v)) / tau_v : 1       # soma: leak, and currents from two dendrites
v_apical = v_down + v_lateral : 1                                            # layer above, and interneurons against it
r = phi(v) : 1                                                               # firing rate
r_basal = phi(g_B / (g_lk + g_B + g_A) * v_basal) : 1                        # the rate that the basal dendrite foresees
"""
OUTPUT = """
dv/dt = (-g_lk*v + g_B*(v_basal - v) - g_A*v - feedback_on*g_som*dcost) / tau_v : 1    # the teacher: a current to the soma
v_apical = 0 : 1                                                             # at rest
"""
INTERNEURON = """
dv/dt = (-g_lk*v + g_D*(v_dendrite - v) + g_som*(v_above - v)) / tau_v : 1   # drawn to its partner in the layer above
v_foreseen = g_D / (g_lk + g_D) * v_dendrite : 1                             # what its dendrite foresees
r = phi(v) : 1                                                               # firing rate, of the phi that its partner has
r_foreseen = phi(v_foreseen) : 1                                             # the rate that its dendrite foresees
"""
# each imitates a cell of the layer above
PARTNER = dict(size="above", links={"v_above": "above.v"}, activation="above")
RULE = LearningRule(
    name="dendritic microcircuit",
    reference="Sacramento et al. 2018",
    neuron=NEURON,
    output=OUTPUT,
    populations=(Population("interneuron", INTERNEURON, along="hidden", **PARTNER),),
    pathways=(
        Pathway("B", source="above", signal="r", into="v_down"),
        # foresees the layer above
        Pathway("IP", source="same", signal="r", into="v_dendrite", to="interneuron", bias=True)
        | copy_of("W", "g_B * (g_lk + g_D) / (g_D * (g_lk + g_B + g_A))"),
        # cancels it
        Pathway("PI", source="interneuron", signal="r", into="v_lateral", init=copy_of("B", "-1")),
    ),
    plasticity=(
        Plasticity("W", after="feedback", equation="w += eta * (r_post - r_basal_post) * r_pre"),
        Plasticity(
            "IP", after="feedback", equation="w += eta * k_IP * (r_post - r_foreseen_post) * r_pre"
        ),
        Plasticity("PI", after="free", equation="w += -eta * k_PI * v_apical_post * r_pre"),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane capacitance, over the unit of conductance
        g_lk=0.1,  # leak conductance
        g_B=1.0,  # from basal dendrites to somata
        g_A=0.8,  # from apical dendrites to somata
        g_D=1.0,  # from the dendrites of interneurons to their somata
        g_som=0.8,  # of the teacher, and of the draw on interneurons
        eta=0.1,  # learning rate
        k_IP=1.375,  # of synapses onto interneurons, in eta; at this ratio, IP follows W
        k_PI=0.01,  # of synapses from interneurons, in eta
    ),
)
