"""Feedback alignment with one hidden layer, whose input and target move: the circuit, and a loop in
NumPy that shares nothing with the simulator."""

import numpy as np
from brian2 import ms
from neurofa.models import fa

from neurofa import Learner, Network, Recorder, Trial, present

SIZES, K = (3, 4, 2), 3
TAU = 10  # time steps, of potentials and of errors
TRACES = ("hidden1.v", "hidden1.delta", "output.v", "output.delta", "input.r", "output.target")
FRAME, OF_FRAME, FRAMES = 4 * ms, 4, 5
LENGTHS = dict(free=17, feedback=26)  # steps: less than all frames, and more
TRIAL = Trial(dt=1 * ms, **{name: steps * ms for name, steps in LENGTHS.items()})


def network(rule=fa.RULE, trials=K, **options):
    net = Network(SIZES, rule, trials, seed=1, **options)
    for k in (1, 2):
        net[f"W{k}.bias"] = np.random.default_rng(k).normal(size=SIZES[k])
    return net


def samples(moves="xy", trials=K, frames=FRAMES):
    """Return inputs and targets, of which those move that are named."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(trials, frames, 3)), rng.normal(size=(trials, frames, 2))
    return x if "x" in moves else x[:, 0], y if "y" in moves else y[:, 0]


def recorded(net, x, y, frame=FRAME, trial=TRIAL):
    """Return the traces of a trial, `{name: (steps, trials, units)}`, and the PhaseResults."""
    recorder = Recorder(list(TRACES), trials=range(len(x)))
    results = present(Learner(net, trial), x, y, learn=False, record=recorder, frame=frame)
    return traces_of(recorder), results


def traces_of(recorder):
    data = recorder.recording().dataset
    return {name: data[name].transpose("time", "trial", ...).values for name in TRACES}


def wanted(net, x, y, interpolated=False, **options):
    """Return what is to be recorded, by the loop in NumPy."""
    phases = [
        (*(shown(one, steps, OF_FRAME, interpolated) for one in (x, y)), name == "feedback")
        for name, steps in LENGTHS.items()
    ]
    return in_steps(net, phases, **options)


def agree(found, right, atol=1e-10):
    for name, values in right.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=atol, err_msg=name)
        assert abs(values).max() > 0.1


def shown(frames, steps, of_frame=OF_FRAME, interpolated=False):
    """Return what is seen in each of so many steps, (steps, trials, units): of frames (trials, frames,
    units) that last for `of_frame` steps each; or of what stands still, (trials, units)."""
    frames = frames if frames.ndim == 3 else frames[:, None]
    times = np.arange(frames.shape[1]) * of_frame
    now = np.arange(steps)
    if not interpolated:
        return frames[:, np.minimum(now // of_frame, frames.shape[1] - 1)].swapaxes(0, 1)
    lines = [[np.interp(now, times, unit) for unit in trial.T] for trial in frames]
    return np.moveaxis(lines, 2, 0)


def late(past, steps):
    """Return what arrives of signals, the last of which is that of now; there were zeros before."""
    whole = int(steps)
    old = [past[-1 - k] if k < len(past) else np.zeros_like(past[-1]) for k in (whole, whole + 1)]
    return (1 - steps + whole) * old[0] + (steps - whole) * old[1]


def in_steps(net, phases, delay=0.0, cut=()):
    """Return `{name: (steps, trials, units)}` of the phases, [(x, y, feedback_on)], x and y (steps,
    trials, units), from rest. `delay` is that of feedforward signals, in steps; in the steps `cut`,
    from 0, the hidden layer hears nothing of its input."""
    w, b = [net["W1"], net["W2"]], [net["W1.bias"], net["W2.bias"]]
    trials = phases[0][0].shape[1]
    v, delta = ([np.zeros((trials, n)) for n in SIZES[1:]] for _ in range(2))
    sent, traces = [[], []], {name: [] for name in TRACES}
    for x, y, on in phases:
        for now, target in zip(x, y):
            heard = len(sent[0]) not in cut
            sent[0].append(now)
            slope, drive = 1 - np.tanh(v[0]) ** 2, heard * late(sent[0], delay) @ w[0].T + b[0]
            delta[0] = delta[0] + (slope * (delta[1] @ net["B2"].T) - delta[0]) / TAU
            v[0] = v[0] + (drive - v[0]) / TAU
            sent[1].append(np.tanh(v[0]))
            error, drive = on * (v[1] - target), late(sent[1], delay) @ w[1].T + b[1]
            delta[1] = delta[1] + (error - delta[1]) / TAU
            v[1] = v[1] + (drive - v[1]) / TAU
            for name, value in zip(TRACES, (v[0], delta[0], v[1], delta[1], now, target)):
                traces[name].append(value)
    return {name: np.array(values) for name, values in traces.items()}
