"""Numbers too small for full precision, which a processor takes a hundred times as long for, are
taken for zero.

What is silent decays into such numbers: traces, moments, products of both. The compiled loop sets
the processor's mode for itself (denormals.h); this is for what NumPy does. The mode belongs to the
thread, and is put back.
"""

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# Where fenv_t of the C library has the register, and the bits in it that say "results that are too
# small become zero; operands too".
_REGISTER = {
    ("linux", "x86_64"): (7, 0x8040),
    ("linux", "aarch64"): (0, 1 << 24),
    ("darwin", "x86_64"): (1, 0x8040),
    ("darwin", "arm64"): (2, 1 << 24),
}.get((sys.platform, platform.machine()))

for _dtype in (np.float32, np.float64):
    # NumPy warns if it looks for the first time while it is zero
    np.finfo(_dtype).smallest_subnormal


@contextmanager
def flushed() -> Iterator[None]:
    """Within this context, the results of this thread that are too small for full precision are
    zero, where that can be had."""
    if _REGISTER is None:
        yield
        return
    before = (ctypes.c_uint32 * 16)()
    _libm.fegetenv(before)
    now = (ctypes.c_uint32 * 16)(*before)
    now[_REGISTER[0]] |= _REGISTER[1]
    _libm.fesetenv(now)
    try:
        yield
    finally:
        _libm.fesetenv(before)


try:
    _libm = ctypes.CDLL("libm.so.6" if sys.platform == "linux" else None)
    _libm.fegetenv, _libm.fesetenv
except (OSError, AttributeError):
    _REGISTER = None
