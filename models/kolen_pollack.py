"""Kolen-Pollack: feedforward and feedback synapses make the same change and decay alike, so that
they forget how they differed.

Kolen & Pollack, "Backpropagation without weight transport", IEEE International Conference on Neural
Networks 1994; as in Akrout et al., "Deep learning without weight transport", NeurIPS 2019,
equations 16 and 17. After t updates W - B^T = (1 - decay)^t (W - B^T at the start). Biases decay as
weights do. The paper's rule is discrete; here errors are potentials, as in models/fa.py.
"""

from neurofa.rule import Plasticity

from . import fa

RULE = fa.RULE.but(
    name="Kolen-Pollack",
    reference="Kolen & Pollack 1994",
    plasticity=(
        Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre - decay * w"),
        # the same product
        Plasticity("B", after="feedback", equation="w += -eta * r_post * delta_pre - decay * w"),
    ),
    parameters=dict(
        decay=3e-4,  # part of every weight that is lost per update
    ),
)
