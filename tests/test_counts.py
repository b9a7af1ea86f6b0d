"""Steps, samples and units are counted in 64 bits, and what nobody could count or hold is refused
before it is tried."""

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models import fa

from neurofa import Length, Network, NetworkError, Recorder, Trial, settle
from neurofa.rules.pathways import delayed

HUGE = 2**32


def network(target, rule=fa.RULE, trials=2):
    net = Network([2, 3, 2], rule, trials, target=target, seed=1)
    net.stimulus(np.ones((trials, 2)))
    return net


@pytest.mark.parametrize("every", [2**31, HUGE, HUGE + 1, 2**64 + 1])
def test_samples_further_apart_than_32_bits_count(every, target):
    net = network(target)
    try:
        recorder = Recorder(["hidden1.v"], every=every)
    except NetworkError as refused:
        assert f"every = {every}" in str(refused)
    else:
        net.run("free", Length(50 * ms, dt=1 * ms), recorder)
        assert recorder.recording().dataset.sizes["time"] == 0


@pytest.mark.parametrize("n", [HUGE, HUGE // 2, 3 * HUGE, 2**64])
@pytest.mark.parametrize("how", ["short steps", "long time constants"])
def test_a_time_constant_may_be_any_number_of_steps(how, n, target):
    rule = fa.RULE if how == "short steps" else fa.RULE.but(tau_v=n * ms, tau_delta=n * ms)
    net, dt = network(target, rule), 10 * ms / n if how == "short steps" else 1 * ms
    result = net.run("free", Length(7 * dt, dt=dt))
    assert result.steps == 7 and np.isfinite(result.residual).all()
    np.testing.assert_allclose(net["hidden1.v"][0], net["W1"].sum(axis=1) * 7 / float(n), rtol=1e-6)


@pytest.mark.parametrize(
    "at_most, dt",
    [(1e300 * second, 1 * ms), (1e308 * second, 1e-9 * second), (1 * second, 1e-20 * second)],
)
def test_phases_that_nobody_could_wait_for_are_refused(at_most, dt, target):
    net = network(target)
    for length in (settle(at_most=at_most, dt=dt), Length(at_most, dt=dt)):
        with pytest.raises(
            NetworkError, match="free phase: .* time steps .*more than can be counted"
        ):
            net.run("free", length)
    # settled long before
    assert net.run("free", settle(at_most=1e9 * second, dt=10 * ms)).steps < 1000


@pytest.mark.parametrize(
    "delay, dt",
    [(1e6 * second, 1e-6 * second), (1e300 * second, 1 * ms), (10 * ms, 1e-18 * second)],
)
def test_delays_that_no_memory_holds_are_refused(delay, dt, target):
    net = network(target, fa.RULE.through(delayed(10 * ms)))
    net.set(delay_B=delay)
    with pytest.raises(
        NetworkError, match="A delay of .* GB, and this machine has .* Use a longer dt"
    ):
        net.run("feedback", Length(3 * dt, dt=dt))
    net.set(delay_B=10 * ms)
    assert net.run("feedback", Length(30 * ms, dt=1 * ms)).steps == 30


def test_a_trial_of_such_lengths_says_it_too():
    with pytest.raises(NetworkError, match="more than can be counted"):
        network("numpy").run("free", Trial(free=1e300 * second)["free"])
