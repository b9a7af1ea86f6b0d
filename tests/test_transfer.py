"""Transfer functions of controlled circuits against closed forms by hand, and what the simulation
does."""

import numpy as np
import pytest
from brian2 import Hz, ms, second
from neurofa.models import dfc, dfc_tracking, fa, strong_dfc

from neurofa import (
    Length,
    Network,
    NetworkError,
    Pathway,
    Population,
    analysis,
    reference,
    settle,
)
from neurofa.rules.pathways import delayed, identity

RULE = dfc_tracking.RULE.but(tau_v=10 * ms, tau_u=40 * ms)
FREQUENCIES = np.array([0.5, 1, 2, 5, 10, 20, 50])  # hertz


# --- closed forms ---
W, Q, K_I = 0.8, (1.3, 0.6), 0.9  # of one unit per layer
CASES = [(0.0, 0.0, 0.0), (0.3, 0.0, 0.0), (0.3, 0.5, 0.0), (0.2, 0.4, 7.3)]  # alpha, k_p, delay/ms


def by_hand(alpha, k_p, delay):
    """Return a linear circuit of one hidden unit and one output, delayed by so many milliseconds."""
    rule = RULE.but(alpha=alpha, k_p=k_p, k_i=K_I).through(delayed(delay * ms))
    net = Network((1, 1, 1), rule, activation="linear", target="numpy")
    net["W2"], net["Q1"], net["Q2"] = W, *Q
    return net


@pytest.mark.parametrize("alpha, k_p, delay", CASES)
def test_two_layers_in_continuous_time(alpha, k_p, delay):
    """(tau_v s + 1) v_i = input, tau_u s U = k_i e - alpha u, u = U + k_p e, e = y - r."""
    found = analysis.transfer(by_hand(alpha, k_p, delay), [0.7], FREQUENCIES * Hz)[0, :, 0, 0]
    s = 2j * np.pi * FREQUENCIES
    low = 1 / (0.010 * s + 1)
    plant = (low * W * low * Q[0] + low * Q[1]) * np.exp(-s * delay * 1e-3)
    controller = (K_I + 0.040 * s * k_p) / (0.040 * s + alpha)
    loop = plant * controller
    np.testing.assert_allclose(found, loop / (1 + loop), rtol=1e-10)


@pytest.mark.parametrize("alpha, k_p, delay", CASES)
@pytest.mark.parametrize("dt", [1.0, 2.5])
def test_two_layers_in_time_steps(alpha, k_p, delay, dt):
    """The controller leads a step, and sees the output of the step before: e = y - r/z."""
    net = by_hand(alpha, k_p, delay)
    found = analysis.transfer(net, [0.7], FREQUENCIES * Hz, dt=dt * ms)[0, :, 0, 0]
    z = np.exp(2j * np.pi * FREQUENCIES * dt * 1e-3)
    low = dt / 10 / (1 - (1 - dt / 10) / z)
    whole, part = divmod(delay / dt, 1)
    late = z**-whole * (1 - part + part / z)
    plant = (low * W * low * Q[0] + low * Q[1]) * late
    controller = (dt / 40 * K_I + k_p * (1 - 1 / z)) / (1 - (1 - dt / 40 * alpha) / z)
    loop = plant * controller
    np.testing.assert_allclose(found, loop / (1 + loop / z), rtol=1e-10)


def test_a_controller_that_sees_the_output_late():
    """The delay is in the loop, and not on the way from the target to the output."""
    seeing = Population(
        "controller",
        "dU/dt = feedback_on * (target - r_seen) / tau_u : 1\nu = U : 1",
        links={"target": "output.target"},
    )
    eye = Pathway("R", source="output", signal="r", into="r_seen", to="controller", init=identity())
    rule = RULE.but(populations=(seeing,), pathways=(*RULE.pathways, eye))
    net = Network((1, 1), rule.through(delayed(15 * ms), "R"), activation="linear", target="numpy")
    net["Q1"] = 0.7
    found = analysis.transfer(net, [0.7], FREQUENCIES * Hz)[0, :, 0, 0]
    s = 2j * np.pi * FREQUENCIES
    loop = 0.7 / (0.010 * s + 1) / (0.040 * s)
    np.testing.assert_allclose(found, loop / (1 + loop * np.exp(-s * 0.015)), rtol=1e-10)


