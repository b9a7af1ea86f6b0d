"""Inputs and targets that move: what both targets make of them, step by step, against a loop in NumPy
and against plain Brian2."""

import brian2
import numpy as np
import pytest
from brian2 import NeuronGroup, Synapses, TimedArray, ms
from in_steps import (
    FRAME,
    FRAMES,
    LENGTHS,
    OF_FRAME,
    TRACES,
    K,
    agree,
    network,
    recorded,
    samples,
    shown,
    traces_of,
    wanted,
)
from neurofa.models import fa
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import Frame, Learner, Length, Network, Recorder, Trial, lookup, present, settle
from neurofa.pathways import delayed, lesioned, noisy

HOLDS = pytest.mark.parametrize("interpolated", [False, True], ids=["held", "interpolated"])


@HOLDS
@pytest.mark.parametrize("moves", ["x", "y", "xy"])
def test_every_step_is_that_of_a_loop_in_numpy(moves, interpolated, target):
    net, (x, y) = network(target=target), samples(moves)
    found, results = recorded(net, x, y, Frame(FRAME, interpolated))
    agree(found, wanted(net, x, y, interpolated))
    begin = 0
    for result, steps in zip(results, LENGTHS.values()):
        ends = begin + OF_FRAME * np.arange(1, FRAMES + 1)
        reached = ends <= begin + steps
        outputs = found["output.v"][ends[reached] - 1].swapaxes(0, 1)
        np.testing.assert_array_equal(result.trajectory[:, reached], outputs)
        assert np.isnan(result.trajectory[:, ~reached]).all() and reached.sum() in (4, 5)
        begin += steps


@pytest.mark.parametrize("told", [{}, dict(cost="squared")], ids=["any cost", "one cost"])
def test_the_output_is_noted_as_every_frame_ends_whatever_reads_it(told, target):
    """Of a network that was told its cost, nothing else needs the output's rates at every step."""
    net, (x, _) = Network((3, 5, 2), fa.RULE, K, seed=1, target=target, **told), samples("x")
    net.stimulus(x, FRAME)
    trace = Recorder("output.v", every=OF_FRAME)
    result = net.run("free", Length(FRAMES * FRAME, dt=1 * ms), trace)
    v = trace.recording()["output.v"].transpose("trial", "time", ...).values
    np.testing.assert_array_equal(result.trajectory, v)
    assert np.ptp(v, axis=1).min() > 0.01


@pytest.fixture
def runtime(runtime):
    """As everywhere, with a time step of its own."""
    brian2.defaultclock.dt = 1 * ms


def summed(source, target, into, signal, weights, order):
    """All-to-all synapses within every trial, of weights (post, pre)."""
    post, pre = weights.shape
    made = Synapses(source, target, f"w : 1\n{into}_post = w * {signal}_pre : 1 (summed)")
    [updater] = made.summed_updaters.values()
    updater.order = order
    made.connect(condition=f"i // {pre} == j // {post}")
    made.w = np.tile(weights.T.ravel(), K)
    return made


def by_brian2(net, x, y, interpolated):
    """Return the traces of the potentials and errors in a script of plain Brian2."""
    flat = lambda values: np.concatenate([one.reshape(len(one), -1) for one in values])
    seen = [
        flat([shown(one, steps, interpolated=interpolated) for steps in LENGTHS.values()])
        for one in (x, y)
    ]
    names = dict(zip(("stimulus", "wanted"), (TimedArray(one, dt=1 * ms) for one in seen)))
    names |= dict(tau=10 * ms)
    source = NeuronGroup(3 * K, "r = stimulus(t, i) : 1", order=0)
    hidden = NeuronGroup(
        4 * K,
        """dv/dt = (-v + basal + b) / tau : 1
        ddelta/dt = (-delta + (1 - tanh(v)**2) * apical) / tau : 1
        r = tanh(v) : 1
        basal : 1
        apical : 1
        b : 1""",
        method="euler",
        order=10,
    )
    output = NeuronGroup(
        2 * K,
        """dv/dt = (-v + basal + b) / tau : 1
        ddelta/dt = (-delta + on * (v - wanted(t, i))) / tau : 1
        basal : 1
        b : 1
        on : 1 (shared)""",
        method="euler",
        order=20,
    )
    hidden.b, output.b = np.tile(net["W1.bias"], K), np.tile(net["W2.bias"], K)
    parts = [
        source,
        hidden,
        output,
        summed(source, hidden, "basal", "r", net["W1"], 9),
        summed(output, hidden, "apical", "delta", net["B2"], 9),
        summed(hidden, output, "basal", "r", net["W2"], 19),
    ]
    seen = [
        brian2.StateMonitor(group, ("v", "delta"), record=True, when="end")
        for group in (hidden, output)
    ]
    circuit = brian2.Network(*parts, *seen)
    for name, steps in LENGTHS.items():
        output.on = float(name == "feedback")
        circuit.run(steps * ms, namespace=names)
    return {
        f"{where}.{name}": np.array(getattr(one, name)).T.reshape(sum(LENGTHS.values()), K, -1)
        for where, one in zip(("hidden1", "output"), seen)
        for name in ("v", "delta")
    }


@HOLDS
def test_every_step_is_that_of_plain_brian2(runtime, interpolated, target):
    net, (x, y) = network(target=target), samples()
    found, _ = recorded(net, x, y, Frame(FRAME, interpolated))
    agree(found, by_brian2(net, x, y, interpolated))


