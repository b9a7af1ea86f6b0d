"""Deep feedback control, steady-state form, that learns its feedback: awake as models/dfc_ss.py,
asleep as models/dfc_learned.py.

Meulemans et al., "Credit assignment in neural networks through deep feedback control", NeurIPS 2021
(DFC-SS, equation 12). In their training on images, a circuit sleeps for three epochs after each
that it is awake; here, after every trial.
"""

from . import dfc_learned, dfc_ss

RULE = dfc_learned.RULE.but(
    name="DFC-SS, learned feedback",
    plasticity=(*dfc_ss.RULE.plasticity, dfc_learned.RULE.plasticity[-1]),
)