def test_short_time_steps_are_continuous_time():
    net = by_hand(0.2, 0.4, 7.3)
    exact = analysis.transfer(net, [0.7], FREQUENCIES * Hz)
    off = [
        abs(analysis.transfer(net, [0.7], FREQUENCIES * Hz, dt=dt * ms) / exact - 1).max()
        for dt in (2e-3, 1e-3)
    ]
    assert off[0] < 2e-3 and off[0] / off[1] == pytest.approx(2, rel=1e-2)


# --- circuits that are not linear, of several units ---
SIZES, REST = (4, 6, 5, 2), (0.2, -0.1)


def tanh(rule, trials=1, **options):
    """Return a circuit, its stimuli (trials, inputs), and the targets around which it is moved."""
    net = Network(SIZES, rule, trials=trials, seed=1, **options)
    x = np.random.default_rng(0).normal(size=(1, SIZES[0]))
    return net, np.repeat(x, trials, axis=0), np.repeat([REST], trials, axis=0)


def test_a_target_that_stands_still():
    """At 0 Hz, H is how the settled output depends on the target: by finite differences of the root
    of the equations."""
    net, x, y = tanh(RULE.but(alpha=0.3), target="numpy")
    Ws, Qs = [[net[f"{letter}{k}"] for k in (1, 2, 3)] for letter in "WQ"]
    ends = lambda target: reference.dfc_steady_state(x, target, Ws, None, Qs, 0.3).r[-1][0]
    slope = reference.numerical_gradient(ends, y, step=1e-5)[0].T
    found = analysis.transfer(net, x, [0] * Hz, y=y)
    assert found.shape == (1, 1, 2, 2)
    np.testing.assert_allclose(found[0, 0], slope, rtol=1e-7)
    steps = analysis.transfer(net, x, [0] * Hz, y=y, dt=1 * ms)
    np.testing.assert_allclose(steps, found, rtol=1e-9)


def measured(net, x, y, unit, size=1e-4, dt=1.0):
    """Return what the output makes of small oscillations of one target, complex, (frequencies,
    outputs): a trial for every frequency, the last 2 s of 4."""
    steps, last = round(4000 / dt), round(2000 / dt)
    wave = np.exp(2j * np.pi * FREQUENCIES[:, None] * np.arange(steps) * dt * 1e-3)
    frames = np.repeat(y[:, None], steps, axis=1)
    frames[:, :, unit] += size * wave.imag
    net.stimulus(x)
    net.target_rates(frames, frame=dt * ms)
    net.run("free", Length(300 * ms, dt=dt * ms))
    rates = net.run("feedback", Length(4 * second, dt=dt * ms)).trajectory[:, -last:]
    return np.einsum("ftu,ft->fu", rates, wave[:, -last:].conj()) * 2j / (last * size)


@pytest.mark.parametrize(
    "rule, options",
    [
        (RULE.but(alpha=0.2, k_p=0.3), {}),
        (RULE.through(delayed(6.3 * ms, layer=1)), {}),
        (RULE.but(alpha=0.2, k_p=0.3), dict(activation=["logistic", "softplus"])),
        # whose error is made by the output, with the softmax of its rates
        (strong_dfc.RULE.but(alpha=0.3, k_p=0.2, tau_u=40 * ms), dict(cost="cross_entropy")),
    ],
    ids=["tanh", "delay in one layer", "other activations", "cross-entropy"],
)
def test_the_simulation_follows_as_predicted(rule, options):
    net, x, y = tanh(rule, len(FREQUENCIES), target="numpy", **options)
    if "cross_entropy" in options.values():
        y = np.repeat([[0.7, 0.3]], len(x), axis=0)
    predicted = analysis.transfer(net, x[:1], FREQUENCIES * Hz, y[:1], dt=1 * ms)[0]
    with net.without_noise():
        found = measured(net, x, y, unit=1)
    assert np.ptp(np.log(abs(predicted[:, 1, 1]))) > 1  # from following to hardly
    np.testing.assert_allclose(found, predicted[:, :, 1], rtol=1e-5, atol=1e-7)


