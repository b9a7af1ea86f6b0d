"""Sign symmetry: the angles that agreeing signs alone give."""

import numpy as np

from neurofa import Network, lookup
from neurofa.analysis import alignment, sign_agreement

from .common import golden

# cos(angle) of two independent normal vectors with the same signs, and of one and its signs:
# (E|x|)^2 and E|x| for unit variance.
COSINES = {
    "sign_symmetry": 2 / np.pi,
    "sign_symmetry_redrawn": 2 / np.pi,
    "sign_symmetry_uniform": np.sqrt(2 / np.pi),
}


@golden(*COSINES)
def equal_signs(model, target):
    """The angle between B and W^T is that of equal signs; weights are not simulated, so that the
    target does not matter."""
    net = Network([2, 1500, 1500, 2], lookup.rule(model), target="numpy")
    yield "share of signs that differ", 1 - sign_agreement(net["W2"], net["B2"]), 0
    expected = np.degrees(np.arccos(COSINES[model]))
    yield (
        f"angle(B, W^T) = {expected:.2f} degrees",
        abs(alignment(net["W2"], net["B2"]) - expected),
        0.2,
    )
