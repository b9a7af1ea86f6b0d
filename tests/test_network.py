"""A circuit that runs: memory, batches, threads, settling, divergence, interruption, and the ways
in which compiling can fail."""

import errno
import gc
import hashlib
import os
import signal
import tempfile
import time
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models import dfc, fa, frozen, weight_mirror

from neurofa import (
    CompileError,
    Diverged,
    Learner,
    LearningRule,
    Length,
    Network,
    NetworkError,
    NotSettled,
    Phase,
    Recorder,
    RuleError,
    Trial,
    present,
    settle,
)
from neurofa.engine.brian import toolchain
from neurofa.engine.brian.interpreted import _Phase
from neurofa.simulate import phases
from neurofa.simulate.phases import request_of

SIZES, K = (3, 5, 4, 2), 4  # K trials in parallel
FA = fa.RULE.but(tau_v=10 * ms, tau_delta=10 * ms)
DFC = dfc.RULE.but(tau_v=10 * ms, tau_u=50 * ms, k_i=1.0, k_p=0.0, alpha=1.0, lam=0.1, eta=0.1)
TRIAL = Trial(dt=5 * ms, free=50 * ms, feedback=150 * ms)


def batch(trials=K, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(trials, SIZES[0])), rng.normal(size=(trials, SIZES[-1]))


def circuit(rule=FA, target=None, trials=K, seed=3, sizes=SIZES, **options):
    return Network(sizes, rule, trials=trials, seed=seed, target=target, **options)


def values(net):
    """Return a copy of everything that can be read, of the trials that take part."""
    units = set(net.populations)
    return {
        n: net[n][: net.active].copy()
        if n.split(".")[0] in units or ".g_post" in n
        else net[n].copy()
        for n in net.probeable
    }


def learned(net, trial=TRIAL, batches=(0,), trials=K):
    """Return the values after a few training steps."""
    learner = Learner(net, trial)
    for seed in batches:
        present(learner, *batch(trials, seed))
    return values(net)


def assert_equal(ours, theirs, tolerance=0.0):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=tolerance, err_msg=name)


