"""Dendritic target propagation: cells that excite and cells that inhibit; in dendrites, learned
inhibition cancels what comes down from the layer above, and what is left there is the error.

Galloni, Peddada, Chennawar & Milstein, "Cellular and subcellular specialization enables biology-constrained
deep learning", Cell Reports 2026 (read: abstracts, and the public code with its settings for the spirals).
Weights are magnitudes and stay positive, as rates do; the signs stand in the equations. Feedback is W
read backwards, not local, as in those settings. Cells are nudged by their dendrite where they are active, and only
the layer below hears of it. In the code all cells are relu, and the nudge is the dendrite's where a cell is
active; here phi is the network's, of the rectified potential, and dphi scales the nudge. Deviations: the
output has no inhibitory cells, and the others as many of each kind as cells that excite; synapses onto
dendritic inhibitory cells do not learn (there, by Hebb's rule with a constant sum); the teacher is the
gradient of any cost; rates are not cut off at 1 where synapses learn of them.
"""

from brian2 import ms

from neurofa.pathways import dale, glorot, shares
from neurofa.rule import LearningRule, Pathway, Plasticity, Population

NEURON = """
dv/dt = (-v + v_basal - v_soma) / tau_v : 1                              # soma: excitation from below, inhibition beside it
ddend/dt = (-dend + clip(g_B*v_down - v_lateral, -1, 1)) / tau_d : 1     # dendrite: what inhibition leaves of what comes down
r = phi(clip(v, 0, 1e9)) : 1                                             # firing rate, never negative
plateau = feedback_on * dend * dphi(v) * int(v > 0) : 1                  # what synapses learn from
sent = phi(clip(v + plateau, 0, 1e9)) : 1                                # the nudged rate, which the layer below hears
"""
OUTPUT = """
ddend/dt = (-dend - feedback_on * clip(dcost, -1, 1)) / tau_d : 1        # the teacher: minus the gradient of the cost
v_soma = 0 : 1                                                           # nothing inhibits it
"""
INHIBITORY = """
dv/dt = (-v + v_excitatory - v_inhibitory) / tau_I : 1                   # excited by cells that excite, inhibited by its own kind
r = phi(v) : 1                                                           # firing rate, rectified
"""
BESIDE = dict(size="same", along="hidden", activation="relu")
UP = dict(source="below", signal="r", init=glorot(3.0), through=(dale(1.0),))
SOMATIC, DENDRITIC = (
    dict(source=name, signal="r", init=shares(1.0)) for name in ("somatic", "dendritic")
)
EXCITED = dict(source="same", signal="r", into="v_excitatory", init=shares(1.0))
RULE = LearningRule(
    name="dendritic target propagation",
    reference="Galloni et al. 2026",
    neuron=NEURON,
    output=OUTPUT,
    populations=(
        Population("somatic", INHIBITORY.replace("v_ex", "v_below + v_ex"), **BESIDE),
        Population("dendritic", INHIBITORY, **BESIDE),
    ),
    feedforward=Pathway("W", into="v_basal", to="layers", bias=True, **UP),
    pathways=(
        # what inhibits somata is excited as they are, from below, and by them
        Pathway("P", into="v_below", to="somatic", **UP),
        Pathway("E", to="somatic", **EXCITED),
        Pathway("R", into="v_inhibitory", to="somatic", **SOMATIC),
        Pathway("S", into="v_soma", **SOMATIC | dict(init=shares(2.0))),
        # what inhibits dendrites learns to foresee the layer above
        Pathway("B", source="above", signal="sent", into="v_down", weights="W.T"),
        Pathway("F", to="dendritic", **EXCITED),
        Pathway("G", into="v_inhibitory", to="dendritic", **DENDRITIC),
        Pathway("Y", into="v_lateral", through=(dale(1.0),), **DENDRITIC | dict(init=shares(2.0))),
    ),
    plasticity=(
        Plasticity("Y", after="free", equation="w += eta_Y * dend_post * r_pre", rate="eta_Y"),
        Plasticity("W", after="feedback", equation="w += eta * plateau_post * r_pre"),
    ),
    parameters=dict(
        tau_v=10 * ms,  # cells that excite
        tau_I=10 * ms,  # cells that inhibit
        tau_d=10 * ms,  # dendrites
        g_B=0.05,  # how strong feedback is, beside W
        eta=0.1,  # learning rate
        eta_Y=0.3,  # of synapses that inhibit dendrites
    ),
)
