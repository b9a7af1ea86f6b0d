"""Elementary functions of the compiled loop: how far from the true value, in units of the last
place."""

import ctypes

import mpmath
import numpy as np
import pytest

from neurofa.engine.brian import toolchain
from neurofa.engine.brian.runtime import runtime

CODE = """
{how}
#include <cmath>
#include "vectormath.h"
extern "C" {{
{functions}
}}
"""
ONE = """
void {name}_{type}(const {type}* x, {type}* y, long n) {{
    #pragma omp simd
    for (long i = 0; i < n; i++) y[i] = neurofa::{name}(x[i]);
}}
"""
TYPES = dict(float64="double", float32="float")
# how far out there is something to tell from infinity and zero
RANGE = dict(float64=(-708, 709), float32=(-87, 88))
ULP = dict(float64=2, float32=1)


@pytest.fixture(scope="module", params=["as compiled circuits have them", "inline"])
def functions(request, tmp_path_factory):
    if toolchain.compiler() is None:
        pytest.skip("there is no C++ compiler here")
    folder = tmp_path_factory.mktemp("vectormath")
    every = [ONE.format(name=name, type=t) for name in ("exp", "tanh") for t in TYPES.values()]
    how = "#define NEUROFA_INLINE" if request.param == "inline" else ""
    (folder / "all.cpp").write_text(CODE.format(how=how, functions="".join(every)))
    (folder / "once.cpp").write_text(runtime("float64"))
    toolchain.compile_library(folder / "once.cpp", folder / "runtime.o", "-c")
    toolchain.compile_library(folder / "all.cpp", folder / "all.so", folder / "runtime.o")
    library = ctypes.CDLL(str(folder / "all.so"))

    def call(name, x):
        x = np.ascontiguousarray(x)
        y = np.empty_like(x)
        function = getattr(library, f"{name}_{TYPES[x.dtype.name]}")
        function(*(ctypes.c_void_p(one.ctypes.data) for one in (x, y)), ctypes.c_long(len(x)))
        return y

    return call


def arguments(name, dtype, n):
    rng = np.random.default_rng(0)
    low, high = RANGE[dtype] if name == "exp" else (-25, 25)
    small = 10 ** rng.uniform(-12, 0, n // 4) * rng.choice([-1, 1], n // 4)
    return np.concatenate([rng.normal(size=n // 2), rng.uniform(low, high, n // 4), small]).astype(
        dtype
    )


def distance(found, true):
    """Return the largest distance in units of the last place of the true values, which are more
    precise."""
    return float(np.max(np.abs(found - true) / np.spacing(np.abs(true.astype(found.dtype)))))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["exp", "tanh"])
def test_beside_many_digits(functions, name, dtype):
    x = arguments(name, dtype, 8000)
    with mpmath.workdps(40):
        true = [getattr(mpmath, name)(mpmath.mpf(float(one))) for one in x]
        found = [mpmath.mpf(float(one)) for one in functions(name, x)]
        places = np.spacing(np.abs(np.array(list(map(float, true))).astype(dtype)))
        off = [abs(a - b) / mpmath.mpf(float(u)) for a, b, u in zip(found, true, places)]
    assert max(off) <= ULP[dtype]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["exp", "tanh"])
def test_a_million_arguments(functions, name, dtype):
    """Beside the C library's in a wider type, which is exact enough to tell: in single precision
    everywhere, in double where a long double is wider."""
    wider = np.longdouble if dtype == "float64" else np.float64
    if np.finfo(wider).eps >= np.finfo(dtype).eps:
        pytest.skip("no type here is wider than double")
    x = arguments(name, dtype, 10**6)
    assert distance(functions(name, x), getattr(np, name)(x.astype(wider))) <= ULP[dtype] + 0.01


@pytest.mark.parametrize("dtype", TYPES)
def test_where_there_is_nothing_to_compute(functions, dtype):
    nothing = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(functions("exp", nothing), [1, 1, np.inf, 0, np.nan])
    found = functions("tanh", nothing)
    np.testing.assert_array_equal(found, [0, 0, 1, -1, np.nan])
    assert np.signbit(found).tolist()[:2] == [False, True]
    smallest = np.finfo(dtype).smallest_subnormal
    few = np.array([smallest, -smallest, 3 * smallest], dtype)
    np.testing.assert_array_equal(functions("tanh", few), few)
    np.testing.assert_array_equal(functions("exp", few), 1)


@pytest.mark.parametrize("dtype", TYPES)
def test_the_ends_of_what_can_be_told(functions, dtype):
    """Infinite above, gradually zero below."""
    info = np.finfo(dtype)
    last, first = np.log(float(info.max)), np.log(float(info.smallest_subnormal))
    assert np.isfinite(functions("exp", np.array([last * (1 - 1e-6)], dtype)))
    assert np.isposinf(functions("exp", np.array([last * (1 + 1e-6), info.max], dtype))).all()
    below = functions("exp", np.array([first * 0.99, first * 1.02, info.min], dtype))
    assert 0 < below[0] < info.tiny and (below[1:] == 0).all()
    np.testing.assert_array_equal(
        functions("tanh", np.array([30, info.max, -50], dtype)), [1, 1, -1]
    )
