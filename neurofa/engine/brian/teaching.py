"""The compiled side of learning: what teach.h is given, and the libraries that learn.

One is the loop, the same for all rules; one is made of the texts of plasticity lines and optimisers.
Both serve circuits of all sizes: they know no arrays.
"""

import ctypes
from enum import IntEnum
from functools import lru_cache

from . import looping
from .cache import kept
from .loaded import opened
from .runtime import real
from .structures import Field, in_cpp, structure
from .toolchain import key


class Kind(IntEnum):
    """Where the change that a term asks for comes from."""

    AFTER = 0  # a product of factors, as they are when the phase has ended
    STEADY = 1  # the same, of a factor that was integrated and one that stood still
    DURING = 2  # a product that was integrated
    DECAY = 3  # the weight alone


class Keeping(IntEnum):
    """What keeps weights as their pathways say."""

    EXISTING = 0  # some synapses exist (truth values), and no others
    MISSING = 1  # some are cut
    SIGNS = 2  # each has a sign (Real)


FACTOR = (
    Field("FactorCode", "code", "the expression"),
    Field("const Real* const*", "in", "the arrays that it reads"),
    Field("const double*", "values", "its parameters"),
    Field("int64_t", "units", "of the population"),
    Field("Real*", "out", "(trials, units)"),
)
TERM = (
    Field("int32_t", "kind", "a Kind"),
    Field("int32_t", "power", "of the weight"),
    Field("const Real*", "post", "(trials, post); of a decay: its rate, or null"),
    Field("const Real*", "pre", "(trials, pre); of a DURING: the product (post, pre)"),
    Field("double", "constant", "of a decay: its rate; else the presynaptic factor of the bias"),
    Field(
        "const Real*", "beside", "(post, pre): other weights that it is multiplied with; or null"
    ),
)
PLASTIC = (
    Field("int64_t", "n_post", ""),
    Field("int64_t", "n_pre", ""),
    Field("Real*", "w", "(post, pre); null where the group has none of its own"),
    Field("Real*", "bias", "(post,); null where there is none"),
    Field("const Term*", "terms", ""),
    Field("int32_t", "n_terms", ""),
    Field("int32_t", "asks", "whether any term is of activity"),
    Field("int32_t", "decays", "whether any is not"),
    Field("Real*", "dw", "(post, pre): what activity asks for"),
    Field("Real*", "dbias", "(post,)"),
    Field("Real*", "decay", "(post, pre): what decay asks for"),
    Field("Real*", "bias_decay", "(post,)"),
    Field("Real*", "product", "(post, pre): of one term, where weights stand in it"),
    Field("UpdateCode", "update", "the optimiser"),
    Field("Real* const*", "of_w", "w and its moments"),
    Field("Real* const*", "of_bias", "bias and its moments"),
    Field("double*", "values", "updates so far, eta, parameters of the optimiser"),
    Field("double", "weight_decay", "of the optimiser"),
    Field("const uint8_t*", "cut", "(post, pre): synapses that are cut; or null"),
    Field("int32_t", "direct", "w = w + dw, of a single product, and nothing else"),
    Field("int32_t*", "made", "whether dw was made; else it is made in the place of w"),
    Field("int32_t", "gathers", "what its presynaptic cells sent is told apart, before it changes"),
    Field("Real* const*", "kept", "what was gathered of dw, dbias, decay, bias_decay; or null"),
    Field("int32_t*", "pieces", "how often something was gathered"),
    Field("int32_t", "n_sums", ""),
    Field("const Block*", "sums", "what the phase integrates for it"),
)
BLOCK = (Field("void*", "where", "an array"), Field("int64_t", "bytes", "of it"))
KEEP = (
    Field("int32_t", "kind", "a Keeping"),
    Field("Real*", "w", "(post, pre)"),
    Field("int64_t", "n_post", ""),
    Field("int64_t", "n_pre", ""),
    Field("const void*", "structure", "(post, pre)"),
)
LESSON = (
    Field("int32_t", "n_factors", ""),
    Field("const Factor*", "factors", ""),
    Field("int32_t", "n_plastic", ""),
    Field("const Plastic*", "plastic", ""),
    Field("int32_t", "n_keeps", ""),
    Field("const Keep*", "keeps", ""),
    Field("int64_t", "size", "of the largest synapse group"),
    Field("Real*", "scratch", "room for two factors"),
)
TABLES = dict(Block=BLOCK, Factor=FACTOR, Term=TERM, Plastic=PLASTIC, Keep=KEEP, Lesson=LESSON)
Block, Factor, Term, Plastic, Keep, Lesson = (
    structure(name, table) for name, table in TABLES.items()
)

