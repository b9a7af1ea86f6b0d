"""Local losses with deeper readouts: beside every hidden layer, a readout with a hidden population
of its own tries to do the task, and the layer learns from its error.

Belilovsky, Eickenberg & Oyallon, "Greedy layerwise learning can scale to ImageNet", ICML 2019, and
"Decoupled greedy learning of CNNs", ICML 2020. As models/local_losses.py, where the readout is
linear. The papers' readouts are convolutional and pool; here the hidden population is as large as
its layer, with the same phi. The first paper trains one layer after the other; here, as in the
second, all learn at once. Errors return through transposes: not local. No error crosses layers.
`rule` makes readouts with more populations (models/local_losses_two_hidden.py has two).
"""

from neurofa.pathways import normal
from neurofa.rule import LearningRule, Pathway, Plasticity, Population

from . import local_losses

HELPER = """
dv/dt = (-v + v_basal) / tau_v : 1                              # hidden cells of this layer's readout
ddelta/dt = (-delta + dphi(v) * v_apical) / tau_delta : 1       # their error
r = phi(v) : 1
"""


def rule(name: str, helpers: dict[str, tuple[str, str]]) -> LearningRule:
    """Return the rule whose readouts have these hidden populations, the one that the layer leads to
    first: `{population: (synapses that enter it, synapses that bring its error back)}`."""
    pathways, below = [], "same"
    for helper, (up, back) in helpers.items():
        heard = "hidden" if below == "same" else below
        pathways += [
            Pathway(up, below, "r", into="v_basal", to=helper, bias=True, init=normal()),
            Pathway(back, helper, "delta", into="v_apical", to=heard, weights=f"{up}.T"),
        ]
        below = helper
    return local_losses.RULE.but(
        name=name,
        reference="Belilovsky et al. 2019",
        populations=(
            *(Population(helper, HELPER, size="same", along="hidden") for helper in helpers),
            *local_losses.RULE.populations,
        ),
        pathways=(
            *pathways,
            Pathway("P", below, "r", into="v_readout", to="readout", bias=True, init=normal()),
            Pathway("E", "readout", "error", into="v_apical", to=below, weights="P.T"),
        ),
        plasticity=(
            *local_losses.RULE.plasticity,
            *(
                Plasticity(up, after="feedback", equation="w += -eta * delta_post * r_pre")
                for up, _ in helpers.values()
            ),
        ),
    )


RULE = rule("local losses, hidden", {"helper": ("H", "L")})
