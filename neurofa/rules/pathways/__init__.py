"""What one can do to a pathway: what its synapses start from, what they are like, what it does to
signals, when it is cut.

All are values that compose: `Pathway("B", ...) | at_angle(60*deg) | sparse(0.5) | delayed(20*ms) |
lesioned(at=epoch(3))`.
"""

from dataclasses import is_dataclass

from ...base.description import described
from .base import Manipulation
from .lesions import Moment, epoch, lesioned, trial, update
from .positive import shares
from .start import (
    Start,
    at_angle,
    constant,
    copy_of,
    deg,
    glorot,
    identity,
    normal,
    product_of_transposes,
    sign_concordant,
    spectral,
    uniform,
)
from .synapses import dale, fixed_signs, low_rank, masked, quantised, reaching, sparse
from .transmission import delayed, gain, noisy, only_during, rectified, saturating

__all__ = [
    "Manipulation",
    "Start",
    "at_angle",
    "constant",
    "copy_of",
    "dale",
    "deg",
    "delayed",
    "epoch",
    "fixed_signs",
    "gain",
    "glorot",
    "identity",
    "lesioned",
    "low_rank",
    "masked",
    "noisy",
    "normal",
    "only_during",
    "product_of_transposes",
    "quantised",
    "reaching",
    "rectified",
    "saturating",
    "shares",
    "sign_concordant",
    "sparse",
    "spectral",
    "trial",
    "uniform",
    "update",
]

for _value in (Moment, *(globals()[name] for name in __all__)):
    if isinstance(_value, type) and is_dataclass(_value):
        described(_value)
