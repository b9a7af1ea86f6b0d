"""The state of a training in one file, so that it can go on exactly where it was.

The file is one of neurofa/base/stored.py: a learner (see neurofa/simulate/state.py), and `/about`
holds in `training` what `identity` says, how far the training is, and its History. `Network.load`
and `Learner.load` read it too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import stored
from ..base.arguments import one_of, path_of, whole
from ..base.description import as_data, from_data
from ..base.errors import ExperimentError, NetworkError
from ..simulate.state import lasting, of_file, restore, saved_network, state
from .state import learner_state, restore_learner, take_moments

if TYPE_CHECKING:
    from ..data.tasks import Task
    from .history import History
    from .learner import Learner


@dataclass
class Position:
    """Where in the data a training is: `batch` batches of `epoch` are completed, what they cost, and how
    the epoch's order was drawn.

    Examples
    --------
    >>> from neurofa.checkpoint import Checkpoint
    >>> learner = Learner(Network([4, 3, 2], fa.RULE, trials=2, seed=1), Trial(dt=10*ms))
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> checkpoint = Checkpoint("training.h5")
    >>> history = train(learner, task, 2, checkpoint=checkpoint, progress=False)
    >>> position = checkpoint.load(learner, history, task, order=0)
    >>> position.epoch, position.batch  # two epochs are completed
    (3, 0)
    """

    epoch: int = 1
    batch: int = 0
    order: dict | None = None  # the random state before the epoch's order was drawn
    costs: list = field(default_factory=list)
    unsettled: list = field(default_factory=list)


class Checkpoint:
    """A file that `train(..., checkpoint=Checkpoint("training.h5"))` keeps: every `every` batches
    and after every epoch.

    If the file is there already, the training goes on from it, with the very numbers that it would
    have had: weights, optimiser moments, parameters and whatever else was set meanwhile, noise,
    structure and lesions, the order of the samples, the History. Another number of epochs is the
    same training, a longer one. Anything else that the numbers depend on (see `identity`) must be
    as it was. What a `measure` of yours depends on beside the network is yours to keep. The file is
    complete whenever the process is killed.

    `resume="weights"` goes on from the file of another training, on purpose: with another learning
    rate, batch size, task. It takes weights, biases and the structure of synapses, and the
    optimiser's moments where they fit; epochs count anew. From then on the file is of the new
    training, which goes on exactly if it is started again.

    Raises NetworkError if `every` is no whole number of at least 1, or `resume` another word.
    `train` raises ExperimentError if the file cannot be read or written, or is of another training;
    with "weights", if these do not fit.

    Examples
    --------
    >>> from neurofa.checkpoint import Checkpoint
    >>> checkpoint = Checkpoint("training.h5", every=100)
    """

    def __init__(self, path: str | Path, every: int = 200, resume: str = "exact"):
        self.path, self.every = path_of("path", path), whole("every", every)
        self.resume = one_of("resume", resume, ("exact", "weights"), noun="way")

    def load(self, learner: Learner, history: History, task: Task, order: int) -> Position:
        """Bring learner and history to what was saved, and return the Position; that of a beginning
        if nothing was.

        `order` is the seed of the order of the samples.
        """
        self._identity = stored.plain_values(
            identity(learner, task, order) | dict(begun=self.resume), f"{self.path}: the training"
        )
        if not self.path.exists():
            return Position()
        tree = stored.read(self.path, "checkpoint")
        with of_file(self.path):
            return self._loaded(learner, history, tree)

    def _loaded(self, learner, history, tree):
        saved, network = tree["training"], tree["network"]
        theirs = saved["identity"]
        if self._is_there(learner, tree):
            theirs = theirs | dict(start=self._identity["start"])
        other = differences(theirs, self._identity)
        if other and self.resume == "weights":
            return self._take_weights(learner, tree)
        if other:
            # where settings differ, so does what arrays begin with
            settings = [one for one in other if not one.startswith("start ")]
            raise ExperimentError(
                f"this is of another training: it differs in {', '.join(settings or other)}. Delete the file to begin anew, choose "
                "another, or go on from its weights: Checkpoint(path, resume='weights')."
            )
        restore(learner.net, network)
        if tree["learner"]["trial"] != as_data(learner.trial):  # it was replaced meanwhile
            learner.trial = from_data(tree["learner"]["trial"]).of(learner.net)
        restore_learner(learner, tree["learner"])
        for name, values in saved["history"].items():
            setattr(history, name, values)
        self._identity = saved["identity"]
        return Position(**saved["position"])

    def _is_there(self, learner, tree):
        """Whether a training that goes on in one process is not at its beginning, but where the
        file is already."""
        here, there = (
            self._identity["start"],
            _start(tree["network"], tree["learner"], lasting(learner.net)),
        )
        # a new Learner, or the same
        return here == (there if learner.updates else there | dict(learner=here["learner"]))

    def _take_weights(self, learner, tree):
        try:
            learner.net.synapses.accept(tree["network"]["arrays"], tree["network"]["synapses"])
        except NetworkError as problem:
            raise ExperimentError(f"its weights do not fit. {problem}") from None
        take_moments(learner, tree["learner"])
        return Position()

    def save(self, learner: Learner, history: History, position: Position) -> None:
        """Write everything; the file appears, or changes, when it is complete."""
        training = dict(identity=self._identity, history=vars(history), position=vars(position))
        stored.write(
            self.path,
            "checkpoint",
            saved_network(learner.net) | dict(learner=learner_state(learner), training=training),
        )


def identity(learner: Learner, task: Task, order: int) -> dict[str, Any]:
    """Return all that the numbers of a training depend on, but for how long it is, as plain values.

    Two trainings of one identity, on one machine, have the same numbers; how much they may differ
    with other versions of NumPy or another processor is in the last digits. This is the one place
    that says what a checkpoint must agree with.

    Examples
    --------
    >>> from neurofa.checkpoint import identity
    >>> learner = Learner(Network([4, 3, 2], fa.RULE, trials=2, seed=1), Trial(dt=10*ms))
    >>> found = identity(learner, tasks.Task(np.ones((4, 4)), [0, 1, 0, 1]), order=0)
    >>> found["seed"], found["sizes"], found["trials in parallel"]
    (1, [4, 3, 2], 2)
    """
    net = learner.net
    data = {name: getattr(task, name) for name in ("x", "y", "x_test", "y_test")}
    return {
        "seed": net.seed,
        "sizes": list(net.sizes),
        "trials in parallel": net.trials,
        "dtype": net.dtype.name,
        "target": net.target,
        "threads": net.threads,  # a product may be summed in another order
        "rule": as_data(net.rule),  # text, phases, pathways with all that is done to them
        "activations": {
            kind: as_data(net.given[kind]) for kind in ("activation", "output_activation")
        },
        "cost": net.cost.name,
        "optimiser": {
            pathway: as_data(optimiser) for pathway, optimiser in learner.optimisers.items()
        },
        "trial": as_data(learner.trial),  # every Length with its dt and at_most
        "data": {
            name: stored.digest(values) for name, values in data.items() if values is not None
        },
        "frame": as_data(task.frame),
        "settling": as_data(task.settling),
        "order of the samples": order,
        "noise": net.noise[0],
        "start": _start(state(net), learner_state(learner), lasting(net)),
    }


def _start(network, learner, names):
    """Return what a training starts from, or is at, by the states of its network and learner:
    numbers, and digests of arrays.

    `names` are those of the arrays that last: weights, biases, variables that were set.
    """
    arrays, synapses = network["arrays"], network["synapses"]
    structure, cut, moments = map(
        _digests,
        (
            synapses["structure"],
            synapses["lesions"],
            {label: of["moments"] for label, of in learner["plastic"].items()},
        ),
    )
    digests = {name: stored.digest(arrays[name]) for name in names if name in arrays}
    steps = {label: of["updates"] for label, of in learner["plastic"].items()}
    return dict(
        parameters=network["parameters"],
        **digests,
        learner=dict(counts=learner["counts"], steps=steps, moments=moments),
        structure=structure,
        lesions=cut,
        seeds=synapses["seeds"],
    )


def _digests(groups):
    """Return a digest for every array in `{group: {what: array}}`, called "group what"."""
    return {
        f"{group} {what}": stored.digest(array)
        for group, of in groups.items()
        for what, array in of.items()
    }


def differences(saved: Any, mine: Any, where: str = "") -> list[str]:
    """Return in words where two nested plain values differ; short ones with both values.

    Examples
    --------
    >>> from neurofa.checkpoint import differences
    >>> differences(dict(seed=1, rule=dict(name="FA")), dict(seed=1, rule=dict(name="DFA")))
    ['rule name (FA there, DFA here)']
    """
    if isinstance(saved, dict) and isinstance(mine, dict):
        return [
            text
            for name in dict.fromkeys((*saved, *mine))
            if saved.get(name) != mine.get(name)
            for text in differences(saved.get(name), mine.get(name), f"{where} {name}".strip())
        ]
    if isinstance(saved, list) and isinstance(mine, list) and len(saved) == len(mine):
        names = [
            one.get("name", one.get("pathway", k)) if isinstance(one, dict) else k
            for k, one in enumerate(saved)
        ]
        return [
            text
            for name, a, b in zip(names, saved, mine)
            if a != b
            for text in differences(a, b, f"{where} {name}")
        ]
    short = all(len(str(value)) < 30 for value in (saved, mine))
    return [f"{where} ({saved} there, {mine} here)" if short else where]
