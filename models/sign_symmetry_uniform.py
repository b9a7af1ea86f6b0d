"""Sign symmetry with uniform strengths: feedback synapses are the signs of their partners, all of
one size.

Liao, Leibo & Poggio, "How important is weight symmetry in backpropagation?", AAAI 2016. Otherwise
as models/sign_symmetry.py.
"""

from dataclasses import replace

from neurofa.pathways import sign_concordant

from . import sign_symmetry

RULE = sign_symmetry.RULE.but(
    name="sign symmetry, uniform",
    pathways=(
        replace(
            sign_symmetry.RULE.pathways[0], init=sign_concordant(magnitudes="uniform", tracked=True)
        ),
    ),
)
