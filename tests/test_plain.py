"""The code of interpreted circuits, without what would be the same in every step."""

import numpy as np
import pytest
from brian2.codegen.runtime.numpy_rt.numpy_rt import LazyArange

from neurofa.engine.brian.plain import Piece, _made_lean

TOP = """
import numpy as _numpy
from brian2.codegen.runtime.numpy_rt.numpy_rt import LazyArange
_vectorisation_idx = 1
_vectorisation_idx = LazyArange(N)
"""


def names_of(code):
    """Return what is left in a namespace in which code was run that knows nothing but what a network
    brings."""
    piece = Piece("one", code, "hidden1", {"_array": 0}, {})
    lengths = {"trials in parallel": 2, "hidden1": 3}
    namespace = piece.namespace([np.arange(6.0)], lengths, {"phi": np.tanh})
    exec(code, namespace)
    return namespace


def test_nothing_is_imported_and_no_index_is_made():
    code = _made_lean(TOP + "_array[:] = _numpy.maximum(phi(_array), int(2.7) / N)")
    assert not {"LazyArange", "_vectorisation_idx", "brian2"} & {*code.co_names}
    expected = np.maximum(np.tanh(np.arange(6)), 2 / 6)
    np.testing.assert_array_equal(names_of(code)["_array"], expected)


def test_an_index_that_is_read_is_made():
    code = _made_lean(TOP + "seen = _vectorisation_idx")
    assert isinstance(names_of(code)["seen"], LazyArange)


def test_what_else_is_imported_stays():
    assert names_of(_made_lean(TOP + "import math as _math\nx = _math.pi"))["x"] == np.pi


@pytest.mark.parametrize("text", ["", TOP, TOP + "# nothing that is done in a step"])
def test_nothing_may_be_left(text):
    assert _made_lean(text) is None
