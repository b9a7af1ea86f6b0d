"""Local losses: beside every hidden layer a readout tries to do the task itself, and the layer
learns from the readout's error.

Nokland & Eidnes, "Training neural networks with local error signals", ICML 2019 (the prediction
loss); Belilovsky, Eickenberg & Oyallon, "Decoupled greedy learning of CNNs", ICML 2020. Errors
return through the transpose of the readout's synapses: not local (models/local_losses_random.py
is). No error crosses layers. The papers update each layer as soon as its rates are computed; here
the teacher comes in a phase of its own.
"""

from neurofa.pathways import normal
from neurofa.rule import Pathway, Plasticity, Population

from . import fa

READOUT = """
dv/dt = (-v + v_readout) / tau_v : 1                            # readout of this layer, by P
r = v : 1
error = feedback_on * dcost : 1                                 # gradient of the layer's own cost
"""
RULE = fa.RULE.but(
    name="local losses",
    reference="Nokland & Eidnes 2019",
    populations=(
        Population(
            "readout", READOUT, size="output", along="hidden", links={"target": "output.target"}
        ),
    ),
    pathways=(
        Pathway(
            "P", source="same", signal="r", into="v_readout", to="readout", bias=True, init=normal()
        ),
        Pathway("L", source="readout", signal="error", into="v_apical", weights="P.T"),
    ),
    plasticity=(
        *fa.RULE.plasticity,
        Plasticity("P", after="feedback", equation="w += -eta * error_post * r_pre"),
    ),
)
