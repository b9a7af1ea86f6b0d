"""Deep feedback control, steady-state form: as models/dfc.py, but weights change once, after the
feedback phase has settled.

Meulemans et al., "Credit assignment in neural networks through deep feedback control", NeurIPS 2021
(DFC-SS).
"""

from neurofa.rule import Plasticity

from . import dfc

RULE = dfc.RULE.but(
    name="DFC-SS",
    plasticity=(
        Plasticity("W", after="feedback", equation="w += eta * (r_post - r_basal_post) * r_pre"),
    ),
)
