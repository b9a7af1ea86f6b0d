"""Sign symmetry: feedback synapses have the sign of their feedforward partners, and fixed random
strengths.

Liao, Leibo & Poggio, "How important is weight symmetry in backpropagation?", AAAI 2016. Signs are
copied after every update, which no synapse could do by itself: not local. Batch normalisation and
batch manhattan, which the paper adds, are left out. Variants: sign_symmetry_uniform.py,
sign_symmetry_redrawn.py.
"""

from neurofa.pathways import sign_concordant
from neurofa.rule import Pathway

from . import fa

RULE = fa.RULE.but(
    name="sign symmetry",
    reference="Liao et al. 2016",
    pathways=(
        Pathway(
            "B", source="above", signal="delta", into="v_apical", init=sign_concordant(tracked=True)
        ),
    ),
)
