"""Training: epochs of batches, and the History of what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from ..base.arguments import able, kind, seed_of, whole
from ..base.errors import Diverged, NetworkError, warn
from ..data.tasks import Task
from ..rules.costs import misfit
from ..simulate.network import Network
from .batches import Batches
from .checkpoint import Position
from .growth import Growth
from .history import History
from .learner import Learner
from .once import not_settled_once, one_blas_thread
from .predict import NO_CLASSES, costs, judged, respond
from .presenting import look_beneath_noise

if TYPE_CHECKING:
    from ..data.recorder import Recorder
    from ..simulate.trial import Trial
    from .checkpoint import Checkpoint
    from .optimisers import Optimiser
    from .snapshots import Snapshots


@one_blas_thread()
def train(
    net: Network | Learner,
    task: Task,
    epochs: int,
    *,
    trial: Trial | None = None,
    optimiser: str | Optimiser | Mapping[str, str | Optimiser] | None = None,
    seed: int = 0,
    progress: bool = True,
    label: str | None = None,
    record: Recorder | None = None,
    snapshots: Snapshots | None = None,
    checkpoint: Checkpoint | None = None,
    measure: Callable[[Network], Any] | None = None,
    after_epoch: Callable[[Learner, History], Any] | None = None,
) -> History:
    """Train `net` on `task` for `epochs` passes in batches of `net.trials`, and return the History.

    Parameters
    ----------
    net
        Network; or a Learner, which knows its trial and optimiser, and whose moments and counts of updates and epochs go on.
    task
        neurofa.tasks.Task. Its cost is the network's, unless that was told another. Without held-out samples, what is found by
        testing is NaN.
    epochs
        How many; 0 evaluates only.
    trial, optimiser
        As in Learner; by default Trial() and "gradient".
    seed
        Fixes the order of the samples.
    progress, label
        Whether a bar is shown on a terminal, and what it is called.
    record, snapshots, checkpoint
        Recorder, Snapshots, neurofa.checkpoint.Checkpoint, or None.
    measure
        Is given the network before the first epoch and after each, and returns plain values for the History.
    after_epoch
        Is called as `after_epoch(learner, history)` when the epoch `history.epoch[-1]` is over, before a checkpoint is
        saved; it may change parameters, `learner.net.set(eta=...)`. If it returns True, training
        ends and the History says `stopped`.

    Returns
    -------
    History
        One entry per epoch, the first of them before learning.

    Raises
    ------
    NetworkError
        Arguments do not fit each other.
    Diverged
        A state or a weight became NaN or infinite; it has the History so far, and weights are the last
        that were finite.
    ExperimentError
        The checkpoint is not of this training.

    Notes
    -----
    Ctrl-C ends training early and keeps what was learned and recorded: the History says
    `interrupted`.

    Examples
    --------
    >>> task = tasks.digits()
    >>> net = Network([64, 30, 10], fa.RULE.but(eta=0.3), trials=32, cost="cross_entropy", seed=1)
    >>> history = train(net, task, epochs=2, trial=Trial(dt=10*ms), progress=False)
    >>> history.epoch
    [0, 1, 2]
    >>> history.test_accuracy[-1] > 0.5
    True
    """
    _check(net, task, record, snapshots, checkpoint, measure, after_epoch)
    kind("progress", progress, (bool, np.bool_), "True or False")
    kind("label", "" if label is None else label, str, "text")
    epochs, seed = whole("epochs", epochs, least=0), seed_of("seed", seed)
    learner, history = _learner(net, trial, optimiser), History()
    _fit(learner.net, task)
    at = checkpoint.load(learner, history, task, seed) if checkpoint else Position()
    training = _Training(
        learner,
        task,
        history,
        at,
        np.random.default_rng(seed),
        record,
        snapshots,
        checkpoint,
        measure,
        after_epoch,
    )
    bar = training.bar(epochs, label, progress)
    try:
        training.run(epochs, bar)
    except KeyboardInterrupt:
        history.interrupted = True
    except Diverged as error:
        error.history = history
        raise
    finally:
        bar.close()
        if snapshots is not None:
            snapshots.close()
    with not_settled_once(history):
        training.growth.say()
    return history


@dataclass
class _Training:
    """A training that goes on: how far it is, and who wants to know."""

    learner: Learner
    task: Task
    history: History
    at: Position
    rng: np.random.Generator
    record: object
    snapshots: object
    checkpoint: object
    measure: Callable | None
    after_epoch: Callable | None

    def __post_init__(self):
        self.growth = Growth(self.learner.net, self.task.y)
        task = self.task
        self.loop = Batches(self.learner, task.x, task.y, task.frame, task.frames)

    def bar(self, epochs, label, progress):
        """Return a bar that shows how far the training is, where there is a terminal."""
        batches = -(-len(self.task.x) // self.learner.net.trials)
        return tqdm(
            total=epochs * batches,
            initial=(self.at.epoch - 1) * batches + self.at.batch,
            desc=label or self.learner.net.rule.name,
            unit="batch",
            leave=False,
            dynamic_ncols=True,
            disable=None if progress else True,  # None: no bar where there is no terminal
        )

    def run(self, epochs, bar):
        """Train until the last of so many epochs has ended, and show how far it is on a `bar`."""
        if not self.history.epoch:
            self._note(0)
        self._take()
        while self.at.epoch <= epochs and not self.history.stopped:
            for done in self._batches():
                bar.update(done)
                if self.checkpoint and self.at.batch % self.checkpoint.every == 0:
                    self._save()
            self._end_epoch()
            tested = self.history.test_accuracy[-1], self.history.test_cost[-1]
            bar.set_postfix_str(
                f"test {tested[0]:.1%}" if self.task.classes else f"test {tested[1]:.3g}"
            )
        self._take(now=True)

    def _batches(self):
        """Learn from what is left of the epoch; yield how many batches were learned from, as often
        as somebody may look."""
        task, at = self.task, self.at
        if at.order is not None:
            self.rng.bit_generator.state = at.order
        at.order = self.rng.bit_generator.state
        batches = [*task.batches(self.learner.net.trials, self.rng)]
        while left := batches[at.batch : at.batch + self._most()]:
            if at.batch == 0 and not self.history.warned:
                with not_settled_once(self.history):
                    look_beneath_noise(self.learner, task.x[left[0]], task.y[left[0]], task.frame)
            with not_settled_once(self.history):
                answers = self.loop.answers(left, self.record)
            self._take()
            self._costs(answers, left)
            yield len(answers)

    def _most(self):
        """Return after how many batches somebody looks: whoever records, saves, or takes snapshots."""
        if self.record is not None:
            return 1
        most = self.task.x.shape[0]
        if self.checkpoint:
            most = self.checkpoint.every - self.at.batch % self.checkpoint.every
        if self.snapshots is not None:
            self.learner.net.movie = self.loop.movie
            lessons = self.learner.updates_of_a_trial()
            most = min(most, -(-self.snapshots.until(self.learner) // max(1, lessons)))
        return most

    def _costs(self, answers, batches):
        """Note what the answers to some batches cost, and which trials had not settled."""
        at, y = self.at, self.task.y[np.concatenate(batches[: len(answers)])]
        found = costs(
            self.learner.net.cost,
            np.concatenate([answer.output for answer in answers]),
            y,
            self.task.scored if self.task.moves else None,
        )
        end = 0
        for answer in answers:
            start, end = end, end + len(answer.output)
            when = f"in batch {at.batch + 1} of epoch {at.epoch}"
            self.growth.look(float(found[start:end].mean()), when)
            at.unsettled.extend(
                [float("nan")] * (end - start)
                if answer.unsettled is None
                else answer.unsettled.tolist()
            )
            at.batch += 1
        at.costs.extend(found.tolist())

    def _end_epoch(self):
        self.learner.epochs += 1
        self._note(self.at.epoch)
        if self.after_epoch is not None:
            self.history.stopped = _true(self.after_epoch(self.learner, self.history))
        self.at = Position(self.at.epoch + 1, order=self.rng.bit_generator.state)
        if self.checkpoint:
            self._save()

    def _note(self, epoch):
        """Test, and note what an epoch has brought."""
        task, history, tested = self.task, self.history, (float("nan"), float("nan"))
        with not_settled_once(history):
            if task.held_out:
                r = respond(self.learner, task.x_test, task.frame, task.frames_test)
                scored, cost = task.scored_test if task.moves else None, self.learner.net.cost
                tested = judged(cost, r, task.y_test, task.coding, scored)
                history.trajectory = r if task.moves else None
                self.growth.look(tested[0], f"in the test after epoch {epoch}")
            self.growth.epoch_is_over()
            history.epoch.append(epoch)
            history.train_cost.append(_mean(self.at.costs))
            history.test_cost.append(tested[0])
            history.test_accuracy.append(tested[1])
            history.unsettled.append(_mean(self.at.unsettled))
            if self.measure is not None:
                history.measured.append(self.measure(self.learner.net))

    def _take(self, now=False):
        if self.snapshots is not None:
            with not_settled_once(self.history):
                self.snapshots.take(self.learner, now)

    def _save(self):
        self.checkpoint.save(self.learner, self.history, self.at)


def _check(net, task, record, snapshots, checkpoint, measure, after_epoch):
    """Raise NetworkError for an argument of `train` that is not what its name says."""
    kind("net", net, (Network, Learner), "a Network or a Learner")
    kind("task", task, Task, "a neurofa.tasks.Task, such as neurofa.tasks.digits()")
    for what, value, method, give in (
        ("record", record, "begin", "a neurofa.Recorder"),
        ("snapshots", snapshots, "close", "neurofa.snapshots.Snapshots(...)"),
        ("checkpoint", checkpoint, "save", "neurofa.checkpoint.Checkpoint(...)"),
        ("measure", measure, "__call__", "a function of the network"),
        ("after_epoch", after_epoch, "__call__", "a function of the learner and the History"),
    ):
        if value is not None:
            able(what, value, method, f"{give}, or None")


def _learner(net, trial, optimiser):
    if not isinstance(net, Learner):
        return Learner(net, trial, "gradient" if optimiser is None else optimiser)
    if trial is not None or optimiser is not None:
        raise NetworkError(
            "The Learner has a trial and an optimiser of its own: leave trial and optimiser out."
        )
    return net


def _fit(net, task):
    """Make the task's cost the network's, if it was told none. Raises NetworkError where the two do
    not fit; warns where they differ."""
    if task.sizes != (net.sizes[0], net.sizes[-1]):
        raise NetworkError(
            f"Task {task.name} has {task.sizes[0]} inputs and {task.sizes[1]} outputs; "
            f"the network has {net.sizes[0]} and {net.sizes[-1]}."
        )
    if not net.take_cost(task.cost):
        if wrong := misfit(net.cost.name, task.y):
            raise NetworkError(
                f"The network was told the cost {net.cost.name}, but y of task {task.name} {wrong}"
            )
        warn(
            f"Task {task.name} is meant for the cost {task.cost}; the network was told {net.cost.name}, and learns with that."
        )
    if not task.classes:
        warn(NO_CLASSES.format(f"The targets of task {task.name} are"))


def _true(answer):
    """Whether an answer is True: not any value that a function happens to return."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)


def _mean(values):
    return float(np.mean(values)) if values else float("nan")