@pytest.fixture
def quiet():
    """Every warning is an error, but for those of Brian2's own imports."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


# --- memory ---
def test_two_networks_trained_in_turns_are_those_trained_alone(target):
    alone = [learned(circuit(rule, target), batches=range(3)) for rule in (FA, DFC)]
    nets = [circuit(rule, target) for rule in (FA, DFC)]
    learners = [Learner(net, TRIAL) for net in nets]
    for seed in range(3):
        for learner in learners:
            present(learner, *batch(seed=seed))
    for net, expected in zip(nets, alone):
        assert_equal(values(net), expected)


def test_two_networks_of_a_kind_share_no_memory(target):
    one, other = circuit(target=target), circuit(target=target)
    assert one.arrays.keys() == other.arrays.keys()
    for name in one.arrays:
        assert not np.shares_memory(one.arrays[name], other.arrays[name]), name
    before = values(other)
    learned(one)
    assert_equal(values(other), before)


def test_views_outlive_the_network(target):
    net = circuit(target=target)
    seen = learned(net)
    weights, part, v = net["W1"], net["W2"][1:, ::2], net["hidden1.v"]
    del net
    gc.collect()
    for seed in range(2):  # would take the memory, if it had been given back
        learned(circuit(target=target, seed=seed))
    gc.collect()
    np.testing.assert_array_equal(weights, seen["W1.w"])
    np.testing.assert_array_equal(part, seen["W2.w"][1:, ::2])
    np.testing.assert_array_equal(v, seen["hidden1.v"])
    weights += 1
    np.testing.assert_array_equal(weights, seen["W1.w"] + 1)


def test_a_seed_gives_the_same_numbers_again(target):
    assert_equal(learned(circuit(DFC, target)), learned(circuit(DFC, target)))
    assert (
        abs(circuit(target=target, seed=4)["W1"] - circuit(target=target, seed=5)["W1"]).max() > 0.1
    )


def test_a_trial_leaves_nothing_to_the_next(target):
    net = circuit(DFC, target)
    first = present(Learner(net, TRIAL), *batch(), learn=False)
    expected = values(net)
    present(Learner(net, TRIAL), *batch(seed=9), learn=False)
    again = present(Learner(net, TRIAL), *batch(), learn=False)
    assert_equal(values(net), expected)
    for one, other in zip(first, again):
        np.testing.assert_array_equal(one.residual, other.residual)


# --- precision, threads, batches ---
@pytest.mark.parametrize("rule", [FA, DFC], ids=["fa", "dfc"])
def test_single_precision(target, rule, quiet):
    net = circuit(rule, target, dtype="float32")
    assert {array.dtype for name, array in net.arrays.items() if not name.startswith("clock")} == {
        np.dtype("float32")
    }
    assert_equal(learned(net), learned(circuit(rule, target)), 2e-5)


@pytest.mark.parametrize("rule", [FA, DFC], ids=["fa", "dfc"])
@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing_but_round_off(needs_compiler, rule, threads):
    one, more = (learned(circuit(rule, "cpp", threads=n), batches=range(2)) for n in (1, threads))
    assert_equal(more, one, 1e-12)


@pytest.mark.parametrize("rule", [FA, DFC], ids=["fa", "dfc"])
def test_a_smaller_batch_is_as_if_there_were_no_more_trials(target, rule):
    expected = learned(circuit(rule, target, trials=2), batches=[5], trials=2)
    net = circuit(rule, target)
    present(Learner(net, TRIAL), *batch(seed=1), learn=False)  # leaves something in all trials
    ours = learned(net, batches=[5], trials=2)
    assert net.active == 2
    assert_equal(ours, expected, 1e-13)


@pytest.mark.parametrize("rule", [FA, DFC], ids=["fa", "dfc"])
def test_trials_that_take_no_part_do_not_matter(target, rule):
    net, other = circuit(rule, target), circuit(rule, target, trials=1)
    for n in (net, other):
        x, y = batch(1)
        n.stimulus(x)
        n.target_rates(y)
    for name in net.probeable:
        if name.split(".")[0] in net.populations:
            net[name][1:] = np.nan
    for phase in ("free", "feedback"):
        results = [n.run(phase, Length(40 * ms, dt=1 * ms)) for n in (net, other)]
        assert results[0].residual.shape == results[0].settled_after.shape == (1,)
        np.testing.assert_allclose(results[0].residual, results[1].residual, atol=1e-14)
    assert_equal(values(net), values(other), 1e-13)


def test_a_batch_of_one_among_threads(needs_compiler):
    one, two = (learned(circuit(DFC, "cpp", threads=n), trials=1) for n in (1, 2))
    assert_equal(two, one, 1e-13)


@pytest.mark.parametrize("rule", [FA, DFC, weight_mirror.RULE], ids=["fa", "dfc", "weight mirror"])
def test_the_stimulus_drives_once_as_it_would_at_every_step(target, rule, monkeypatch):
    net = circuit(rule, target)
    assert request_of(net, "free", Length(1 * ms, dt=1 * ms)).once == ("W1",)
    once = learned(net, batches=range(2))
    monkeypatch.setattr(phases, "request_of", lambda *a: replace(request_of(*a), once=()))
    assert_equal(learned(circuit(rule, target), batches=range(2)), once, 1e-15)


# --- settling ---
def residual_of_the_last_step(net, rule, before, phase):
    """Return max |tau dx/dt| per trial as the last step met it, from the state before that step,
    layer after layer."""
    on, rates, found = phase == "feedback", {"input": net["input.r"]}, []
    if rule is DFC:
        dU = on * (before["output.setpoint"] - before["output.v"] - before["controller.u"])
        u = before["controller.U"] + dU / 50
        found.append(dU)
    for k, (below, name) in enumerate(
        zip(net.populations[:1] + layers(net)[:-1], layers(net)), start=1
    ):
        v, last = before[f"{name}.v"], name == "output"
        basal = rates[below] @ net[f"W{k}"].T + net[f"W{k}.bias"]
        if rule is DFC:
            dv = -v + basal + u @ net[f"Q{k}"].T
        else:
            dv = -v + basal
            apical = (
                on * (v - net["output.target"])
                if last
                else before[f"{layers(net)[k]}.delta"] @ net[f"B{k + 1}"].T
            )
            found.append(-before[f"{name}.delta"] + (1 if last else 1 - np.tanh(v) ** 2) * apical)
        found.append(dv)
        rates[name] = v + dv / 10 if last else np.tanh(v + dv / 10)
    return np.max([abs(f).max(axis=1) for f in found], axis=0)


def layers(net):
    return tuple(n for n in net.populations if n.startswith("hidden") or n == "output")


@pytest.mark.parametrize("rule", [FA, DFC], ids=["fa", "dfc"])
@pytest.mark.parametrize(
    "length", [Length(17 * ms, dt=1 * ms), settle(1e-3, dt=1 * ms)], ids=["fixed", "settled"]
)
def test_the_residual_is_the_largest_derivative(target, rule, length):
    net = circuit(rule, target)
    x, y = batch()
    net.stimulus(x)
    net.target_rates(y)
    states = [n for n in net.probeable if n.endswith((".v", ".delta", ".U", ".u", ".setpoint"))]
    for phase in ("free", "feedback"):
        recorder = Recorder(states)
        result = net.run(phase, length, recorder)
        before = {name: recorder.recording()[name].isel(time=-2).values for name in states}
        np.testing.assert_allclose(
            result.residual,
            residual_of_the_last_step(net, rule, before, phase),
            rtol=1e-8,
            atol=1e-14,
        )
        assert result.residual.shape == (K,)
        if length.tolerance:
            assert (result.residual <= 1e-3).all() and result.steps > 20


def test_each_trial_settles_in_its_own_time(target):
    net = circuit(target=target)
    x, _ = batch()
    x = x * [[1], [100], [0], [1e-2]]

    def free(length):
        net.reset()
        net.stimulus(x)
        return net.run("free", length)

    result = free(settle(1e-4, dt=1 * ms))
    times = result.settled_after
    assert (
        result.duration == pytest.approx(np.max(times))
        and len(set(times)) == 4
        and times[2] == times.min()
    )
    for k, after in enumerate(times):
        assert free(Length(after * second, dt=1 * ms)).residual[k] <= 1e-4
        if k != 2:  # the residual is measured about once per time constant
            assert free(Length((after - 0.011) * second, dt=1 * ms)).residual[k] > 1e-4


def test_a_network_at_rest_has_settled_at_once(target):
    net = circuit(target=target)
    net.stimulus(np.zeros((K, SIZES[0])))
    result = net.run("free", settle(dt=10 * ms))
    assert (
        result.steps == 1 and (result.residual == 0).all() and (result.settled_after == 0.01).all()
    )


def test_not_settled_is_a_warning_that_names_population_and_trial(target):
    net = circuit(target=target)
    x, _ = batch()
    net.stimulus(x * [[1], [1], [0], [50]])
    with pytest.warns(NotSettled) as caught:
        result = net.run("free", settle(1e-6, 20 * ms, 1 * ms))
    assert len(caught) == 1 and caught[0].filename == __file__
    worst = max(layers(net), key=lambda n: net[f"{n}.residual"][3])
    assert (
        f"free phase, trial 3: residual {result.residual[3]:.1g} > 1e-06 in '{worst}' after 20 ms (3 of 4 trials). "
        "Lengthen the phase: Trial(free="
    ) in str(caught[0].message)
    np.testing.assert_array_equal(np.isnan(result.settled_after), [True, True, False, True])


def test_not_settled_adds_the_rule_s_advice():
    net = circuit(DFC)
    net.stimulus(batch()[0])
    with pytest.warns(NotSettled, match="a larger alpha keeps the loop stable"):
        net.run("feedback", settle(1e-6, 20 * ms, 1 * ms))


def test_a_fixed_length_is_kept_without_a_word(target, quiet):
    net = circuit(target=target)
    net.stimulus(batch()[0])
    for duration, dt, steps in [
        (37 * ms, 0.5 * ms, 74),
        (10 * ms, 10 * ms, 1),
        (0.3 * ms, 0.1 * ms, 3),
    ]:
        result = net.run("free", Length(duration, dt=dt))
        assert (result.phase, result.steps, result.dt) == ("free", steps, float(dt))
        assert (
            result.duration == pytest.approx(float(duration))
            and np.isnan(result.settled_after).all()
        )


def test_the_time_step_of_a_phase_is_that_of_its_length(target):
    """One Euler step from rest: v = dt/tau * v_basal."""
    net = circuit(target=target)
    net.stimulus(batch()[0])
    for dt in (0.1, 2.5, 10.0):
        net.reset()
        net.stimulus(batch()[0])
        net.run("free", Length(dt * ms, dt=dt * ms))
        np.testing.assert_allclose(net["hidden1.v"], dt / 10 * batch()[0] @ net["W1"].T, atol=1e-14)


def test_a_time_step_above_a_time_constant_is_refused():
    net = circuit()
    with pytest.raises(
        NetworkError,
        match=r"dt = 11 ms is longer than .* hidden1\.v, tau_v = 10 ms.* Use dt <= 10 ms",
    ):
        net.run("free", Length(100 * ms, dt=11 * ms))
    net.set(tau_delta=4 * ms)
    with pytest.raises(NetworkError, match=r"hidden1\.delta, tau_delta = 4 ms"):
        net.run("free", Length(100 * ms, dt=5 * ms))
    net.run("free", Length(8 * ms, dt=4 * ms))


@pytest.mark.parametrize(
    "leak, dt",
    [
        ("(-2*v + v_basal) / tau_v", 10),
        ("-v/tau_v + v_basal/(2*tau_v)", 20),
        ("(-v + v_basal) / (tau_v*tau_u/(tau_v + tau_u))", 16),
    ],
)
def test_the_time_constant_is_that_of_the_leak(leak, dt):
    """With these steps, v would overshoot by 60 to 100 %."""
    rule = FA.but(
        name="leaky",
        pathways=(),
        output="",
        plasticity=(),
        neuron=f"dv/dt = {leak} : 1\nr = phi(v) : 1",
        parameters=dict(tau_u=40 * ms) if "tau_u" in leak else {},
    )
    net = circuit(rule)
    net.run("free", Length(4 * dt * ms, dt=dt / 4 * ms))
    with pytest.raises(NetworkError, match="would overshoot"):
        net.run("free", Length(4 * dt * ms, dt=dt * ms))


@pytest.mark.parametrize(
    "length",
    [settle(), Length(10 * ms), 10 * ms],
    ids=["settle without dt", "without dt", "a time"],
)
def test_a_length_without_a_time_step_takes_one_of_a_millisecond(length):
    net = circuit()
    net.stimulus(batch()[0])
    assert net.run("free", length).dt == 1e-3


def test_a_phase_needs_a_length():
    with pytest.raises(NetworkError, match="duration = None"):
        circuit().run("free", None)


# --- divergence ---
@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_an_unstable_loop_diverges(target, activation):
    net = circuit(DFC, target, activation=activation)
    for name in net.groups:
        net[name] = abs(net[name]) * (-50 if name.startswith("Q") else 1)
    x, y = np.zeros((K, SIZES[0])), np.zeros((K, SIZES[-1]))
    x[2], y[2] = 1, -1000  # the others rest at zero
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", Length(50 * ms, dt=1 * ms))
    with pytest.raises(Diverged) as caught:
        net.run("feedback", Length(100 * second, dt=1 * ms))
    message = str(caught.value)
    found = message.split("'")[1]
    assert message.startswith(
        f"feedback phase, trial 2: '{found}' became NaN or infinite at or before "
    )
    assert found in net.populations and not np.isfinite(net[f"{found}.residual"][2])
    stopped = float(message.split("at or before ")[1].split(" ms")[0])
    assert 50 < stopped < 5000
    assert "a larger alpha keeps the loop stable" in message
    assert all(np.isfinite(net[f"{name}.v"][[0, 1, 3]]).all() for name in layers(net))


def test_divergence_is_where_it_began(target):
    net = circuit(target=target)
    net.stimulus(batch()[0])
    net["hidden1.v"][1, 2] = np.inf  # everything above is NaN before the step ends
    with pytest.raises(Diverged, match="free phase, trial 1: 'hidden1'"):
        net.run("free", Length(10 * ms, dt=10 * ms))


def test_a_network_can_be_used_again_after_divergence(target):
    net = circuit(DFC, target)
    expected = learned(circuit(DFC, target))
    net.stimulus(batch()[0])
    net["hidden1.v"][:] = np.nan
    with pytest.raises(Diverged):
        net.run("free", Length(10 * ms, dt=1 * ms))
    assert_equal(learned(net), expected)


# --- names and shapes ---
@pytest.mark.parametrize(
    "name, near",
    [
        ("hiden1.v", "hidden1.v"),
        ("hidden1.w", "hidden1.v"),
        ("W9", "W2"),
        ("B1", "B2"),
        ("W1.bais", "W1.bias"),
        ("outputs.r", "output.r"),
    ],
)
def test_a_wrong_name_lists_the_right_ones(name, near):
    net = circuit()
    with pytest.raises(
        NetworkError, match=f"has no '{name}'. Valid names: .*hidden1.v.* Did you mean"
    ) as caught:
        net[name]
    assert near in str(caught.value)
    with pytest.raises(NetworkError, match=f"has no '{name}'"):
        net[name] = 0


def test_all_that_is_probeable_can_be_read_and_set():
    net = circuit(DFC)
    assert {
        "W1.w",
        "W1.bias",
        "Q3.w",
        "input.r",
        "hidden1.v",
        "hidden1.r_basal",
        "output.target",
        "controller.u",
        "controller.error",
        "output.residual",
    } <= set(net.probeable)
    for name in net.probeable:
        net[name] = 0.25
        assert (net[name] == 0.25).all()
        net[name] = np.full(net[name].shape, 0.5)
        assert (net[name] == 0.5).all()
    assert net["W1"] is net["W1.w"] or np.shares_memory(net["W1"], net["W1.w"])
    assert (
        net["W1"].shape == (5, 3)
        and net["W1.bias"].shape == (5,)
        and net["hidden2.v"].shape == (K, 4)
    )


@pytest.mark.parametrize(
    "value, complaint",
    [
        (np.zeros((3, 5)), r"'W1' has the shape \(5, 3\); an array of shape \(3, 5\) does not fit"),
        (np.zeros(3), r"of shape \(3,\) does not fit"),
        (np.full((5, 3), np.nan), "NaN or infinite"),
        (np.inf, "NaN or infinite"),
    ],
)
def test_what_does_not_fit_is_refused(value, complaint):
    net = circuit()
    before = net["W1"].copy()
    with pytest.raises(NetworkError, match=complaint):
        net["W1"] = value
    np.testing.assert_array_equal(net["W1"], before)


@pytest.mark.parametrize(
    "x, complaint",
    [
        (np.zeros(3), r"must have the shape \(trials, 3\) with at most 4 trials, not \(3,\)"),
        (np.zeros((4, 2)), r"not \(4, 2\)"),
        (np.zeros((5, 3)), r"not \(5, 3\)"),
        (np.zeros((0, 3)), r"not \(0, 3\)"),
        ([[0, 0, 0], [0, np.nan, 0]], "NaN or infinite in trial 1, unit 1"),
        ([[0, 0, np.inf]], "NaN or infinite in trial 0, unit 2"),
    ],
)
def test_a_stimulus_that_does_not_fit_is_refused(x, complaint):
    net = circuit()
    net.stimulus(np.ones((2, 3)))
    with pytest.raises(NetworkError, match=complaint):
        net.stimulus(x)
    assert net.active == 2 and (net["input.r"][:2] == 1).all()


def test_a_target_that_does_not_fit_is_refused():
    net = circuit()
    net.stimulus(np.ones((2, 3)))
    with pytest.raises(NetworkError, match="The target has 3 trials, the stimulus 2"):
        net.target_rates(np.zeros((3, 2)))
    with pytest.raises(NetworkError, match=r"The target must have the shape \(trials, 2\)"):
        net.target_rates(np.zeros((2, 3)))
    with pytest.raises(NetworkError, match="The target is NaN or infinite in trial 1, unit 0"):
        net.target_rates([[0, 0], [np.nan, 0]])


def test_parameters_that_are_set_are_those_of_another_rule(target):
    changed = dict(alpha=0.5, tau_u=30 * ms, lam=0.3, eta=0.05)
    net = circuit(DFC, target)
    net.set(**changed)
    assert net.parameters["alpha"] == 0.5
    assert_equal(learned(net), learned(circuit(DFC.but(**changed), target)))


@pytest.mark.parametrize(
    "name, value, complaint",
    [
        ("alhpa", 1.0, "has no parameter 'alhpa'. Valid parameters: .*Did you mean 'alpha'?"),
        ("tau_v", 3, "'tau_v' has the unit of 10. ms"),
        ("alpha", 3 * ms, "'alpha'"),
        ("alpha", np.ones(3), "'alpha'"),
        ("alpha", "much", "'alpha'"),
        ("alpha", np.nan, "'alpha'"),
        ("tau_v", -10 * ms, "'tau_v'"),
    ],
    ids=["name", "no unit", "unit", "array", "text", "NaN", "negative"],
)
def test_a_parameter_that_does_not_fit_is_refused_and_nothing_changes(name, value, complaint):
    net = circuit(DFC)
    before = dict(net.parameters)
    with pytest.raises(NetworkError, match=complaint):
        net.set(**{name: value})
    assert dict(net.parameters) == before
    net.run("free", Length(10 * ms, dt=1 * ms))


def test_a_phase_that_the_rule_does_not_have():
    with pytest.raises(
        RuleError,
        match="FA has no phase 'feedbak'. Valid phases: feedback, free. Did you mean 'feedback'?",
    ):
        circuit().run("feedbak", Length(10 * ms, dt=1 * ms))


@pytest.mark.parametrize(
    "options, complaint",
    [
        (dict(sizes=[3]), "sizes"),
        (dict(sizes=[3, 0, 2]), "sizes"),
        (dict(sizes=[3, 2.5]), "sizes"),
        (dict(sizes=7), "sizes"),
        (dict(trials=0), "trials = 0"),
        (dict(trials=1.5), "trials = 1.5"),
        (dict(threads=0), "threads = 0"),
        (dict(activation="tan"), "no activation 'tan'.*Did you mean 'tanh'?"),
        (dict(cost="mse"), "no cost 'mse'"),
        (dict(dtype="float16"), "dtype = 'float16'"),
        (dict(target="c"), "target = 'c'. Valid targets: cpp, numpy"),
    ],
)
def test_what_no_network_can_be_made_of(options, complaint):
    with pytest.raises(NetworkError, match=complaint):
        circuit(**options)


# --- what the text of a rule may say ---
def test_a_rule_without_differential_equations_runs_or_is_refused(target):
    try:
        rule = LearningRule(
            "discrete",
            "-",
            neuron="r = phi(v_basal) : 1",
            plasticity=(),
            parameters={},
            phases=(Phase("free"),),
        )
        net = circuit(rule, target)
    except (RuleError, NetworkError):
        return
    x, _ = batch()
    net.stimulus(x)
    net.run("free", Length(1 * ms, dt=1 * ms))
    np.testing.assert_allclose(
        net["output.r"], np.tanh(np.tanh(x @ net["W1"].T) @ net["W2"].T) @ net["W3"].T, atol=1e-14
    )


def test_dt_at_the_start_of_a_phase_is_that_of_the_phase(target):
    rule = LearningRule(
        "timed",
        "-",
        neuron="dv/dt = (-v + v_basal) / tau_v : 1\nr = phi(v) : 1\nfraction : 1",
        plasticity=(),
        parameters=dict(tau_v=10 * ms),
        phases=(Phase("one"), Phase("two", start={"output": "fraction = dt/tau_v"})),
    )
    net = circuit(rule, target, sizes=(1, 1), trials=1)
    net.run("one", Length(10 * ms, dt=1 * ms))
    net.run("two", Length(10 * ms, dt=5 * ms))
    assert net["output.fraction"] == pytest.approx(0.5)


def test_layers_that_read_the_step_before_see_the_rates_of_the_state_at_rest(target):
    """r = phi(v) holds at the first step too: a logistic unit at v = 0 has the rate 0.5."""
    rule = FA.but(name="delayed", feedforward=replace(FA.feedforward, reads="old"))
    net = circuit(rule, target, activation="logistic")
    net.reset()
    net.stimulus(batch()[0])
    net.run("free", Length(1 * ms, dt=1 * ms))
    np.testing.assert_allclose(
        net["hidden2.v_basal"], np.tile(net["W2"].sum(axis=1) / 2, (K, 1)), atol=1e-14
    )


# --- recording ---
def test_a_recorded_phase_may_have_no_end_in_sight(target):
    """How long a phase may last at most says nothing about how much is recorded."""
    net = circuit(target=target)
    net.stimulus(batch()[0])
    recorder = Recorder(["hidden1.v"])
    result = net.run("free", settle(1e-3, at_most=1e6 * second, dt=1 * ms), recorder)
    assert recorder.recording()["hidden1.v"].sizes["time"] == result.steps


# --- Ctrl-C ---
@pytest.mark.parametrize("recorded", [False, True])
def test_ctrl_c_ends_a_phase_and_leaves_a_state_to_be_read(target, recorded, ctrl_c):
    net = circuit(DFC, target)
    net.stimulus(batch()[0])
    recorder = Recorder(["hidden1.v", "hidden1.r", "W1"], every=100) if recorded else None
    pressed = ctrl_c(0.2)
    with pytest.raises(KeyboardInterrupt):
        net.run("free", Length((20000 if target == "cpp" else 100) * second, dt=1 * ms), recorder)
    assert time.perf_counter() - pressed < 0.5
    np.testing.assert_allclose(net["hidden1.v"], batch()[0] @ net["W1"].T, atol=1e-6)
    np.testing.assert_allclose(net["hidden1.r"], np.tanh(net["hidden1.v"]), atol=1e-6)
    if recorded:
        assert recorder.recording()["hidden1.v"].sizes["time"] >= 1
    assert_equal(learned(net), learned(circuit(DFC, target)))


def test_ctrl_c_is_not_lost_where_python_ignores_exceptions(monkeypatch, ctrl_c):
    """As while the garbage collector tells Brian2 that some of its objects are gone."""
    net = circuit(target="numpy")

    class Gone:
        pass

    def is_told(_):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # Python looks for signals now and then
            pass

    step, refs = _Phase.step, []

    def step_that_frees_something(phase):
        if phase.done == 3:
            gone = Gone()
            refs.append(weakref.ref(gone, is_told))
            del gone
        step(phase)

    monkeypatch.setattr(_Phase, "step", step_that_frees_something)
    with pytest.raises(KeyboardInterrupt):
        net.run("free", Length(100 * ms, dt=1 * ms))
    assert net["clock.t"][0] == pytest.approx(4e-3)


def test_after_a_phase_ctrl_c_is_python_s_again(target, ctrl_c):
    net = circuit(target=target)
    net.run("free", Length(10 * ms, dt=1 * ms))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ctrl_c(0.05)
    with pytest.raises(KeyboardInterrupt):
        time.sleep(0.5)


def test_phases_that_overlap_in_two_threads_leave_ctrl_c_to_python(needs_compiler, ctrl_c):
    nets = [circuit(target="cpp") for _ in range(2)]

    def run(net, seconds):  # the first to begin is the first to end
        net.stimulus(batch()[0])
        net.run("free", Length(seconds * second, dt=1 * ms))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, nets[0], 100)
        time.sleep(0.03)
        pool.submit(run, nets[1], 300).result()
        first.result()
    ctrl_c(0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            time.sleep(0.5)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_where_ctrl_c_is_ignored_a_phase_ignores_it(target, ctrl_c):
    """A job in the background of a shell script ignores SIGINT; what is meant for others must not
    end it."""
    net = circuit(target=target)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctrl_c(0.05)
    try:
        net.run("free", Length((600 if target == "cpp" else 2) * second, dt=1 * ms))
    except KeyboardInterrupt:
        pytest.fail("the phase was interrupted")


# --- processes ---
def test_a_fork_can_simulate_after_its_parent_used_threads(needs_compiler):
    """multiprocessing and ProcessPoolExecutor fork on Linux; OpenMP's threads do not come along."""
    net = circuit(target="cpp", threads=2)
    expected = learned(net, Trial(dt=10 * ms, free=30 * ms, feedback=30 * ms))
    child = os.fork()
    if child == 0:
        try:
            same = learned(
                circuit(target="cpp", threads=2), Trial(dt=10 * ms, free=30 * ms, feedback=30 * ms)
            )["W1.w"]
            os._exit(int(abs(same - expected["W1.w"]).max() > 1e-12))
        finally:
            os._exit(2)
    for _ in range(150):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the forked process hangs")