@HOLDS
@pytest.mark.parametrize("delay", [5.0, 2.5])
def test_signals_that_come_late(delay, interpolated, target):
    """From the input, too: before the trial, it sent nothing; in the second phase, what it sent in the
    first is still on its way."""
    rule = fa.RULE.through(delayed(delay * ms), "W")
    net, (x, y) = network(rule, target=target), samples()
    found, _ = recorded(net, x, y, Frame(FRAME, interpolated))
    agree(found, wanted(net, x, y, interpolated, delay=delay))


@HOLDS
def test_synapses_that_are_cut_for_a_while(interpolated, target):
    rule = fa.RULE.through(lesioned(at=9 * ms, until=22 * ms, layer=1), "W")
    net, (x, y) = network(rule, target=target), samples()
    found, _ = recorded(net, x, y, Frame(FRAME, interpolated))
    agree(found, wanted(net, x, y, interpolated, cut=range(9, 22)))


@pytest.mark.parametrize(
    "options, atol",
    [(dict(dtype="float32"), 2e-6), (dict(threads=2, trials=7), 1e-10)],
    ids=["float32", "threads"],
)
@HOLDS
def test_other_circuits_and_fewer_trials(options, atol, interpolated, needs_compiler):
    net, (x, y) = network(target="cpp", **{"trials": 5} | options), samples()
    found, _ = recorded(net, x, y, Frame(FRAME, interpolated))
    agree(found, wanted(net, x, y, interpolated), atol)
    assert net.active == K


@HOLDS
def test_noise_is_what_it_is_beside_what_moves(interpolated, needs_compiler):
    """In both targets, and none of it is drawn otherwise."""
    traces, (x, y), frame = [], samples(), Frame(FRAME, interpolated)
    for target in ("cpp", "numpy"):
        net = network(fa.RULE.through(noisy(0.5, 20 * ms), "W"), target=target)
        traces.append(recorded(net, x, y, frame)[0])
    agree(*traces)
    still = recorded(net, x, y, frame)[0]
    assert abs(still["hidden1.v"] - traces[0]["hidden1.v"]).max() > 0.01


@HOLDS
@pytest.mark.parametrize("piece", [1, 3, 4, 10])
def test_a_phase_in_pieces_goes_on_with_its_frames(piece, interpolated, target):
    net, (x, y), frame = network(target=target), samples(), Frame(FRAME, interpolated)
    recorder, seen = Recorder(list(TRACES)), []
    net.reset()
    net.stimulus(x, frame)
    net.target_rates(y, frame)
    for phase, steps in LENGTHS.items():
        for begin in range(0, steps, piece):
            length = Length(min(piece, steps - begin) * ms, dt=1 * ms)
            result = net.run(phase, length, recorder, go_on=begin > 0)
            seen.append(result.trajectory)
    found = traces_of(recorder)
    agree(found, wanted(net, x, y, interpolated))
    pieces = np.array(seen)  # a frame is in that in which it ended
    assert np.isfinite(pieces).all(axis=(1, 3)).sum() == 4 + 5


@HOLDS
@pytest.mark.parametrize("delay", [0, 70], ids=["at once", "late"])
def test_a_phase_that_settles_has_seen_the_last_frame(delay, interpolated, target):
    """However still it was before; and heard of it, however late."""
    rule = fa.RULE.through(delayed(delay * ms), "W") if delay else fa.RULE
    net, (x, _) = network(rule, target=target), samples(frames=1)
    x = np.repeat(x, 4, axis=1) * np.array([0, 0, 0, 1])[:, None]
    net.reset()
    net.stimulus(x, Frame(100 * ms, interpolated))
    result = net.run("free", settle(1e-6))
    assert result.settled_after.min() > 0.3 + 2 * delay / 1000 and result.judged
    r = np.tanh(x[:, 3] @ net["W1"].T + net["W1.bias"])
    right = r @ net["W2"].T + net["W2.bias"]
    np.testing.assert_allclose(result.output, right, atol=1e-5)
    assert result.steps > 400 or (result.trajectory[:, -1] == result.output).all()
    again = net.run("free", settle(1e-6), go_on=True)
    assert again.steps < 200  # everything stands still by now


def test_a_phase_that_settles_waits_for_a_target_that_moves(target):
    net, (x, y) = network(target=target), samples("y", frames=3)
    y[:, 1] = y[:, 0]
    net.reset()
    net.stimulus(x)
    net.target_rates(y, 100 * ms)
    net.run("free", settle(1e-6))
    result = net.run("feedback", settle(1e-6))
    assert result.settled_after.min() > 0.2
    np.testing.assert_allclose(net["output.delta"], result.output - y[:, 2], atol=1e-5)


@pytest.mark.parametrize("model", lookup.model_names())
def test_both_targets_agree_whatever_the_rule(model, needs_compiler):
    """Where it learns from what moves, too. The circuits are those of the golden checks."""
    found, rng, frames = [], np.random.default_rng(7), 6
    x, y = (rng.normal(size=(TRIALS, frames, SIZES[k])) for k in (0, -1))
    for target in ("cpp", "numpy"):
        net = Network(SIZES, lookup.rule(model), TRIALS, seed=1, target=target)
        present(Learner(net, Trial(dt=1 * ms)), x, y, frame=Frame(FRAME, True))
        found.append({name: array.copy() for name, array in net.arrays.items()})
    for name, array in found[1].items():
        size = max(1.0, abs(array).max(initial=0))
        np.testing.assert_allclose(found[0][name], array, rtol=0, atol=1e-9 * size, err_msg=name)
