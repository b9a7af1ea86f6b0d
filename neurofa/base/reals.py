"""Functions of a rule's text whose values are real numbers, however large, as NumPy evaluates them;
reals.h has the same in C++."""

import numpy as np
import numpy.typing as npt


def whole(x: npt.ArrayLike) -> np.ndarray | np.floating:
    """Return numbers, or truth values, cut to whole numbers, towards 0."""
    return np.trunc(np.multiply(x, 1.0))


REALS = dict(int=whole, floor=np.floor, ceil=np.ceil, clip=np.clip)
