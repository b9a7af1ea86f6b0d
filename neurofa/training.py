"""Training: epochs of batches, and the History of what came of them."""

import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from .arguments import able, kind, seed_of, whole
from .checkpoint import Position
from .costs import misfit
from .errors import Diverged, NetworkError, NotSettled, warn
from .learner import Learner, look_beneath_noise, present
from .network import Network
from .predict import NO_CLASSES, costs, judged
from .tasks import Task


@dataclass
class History:
    """Learning curves: one entry per epoch, the first of them before learning."""

    epoch: list = field(default_factory=list)
    train_cost: list = field(default_factory=list)
    test_cost: list = field(default_factory=list)
    test_accuracy: list = field(default_factory=list)  # NaN where the task is no classification
    unsettled: list = field(default_factory=list)      # fraction of an epoch's trials in which a phase had not settled; NaN where none was to
    measured: list = field(default_factory=list)       # what `measure` found
    interrupted: bool = False
    stopped: bool = False                              # by `after_epoch`
    warned: bool = False

    def _repr_html_(self):
        from .notebook import of_history
        return of_history(self)


RUNAWAY = 1e3      # times what an output that stays at 0 costs, or the first costs, if these are more


class _Growth:
    """Warns, once per training, of finite costs that are many times larger than any with which learning begins.

    Costs that rise and rise will be an error, Diverged, which is enough. So it is said where they have stopped rising, or training ends.
    """

    def __init__(self, net):
        self.net, self.first, self.found, self.said = net, None, None, False
        self.highest, self.before = 0.0, 0.0      # of this epoch, and of the one before

    def look(self, cost, y, when):
        """Look at a mean `cost` of answers to the targets `y`."""
        self.first = cost if self.first is None else self.first
        self.highest = max(cost, self.highest)
        silent = float(self.net.cost.value(np.zeros_like(y), y).mean())
        if self.found is None and cost > RUNAWAY * max(silent, self.first) > 0:
            self.found = (f"The cost rose from {self.first:.2g} to {cost:.2g} {when}, where an output that stays at 0 costs {silent:.2g}. "
                          f"Weights overshoot: use a smaller learning rate{self._rates()}, or inputs on a smaller scale.")

    def epoch_is_over(self):
        """Say what was found, unless costs still rise."""
        if self.highest <= self.before:
            self.say()
        self.highest, self.before = 0.0, self.highest

    def say(self):
        """Say what was found, if anything was."""
        if self.found and not self.said:
            self.said = True
            warn(self.found)

    def _rates(self):
        lines, parameters = self.net.rule.plasticity, self.net.parameters
        rates = dict.fromkeys(line.rate for line in lines if line.rate in parameters)
        return f" (now {', '.join(f'{name} = {float(parameters[name]):g}' for name in rates)})" if rates else ""


