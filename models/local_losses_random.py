"""Local losses with local feedback: the error of each layer's readout returns through fixed random
synapses.

Nokland & Eidnes, "Training neural networks with local error signals", ICML 2019 (there, feedback
alignment inside the readout). As models/local_losses.py, but no synapse is read backwards.
"""

from neurofa.rule import Pathway

from . import local_losses

RULE = local_losses.RULE.but(
    name="local losses, random",
    pathways=(
        local_losses.RULE.pathways[0],
        Pathway("L", source="readout", signal="error", into="v_apical"),
    ),
)
