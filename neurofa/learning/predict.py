"""What a network answers without learning: rates, cost, accuracy."""

import numpy as np
import numpy.typing as npt
from brian2 import Quantity, ms

from ..base.arguments import kind, samples
from ..base.errors import Diverged, NetworkError, warn
from ..base.frames import Frame
from ..data.classes import accuracy, coding
from ..data.coded import Coded
from ..data.over_time import accuracy_over_time, costs_over_time
from ..data.tasks import Task
from ..rules.costs import Cost
from ..simulate.network import Network
from ..simulate.trial import Trial
from .batches import Batches
from .learner import Learner

NO_CLASSES = (
    "{} no classes (one high output in every row, or a single output of two values), so that there is no accuracy: it is NaN. "
    "Look at the cost."
)


def respond(
    learner: Learner, x: np.ndarray | Coded, frame: Frame | None = None, frames: int | None = None
) -> np.ndarray:
    """Return the output's rates at the end of the first phase, shape (samples, outputs), for inputs
    (samples, inputs).

    With a `frame`, they are those at the end of each, (samples, frames, outputs), for inputs
    (samples, frames, inputs); or for inputs that stand still for so many `frames`. Raises
    NetworkError where the phase ends before them.
    """
    batches = np.array_split(
        np.arange(len(x)), range(learner.net.trials, len(x), learner.net.trials)
    )
    x = x if isinstance(x, Coded) else np.ascontiguousarray(x)
    if frame is not None and frames is None:
        frames = x.shape[1]
    found = Batches(learner, x, None, frame, frames or 0).all(batches)
    return _complete(np.concatenate([answer.output for answer in found]))


def predict(
    network: Learner | Network,
    x: npt.ArrayLike,
    trial: Trial | None = None,
    frame: Frame | Quantity | None = None,
) -> np.ndarray:
    """Return the output's rates for inputs `x` (samples, inputs), shape (samples, outputs); targets
    are not needed. With a `frame`, such as 5*ms, both may have an axis of frames after the first.

    `network` is a Learner, which knows its trial; or a Network with a `trial`, by default
    `Trial()`. Under "cross_entropy" and "binary_cross_entropy", rates are logits. Raises
    NetworkError, Diverged.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> predict(net, x, trial=Trial(dt=10*ms)).shape
    (2, 2)
    """
    kind("network", network, (Learner, Network), "a Learner or a Network")
    net = network.net if isinstance(network, Learner) else network
    x, frame = samples("inputs", x, net.sizes[0], frames=frame is not None), Frame.of(frame)
    if isinstance(network, Learner):
        if trial is not None:
            raise NetworkError("The Learner has a trial of its own: leave trial out.")
        return respond(network, x, frame if x.ndim == 3 else None)
    trial = kind("trial", Trial() if trial is None else trial, Trial, "a Trial or a SteadyState")
    return _complete(_rates(network, trial.of(network), x, frame))


def evaluate(
    learner: Learner,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    frame: Frame | Quantity | None = None,
    settling: Quantity = 0 * ms,
) -> tuple[float, float]:
    """Return (mean cost, accuracy) of the rates for inputs `x` (samples, inputs), held against
    targets `y` (samples, outputs).

    With a `frame`, such as 5*ms, both may have an axis of frames after the first: what is returned
    are means over those frames that are not over at the time `settling`. The accuracy is that of
    the largest rate where there are several outputs, and that of a threshold between the two values
    of the target where there is one; NaN, with a warning, where the targets are no classes. Raises
    NetworkError, and Diverged where the cost is too large to be summed, or NaN.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> cost, accuracy = evaluate(learner, x, y)
    >>> accuracy
    0.5
    """
    net = kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)").net
    x = samples("inputs", x, net.sizes[0], frames=frame is not None)
    y = samples("targets", y, net.sizes[-1], frames=frame is not None)
    if len(x) != len(y):
        raise NetworkError(
            f"There are {len(x)} inputs and {len(y)} targets. Give one row of targets per row of inputs."
        )
    coded = coding(y)
    if coded is None:
        warn(NO_CLASSES.format("These targets are"))
    if frame is None:
        return judged(net.cost, respond(learner, x), y, coded)
    task = Task(x, y, cost=net.cost.name, frame=frame, settling=settling)
    r = respond(learner, task.x, task.frame, task.frames)
    return judged(net.cost, r, task.y, coded, task.scored)


def judged(
    cost: Cost,
    r: np.ndarray,
    y: np.ndarray,
    coded: tuple[float, float] | None,
    scored: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return what `evaluate` does, of rates `r` that the network gave; `coded` is
    neurofa.classes.coding of all targets, `scored` (frames,) which frames count where they move."""
    found = float(costs(cost, r, y, scored).mean())
    if scored is None:
        return found, accuracy(r, y, cost.name, coded)
    return found, accuracy_over_time(r, y, cost.name, coded, scored)


def costs(cost: Cost, r: np.ndarray, y: np.ndarray, scored: np.ndarray | None = None) -> np.ndarray:
    """Return what rates `r` cost beside targets `y`, shape (samples,): where they move, (samples,
    frames, outputs), means over the frames that are `scored`.

    Raises Diverged where that is too large to be summed, or NaN; NetworkError where the phase has
    ended before some frame.
    """
    _complete(r)
    with np.errstate(over="ignore", invalid="ignore"):
        found = cost.value(r, y) if scored is None else costs_over_time(cost, r, y, scored)
        finite = np.isfinite(np.vdot(found, found))  # then any mean of them is
    if not finite:
        raise Diverged(
            f"The cost is too large to be summed: the output has a rate of {np.abs(r).max():.1g}. Use a smaller learning "
            "rate or smaller weights, and begin anew with net.randomise(seed)."
        )
    return found


def _complete(r):
    """Return rates if the phase has reached all frames that there are."""
    if r.ndim == 3 and (missing := np.isnan(r).all(axis=(0, 2))).any():
        raise NetworkError(
            f"The first phase ends before frame {int(missing.argmax()) + 1} of {r.shape[1]}. Let it last as long as the task: "
            "leave its length out of the Trial."
        )
    return r


def _rates(net, trial, x, frame):
    first, rates = net.rule.phases[0].name, []
    for batch in np.array_split(x, range(net.trials, len(x), net.trials)):
        net.reset()
        net.stimulus(batch, frame)
        result = net.run(first, trial.length(net, first))
        rates.append(result.output if result.trajectory is None else result.trajectory)
    return np.concatenate(rates)
