"""Local losses with deeper readouts: beside every hidden layer, a readout with a hidden population
of its own tries to do the task, and the layer learns from its error.

Belilovsky, Eickenberg & Oyallon, "Greedy layerwise learning can scale to ImageNet", ICML 2019, and
"Decoupled greedy learning of CNNs", ICML 2020. As models/local_losses.py, where the readout is
linear. The papers' readouts are convolutional and pool; here the hidden population is as large as
its layer, with the same phi. The first paper trains one layer after the other; here, as in the
second, all learn at once. Errors return through transposes: not local. No error crosses layers.
"""

from neurofa.pathways import normal
from neurofa.rule import Pathway, Plasticity, Population

from . import local_losses

HELPER = """
dv/dt = (-v + v_basal) / tau_v : 1                              # hidden cells of this layer's readout, by H
ddelta/dt = (-delta + dphi(v) * v_apical) / tau_delta : 1       # their error
r = phi(v) : 1
"""
RULE = local_losses.RULE.but(
    name="local losses, hidden",
    reference="Belilovsky et al. 2019",
    populations=(
        Population("helper", HELPER, size="same", along="hidden"),
        *local_losses.RULE.populations,
    ),
    pathways=(
        Pathway(
            "H", source="same", signal="r", into="v_basal", to="helper", bias=True, init=normal()
        ),
        Pathway(
            "P",
            source="helper",
            signal="r",
            into="v_readout",
            to="readout",
            bias=True,
            init=normal(),
        ),
        Pathway("E", source="readout", signal="error", into="v_apical", to="helper", weights="P.T"),
        Pathway("L", source="helper", signal="delta", into="v_apical", weights="H.T"),
    ),
    plasticity=(
        *local_losses.RULE.plasticity,
        Plasticity("H", after="feedback", equation="w += -eta * delta_post * r_pre"),
    ),
)
