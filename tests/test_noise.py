"""White noise: the generator against its authors' answers, its distribution, and what it does to a
circuit."""

import numpy as np
import pytest
from brian2 import ms
from scipy import stats

from neurofa import LearningRule, Network, Phase, Recorder, settle
from neurofa.engine.brian.noise import normals, philox

# Known answers of the generator's authors: Random123, tests/kat_vectors.
KNOWN = {
    (7, 0, 0): "5f6fb709 0d893f64 4f121f81 4f730a48",
    (7, 0xFFFFFFFF, 0xFFFFFFFF): "5207ddc2 45165e59 4d8ee751 8c52f662",
    (10, 0, 0): "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    (10, 0xFFFFFFFF, 0xFFFFFFFF): "408f276d 41c83b0e a20bc7c6 6d5451fd",
}
RULE = LearningRule(
    name="OU",
    reference="Uhlenbeck & Ornstein 1930",
    plasticity=(),
    phases=(Phase("free"), Phase("noise", on=("noise_on",))),
    neuron="""
    dv/dt = (-v + v_basal) / tau_v : 1
    dx/dt = -x / tau_x + noise_on * sigma * sqrt(2/tau_x) * xi : 1
    dy/dt = -y / tau_x + noise_on * sigma * sqrt(2/tau_x) * xi_2 : 1
    r = phi(v) : 1
    """,
    parameters=dict(tau_v=10 * ms, tau_x=20 * ms, sigma=0.5),
)
UNITS, TRIALS = 250, 4


def network(target="cpp", seed=3, **options):
    net = Network([3, UNITS, 10], RULE, trials=TRIALS, target=target, seed=seed, **options)
    net.stimulus(np.ones((TRIALS, 3)))
    return net


def noise_of(net, duration=200 * ms, names=("hidden1.x",), every=1):
    recorder = Recorder(list(names), every=every)
    net.run("noise", duration, record=recorder)
    return [recorder.recording()[name].values for name in names]


@pytest.mark.parametrize("case", KNOWN)
def test_the_generator_gives_the_answers_of_its_authors(case):
    rounds, counter, key = case
    assert (
        " ".join(f"{int(word):08x}" for word in philox((counter,) * 4, (key,) * 2, rounds))
        == KNOWN[case]
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_numbers_are_standard_normal(dtype):
    # 10^7
    sample = normals(4000, 2500, seed=7, stream=1, now=5, dtype=dtype).ravel().astype(float)
    n = sample.size
    assert abs(sample.mean()) < 5 / n**0.5
    assert abs(sample.var() - 1) < 5 * (2 / n) ** 0.5
    assert (
        abs(stats.skew(sample)) < 5 * (6 / n) ** 0.5
        and abs(stats.kurtosis(sample)) < 5 * (24 / n) ** 0.5
    )
    assert stats.kstest(sample, "norm").pvalue > 1e-4
    assert (
        abs((np.abs(sample) > 4).sum() - n * 2 * stats.norm.sf(4))
        < 5 * (n * 2 * stats.norm.sf(4)) ** 0.5
    )


def test_seeds_streams_steps_trials_and_units_are_independent():
    base = normals(2, 4001, seed=7, stream=1, now=5)
    others = [
        normals(2, 4001, seed=8, stream=1, now=5),
        normals(2, 4001, seed=7, stream=2, now=5),
        normals(2, 4001, seed=7, stream=1, now=6),
        base[::-1],
        np.roll(base, 1, axis=1),
        np.roll(base, 1001, axis=1),
    ]
    for other in others:
        assert abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 5 / base.size**0.5


def test_a_trial_has_the_same_noise_whatever_runs_beside_it():
    np.testing.assert_array_equal(normals(2, 10, 7, 1, 5), normals(5, 10, 7, 1, 5)[:2])


def test_compiled_interpreted_and_threaded_noise_are_the_same():
    [compiled], [threaded], [interpreted] = (
        noise_of(network(**o)) for o in ({}, dict(threads=2), dict(target="numpy"))
    )
    np.testing.assert_array_equal(compiled, threaded)
    np.testing.assert_allclose(compiled, interpreted, atol=1e-13)


def test_a_seed_repeats_a_sequence_and_goes_on_where_it_was():
    net = network()
    [whole] = noise_of(net)
    [again] = noise_of(network(), 80 * ms)
    np.testing.assert_array_equal(whole[:, :80], again)
    state = net.noise
    assert state == (3, 200)
    net.reset()
    [later] = noise_of(net)
    assert not np.allclose(later, whole)
    net.reset()
    net.noise = state
    np.testing.assert_array_equal(noise_of(net)[0], later)


def test_variance_and_correlation_time_are_those_of_the_process():
    """dx = -x/tau dt + sigma sqrt(2/tau) dW: the variance is sigma^2, the correlation
    exp(-lag/tau)."""
    x, y = noise_of(network(), 2000 * ms, ("hidden1.x", "hidden1.y"))
    x, y = x[:, 200:], y[:, 200:]
    samples = x.size / 40  # independent ones: two correlation times of 20 steps apart
    assert x.var() == pytest.approx(0.25, rel=5 * (2 / samples) ** 0.5)
    for lag in (1, 10, 20):
        assert (x[:, lag:] * x[:, :-lag]).mean() / x.var() == pytest.approx(
            np.exp(-lag / 20), abs=5 / samples**0.5
        )
    assert abs((x * y).mean()) / x.var() < 5 / samples**0.5


def test_where_a_gate_keeps_the_noise_out_none_is_drawn_and_the_circuit_settles():
    net = network()
    assert net.silent_noise["free"] == ("hidden1.xi", "hidden1.xi_2", "output.xi", "output.xi_2")
    assert net.silent_noise["noise"] == ()
    assert (net.run("free", settle(1e-9)).residual <= 1e-9).all()
    assert not net["hidden1.x"].any()
