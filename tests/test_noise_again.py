"""The noise of one trial of a batch, heard again: alone, in another place, by another network."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import Learner, Network, NetworkError, Recorder, Trial, lookup, present, settle
from neurofa.rules.pathways import noisy

SIZES, K = (4, 6, 5, 3), 6
LOUD = (
    fa.RULE.through(noisy(0.1, 10 * ms))
    .through(noisy(0.1 * ms**0.5))
    .through(noisy(0.2, 3 * ms, shared=True))
)
TRIAL = Trial(default=20 * ms)


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(K, SIZES[0])), np.eye(3)[rng.integers(3, size=K)]


def traces(net, x, y, names, trial=TRIAL, learn=False):
    recorder = Recorder(names)
    present(Learner(net, trial), x, y, record=recorder, learn=learn)
    return [
        recorder.recording()[name].transpose("trial", "time", ...).values[: len(x)]
        for name in names
    ]


NAMES = ["hidden1.noise_B", "hidden1.noise_B_2", "hidden1.noise_B_3", "hidden2.delta"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_trial_of_a_batch_is_repeated_alone(target, dtype):
    net = Network(SIZES, LOUD, trials=K, target=target, dtype=dtype)
    x, y = batch()
    present(Learner(net, TRIAL), x, y)
    before = net.noise
    together = traces(net, x, y, NAMES)
    after = net.noise
    tolerance = dict(rtol=0, atol=1e-5 if dtype == "float32" else 1e-12)
    for trials in ([4], [5, 0, 0]):
        with net.noise_of(trials, since=before):
            again = traces(net, x[trials], y[trials], NAMES)
        for one, all_ in zip(again, together):
            np.testing.assert_allclose(one, all_[trials], **tolerance)
            assert one.std() > 0.01
        # the noise itself, to the last bit
        np.testing.assert_array_equal(again[0], together[0][trials])
    assert net.noise == after and not np.array_equal(traces(net, x, y, NAMES)[0], together[0])


def test_a_network_of_one_trial_repeats_that_of_a_batch_and_every_trial_of_its_own_place_is_itself(
    target,
):
    net, alone = (Network(SIZES, LOUD, trials=n, target=target) for n in (K, 1))
    x, y = batch()
    together = traces(net, x, y, NAMES)
    with alone.noise_of([3], since=(net.seed, 0)):
        again = traces(alone, x[3:4], y[3:4], NAMES)
    for one, all_ in zip(again, together):
        np.testing.assert_allclose(one, all_[3:4], rtol=0, atol=1e-12)
    first = traces(alone, x[:1], y[:1], NAMES)  # back in its own place
    np.testing.assert_array_equal(first[0], together[0][:1])


def test_phases_before_the_noise_may_settle_after_another_time_alone(target):
    """Noise counts the steps in which it is drawn: the free phase of one trial is shorter than that
    of the batch."""
    net = Network(SIZES, lookup.rule("target_propagation"), trials=K, target=target)
    x, y = batch()
    x[-1] = 0  # settled at once
    trial = Trial(dt=1 * ms, default=settle(1e-9), noise=30 * ms)
    before, [z] = net.noise, traces(net, x, y, ["hidden1.z"], trial)
    lengths = [result.steps for result in present(Learner(net, trial), x, y, learn=False)]
    with net.noise_of([K - 1], since=before):
        [one] = traces(net, x[-1:], y[-1:], ["hidden1.z"], trial)
        with net.without_noise():
            assert [
                result.steps for result in present(Learner(net, trial), x[-1:], y[-1:], learn=False)
            ][0] < lengths[0]
    held = z[-1, -1], one[-1, -1]
    np.testing.assert_array_equal(*held)
    assert np.ptp(held) > 0.1


def test_mistakes_are_named():
    net = Network(SIZES, LOUD, trials=2, target="numpy")
    with (
        net.noise_of([3], since=net.noise),
        pytest.raises(NetworkError, match="stimulus has 2 trials, and noise_of was given 1"),
    ):
        net.stimulus(np.ones((2, 4)))
    for trials, said in (
        ([1, 2, 3], "noise of 3 trials .* runs 1 to 2"),
        ([], "noise of 0 trials"),
        ([-1], "trials = -1"),
        ([0.5], "trials = 0.5"),
    ):
        with pytest.raises(NetworkError, match=said), net.noise_of(trials, since=net.noise):
            pass
    for since in (None, 3, "now", (1, 2, 3), (1, -2), (1, 0.5)):
        with pytest.raises(NetworkError, match="noise"), net.noise_of([0], since=since):
            pass
    net.stimulus(np.ones((2, 4)))
