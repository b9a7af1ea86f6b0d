"""What a pathway does to its signal: gain, noise, saturation, rectification, windows of time; each
against its control."""

import numpy as np
import pytest
from brian2 import ms
from interpreted import Interpreted
from neurofa.models import bfa, fa, ifa

from neurofa import (
    Learner,
    Length,
    Network,
    NetworkError,
    Pathway,
    Recorder,
    RuleError,
    Trial,
    present,
    settle,
)
from neurofa.engine.brian import cache
from neurofa.rules.pathways import delayed, gain, noisy, only_during, rectified, saturating

SIZES, TRIAL = (4, 6, 5, 3), Trial(default=60 * ms)


def batch(sizes=SIZES, trials=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(trials, sizes[0])), rng.normal(size=(trials, sizes[-1]))


def network(rule, sizes=SIZES, trials=3, target=None, seed=1, **options):
    return Network(sizes, rule, trials=trials, target=target, seed=seed, **options)


def trial(net, names=(), length=TRIAL, **options):
    """Run one trial, and return `{name: (trials, steps, units)}`."""
    recorder = Recorder(list(names)) if names else None
    present(Learner(net, length), *batch(net.sizes, net.trials), record=recorder, **options)
    return {n: recorder.recording()[n].transpose("trial", "time", ...).values for n in names}


# gain ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("g", [0.25, 2.0, 0.3])
def test_gain_is_a_learning_rate_per_layer(target, g):
    """Errors that pass from layer to layer meet it once per layer. Powers of two are exact to the
    last bit, through 5 updates.

    That is, beside a gain of 1: a compiler fuses products and sums of other text in another way.
    """
    net, plain = (
        network(fa.RULE.through(gain(g)), target=target),
        network(fa.RULE if g == 0.3 else fa.RULE.through(gain(1.0)), target=target),
    )
    learner, other = Interpreted(net, TRIAL), Interpreted(plain, TRIAL)
    for seed in range(5):
        present(learner, *batch(seed=seed))
        present(other, *batch(seed=seed), learn=False)
        for plastic in other.plastic["feedback"]:
            plastic.learn(
                {
                    n: [g ** (3 - plastic.group.layer) * dw, 0.0]
                    for n, (dw, _) in plastic.change().items()
                }
            )
    assert (plain["W1"] != network(fa.RULE)["W1"]).all()
    for name in ("W1", "W2", "W3", "W1.bias"):
        if g == 0.3:
            np.testing.assert_allclose(net[name], plain[name], rtol=1e-12)
        else:
            np.testing.assert_array_equal(net[name], plain[name])


# noise --------------------------------------------------------------------------------------------

SIGMA, TAU, WHITE = 0.5, 20 * ms, 0.3 * ms**0.5
HEARD = fa.RULE.but(
    name="FA, beside noise",
    pathways=(
        *fa.RULE.pathways,
        *(
            Pathway(name, source="below", signal="r", into=name.lower(), to="layers") | m
            for name, m in (
                ("P", noisy(SIGMA, TAU)),
                ("S", noisy(SIGMA, TAU, shared=True)),
                ("A", noisy(WHITE)),
                ("Z", noisy(WHITE, shared=True)),
            )
        ),
    ),
)
POPULATIONS, K = ("hidden1", "hidden2", "output"), 5


def noises(steps=400, dt=1 * ms, **options):
    """Return `{population.noise_pathway: (trials, steps, units)}`."""
    net, recorder = (
        network(HEARD, (3, 80, 80, 80), K, **options),
        Recorder([f"{p}.noise_{n}" for p in POPULATIONS for n in "PSAZ"]),
    )
    net.run("free", Length(steps * dt, dt=dt), recorder)
    return {
        n: recorder.recording()[n].transpose("trial", "time", ...).values for n in recorder.names
    }


@pytest.fixture(scope="module")
def heard():
    return noises(target="numpy")


def independent(a, b, samples):
    """Whether two traces correlate by less than five standard errors."""
    return abs(np.mean(a * b)) / (a.std() * b.std()) < 5 / samples**0.5