_TYPES = """
#include <algorithm>
#include <cmath>
#include <cstdint>
#include "vectormath.h"
namespace neurofa {{
typedef {real} Real;
typedef void (*FactorCode)(const Real* const* in, const double* values, int64_t n, Real* out);
typedef void (*UpdateCode)(Real* const* state, const Real* change, const double* values, int64_t first, int64_t last);
}}
using neurofa::Real;
"""
# what is the same for all texts
_LOOP = (
    _TYPES
    + """
#ifdef _OPENMP
#include <omp.h>
#else
static int omp_get_thread_num() {{ return 0; }}
static int omp_get_num_threads() {{ return 1; }}
#endif
namespace neurofa {{
{kinds}
{structures}
}}
#include "loop.h"
extern "C" {{
int neurofa_learn(const neurofa::Lesson* lesson, int trials, const uint8_t* unsettled, int threads) {{
    return neurofa::learn(*lesson, trials, unsettled, threads);
}}
int neurofa_gather(const neurofa::Lesson* lesson, int trials, int threads) {{
    return neurofa::gather(*lesson, trials, threads);
}}
int neurofa_loop(neurofa::Loop* loop) {{ return neurofa::loop(*loop); }}
}}
"""
)
_TEXTS = (
    _TYPES
    + """
#include "reals.h"
{functions}
extern "C" {{
neurofa::FactorCode neurofa_factors[] = {{ {factors} nullptr }};
neurofa::UpdateCode neurofa_updates[] = {{ {updates} nullptr }};
}}
"""
)


class Library:
    """Compiled learning: `learn`, `gather` and `loop`, and the codes of the factors and updates of some texts,
    in the order in which these were given."""

    def __init__(self, loop: ctypes.CDLL, texts: ctypes.CDLL, n_factors: int, n_updates: int):
        self._functions = loop, texts  # which must stay
        self.learn, self.gather = loop.neurofa_learn, loop.neurofa_gather
        self.loop = loop.neurofa_loop
        self.factors = list((ctypes.c_void_p * n_factors).in_dll(texts, "neurofa_factors"))
        self.updates = list((ctypes.c_void_p * n_updates).in_dll(texts, "neurofa_updates"))


def library(
    functions: tuple[str, ...], factors: tuple[str, ...], updates: tuple[str, ...], dtype: str
) -> Library:
    """Return the Library of C++ `functions`; `factors` and `updates` are the names of those that
    are such. Raises CompileError."""
    texts = _TEXTS.format(
        real=real(dtype),
        functions="\n".join(functions),
        factors="".join(f"{name}, " for name in factors),
        updates="".join(f"{name}, " for name in updates),
    )
    return Library(
        _compiled(_loop(dtype), dtype), _compiled(texts, dtype), len(factors), len(updates)
    )


def _loop(dtype):
    kinds = [
        f"enum {{ {', '.join(f'{m.name} = {m.value}' for m in one)} }};"
        for one in (Kind, Keeping, looping.Type)
    ]
    structures = [*(in_cpp(name, table) for name, table in TABLES.items()), looping.CODE]
    return _LOOP.format(real=real(dtype), kinds="\n".join(kinds), structures="\n".join(structures))


@lru_cache(maxsize=256)
def _compiled(source, dtype):
    """Return the functions of C++ code, which computes in this precision."""

    def write(folder):
        (folder / "library.cpp").write_text(source)
        return folder / "library.cpp"

    return opened(*kept(key(source), write, dtype))
