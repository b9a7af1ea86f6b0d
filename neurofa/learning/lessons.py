"""A loop of one's own: batch after batch, with whatever is to be measured or changed in between."""

from collections.abc import Iterable, Iterator, Sized
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
from brian2 import Quantity
from threadpoolctl import ThreadpoolController
from tqdm.auto import tqdm

from ..base.arguments import kind
from ..base.errors import NetworkError
from ..base.frames import Frame
from ..data.recorder import Recorder
from ..simulate.settling import PhaseResult
from .learner import Learner
from .once import not_settled_once
from .presenting import present


def lessons(
    learner: Learner,
    batches: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    record: Recorder | None = None,
    progress: bool = False,
    label: str | None = None,
    frame: Frame | Quantity | None = None,
) -> Iterator[tuple[int, list[PhaseResult]]]:
    """Learn from one batch after the other, and yield `(done, results)`: after how many batches,
    and the PhaseResult of each phase of the last one.

    The first is `(0, [])`, before anything is learned. What comes next is up to the loop: between
    two batches it may measure, set parameters, lesion, or leave with `break`.

        for done, results in lessons(learner, ((x, teach(x)) for x in inputs)):
            if done in (0, 10, 100, 1000):
                found.append(analysis.alignment(net["W2"], net["B2"]))

    Parameters
    ----------
    learner
        Learner; `learner.save(path)` keeps all that it needs to go on, and
        `learner.epochs += 1` says that an epoch has ended, for lesions that count epochs.
    batches
        Pairs of inputs (trials, n_in) and targets (trials, n_out), a list or a generator, from which the next is
        taken when it is needed; of a Task, `((task.x[i], task.y[i]) for i in task.batches(32, rng))`.
    record
        neurofa.Recorder, or None.
    progress
        Whether to show a bar (where there is a terminal), called `label`; the rule's name by default.

    frame
        How long each frame is shown, such as 5*ms, where inputs or targets are (trials, frames, units).

    Raises
    ------
    NetworkError
        No Learner, or a batch that is no pair of arrays that fit the network.
    Diverged
        The weights are then those after the last update that was finite.

    Notes
    -----
    NumPy's BLAS has one thread while a batch is learned from, as in `train`: more would take the
    cores from the threads that share the trials. Trials that do not settle are warned of once; the
    results say which did not.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> for done, results in lessons(learner, [(x, y)] * 3):
    ...     print(done, [result.phase for result in results])
    0 []
    1 ['free', 'feedback']
    2 ['free', 'feedback']
    3 ['free', 'feedback']
    """
    kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)")
    kind("batches", batches, Iterable, "pairs (x, y), in a list or from a generator")
    kind("progress", progress, (bool, np.bool_), "True or False")
    kind("label", "" if label is None else label, str, "text")
    return _lessons(learner, batches, record, progress, label, Frame.of(frame))


def _lessons(learner, batches, record, progress, label, frame):
    threads, heard = ThreadpoolController(), SimpleNamespace(warned=False)
    bar = tqdm(
        total=len(batches) if isinstance(batches, Sized) else None,
        desc=label or learner.net.rule.name,
        unit="batch",
        leave=False,
        dynamic_ncols=True,
        disable=None if progress else True,
    )
    with bar:
        yield 0, []
        for done, batch in enumerate(batches, start=1):
            x, y = _pair(batch, done)
            with threads.limit(limits=1, user_api="blas"), not_settled_once(heard):
                results = present(learner, x, y, record=record, frame=frame)
            bar.update()
            yield done, results


def _pair(batch, number):
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise NetworkError(
            f"Batch {number} is no pair of inputs and targets, such as (x, y): "
            "give ((x, y) for x, y in ...)."
        )
    return batch