def test_private_noise_has_the_variance_and_the_correlation_time_that_it_is_given(heard):
    """Five standard errors; from the beginning of the trial."""
    for p in POPULATIONS:
        x = heard[f"{p}.noise_P"]
        n = K * 80
        for step in (0, 4, 19):
            assert x[:, step].var() == pytest.approx(SIGMA**2, rel=5 * (2 / n) ** 0.5)
        x = x[:, 200:]
        n = x.size / 40  # independent ones: two correlation times apart
        assert abs(x.mean()) < 5 * SIGMA / n**0.5
        assert x.var() == pytest.approx(SIGMA**2, rel=5 * (2 / n) ** 0.5)
        for lag in (1, 10, 20):
            assert (x[:, lag:] * x[:, :-lag]).mean() / x.var() == pytest.approx(
                np.exp(-lag / 20), abs=5 / n**0.5
            )


def test_white_noise_integrates_to_a_random_walk_whatever_the_time_step(heard):
    for dt, found in ((1 * ms, heard), (0.5 * ms, noises(800, 0.5 * ms))):  # 400 ms
        for p in POPULATIONS:
            x = found[f"{p}.noise_A"]
            walk = x.sum(axis=1) * float(dt)
            assert walk.std() == pytest.approx(
                float(WHITE) * 0.4**0.5, rel=5 * (0.5 / walk.size) ** 0.5
            )
            assert abs((x[:, 1:] * x[:, :-1]).mean()) / x.var() < 5 / x.size**0.5


def test_private_noise_is_private_and_shared_noise_is_shared(heard):
    for p in POPULATIONS:
        # independent samples per trace
        for name, steps in (("P", 10), ("S", 10), ("A", 400), ("Z", 400)):
            x = heard[f"{p}.noise_{name}"]
            if name in "SZ":
                assert (x == x[:, :, :1]).all() and x.std() > 0.1
            else:
                among = np.array([np.corrcoef(x[k].T)[np.triu_indices(80, 1)] for k in range(K)])
                assert (
                    abs(among.mean()) < 5 / (steps * among.size) ** 0.5
                    and abs(among).max() < 6 / steps**0.5
                )
            x = x[:, :, 0]
            for j in range(K):
                for k in range(j):
                    assert independent(x[j], x[k], steps)
                    assert (x[j] != x[k]).all()


def test_populations_and_pathways_have_noise_of_their_own(heard):
    names = list(heard)
    for one in names:
        for other in names[: names.index(one)]:
            of_units = not {one[-1], other[-1]} & {"S", "Z"}
            assert independent(
                heard[one],
                heard[other],
                K * (80 if of_units else 1) * (400 if {one[-1], other[-1]} <= {"A", "Z"} else 10),
            )


def test_one_seed_is_one_noise_compiled_threaded_or_interpreted(needs_compiler, heard):
    compiled, threaded, again, other = (
        noises(target="cpp"),
        noises(target="cpp", threads=3),
        noises(target="cpp"),
        noises(60, target="cpp", seed=2),
    )
    for n in heard:
        np.testing.assert_array_equal(compiled[n], threaded[n])
        np.testing.assert_array_equal(compiled[n], again[n])
        np.testing.assert_allclose(compiled[n], heard[n], rtol=0, atol=1e-12 * heard[n].std())
        assert (other[n] != compiled[n][:, :60]).all()


def test_noise_on_the_error_leaves_the_mean_update_as_it_is(needs_compiler):
    """Within five standard errors over 4000 trials of the same sample, in every synapse."""
    n = 4000
    plain = network(fa.RULE, trials=1, target="cpp")
    net = network(fa.RULE.through(noisy(1.0, 10 * ms)), trials=n, target="cpp")
    x, y = batch(trials=1)
    learner, before = Learner(net, TRIAL), {k: net[f"W{k}"].copy() for k in (1, 2)}
    present(Learner(plain, TRIAL), x, y)
    present(learner, np.repeat(x, n, axis=0), np.repeat(y, n, axis=0))
    for k in (1, 2):
        delta, r = net[f"hidden{k}.delta"], net["hidden1.r" if k == 2 else "input.r"]
        error = 0.1 * delta.std(axis=0)[:, None] * abs(r[0]) / n**0.5
        assert delta.std(axis=0).min() > 0.1
        assert (
            abs((net[f"W{k}"] - before[k]) - (plain[f"W{k}"] - before[k])) < 5 * error + 1e-15
        ).all()


