"""Training: epochs of batches, and the History of what came of them."""

import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from .checkpoint import Position
from .errors import Diverged, NetworkError, NotSettled
from .learner import Learner, present
from .predict import evaluate


@dataclass
class History:
    """Learning curves: one entry per epoch, the first of them before learning."""

    epoch: list = field(default_factory=list)
    train_cost: list = field(default_factory=list)
    test_cost: list = field(default_factory=list)
    test_accuracy: list = field(default_factory=list)  # NaN where the task has no classes
    unsettled: list = field(default_factory=list)      # fraction of an epoch's trials in which a phase had not settled
    measured: list = field(default_factory=list)       # what `measure` found
    interrupted: bool = False
    warned: bool = False


@threadpool_limits.wrap(limits=1, user_api="blas")      # NumPy's threads would take the cores from those that share the trials
def train(net, task, epochs, *, trial=None, optimiser="gradient", seed=0, progress=True, label=None, record=None, snapshots=None,
          checkpoint=None, measure=None):
    """Train `net` on `task` for `epochs` passes in batches of `net.trials`, and return the History.

    `optimiser` is as in Learner, `record` a neurofa.recording.Recorder, `snapshots` a neurofa.snapshots.Snapshots, `checkpoint` a
    neurofa.checkpoint.Checkpoint, `measure` a function that is given the network when the epoch is over and returns plain values
    for the History; or None. One `seed` fixes the order of the samples. Ctrl-C ends training early and keeps what was learned and
    recorded: the History says `interrupted`. Raises NetworkError if the task's width is not the network's, Diverged (with the
    History so far), ExperimentError if the checkpoint is not of this training.
    """
    _check(net, task, snapshots)
    learner, history, rng = Learner(net, trial, optimiser), History(), np.random.default_rng(seed)
    batches, about = -(-len(task.x) // net.trials), dict(task=task.name, samples=len(task.x), order=seed)
    at = checkpoint.load(learner, history, about) if checkpoint else Position()
    bar = tqdm(total=epochs * batches, initial=(at.epoch - 1) * batches + at.batch, desc=label or net.rule.name, unit="batch", leave=False,
               disable=None if progress else True, dynamic_ncols=True)     # None: no bar where there is no terminal
    try:
        if not history.epoch:
            with _only_first(history):
                _note(history, 0, learner, task, [], [], measure)
        _take(snapshots, learner, history)
        while at.epoch <= epochs:
            for _ in _batches(learner, task, at, rng, history, record, snapshots):
                bar.update()
                if checkpoint and at.batch % checkpoint.every == 0:
                    checkpoint.save(learner, history, at, about)
            learner.epochs = at.epoch
            with _only_first(history):
                _note(history, at.epoch, learner, task, at.costs, at.unsettled, measure)
            at = Position(at.epoch + 1, order=rng.bit_generator.state)
            if checkpoint:
                checkpoint.save(learner, history, at, about)
            bar.set_postfix_str(f"test {history.test_accuracy[-1]:.1%}" if task.classes else f"test {history.test_cost[-1]:.3g}")
        _take(snapshots, learner, history, now=True)
    except KeyboardInterrupt:
        history.interrupted = True
    except Diverged as error:
        error.history = history
        raise
    finally:
        bar.close()
        if snapshots is not None:
            snapshots.close()
    return history


def _batches(learner, task, at, rng, history, record, snapshots):
    """Learn from what is left of the epoch `at`, a Position, which is kept up to date; yield after every batch."""
    if at.order is not None:
        rng.bit_generator.state = at.order
    at.order = rng.bit_generator.state
    for batch in islice(task.batches(learner.net.trials, rng), at.batch, None):
        with _only_first(history):
            results = present(learner, task.x[batch], task.y[batch], record=record)
        _take(snapshots, learner, history)
        at.costs.extend(learner.net.cost.value(results[0].output, task.y[batch]).tolist())
        at.unsettled.extend(np.any([result.unsettled for result in results], axis=0).tolist())
        at.batch += 1
        yield


@contextmanager
def _only_first(history):
    """Warn of trials that did not settle once per training; the History counts the others."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NotSettled)
            yield
    finally:
        for warning in caught:
            if warning.category is not NotSettled or not history.warned:
                tqdm.write(f"{warning.category.__name__}: {warning.message}", file=sys.stderr)
            history.warned = history.warned or warning.category is NotSettled


def _note(history, epoch, learner, task, costs, unsettled, measure):
    cost, accuracy = evaluate(learner, task.x_test, task.y_test)
    history.epoch.append(epoch)
    history.train_cost.append(float(np.mean(costs)) if costs else float("nan"))
    history.test_cost.append(cost)
    history.test_accuracy.append(accuracy if task.classes else float("nan"))
    history.unsettled.append(float(np.mean(unsettled)) if unsettled else float("nan"))
    if measure is not None:
        history.measured.append(measure(learner.net))


def _take(snapshots, learner, history, now=False):
    if snapshots is not None:
        with _only_first(history):
            snapshots.take(learner, now)


def _check(net, task, snapshots):
    if snapshots is not None and not hasattr(snapshots, "take"):
        raise NetworkError(f"snapshots = {snapshots!r}: give neurofa.snapshots.Snapshots(...), or None.")
    if task.sizes != (net.sizes[0], net.sizes[-1]):
        raise NetworkError(f"Task {task.name} has {task.sizes[0]} inputs and {task.sizes[1]} outputs; "
                           f"the network has {net.sizes[0]} and {net.sizes[-1]}.")