# --- compiler and cache ---
@pytest.fixture
def toolchain_with(tmp_path, new_cache, compiled_once):
    """Return a function that sets environment variables and makes the toolchain look again; cache
    folder: a new one."""

    def forget():
        for function in vars(toolchain).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()

    folder = str(new_cache(tmp_path / "cache"))
    with pytest.MonkeyPatch.context() as patch:

        def setting(**variables):
            for name, value in (dict(NEUROFA_CACHE=folder) | variables).items():
                patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
            forget()

        yield setting
    forget()


def made(rule=FA, **options):
    """Return a small network, the texts of the warnings that making it gave, and whether it
    runs."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)
        net = circuit(rule, sizes=(2, 2), trials=1, **options)
    assert all(w.filename == __file__ for w in caught)
    net.stimulus([[1, -1]])
    net.run("free", Length(300 * ms, dt=1 * ms))
    np.testing.assert_allclose(net["output.r"][0], net["W1"] @ [1, -1], atol=1e-12)
    return net, [str(w.message) for w in caught]


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    "variables", [dict(PATH="/nowhere", CXX=None), dict(CXX="/nowhere/g++")], ids=["PATH", "CXX"]
)
def test_without_a_compiler_numpy_takes_over_with_one_warning(toolchain_with, variables):
    toolchain_with(**variables)
    net, said = made()
    assert net.target == "numpy" and len(said) == 1
    assert "No C++ compiler was found" in said[0] and "slower" in said[0] and "\n" not in said[0]
    with pytest.raises(NetworkError, match=r"No C\+\+ compiler was found.*Install one"):
        circuit(target="cpp")
    assert made(target="numpy")[1] == []


def test_a_compiler_may_be_named_with_options(toolchain_with, needs_compiler):
    """As Makefiles take it: CXX='ccache g++', CXX='g++ -m64'."""
    toolchain_with(CXX=f"{toolchain.compiler()} -pipe")
    net, said = made()
    assert net.target == "cpp" and not said


@pytest.mark.parametrize(
    "text",
    ["echo 'x.cpp:1:2: fatal error: no such luck' >&2; exit 1", "exit 1", "exit 0", None],
    ids=["complains", "silent", "makes nothing", "no program"],
)
def test_a_compiler_that_fails(toolchain_with, needs_compiler, tmp_path, text):
    command = script(tmp_path / "cxx", text) if text else str(tmp_path / "cxx")
    if text is None:
        (tmp_path / "cxx").write_bytes(b"garbage")
        (tmp_path / "cxx").chmod(0o755)
    toolchain_with(CXX=command)
    with pytest.raises(CompileError) as caught:
        circuit(target="cpp")
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").glob("*.so"))
    if text and "luck" in text:
        assert command in message and "no such luck" in message and "target='numpy'" in message
    net, said = made()
    assert net.target == "numpy" and said == [
        f"{message} The circuit is interpreted by NumPy, which is correct but many times slower."
    ]


def unwritable(kind, tmp_path, monkeypatch):
    if kind == "full":

        def full(*arguments, **options):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(tempfile, "TemporaryFile", full)
        return tmp_path / "full"
    (tmp_path / "file").write_text("not a folder")
    return {
        "under a file": tmp_path / "file" / "cache",
        "a device": "/dev/full",
        "no folder can be made": "/proc/neurofa",
    }[kind]


@pytest.mark.parametrize("kind", ["under a file", "a device", "no folder can be made", "full"])
def test_a_cache_that_cannot_be_written_is_done_without(
    toolchain_with, needs_compiler, tmp_path, monkeypatch, kind
):
    folder = unwritable(kind, tmp_path, monkeypatch)
    toolchain_with(NEUROFA_CACHE=str(folder), TMPDIR=str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    net, said = made()
    assert net.target == "cpp" and len(said) == 1
    assert str(folder) in said[0] and "NEUROFA_CACHE" in said[0]


@pytest.mark.slow
@pytest.mark.subprocess
def test_nothing_is_left_in_the_temporary_folder(needs_compiler, script, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROFA_CACHE", "/dev/full")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = script(
        "import os, tempfile\nfrom neurofa import Network\nfrom neurofa.models import fa\ntempfile.tempdir = None\n"
        "Network([2, 2], fa.RULE, target='cpp')\nprint(*os.listdir(os.environ['TMPDIR']))"
    )
    assert done.returncode == 0 and done.stdout.startswith("neurofa-"), done.stderr
    assert not list(tmp_path.iterdir())


def test_the_cache_is_used(toolchain_with, needs_compiler, tmp_path):
    toolchain_with()
    made()
    toolchain_with(CXX=toolchain.compiler())
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()}
    assert made()[1] == []
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()} == before


@pytest.mark.parametrize("damage", ["truncated", "a byte", "checksum", "checksum of bytes"])
def test_a_damaged_library_is_made_anew(toolchain_with, needs_compiler, tmp_path, damage):
    toolchain_with()
    made()
    [library] = (tmp_path / "cache").glob("*.so")
    checksum = library.with_suffix(".sha256")
    whole = library.read_bytes()
    middle = len(whole) // 2
    {
        "truncated": lambda: library.write_bytes(whole[:middle]),
        "a byte": lambda: library.write_bytes(
            whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
        ),
        "checksum": lambda: checksum.write_text("0" * 64),
        "checksum of bytes": lambda: checksum.write_bytes(b"\xff" * 64),
    }[damage]()
    _, said = made()
    assert len(said) == 1 and str(library) in said[0] and "damaged" in said[0]
    assert made()[1] == []
    assert hashlib.sha256(library.read_bytes()).hexdigest() == checksum.read_text()


BOTH = """
import os, sys, warnings
from neurofa import Network
from neurofa.models import fa
warnings.simplefilter("error", UserWarning)
warnings.simplefilter("ignore", DeprecationWarning)
child = os.fork()
net = Network([2, 2], fa.RULE, seed=3, target="cpp")
print(net["W1"].tolist(), flush=True)
if child:
    sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.slow