# shape and time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "m, function",
    [
        (saturating(0.2), lambda drive: 0.2 * np.tanh(drive / 0.2)),
        (rectified(), lambda drive: np.maximum(drive, 0)),
        (gain(-2.0), lambda drive: -2 * drive),
    ],
    ids=["saturating", "rectified", "gain"],
)
def test_what_arrives_is_a_function_of_what_the_synapses_bring(target, m, function):
    net = network(fa.RULE.through(m), target=target)
    found = trial(
        net, ("hidden1.drive_B", "hidden1.v_apical", "hidden2.drive_B", "hidden2.v_apical")
    )
    for k in (1, 2):
        drive = found[f"hidden{k}.drive_B"]
        assert drive.max() > 0.1 and drive.min() < -0.1
        np.testing.assert_allclose(
            found[f"hidden{k}.v_apical"], function(drive), rtol=1e-13, atol=1e-15
        )


def test_manipulations_act_in_the_order_in_which_they_stand():
    one = trial(
        network(fa.RULE.through(gain(-2.0)).through(rectified())),
        ("hidden2.v_apical", "hidden2.drive_B"),
    )
    other = trial(
        network(fa.RULE.through(rectified()).through(gain(-2.0))),
        ("hidden2.v_apical", "hidden2.drive_B"),
    )
    np.testing.assert_allclose(one["hidden2.v_apical"], np.maximum(-2 * one["hidden2.drive_B"], 0))
    np.testing.assert_allclose(
        other["hidden2.v_apical"], -2 * np.maximum(other["hidden2.drive_B"], 0)
    )
    twice = network(fa.RULE.through(gain(2.0)).through(gain(3.0)))
    assert {n: twice.parameters[n] for n in ("gain_B", "gain_B_2")} == dict(
        gain_B=2.0, gain_B_2=3.0
    )


@pytest.mark.parametrize("dt", [1 * ms, 0.3 * ms], ids=str)
def test_a_window_opens_and_closes_in_every_phase(target, dt):
    """Every step of the states is that of Euler with what the synapses bring from 3 to 12 ms, and
    with nothing else."""
    net = network(
        fa.RULE.through(only_during(12 * ms, begin=3 * ms), "W", "B"),
        target=target,
        activation="linear",
    )
    net.reset()
    x, y = batch()
    net.stimulus(x)
    net.target_rates(y)
    begin, end = (int(t / float(dt / ms) + 0.5) for t in (3, 12))
    for phase in ("free", "feedback", "feedback"):
        recorder = Recorder([f"hidden2.{n}" for n in ("v", "drive_W", "delta", "drive_B")])
        before = {n: net[f"hidden2.{n}"].copy() for n in ("v", "delta")}
        net.run(phase, Length(30 * ms, dt=dt), recorder)
        found = {
            n: recorder.recording()[f"hidden2.{n}"].transpose("time", "trial", ...).values
            for n in ("v", "drive_W", "delta", "drive_B")
        }
        for state, drive in (("v", "drive_W"), ("delta", "drive_B")):
            arrives = np.zeros_like(found[drive])
            arrives[begin:end] = found[drive][begin:end]
            x = np.concatenate([before[state][None], found[state]])
            np.testing.assert_allclose(
                x[1:], x[:-1] + float(dt / (10 * ms)) * (arrives - x[:-1]), rtol=0, atol=1e-14
            )
            if (phase, state) != ("free", "delta"):
                assert (
                    abs(arrives[[begin + 2, end - 1]]).max(axis=(1, 2)).min() > 1e-3
                    and abs(found[drive][end:]).max() > 1e-3
                )


