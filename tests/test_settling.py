"""What is said of a phase that did not settle, and when rounding is no reason to say it."""

from functools import cache

import numpy as np
import pytest
from brian2 import ms
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import Learner, Network, NotSettled, SteadyState, Trial, lookup, present, settle

K = TRIALS  # as in the golden checks, so that the same circuits are compiled


def samples(scale=1.0):
    rng = np.random.default_rng(0)
    return scale * rng.normal(size=(K, SIZES[0])), np.eye(SIZES[-1])[
        rng.integers(SIZES[-1], size=K)
    ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "trial, length",
    [
        (Trial(dt=1 * ms, default=settle(1e-3, 200 * ms)), "Lengthen the phase"),
        (SteadyState(1e-3), "a phase that is named has a length of its own"),
    ],
)
def test_a_kink_at_which_potentials_flicker_is_named_with_what_helps(
    trial, length, dtype, needs_compiler
):
    net = Network(
        SIZES, lookup.rule("predictive_coding"), K, activation="relu", seed=5, dtype=dtype
    )
    with pytest.warns(
        NotSettled, match=f"{length}.*slope of relu jumps at 0.*fixed length.*softplus"
    ) as warned:
        present(Learner(net, trial), *samples())
    assert "smaller dt" not in str(warned[0].message)  # which helps elsewhere


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_no_kink_is_blamed_where_there_is_none(activation):
    net = Network(
        SIZES, lookup.rule("predictive_coding"), K, activation=activation, seed=3, target="numpy"
    )
    with pytest.warns(NotSettled) as warned:
        present(Learner(net, Trial(dt=1 * ms, default=settle(1e-6, 20 * ms))), *samples())
    assert "jumps" not in str(warned[0].message)
    # uses no slope
    assert (
        Network(SIZES, lookup.rule("dfc_ss"), K, activation="relu", target="numpy").kink("hidden1")
        is None
    )


@cache
def network(model, dtype, target):
    return Network(SIZES, lookup.rule(model), K, seed=3, dtype=dtype, target=target)


@pytest.mark.filterwarnings("error::neurofa.NotSettled")
@pytest.mark.parametrize("model", ["dfc_ss", "dfc_ssa", "fa", "dendritic_microcircuit"])
@pytest.mark.parametrize("scale", [1, 255, 1e4])
def test_single_precision_settles_as_double_does(model, scale, target):
    """Inputs of one sign, as of images, are the hardest."""
    (x, y), results = samples(scale), {}
    for dtype in ("float32", "float64"):
        net = network(model, dtype, target)
        results[dtype] = present(Learner(net, SteadyState(1e-3)), np.abs(x), y, learn=False)
    for one, other in zip(*results.values()):
        np.testing.assert_allclose(one.output, other.output, atol=2e-3 * abs(other.output).max())


def test_an_absolute_tolerance_below_rounding_is_said_to_be_so():
    net = Network(SIZES, lookup.rule("dfc_ss"), K, seed=3, dtype="float32", target="numpy")
    with pytest.warns(
        NotSettled,
        match="In float32, states of this size are rounded to a residual of some .*dtype='float64'",
    ):
        present(Learner(net, Trial(dt=5 * ms, default=settle(1e-9, 2000 * ms))), *samples(255))
