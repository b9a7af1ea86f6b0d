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

    `observer.look()` is a session: it shows the stimuli, once, without learning. So, too, in training:

        observer = Observer(learner, task.x_test[:64], task.y_test[:64], cells=16)
        observer.look()
        train(learner, task, epochs=8, after_epoch=lambda *_: observer.look())
        observer.observation().seen(noise=0.1).to_nwb("session.nwb")

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

    Raises NetworkError where the circuit has fewer cells in a layer, or no such variable.
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
        self.variables = dict(
            rate=[f"{layer}.r" for layer in self.units],
            apical=[] if apical is None else [f"{layer}.{apical}" for layer in self.units],
        )
        for name in self.variables["apical"]:
            if name not in learner.net.probeable:
                raise NetworkError(
                    f"{learner.net.rule.name}: there is no '{name}' that could be measured. Give apical the name of a "
                    "variable of hidden cells, or None where they have no apical potential."
                )
        self.sessions: list[dict] = []

    def look(self) -> None:
        """Measure cells and synapses as they are now, without learning."""
        step, shown = self.learner.net.trials, range(len(self.x))
        batches = [slice(start, start + step) for start in shown[::step]]
        responses = [self._responses(self.x[batch], self.y[batch]) for batch in batches]
        found = {
            what: np.concatenate([r[what] for r in responses], axis=1) for what in responses[0]
        }
        weights = [self.learner.net[group][at] for group, at in self.synapses.items()]
        self.sessions.append(
            found | dict(weight=np.concatenate(weights), session=self.learner.updates)
        )

    def observation(self) -> Observation:
        """Return the Observation of all sessions so far, without noise: `seen` adds it.

        Raises NetworkError if there was none.
        """
        import xarray

        if not self.sessions:
            raise NetworkError("Nothing was measured yet: call look() before and while it learns.")
        of_cells = ("session", "moment", "stimulus", "cell")
        axes = dict(rate=of_cells, apical=of_cells, weight=("session", "synapse"))
        data = {
            name: (dims, np.stack([one[name] for one in self.sessions]))
            for name, dims in axes.items()
        }
        layers, units = zip(*((layer, k) for layer, units in self.units.items() for k in units))
        net, groups = self.learner.net, list(self.synapses)
        onto = {group.name: group.target for group in net.circuit.groups}
        pathway = np.repeat(groups, [len(post) for post, _ in self.synapses.values()])
        post, pre = np.concatenate([np.stack(at) for at in self.synapses.values()], axis=1)
        coords = dict(
            session=[one["session"] for one in self.sessions],
            moment=list(MOMENTS),
            label=("stimulus", _labels(self.y)),
            layer=("cell", list(layers)),
            unit=("cell", list(units)),
            pathway=("synapse", pathway),
            onto=("synapse", [onto[group] for group in pathway]),
            post=("synapse", post),
            pre=("synapse", pre),
        )
        return Observation(xarray.Dataset(data, coords))

    def _responses(self, x, y):
        """Show stimuli; return {what: (moments, stimuli, cells)}, NaN where nothing is measured."""
        names = [name for own in self.variables.values() for name in own]
        recorder = Recorder(names, every="phase")
        present(self.learner, x, y, learn=False, record=recorder)
        found, cells = recorder.recording(), [*self.units.values()]
        moments = _moments(self.learner.net.rule)
        responses = {}
        for what, own in self.variables.items():
            values = [
                found[name].values[: len(x), moments][..., at] for name, at in zip(own, cells)
            ]
            responses[what] = (
                np.concatenate(values, axis=-1).swapaxes(0, 1)
                if own
                else np.full((len(moments), len(x), sum(map(len, cells))), np.nan)
            )
        return responses


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
