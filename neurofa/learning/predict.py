"""What a network answers without learning: rates, cost, accuracy."""

import numpy as np
import numpy.typing as npt

from ..base.arguments import kind, samples
from ..base.errors import Diverged, NetworkError, warn
from ..data.classes import accuracy, coding
from ..data.coded import Coded
from ..rules.costs import Cost
from ..simulate.network import Network
from ..simulate.trial import Trial
from .batches import Batches
from .learner import Learner

NO_CLASSES = (
    "{} no classes (one high output in every row, or a single output of two values), so that there is no accuracy: it is NaN. "
    "Look at the cost."
)


def respond(learner: Learner, x: np.ndarray) -> np.ndarray:
    """Return the output's rates at the end of the first phase, shape (samples, outputs), for inputs
    (samples, inputs)."""
    batches = np.array_split(
        np.arange(len(x)), range(learner.net.trials, len(x), learner.net.trials)
    )
    x = x if isinstance(x, Coded) else np.ascontiguousarray(x)
    found = Batches(learner, x).all(batches)
    return np.concatenate([answer.output for answer in found])


def predict(network: Learner | Network, x: npt.ArrayLike, trial: Trial | None = None) -> np.ndarray:
    """Return the output's rates for inputs `x` (samples, inputs), shape (samples, outputs); targets
    are not needed.

    `network` is a Learner, which knows its trial; or a Network with a `trial`, by default
    `Trial()`. Under "cross_entropy" and "binary_cross_entropy", rates are logits. Raises
    NetworkError, Diverged.
    """
    kind("network", network, (Learner, Network), "a Learner or a Network")
    if isinstance(network, Learner):
        if trial is not None:
            raise NetworkError("The Learner has a trial of its own: leave trial out.")
        return respond(network, samples("inputs", x, network.net.sizes[0]))
    trial = kind("trial", Trial() if trial is None else trial, Trial, "a Trial or a SteadyState")
    return _rates(network, trial.of(network), samples("inputs", x, network.sizes[0]))


def evaluate(learner: Learner, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[float, float]:
    """Return (mean cost, accuracy) of the rates for inputs `x` (samples, inputs), held against
    targets `y` (samples, outputs).

    The accuracy is that of the largest rate where there are several outputs, and that of a
    threshold between the two values of the target where there is one; NaN, with a warning, where
    the targets are no classes. Raises NetworkError, and Diverged where the cost is too large to be
    summed, or NaN.
    """
    net = kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)").net
    x, y = samples("inputs", x, net.sizes[0]), samples("targets", y, net.sizes[-1])
    if len(x) != len(y):
        raise NetworkError(
            f"There are {len(x)} inputs and {len(y)} targets. Give one row of targets per row of inputs."
        )
    coded = coding(y)
    if coded is None:
        warn(NO_CLASSES.format("These targets are"))
    return judged(learner, x, y, coded)


def judged(learner: Learner, x: np.ndarray, y: np.ndarray, coded) -> tuple[float, float]:
    """Return what `evaluate` does, of arrays that were checked; `coded` is neurofa.classes.coding
    of all targets."""
    r, cost = respond(learner, x), learner.net.cost
    return float(costs(cost, r, y).mean()), accuracy(r, y, cost.name, coded)


def costs(cost: Cost, r: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what rates `r` cost beside targets `y`, shape (samples,). Raises Diverged where that
    is too large to be summed, or NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = cost.value(r, y)
        finite = np.isfinite(np.vdot(found, found))  # then any mean of them is
    if not finite:
        raise Diverged(
            f"The cost is too large to be summed: the output has a rate of {np.abs(r).max():.1g}. Use a smaller learning "
            "rate or smaller weights, and begin anew with net.randomise(seed)."
        )
    return found


def _rates(net, trial, x):
    first, rates = net.rule.phases[0].name, []
    for batch in np.array_split(x, range(net.trials, len(x), net.trials)):
        net.reset()
        net.stimulus(batch)
        rates.append(net.run(first, trial.length(net, first)).output)
    return np.concatenate(rates)
