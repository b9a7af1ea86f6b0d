"""When: lengths with units, what a trial fills in, and what the engine makes of it."""

import numpy as np
import pytest
from brian2 import Hz, inf, ms, mV, second, us
from neurofa.models import fa

from neurofa import Learner, Length, Network, NetworkError, Trial, settle

NONE = {
    "a number": 10,
    "a frequency": 10 * Hz,
    "a voltage": 10 * mV,
    "negative": -1 * ms,
    "zero": 0 * ms,
    "NaN": float("nan") * ms,
    "text": "10 ms",
}


@pytest.mark.parametrize("value", NONE.values(), ids=NONE)
@pytest.mark.parametrize(
    "make",
    [
        Length,
        lambda v: Trial(dt=v),
        lambda v: Trial(free=v),
        lambda v: settle(at_most=v),
        lambda v: settle(dt=v),
        lambda v: Length(10 * ms, dt=v),
    ],
    ids=["Length", "Trial dt", "Trial phase", "settle at_most", "settle dt", "Length dt"],
)
def test_times_need_a_unit_and_are_positive(make, value):
    with pytest.raises(NetworkError, match="positive.* time with its unit, such as 10\\*ms"):
        make(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Trial(dt=None),
        lambda: Trial(free=None),
        lambda: Length(None),
        lambda: settle(at_most=None),
        lambda: settle(at_most=inf * second),
        lambda: Trial(free=inf * second),
    ],
    ids=[
        "Trial dt",
        "Trial phase",
        "Length",
        "settle at_most",
        "settle without end",
        "phase without end",
    ],
)
def test_every_length_has_an_end(make):
    with pytest.raises(NetworkError, match="such as 10\\*ms"):
        make()


@pytest.mark.parametrize("tolerance", [0, -1e-6, 1, 2, float("nan")])
def test_a_tolerance_is_a_small_number(tolerance):
    with pytest.raises(NetworkError, match="tolerance = .*between 0 and 1"):
        settle(tolerance)


def test_what_a_trial_fills_in():
    trial = Trial(
        dt=2 * ms,
        free=30 * ms,
        feedback=settle(1e-3, at_most=1 * second),
        mirror=settle(dt=500 * us),
    )
    assert trial["free"] == Length(30 * ms, None, 2 * ms)
    assert trial["feedback"] == Length(1 * second, 1e-3, 2 * ms)
    assert trial["mirror"] == Length(5 * second, 1e-6, 500 * us)
    assert trial["sleep"] == Length(5 * second, 1e-6, 2 * ms)  # not named: settles
    assert Trial()["free"] == Length(5 * second, 1e-6, 1 * ms)


def test_a_length_that_is_no_time_is_not_filled_in():
    trial = Trial(dt=2 * ms, free=Length(30 * ms, dt=1 * ms))
    assert trial["free"].dt == 1 * ms and trial["free"].tolerance is None


def test_unknown_phases_are_refused_when_a_network_is_to_learn():
    with pytest.raises(
        NetworkError, match=r"FA has no phase 'fedback'.*feedback, free.*Did you mean 'feedback'\?"
    ):
        Learner(Network((2, 2), fa.RULE, target="numpy"), Trial(fedback=10 * ms))


def test_repr_says_what_was_given():
    text = repr(Trial(dt=2 * ms, free=30 * ms, feedback=settle(1e-3)))
    assert "dt=2. ms" in text and "free=30. ms" in text and "feedback=settle(0.001" in text


# --- what becomes of it ---
@pytest.mark.parametrize("dt", [0.5, 1, 2, 5, 10])
def test_the_time_step_is_that_of_the_trial(dt, target):
    """Euler's method multiplies the distance to the fixed point by 1 - dt/tau at every step."""
    net = Network((1, 1), fa.RULE, target=target)
    net["W1"] = 1.0
    net.stimulus([[1.0]])
    result = net.run("free", Trial(dt=dt * ms, free=20 * ms)["free"])
    assert result.steps == 20 / dt and result.duration == pytest.approx(0.02)
    assert net["output.v"].item() == pytest.approx(1 - (1 - dt / 10) ** (20 / dt), rel=1e-12)


def test_phases_with_different_time_steps(target):
    net = Network((1, 1), fa.RULE, target=target)
    net["W1"] = 1.0
    net.stimulus([[1.0]])
    trial = Trial(dt=2 * ms, free=10 * ms, feedback=Length(10 * ms, dt=1 * ms))
    net.run("free", trial["free"])
    net.run("feedback", trial["feedback"])
    assert net["output.v"].item() == pytest.approx(1 - 0.8**5 * 0.9**10, rel=1e-12)


@pytest.mark.parametrize("dt", [1, 4])
def test_settling_ends_where_the_residual_has_fallen_below_the_tolerance(dt, target):
    """The residual of the first n steps is (1 - dt/tau)^(n-1), asked for every tau/dt steps (10, or
    2 for dt = 4 ms)."""
    net = Network((1, 1), fa.RULE, target=target)
    net["W1"] = 1.0
    net.stimulus([[1.0]])
    result = net.run("free", settle(1e-3, dt=dt * ms))
    every = round(10 / dt)
    n = next(n for n in range(every, 1000, every) if (1 - dt / 10) ** (n - 1) <= 1e-3)
    assert result.steps == n
    assert result.settled_after == pytest.approx([n * dt * 1e-3])
    assert result.residual == pytest.approx([(1 - dt / 10) ** (n - 1)], rel=1e-9)


def test_a_time_step_beyond_the_time_constant_is_refused():
    net = Network((1, 1), fa.RULE, target="numpy")
    with pytest.raises(NetworkError, match="dt = 11 ms .*tau_v = 10 ms.*Use dt <= 10 ms"):
        net.run("free", Trial(dt=11 * ms)["free"])


def test_lengths_can_be_compared_and_kept():
    assert settle(1e-3) == settle(1e-3) != settle(1e-4)
    with pytest.raises(AttributeError):
        settle().tolerance = 1e-3
    assert np.isfinite(float(settle().duration))