@threadpool_limits.wrap(limits=1, user_api="blas")      # NumPy's threads would take the cores from those that share the trials
def train(net, task, epochs, *, trial=None, optimiser=None, seed=0, progress=True, label=None, record=None, snapshots=None,
          checkpoint=None, measure=None, after_epoch=None):
    """Train `net` on `task` for `epochs` passes in batches of `net.trials`, and return the History.

    Parameters
    ----------
    net : Network; or a Learner, which knows its trial and optimiser, and whose moments and counts of updates and epochs go on.
    task : neurofa.tasks.Task. Its cost is the network's, unless that was told another. Without held-out samples, what is found by
        testing is NaN.
    epochs : how many; 0 evaluates only.
    trial, optimiser : as in Learner; by default Trial() and "gradient".
    seed : fixes the order of the samples.
    progress, label : whether a bar is shown on a terminal, and what it is called.
    record, snapshots, checkpoint : Recorder, Snapshots, neurofa.checkpoint.Checkpoint, or None.
    measure : is given the network before the first epoch and after each, and returns plain values for the History.
    after_epoch : is called as `after_epoch(learner, history)` when the epoch `history.epoch[-1]` is over, before a checkpoint is
        saved; it may change parameters, `learner.net.set(eta=...)`. If it returns True, training ends and the History says `stopped`.

    Ctrl-C ends training early and keeps what was learned and recorded: the History says `interrupted`. Raises NetworkError where
    arguments do not fit each other, Diverged (with the History so far, and the last weights that were finite), ExperimentError if
    the checkpoint is not of this training.
    """
    _check(net, task, record, snapshots, checkpoint, measure, after_epoch)
    kind("progress", progress, (bool, np.bool_), "True or False")
    kind("label", "" if label is None else label, str, "text")
    epochs, seed = whole("epochs", epochs, least=0), seed_of("seed", seed)
    learner, history, rng = _learner(net, trial, optimiser), History(), np.random.default_rng(seed)
    net = learner.net
    _fit(net, task)
    growth = _Growth(net)
    batches = -(-len(task.x) // net.trials)
    at = checkpoint.load(learner, history, task, seed) if checkpoint else Position()
    bar = tqdm(total=epochs * batches, initial=(at.epoch - 1) * batches + at.batch, desc=label or net.rule.name, unit="batch", leave=False,
               disable=None if progress else True, dynamic_ncols=True)     # None: no bar where there is no terminal
    try:
        if not history.epoch:
            with _only_first(history):
                _note(history, 0, learner, task, [], [], measure, growth)
        _take(snapshots, learner, history)
        while at.epoch <= epochs and not history.stopped:
            for _ in _batches(learner, task, at, rng, history, record, snapshots, growth):
                bar.update()
                if checkpoint and at.batch % checkpoint.every == 0:
                    checkpoint.save(learner, history, at)
            learner.epochs += 1
            with _only_first(history):
                _note(history, at.epoch, learner, task, at.costs, at.unsettled, measure, growth)
            history.stopped = after_epoch is not None and _true(after_epoch(learner, history))
            at = Position(at.epoch + 1, order=rng.bit_generator.state)
            if checkpoint:
                checkpoint.save(learner, history, at)
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
    with _only_first(history):
        growth.say()
    return history


def _check(net, task, record, snapshots, checkpoint, measure, after_epoch):
    """Raise NetworkError for an argument of `train` that is not what its name says."""
    kind("net", net, (Network, Learner), "a Network or a Learner")
    kind("task", task, Task, "a neurofa.tasks.Task, such as neurofa.tasks.digits()")
    for what, value, method, give in (
            ("record", record, "begin", "a neurofa.Recorder"), ("snapshots", snapshots, "close", "neurofa.snapshots.Snapshots(...)"),
            ("checkpoint", checkpoint, "save", "neurofa.checkpoint.Checkpoint(...)"),
            ("measure", measure, "__call__", "a function of the network"),
            ("after_epoch", after_epoch, "__call__", "a function of the learner and the History")):
        if value is not None:
            able(what, value, method, f"{give}, or None")


def _learner(net, trial, optimiser):
    if not isinstance(net, Learner):
        return Learner(net, trial, "gradient" if optimiser is None else optimiser)
    if trial is not None or optimiser is not None:
        raise NetworkError("The Learner has a trial and an optimiser of its own: leave trial and optimiser out.")
    return net


def _fit(net, task):
    """Make the task's cost the network's, if it was told none. Raises NetworkError where the two do not fit; warns where they differ."""
    if task.sizes != (net.sizes[0], net.sizes[-1]):
        raise NetworkError(f"Task {task.name} has {task.sizes[0]} inputs and {task.sizes[1]} outputs; "
                           f"the network has {net.sizes[0]} and {net.sizes[-1]}.")
    if not net.take_cost(task.cost):
        if wrong := misfit(net.cost.name, task.y):
            raise NetworkError(f"The network was told the cost {net.cost.name}, but y of task {task.name} {wrong}")
        warn(f"Task {task.name} is meant for the cost {task.cost}; the network was told {net.cost.name}, and learns with that.")
    if not task.classes:
        warn(NO_CLASSES.format(f"The targets of task {task.name} are"))


def _batches(learner, task, at, rng, history, record, snapshots, growth):
    """Learn from what is left of the epoch `at`, a Position, which is kept up to date; yield after every batch."""
    if at.order is not None:
        rng.bit_generator.state = at.order
    at.order = rng.bit_generator.state
    for batch in islice(task.batches(learner.net.trials, rng), at.batch, None):
        if at.batch == 0 and not history.warned:
            with _only_first(history):
                look_beneath_noise(learner, task.x[batch], task.y[batch])
        with _only_first(history):
            results = present(learner, task.x[batch], task.y[batch], record=record)
        _take(snapshots, learner, history)
        found = costs(learner.net.cost, results[0].output, task.y[batch])
        growth.look(found.mean(), task.y[batch], f"in batch {at.batch + 1} of epoch {at.epoch}")
        at.costs.extend(found.tolist())
        judged_any = any(result.judged for result in results)
        at.unsettled.extend(np.any([result.unsettled for result in results], axis=0).tolist() if judged_any else [float("nan")] * len(batch))
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


def _note(history, epoch, learner, task, train_costs, unsettled, measure, growth):
    tested = judged(learner, task.x_test, task.y_test, task.coding) if task.held_out else (float("nan"), float("nan"))
    if task.held_out:
        growth.look(tested[0], task.y_test, f"in the test after epoch {epoch}")
    growth.epoch_is_over()
    history.epoch.append(epoch)
    history.train_cost.append(_mean(train_costs))
    history.test_cost.append(tested[0])
    history.test_accuracy.append(tested[1])
    history.unsettled.append(_mean(unsettled))
    if measure is not None:
        history.measured.append(measure(learner.net))


def _true(answer):
    """Whether an answer is True: not any value that a function happens to return."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)


def _mean(values):
    return float(np.mean(values)) if values else float("nan")


def _take(snapshots, learner, history, now=False):
    if snapshots is not None:
        with _only_first(history):
            snapshots.take(learner, now)
