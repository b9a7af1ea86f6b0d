"""What decays for long becomes zero, not a number that takes the processor a hundred times as
long."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, fa

from neurofa import Learner, Length, Network, Trial, present
from neurofa.engine.brian.denormals import flushed
from neurofa.learning.optimisers import ADAM, MOMENTUM

SMALL = {"float64": 1e-310, "float32": 1e-40}


def network(rule, target, dtype, **options):
    return Network([3, 4, 2], rule, trials=4, dtype=dtype, target=target, seed=1, **options)


def denormal(array):
    return (array != 0) & (np.abs(array) < np.finfo(array.dtype).tiny)


def here(dtype):
    """Whether this thread computes with numbers that are too small for full precision."""
    return bool(denormal(np.full(2, SMALL[dtype], dtype) * np.ones(2, dtype)).all())


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize(
    "rule, threads", [(fa.RULE, 1), (fa.RULE, 2), (dfc.RULE, 1)], ids=["fa", "fa, threads", "dfc"]
)
def test_states_that_decay_become_zero(rule, threads, dtype, target):
    net = network(rule, target, dtype, threads=threads if target == "cpp" else 1)
    states = list(net.time_constants())
    for name in states:
        net[name] = SMALL[dtype]
    net.run("free", Length(5 * ms, dt=1 * ms))
    for name in states:
        assert not denormal(net[name]).any(), name
    assert here(dtype), "the process computes otherwise than before"


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize(
    "optimiser, kept", [(ADAM, ("m", "s")), (MOMENTUM, ("m",))], ids=["adam", "momentum"]
)
def test_moments_that_decay_become_zero(optimiser, kept, dtype, target):
    net = network(fa.RULE, target, dtype)
    learner = Learner(net, Trial(dt=5 * ms, default=10 * ms), optimiser)
    for name in kept:
        net[f"W1.w.{name}"][...] = SMALL[dtype]
    present(learner, np.zeros((4, 3)), np.zeros((4, 2)))
    for name in kept:
        assert not denormal(net[f"W1.w.{name}"]).any() and here(dtype)


def test_a_long_silence_ends_in_zero(target):
    """From 1 to where numbers of single precision end: 88 time constants; without flushing, 104."""
    net = network(fa.RULE, target, "float32")
    net["hidden1.v"] = 1.0
    net.run("free", Length(900 * ms, dt=2 * ms))
    # NumPy 1 computes the change in single precision, too: a fifth, which is flushed before v is
    stays = target == "numpy" and np.__version__.startswith("1.")
    assert abs(net["hidden1.v"]).max() <= (5 * np.finfo("float32").tiny if stays else 0)


@pytest.mark.parametrize("dtype", SMALL)
def test_the_context_ends_on_every_way_out(dtype):
    assert here(dtype)
    with pytest.raises(ZeroDivisionError), flushed():
        if np.full(2, SMALL[dtype], dtype).sum() * 0 == 0 and not here(dtype):
            raise ZeroDivisionError
    assert here(dtype)
    with flushed():
        with flushed():
            pass
        assert not here(dtype)
    assert here(dtype)
