"""The state of a training in one file, so that it can go on exactly where it was."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .arguments import whole
from .errors import ExperimentError
from .files import complete


@dataclass
class Position:
    """Where in the data a training is: `batch` batches of `epoch` are over, what they cost, and how the epoch's order was drawn."""

    epoch: int = 1
    batch: int = 0
    order: dict = None                     # the random state before the epoch's order was drawn
    costs: list = field(default_factory=list)
    unsettled: list = field(default_factory=list)


class Checkpoint:
    """A file that `train(..., checkpoint=Checkpoint("training.h5"))` keeps: every `every` batches and after every epoch.

    If the file is there already, the training goes on from it, with the very numbers that it would have had: weights, optimiser
    moments, noise, lesions, the order of the samples, the History. The file is complete whenever the process is killed.

    Raises NetworkError if `every` is no whole number of at least 1. `train` raises ExperimentError if the file cannot be read or
    written, or is of another training.
    """

    def __init__(self, path, every=200):
        self.path, self.every = Path(path), whole("every", every)

    def load(self, learner, history, about):
        """Bring learner and history to what was saved, and return the Position; that of a beginning if nothing was."""
        import h5py
        if not self.path.exists():
            return Position()
        try:
            with h5py.File(self.path, "r") as file:
                noted = json.loads(file["state"][()])
                arrays = {name: values[...] for name, values in file["arrays"].items()}
        except (OSError, KeyError, ValueError) as problem:
            raise ExperimentError(f"{self.path} cannot be read: {problem}. Delete it to begin anew.") from None
        mine = _identity(learner, about)
        if noted["identity"] != mine:
            other = [name for name in mine if noted["identity"].get(name) != mine[name]]
            raise ExperimentError(f"{self.path} is of another training: it differs in {', '.join(other)}. Delete it to begin anew, "
                                  "or choose another file.")
        for name, array in _arrays(learner).items():
            array[...] = arrays[name]
        learner.updates, learner.trials, learner.epochs = noted["counts"]
        for plastic, updates in zip(_plastic(learner), noted["plastic"]):
            plastic.updates = updates
        learner.net.noise, learner.trial.state = noted["noise"], noted["trial"]
        for name, values in noted["history"].items():
            setattr(history, name, values)
        return Position(**noted["position"])

    def save(self, learner, history, position, about):
        """Write everything; the file appears, or changes, when it is complete."""
        import h5py
        state = dict(identity=_identity(learner, about), counts=[learner.updates, learner.trials, learner.epochs],
                     plastic=[plastic.updates for plastic in _plastic(learner)], noise=learner.net.noise, trial=learner.trial.state,
                     history=vars(history), position=vars(position))
        with complete(self.path) as path, h5py.File(path, "w") as file:
            file["state"] = np.bytes_(json.dumps(state).encode())      # an attribute would hold no more than 64 KB
            for name, array in _arrays(learner).items():
                file[f"arrays/{name}"] = array


def _identity(learner, about):
    net = learner.net
    return dict(rule=learner.text, sizes=list(net.sizes), seed=net.seed, dtype=net.dtype.name, trials=net.trials, cost=net.cost.name,
                optimiser=learner.optimiser, trial=repr(learner.trial), **about)


def _plastic(learner):
    return [plastic for lines in learner.plastic.values() for plastic in lines]


def _arrays(learner):
    """Return every array that learning changes, by a name of its own: weights, biases, moments, and what lesions remember."""
    net = learner.net
    found = {name: array for name, array in net.arrays.items() if name.endswith((".w", ".bias"))}
    for k, plastic in enumerate(_plastic(learner)):
        found |= {f"{k}:{name}.{moment}": array for name, state in plastic.states.items()
                  for moment, array in state.items() if moment != "w"}
    for name, lesions in net.synapses.lesions.items():
        found |= {f"{name}.cut": lesions.cut, f"{name}.before": lesions.before}
    return found