def test_compiled_circuits_follow_as_predicted(needs_compiler):
    net, x, y = tanh(RULE.through(delayed(6.3 * ms)), len(FREQUENCIES), target="cpp")
    predicted = analysis.transfer(net, x[:1], FREQUENCIES * Hz, y[:1], dt=0.5 * ms)[0]
    found = measured(net, x, y, unit=0, dt=0.5)
    np.testing.assert_allclose(found, predicted[:, :, 0], rtol=1e-5, atol=1e-7)


# --- what it is asked, and what it answers ---
def test_every_stimulus_has_its_own_and_nothing_changes_in_the_network():
    net, x, y = tanh(RULE, 3, target="numpy")
    x, y = x * [[1], [2], [0]], y * [[1], [0], [2]]
    before = {name: array.copy() for name, array in net.arrays.items()}
    found = analysis.transfer(net, x, [1, 5] * Hz, y)
    assert found.shape == (3, 2, 2, 2)
    for k in range(3):
        alone = analysis.transfer(net, x[k], [1, 5] * Hz, y[k])
        np.testing.assert_allclose(alone[0], found[k], rtol=1e-9)
    assert all(np.array_equal(net.arrays[name], before[name]) for name in before)


def test_by_default_it_moves_around_what_the_output_does_anyway():
    net, x, _ = tanh(RULE, target="numpy")
    net.stimulus(x)
    net.run("free", settle(1e-13, dt=1 * ms))
    expected = analysis.transfer(net, x, [2] * Hz, net["output.r"])
    np.testing.assert_allclose(analysis.transfer(net, x, [2] * Hz), expected, rtol=1e-9)


@pytest.mark.parametrize(
    "given, words",
    [
        (dict(frequencies=[1.0, 2.0]), "frequencies has a unit that does not fit. Give values in"),
        (dict(frequencies=[1, 2] * ms), "frequencies has a unit that does not fit"),
        (dict(frequencies=[[1, 2]] * Hz), "give an array with 1 axes"),
        (dict(frequencies=[1, -2] * Hz), "one or more, of 0 Hz or larger"),
        (dict(frequencies=[] * Hz), "one or more, of 0 Hz or larger"),
        (dict(frequencies=[1, np.nan] * Hz), "NaN or infinite"),
        (dict(dt=1.0), "transfer: dt = 1.0: give a positive, finite time step such as 1.ms"),
        (dict(dt=100 * ms), "10 Hz cannot be told .* Give at most 5 Hz"),
        (dict(x=np.zeros((1, 3))), r"stimulus must be finite numbers of shape \(trials, 4\)"),
        (dict(y=np.zeros((2, 2))), r"target must be finite numbers of shape \(1, 2\)"),
    ],
)
def test_mistakes_are_named(given, words):
    net, x, _ = tanh(RULE, target="numpy")
    with pytest.raises(NetworkError, match=words):
        analysis.transfer(**(dict(net=net, x=x, frequencies=[10] * Hz) | given))


@pytest.mark.parametrize("rule", [dfc.RULE, fa.RULE], ids=["noted once", "moves no rates"])
def test_a_circuit_that_follows_nothing_is_refused(rule):
    net, x, _ = tanh(rule, target="numpy")
    with pytest.raises(NetworkError, match="phase feedback, rates do not follow .*dfc_tracking"):
        analysis.transfer(net, x, [1] * Hz)


def test_a_controller_that_nothing_holds_is_refused():
    net, x, _ = tanh(RULE.but(alpha=0.0), target="numpy")
    for k in (1, 2, 3):
        net[f"Q{k}"] = 0.0
    with pytest.raises(NetworkError, match="drifts at 0 Hz. Give the controller a leak"):
        analysis.transfer(net, x, [0] * Hz)
