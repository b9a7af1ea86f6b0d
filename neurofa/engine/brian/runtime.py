"""What no circuit changes, compiled once for each precision and linked to all of them: the loop over
steps, noise, products with packed weights, elementary functions."""

import numpy as np
import numpy.typing as npt

from .job import CODE

_TEXT = """
#include <cstdint>
namespace neurofa {{
typedef {real} Real;
{structures}
}}
#include "runtime.cpp"
"""


def real(dtype: npt.DTypeLike) -> str:
    """Return the name of a precision in C++."""
    return dict(float64="double", float32="float")[np.dtype(dtype).name]


def runtime(dtype: npt.DTypeLike) -> str:
    """Return the C++ of what no circuit of this precision changes."""
    return _TEXT.format(real=real(dtype), structures=CODE)