def test_a_circuit_settles_after_the_last_window(target):
    def results(m, **lengths):
        net = network(fa.RULE.through(m), target=target)
        return net, present(Learner(net, Trial(**lengths)), *batch())

    late, (free, feedback) = results(only_during(1000 * ms, begin=400 * ms))
    assert free.duration > 1 and feedback.duration > 1.1 and (feedback.settled_after > 1).all()
    # the window is closed, and errors have decayed
    assert abs(late["hidden1.delta"]).max() < 1e-5
    open_, (free, feedback) = results(
        only_during(1000 * ms, begin=400 * ms), default=settle(at_most=900 * ms)
    )
    plain, _ = results(gain(1.0))
    assert free.duration < 0.9 and 0.45 < feedback.duration < 0.9 and not feedback.unsettled.any()
    np.testing.assert_allclose(open_["hidden1.delta"], plain["hidden1.delta"], atol=1e-5)


# in a network -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "m, name, value",
    [
        (gain(1.0), "gain_B", 3.0),
        (delayed(1 * ms), "delay_B", 7 * ms),
        (noisy(0.1, 5 * ms), "sigma_B", 0.4),
        (noisy(0.1, 5 * ms), "tau_B", 9 * ms),
        (noisy(0.1 * ms**0.5), "sigma_B", 0.4 * ms**0.5),
        (saturating(0.1), "limit_B", 0.3),
        (only_during(20 * ms), "end_B", 31 * ms),
        (only_during(20 * ms), "begin_B", 5 * ms),
    ],
    ids=str,
)
def test_parameters_change_without_compiling_anew(monkeypatch, m, name, value):
    net, field = (
        network(fa.RULE.through(m)),
        dict(gain="factor", delay="by").get(name[:-2], name[:-2]),
    )
    trial(net, learn=False)
    before = net["hidden1.delta"].copy()
    fresh = network(fa.RULE.through(type(m)(**vars(m) | {field: value})))
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_make", None)
        net.set(**{name: value})
        net.noise = fresh.noise
        trial(net, learn=False, length=Trial(default=25 * ms))
    trial(fresh, learn=False, length=Trial(default=25 * ms))
    np.testing.assert_array_equal(net["hidden1.delta"], fresh["hidden1.delta"])
    assert (net["hidden1.delta"] != before).all()
    with pytest.raises(NetworkError, match=f"'{name}' has the unit"):
        net.set(**{name: 3 * ms**2})


@pytest.mark.parametrize(
    "names, factors",
    [(("B",), (3, 3, 3)), (("relay",), (1, 3, 9)), (("B", "relay"), (3, 9, 27))],
    ids=str,
)
def test_pathways_that_share_a_variable_in_different_layers(target, names, factors):
    """IFA: B enters the apical potential of the first hidden layer, the relay that of all
    others."""
    sizes = (4, 5, 6, 5, 3)
    plain = network(ifa.RULE, sizes, target=target)
    trial(plain, learn=False)
    rule = ifa.RULE
    for m in (gain(2.0), gain(1.5), only_during(100 * ms), saturating(1e9)):
        rule = rule.through(m, *names)
    net = network(rule, sizes, target=target)
    trial(net, learn=False)
    for k, factor in zip((1, 2, 3), factors):
        np.testing.assert_allclose(
            net[f"hidden{k}.delta"], factor * plain[f"hidden{k}.delta"], rtol=1e-9
        )
    loud = network(ifa.RULE.through(noisy(0.1, 10 * ms), "relay"), sizes, target=target)
    assert "hidden1.noise_relay" not in loud.probeable and "hidden2.noise_relay" in loud.probeable


def test_pathways_of_one_name_share_their_parameters():
    assert network(bfa.RULE.through(gain(2.0), "B")).parameters["gain_B"] == 2.0
    changed = [p | gain(1.0 + k) for k, p in enumerate(bfa.RULE.pathways)]
    with pytest.raises(RuleError, match="'gain_B' would have two values.*rename"):
        bfa.RULE.but(pathways=tuple(changed))
    with pytest.raises(RuleError, match="'gain_B', which the rule uses for something else"):
        fa.RULE.but(
            neuron=fa.NEURON + "more = gain_B * r : 1", parameters=dict(gain_B=1.0)
        ).through(gain(2.0))
