"""Overlapping local losses: the error of a layer's own loss teaches that layer and the one below.

Xiong, Ren & Urtasun, "LoCo: Local contrastive representation learning", NeurIPS 2020. As
models/local_losses.py, but every two neighbours share a block: a layer also hears, through the
transpose of W, the error that the layer above has by its own readout, and of no layer further up.
The last hidden layer hears the output's error. Not local: P and W are read backwards. The paper's
loss is contrastive, without labels, and its blocks are stages of a convolutional network; here each
layer is a stage, and its loss is that of a linear readout of the task.
"""

from neurofa.rule import Pathway

from . import local_losses

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                              # soma: feedforward input only
deps/dt = (-eps + dphi(v) * v_apical) / tau_delta : 1           # error of the layer's own loss
ddelta/dt = (-delta + dphi(v) * (v_apical + v_above)) / tau_delta : 1    # and of the loss of the layer above
r = phi(v) : 1                                                  # firing rate
"""
OUTPUT = """
v_apical = feedback_on * dcost : 1                              # the teacher: gradient of the cost
v_above = 0 : 1                                                 # nothing is above
"""
RULE = local_losses.RULE.but(
    name="LoCo",
    reference="Xiong et al. 2020",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(
        *local_losses.RULE.pathways,
        Pathway("B", source="above", signal="eps", into="v_above", weights="W.T"),
    ),
)
