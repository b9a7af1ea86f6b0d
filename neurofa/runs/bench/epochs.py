"""An epoch of learning with the steady states of every trial."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

import numpy as np

from ...base.errors import NetworkError, choices
from .. import lookup
from .circuit import MODEL, SIZES
from .timing import peak_bytes

EPOCHS: dict[str, dict[str, Any]] = dict(
    fa=dict(layers=(784, 500, 10), optimiser="gradient", eta=0.1),
    dfc_ss=dict(layers=SIZES, optimiser="adam", eta=1e-3),
)
LAST = 10  # batches, by which it is judged how well trials settle


def epoch(
    model: str = MODEL,
    trials: int = 128,
    dtype: str = "float64",
    threads: int | None = os.cpu_count(),
    images: int = 60000,
    tolerance: float = 1e-3,
) -> dict:
    """Time one epoch of learning with the steady states of every trial, and return what it took and
    how well they settled as a dict.

    The images are those of MNIST where NEUROFA_MNIST names their folder, random ones elsewhere.
    `peak_rss_mb` is the most memory held until the epoch has ended, `steps` are a trial's, over all
    phases. `left` is how much of the way from the begin of a phase to its steady state a trial had
    left when the phase had ended, the largest over phases: on the last batches, with the weights as
    they are then, beside a circuit in double precision that goes all the way.

    Raises NetworkError, CompileError, Diverged, KeyboardInterrupt.
    """
    from threadpoolctl import threadpool_limits

    from ...learning.learner import Learner
    from ...learning.presenting import present
    from ...simulate.steady import SteadyState

    if model not in EPOCHS:
        raise NetworkError(
            f"There is no epoch of '{model}' to time. " + choices(model, EPOCHS, "model")
        )
    circuit = partial(_circuit, model, trials, threads=threads)
    x, y, data = _images(images, dtype)
    learner = Learner(circuit(dtype), SteadyState(tolerance), EPOCHS[model]["optimiser"])
    order = np.random.default_rng(0).permutation(len(x))
    batches = np.split(order, range(trials, len(x), trials))
    with threadpool_limits(limits=1, user_api="blas"):
        # chooses the time constants
        present(learner, x[batches[0]], y[batches[0]], learn=False)
        found = _learned(learner, x, y, batches) | dict(peak_rss_mb=peak_bytes() / 1e6)
        left = _left(learner, partial(circuit, "float64"), x, y, batches[-LAST:])
    return dict(
        model=model,
        data=data,
        images=len(x),
        layers=list(learner.net.sizes),
        trials=learner.net.trials,
        dtype=dtype,
        threads=threads,
        **found,
        tolerance=tolerance,
        **left,
    )


def _circuit(model, trials, dtype, threads):
    from ...simulate.network import Network

    return Network(
        EPOCHS[model]["layers"],
        lookup.rule(model).but(eta=EPOCHS[model]["eta"]),
        trials,
        cost="cross_entropy",
        dtype=dtype,
        threads=threads,
        target="cpp",
    )


def _learned(learner, x, y, batches):
    """Let the circuit learn from every batch once, and return what that took and how many trials
    did not settle."""
    from ...learning.batches import Batches

    learner.taught()  # compiled, or found in the cache
    begin = time.perf_counter()
    answers = [*Batches(learner, x, y).all(batches)]
    seconds = time.perf_counter() - begin
    steps = [answer.steps for answer in answers]
    unsettled = sum(0 if a.unsettled is None else int(a.unsettled.sum()) for a in answers)
    return dict(
        seconds=seconds,
        us_per_image=seconds / len(x) * 1e6,
        steps_median=float(np.median(steps)),
        steps_max=max(steps),
        unsettled=unsettled,
    )


def _images(n, dtype):
    """Return x (n, 784), y (n, 10), and what they are."""
    from ...data import tasks

    rng = np.random.default_rng(0)
    if os.environ.get("NEUROFA_MNIST"):
        task = tasks.mnist(dtype=np.dtype(dtype))
        return task.x[:n], task.y[:n], "mnist"
    return (
        rng.normal(0, 0.3, (n, 784)).astype(dtype),
        np.eye(10)[rng.integers(10, size=n)],
        "random",
    )


def _left(learner, circuit, x, y, batches):
    """Return what trials of these batches have left of their ways, each batch beside a `circuit()`
    that goes all the way."""
    left = np.concatenate(
        [_left_of_trials(learner, circuit(), x[batch], y[batch]) for batch in batches]
    )
    return dict(left_median=float(np.median(left)), left_max=float(left.max()))


def _left_of_trials(learner, exact, x, y):
    """Return what the trials have left of their ways to the steady states, beside the network
    `exact`, which goes all the way."""
    from ...simulate.steady import SteadyState

    ours, states, found = learner.net, list(learner.net.time_constants()), []
    exact.synapses.take(ours)
    trials = {ours: learner.trial, exact: SteadyState(1e-12).of(exact)}
    for net in trials:
        net.reset()
        net.stimulus(x)
        net.target_rates(y)
    there = lambda net: np.concatenate(
        [net[name][: len(x)].astype(float) for name in states], axis=1
    )
    for phase in ours.rule.phases:
        begin = there(ours)
        for net, trial in trials.items():
            net.run(phase.name, trial.length(net, phase.name))
        found.append(
            np.linalg.norm(there(ours) - there(exact), axis=1)
            / np.linalg.norm(begin - there(exact), axis=1)
        )
    return np.max(found, axis=0)
