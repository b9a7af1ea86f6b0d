"""An experimenter who looks at some cells and synapses of a circuit that learns, now and then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..base.arguments import kind, seed_of, whole
from ..base.errors import NetworkError
from ..data.classes import coding, labels_of
from ..data.observation import MOMENTS, Observation
from ..data.recorder import Recorder
from ..data.signature import KINDS, signature
from .learner import Learner
from .presenting import present

__all__ = ["KINDS", "MOMENTS", "Observation", "Observer", "signature"]


class Observer:
    """What can be measured of a Learner: some cells of its hidden layers, some synapses onto them.

    `look()` is a session: it shows the stimuli once, without learning; `observation()` returns what
    all sessions have shown.

    Parameters
    ----------
    learner : Learner, whose trial is used.
    x : inputs that are shown in every session, (stimuli, inputs).
    y : their targets, (stimuli, outputs), which say what its class is, if there are any.
    cells : how many of each hidden layer, drawn at random.
    synapses : how many of each feedforward synapse group that leads to these cells, drawn at random
        among those onto them; less if there are less.
    apical : the variable of hidden cells that is their apical potential; None: it is not measured,
        and NaN.
    seed : draws cells and synapses.

    Raises
    ------
    NetworkError : the circuit has fewer cells in a layer, or no such variable.

    Examples
    --------
    >>> from neurofa.observe import Observer
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> task = tasks.Task(np.eye(4), [0, 1, 0, 1])
    >>> observer = Observer(learner, task.x, task.y, cells=2, synapses=5)
    >>> observer.look()
    >>> history = train(learner, task, 1, progress=False, after_epoch=lambda *_: observer.look())
    >>> observer.observation()
    Observation(2 sessions, 4 stimuli, 2 cells of hidden1, 5 synapses)
    """

    def __init__(
        self,
        learner: Learner,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        cells: int = 16,
        synapses: int = 64,
        apical: str | None = "v_apical",
        seed: int = 0,
    ):
        self.learner = kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)")
        self.x, self.y = np.asarray(x), np.asarray(y)
        if len(self.x) != len(self.y) or not len(self.x):
            raise NetworkError(
                f"There are {len(self.x)} stimuli and {len(self.y)} targets: give a row of each per stimulus."
            )
        rng = np.random.default_rng(seed_of("seed", seed))
        self.units = _cells(learner.net, whole("cells", cells), rng)
        self.synapses = _synapses(learner.net, self.units, whole("synapses", synapses), rng)
        self.variables = {"rate": "r"} | ({} if apical is None else {"apical": apical})
        names = [f"{layer}.{own}" for own in self.variables.values() for layer in self.units]
        for name in names:
            if name not in learner.net.probeable:
                raise NetworkError(
                    f"{learner.net.rule.name}: there is no '{name}' that could be measured. Give apical the name of a "
                    "variable of hidden cells, or None where they have no apical potential."
                )
        self.recorder = Recorder(names, every="phase")
        self.sessions: list[int] = []  # after how many updates
        self.weights: list[np.ndarray] = []
        self.looking = False  # or broke off while it did

    def look(self) -> None:
        """Measure cells and synapses as they are now, without learning.

        Raises NetworkError if the session before broke off: what it has recorded would be taken for
        this one's. `observation()` still has those before.
        """
        if self.looking:
            raise NetworkError("The last session broke off: go on with another Observer.")
        self.looking = True
        for start in range(0, len(self.x), self.learner.net.trials):
            batch = slice(start, start + self.learner.net.trials)
            present(self.learner, self.x[batch], self.y[batch], learn=False, record=self.recorder)
        net = self.learner.net
        self.weights.append(np.concatenate([net[name][at] for name, at in self.synapses.items()]))
        self.sessions.append(self.learner.updates)
        self.looking = False

    def observation(self) -> Observation:
        """Return the Observation of all sessions so far, without noise: `seen` adds it.

        Raises NetworkError if there was none.
        """
        import xarray

        if not self.sessions:
            raise NetworkError("Nothing was measured yet: call look() before and while it learns.")
        of_cells, recording = ("session", "moment", "stimulus", "cell"), self.recorder.recording()
        data = {what: (of_cells, self._responses(recording, what)) for what in ("rate", "apical")}
        weights = (("session", "synapse"), np.stack(self.weights))
        layers, units = zip(*((layer, k) for layer, units in self.units.items() for k in units))
        net, groups = self.learner.net, list(self.synapses)
        onto = {group.name: group.target for group in net.circuit.groups}
        pathway = np.repeat(groups, [len(post) for post, _ in self.synapses.values()])
        post, pre = np.concatenate([np.stack(at) for at in self.synapses.values()], axis=1)
        coords = dict(
            session=self.sessions,
            moment=list(MOMENTS),
            label=("stimulus", _labels(self.y)),
            layer=("cell", list(layers)),
            unit=("cell", list(units)),
            pathway=("synapse", pathway),
            onto=("synapse", [onto[group] for group in pathway]),
            post=("synapse", post),
            pre=("synapse", pre),
        )
        return Observation(xarray.Dataset(data | dict(weight=weights), coords))

    def _responses(self, recording, what):
        """Return what was recorded of a variable, (sessions, moments, stimuli, cells); NaN if nothing
        was."""
        moments, stimuli = _moments(self.learner.net.rule), len(self.x)
        if what not in self.variables:
            cells = sum(map(len, self.units.values()))
            return np.full((len(self.sessions), len(moments), stimuli, cells), np.nan)
        phases = len(self.learner.net.rule.phases)
        batches = -(-stimuli // self.learner.net.trials)
        values = np.concatenate(
            [
                recording[f"{layer}.{self.variables[what]}"].values[..., cells]
                for layer, cells in self.units.items()
            ],
            axis=-1,
        )
        trials, _, cells = values.shape
        values = values[:, : len(self.sessions) * batches * phases]  # those of whole sessions
        values = values.reshape(trials, len(self.sessions), batches, phases, cells)[
            :, :, :, moments
        ]
        by_stimulus = values.transpose(1, 3, 2, 0, 4).reshape(
            len(self.sessions), len(moments), -1, cells
        )
        return by_stimulus[:, :, :stimuli]


def _labels(y):
    """Return the classes that targets stand for; 0 for all that are no classes."""
    coded = coding(y)
    return np.zeros(len(y), int) if coded is None else labels_of(y, None, coded)


def _moments(rule):
    """Return the phases that are measured, by their places: the first, and the last that feedforward
    synapses learn from."""
    learned = {line.phase for line in rule.plasticity if line.pathway == rule.feedforward.name}
    names = [phase.name for phase in rule.phases]
    return [0, max((names.index(name) for name in learned), default=len(names) - 1)]


def _cells(net, count, rng):
    """Return {layer: so many of its units, drawn at random} of all hidden layers."""
    hidden = [units for units in net.circuit.units if units.kind == "hidden"]
    for units in hidden:
        if units.size < count:
            raise NetworkError(
                f"cells = {count}: {units.name} has {units.size}. Give no more than that."
            )
    if not hidden:
        raise NetworkError("This network has no hidden cells to look at.")
    return {one.name: np.sort(rng.choice(one.size, count, replace=False)) for one in hidden}


def _synapses(net, cells, count, rng):
    """Return {group: (post, pre)} of so many feedforward synapses of each group onto these cells."""
    found = {}
    for group in net.circuit.groups:
        if group.pathway.name == net.rule.feedforward.name and group.target in cells:
            pre = group.shape[1]
            every = len(cells[group.target]) * pre
            at = np.sort(rng.choice(every, min(count, every), replace=False))
            found[group.name] = cells[group.target][at // pre], at % pre
    return found
