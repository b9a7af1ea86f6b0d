"""Sign symmetry with strengths drawn anew at every update: only the signs are lasting.

Liao, Leibo & Poggio, "How important is weight symmetry in backpropagation?", AAAI 2016. Otherwise
as models/sign_symmetry.py.
"""

from dataclasses import replace

from neurofa.pathways import sign_concordant

from . import sign_symmetry

RULE = sign_symmetry.RULE.but(
    name="sign symmetry, redrawn",
    pathways=(
        replace(
            sign_symmetry.RULE.pathways[0], init=sign_concordant(magnitudes="redrawn", tracked=True)
        ),
    ),
)