@pytest.mark.subprocess
def test_two_processes_may_build_the_same_circuit_at_once(
    needs_compiler, script, new_cache, tmp_path, monkeypatch
):
    folder = new_cache(tmp_path / "cache")
    monkeypatch.setenv("NEUROFA_CACHE", str(folder))
    done = script(BOTH)
    assert done.returncode == 0, done.stderr
    one, other = done.stdout.splitlines()
    assert one == other
    assert len(list(folder.glob("*.so"))) == 1 and not list(folder.glob("build-*"))


def test_weights_are_taken_from_another_network():
    one, other = (Network((4, 3, 2), fa.RULE, seed=seed, target="numpy") for seed in (1, 2))
    other["W1.bias"] = [1.0, 2.0, 3.0]
    own = one["W1"].copy()
    one.synapses.take(other, "B")
    assert (
        (one["B2"] == other["B2"]).all() and (one["W1"] == own).all() and not one["W1.bias"].any()
    )
    one.synapses.take(other)
    assert all((one[name] == other[name]).all() for name in ("W1", "W1.bias", "W2", "W2.bias"))
    other["W1"] = 0.0
    assert one["W1"].any()  # a copy


@pytest.mark.parametrize(
    "rule, sizes", [(frozen.RULE, (4, 3, 2)), (fa.RULE, (4, 5, 2))], ids=["none", "another shape"]
)
def test_weights_that_another_network_does_not_have(rule, sizes):
    with pytest.raises(NetworkError, match="B2"):
        Network((4, 3, 2), fa.RULE, target="numpy").synapses.take(
            Network(sizes, rule, target="numpy"), "B"
        )
