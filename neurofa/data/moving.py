"""Tasks that move in time: a periodic target, reaches, and streams of samples that stand still."""

import numpy as np
from brian2 import Quantity, ms, second

from ..base.arguments import kind, number, quantity, seed_of, whole
from ..base.errors import TaskError
from .coded import Coded
from .in_time import in_time
from .task import Task

TARGETS = 8  # of reaches


def sines(frames: int = 100, tonic: float = 1.0) -> Task:
    """Return a sum of three sines, to be produced from a constant input: x (1, 1), which stands
    still, and y (1, frames, 1), one period in frames of 1 ms.

    Murray, "Local online learning in recurrent networks with random feedback", eLife 2019, as in its
    code (RFLO_Example.ipynb of github.com/murray-lab/rflo-learning): sin(s) + sin(2 s)/2 + sin(4 s)/4
    with s = 2 pi t / period, in 100 time steps, ten of which are the time constant of the neurons.
    There, the input is 0, and neurons start at 0.1; here, trials start at rest, where nothing would
    ever move: the input is `tonic`. The same sample is held out, to be tested without learning.

    Examples
    --------
    >>> tasks.sines().y.shape
    (1, 100, 1)
    """
    period = whole("sines: frames", frames, TaskError) * ms
    s = f"2*pi*t / ({frames}*ms)"
    y = in_time(f"sin({s}) + 0.5*sin(2*{s}) + 0.25*sin(4*{s})", period, 1 * ms)
    x = np.full((1, 1), number("sines: tonic", tonic, TaskError, example="1"))
    return Task(x, y, "sines", x, y, "squared", frame=1 * ms)


def reaching(rotation: float = 0.0) -> Task:
    """Return reaches from the centre to 8 targets on a circle: x (8, 125, 3), where the target is
    and a signal to hold, and y (8, 125, 2), the hand's velocity, in frames of 10 ms.

    Kaleb et al., "Feedback control guides credit assignment in recurrent neural networks", NeurIPS
    2024, as in its code (github.com/klarakaleb/feedback-control). For 200 ms nothing is to move: the
    signal to hold is 1, the direction of the target 0. Then the signal is 0, the direction (cos, sin),
    and the hand's way a sigmoid of time for 1 s, its velocity a bell around 700 ms. Lengths are in
    distances to the target, which is 5 there; times in seconds.

    Under a `rotation`, in degrees, the velocity is turned anticlockwise, and the input is not: the
    visuomotor perturbation, 30 degrees there, to which a network adapts that has learned to reach. The
    same samples are held out, to be tested without learning.

    Examples
    --------
    >>> tasks.reaching().y.shape
    (8, 125, 2)
    """
    turn = np.deg2rad(number("reaching: rotation", rotation, TaskError, example="30"))
    frame, still, moving, rest = 10 * ms, 20, 100, 5
    way = 1 / (1 + np.exp(-10 * np.linspace(-1, 1, moving, endpoint=False)))
    way = np.concatenate([np.zeros(still), way, np.ones(rest)])
    speed = np.gradient(way, float(frame))
    go = np.arange(len(way)) >= still
    angles = 2 * np.pi * np.arange(TARGETS) / TARGETS
    x = np.stack([*np.broadcast_arrays(*_along(angles, go), ~go)], axis=-1)
    y = np.stack(_along(angles + turn, speed), axis=-1)
    return Task(x, y, "reaching", x, y, "squared", frame=frame)


def _along(angles, length):
    """Return the two parts of vectors in the directions `angles`, of a `length` over time, each
    (targets, frames)."""
    return [np.outer(part(angles), length) for part in (np.cos, np.sin)]


def stream(task: Task, shown: Quantity = 100 * ms, streams: int = 1, seed: int = 0) -> Task:
    """Return the samples of a `task` that stands still, one after the other: x (streams, frames,
    n_in) and y (streams, frames, n_out), each sample a frame that lasts for the time `shown`.

    They come in an order drawn from `seed`, which is cut into so many `streams` side by side; those
    at its end that fill no frame of all streams are left out. What is held out is streamed likewise.
    Raises TaskError for a task that moves, or has fewer samples than there are streams.

    Examples
    --------
    >>> tasks.stream(tasks.digits(), streams=4).x.shape
    (4, 336, 64)
    """
    kind(
        "stream: task",
        task,
        Task,
        "a neurofa.tasks.Task, such as neurofa.tasks.digits()",
        TaskError,
    )
    quantity("stream: shown", shown, second, "100*ms", TaskError, noun="time")
    streams = whole("stream: streams", streams, TaskError)
    if task.moves:
        raise TaskError(f"stream: task {task.name} moves already. Give one that stands still.")
    rngs = np.random.default_rng(seed_of("stream: the seed", seed, TaskError)).spawn(2)
    x, y = _streamed(f"task {task.name}", task.x, task.y, streams, rngs[0])
    x_test, y_test = None, None
    if task.held_out:
        what = f"what is held out of task {task.name}"
        x_test, y_test = _streamed(what, task.x_test, task.y_test, streams, rngs[1])
    return Task(x, y, f"stream of {task.name}", x_test, y_test, task.cost, shown)


def _streamed(what, x, y, streams, rng):
    """Return inputs and targets in an order that is drawn, (streams, frames, units)."""
    frames = len(x) // streams
    if not frames:
        raise TaskError(
            f"stream: {what} has {len(x)} samples for {streams} streams. Give at most {len(x)} streams."
        )
    order = rng.permutation(len(x))[: frames * streams].reshape(streams, frames)
    return Coded(x.codes[order], x.table) if isinstance(x, Coded) else x[order], y[order]
