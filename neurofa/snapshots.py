"""Weights while they are learned: snapshots on a schedule -> one file.

What follows from them (norms, angles, ranks) is computed in neurofa/curves.py, from the file alone.
"""

import json
from copy import deepcopy
from dataclasses import dataclass
from math import log10
from pathlib import Path

import numpy as np

from . import netcdf
from .arguments import batch, kind, samples, whole
from .description import as_data
from .errors import ExperimentError, NetworkError, choices
from .files import refuse_to_overwrite
from .learner import Learner, present

LAYERS = ("input", "hidden", "output")
CHUNK = 2**16     # bytes that the file keeps together: so many snapshots of a small group, one of a large one

# Schedules are lower case, because they are read as values: Snapshots(every(100)).


@dataclass(frozen=True)
class every:
    """A snapshot every `n` updates. Raises NetworkError if `n` is no whole number of at least 1."""

    n: int

    def __post_init__(self):
        whole("every(n): n", self.n)

    def after(self, update):
        """Return the next update that is due after `update`."""
        return (update // self.n + 1) * self.n


@dataclass(frozen=True)
class log_spaced:
    """So many snapshots between 1 and 10 updates, as many between 10 and 100, and so on. Raises NetworkError as `every`."""

    per_decade: int = 10

    def __post_init__(self):
        whole("log_spaced(per_decade): per_decade", self.per_decade)

    def after(self, update):
        """Return the next update that is due after `update`: a power of 10^(1/per_decade), rounded."""
        k = int(self.per_decade * log10(max(update, 1)))
        while (due := round(10 ** (k / self.per_decade))) <= update:
            k += 1
        return due


class Snapshots:
    """The weights of a learning network at some of its updates, the first before learning.

    `train(..., snapshots=Snapshots(log_spaced(10), to="weights.nc"))` takes them as they are due, and the last at the end. By
    hand, call `take(learner)` before learning and after every update, and `close()` at the end, or use it in a `with`. The file is
    netCDF with an unlimited dimension `update`. Until it is closed its name ends in ".unfinished"; it can be read at any time.

    Parameters
    ----------
    schedule : every(n) or log_spaced(per_decade).
    pathways : names of pathways ("W", "B") or of synapse groups ("W1"); by default all that have synapses of their own.
    to : path of the file. By default the snapshots are kept in memory, see `dataset`.
    probe : `(x, y)`, inputs (samples, units) and targets (samples, units). At every snapshot they are presented without learning,
        to note what change of the feedforward weights the rule asks for; that takes the time of ceil(samples / trials) trials.

    Raises
    ------
    NetworkError : a name or a probe that the network does not have, or does not take.
    ExperimentError : the file cannot be written, or is there already: nothing is overwritten.
    """

    def __init__(self, schedule, pathways=None, to=None, probe=None):
        if not callable(getattr(schedule, "after", None)):
            raise NetworkError(f"schedule = {schedule!r}: give neurofa.snapshots.every(n) or log_spaced(per_decade).")
        if probe is not None and not (isinstance(probe, (tuple, list)) and len(probe) == 2):
            raise NetworkError("probe: give inputs and targets, such as probe=(task.x_test[:100], task.y_test[:100]).")
        self.schedule, self.pathways, self.probe = schedule, pathways, probe
        self.path = None if to is None else Path(to)
        if self.path is not None:
            if not self.path.parent.is_dir():
                raise ExperimentError(f"{self.path} cannot be written: there is no folder '{self.path.parent}'. Make it first.")
            refuse_to_overwrite(self.path, self._unfinished)
        self._learner, self._last, self._due, self._kept, self._count, self._file = None, None, 0, [], 0, self.path

    def take(self, learner, now=False):
        """Take a snapshot if one is due, or `now` in any case. Weights, states, time and noise of the network stay as they are."""
        if self._learner is None:
            self._begin(learner)
        if learner is not self._learner:
            raise NetworkError(f"These Snapshots are of the training of {self._learner.net!r}. Make others for every training.")
        if learner.updates == self._last or not (now or learner.updates >= self._due):
            return
        self._keep(self._snapshot())
        self._last, self._due = learner.updates, self.schedule.after(learner.updates)

    @property
    def dataset(self):
        """All snapshots so far as an xarray Dataset in memory. Raises NetworkError if there are none yet."""
        import xarray
        if not self._count:
            raise NetworkError("No snapshot was taken: pass the Snapshots to train, or call take(learner).")
        if self.path is None:
            return xarray.concat(self._kept, "update", data_vars="minimal", coords="minimal", compat="override",
                                 combine_attrs="override")
        return netcdf.load(self._file)

    def close(self):
        """Give the file its name."""
        if self._count and self._file != self.path:     # in memory, both are None
            netcdf.finish(self._file, self.path)
            self._file = self.path

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.close()

    # what is in a snapshot -------------------------------------------------------------------------------------------

    def _begin(self, learner):
        net = learner.net
        own = [g for g in net.circuit.groups if g.owner == g.name]
        names = {g.name for g in own} | {g.pathway.name for g in own}
        wanted = [self.pathways] if isinstance(self.pathways, str) else self.pathways
        for name in wanted or ():
            if name not in names:
                raise NetworkError(f"Snapshots of '{name}' cannot be taken. " + choices(name, names, "pathway"))
        self._groups = [g for g in own if wanted is None or g.name in wanted or g.pathway.name in wanted]
        if self.probe is not None:
            x, y = self.probe
            count = max(1, np.shape(x)[0] if np.ndim(x) else 1)
            self.probe = tuple(batch(f"probe's {n}", a, width, count, net.dtype)
                               for n, a, width in (("x", x, net.sizes[0]), ("y", y, net.sizes[-1])))
            if len(self.probe[1]) != len(self.probe[0]):
                raise NetworkError(f"The probe has {len(self.probe[0])} inputs and {len(self.probe[1])} targets.")
        self._learner = learner

    def _snapshot(self):
        """Return a Dataset with one entry along `update`."""
        import xarray
        learner, net, found = self._learner, self._learner.net, {}
        for group in self._groups:
            dims = ("update", f"{group.name}_post", f"{group.name}_pre")
            about = dict(units="1", source=group.source, target=group.target)
            if (transposes := _transposes(group, net)) is not None:
                about["transposes"] = transposes
            found[f"{group.name}.w"] = dims, net[group.name][None].copy(), about
            if group.pathway.bias:
                found[f"{group.name}.bias"] = dims[:2], net[f"{group.name}.bias"][None].copy(), dict(units="1")
        if self.probe is not None:
            forward = [g.name for g in self._groups if g.pathway.name == net.rule.feedforward.name]
            changes = asked(learner, *self.probe)
            found |= {f"{name}.change": (found[f"{name}.w"][0], changes[f"{name}.w"][None], dict(units="1"))
                      for name in forward if f"{name}.w" in changes}
            found |= {f"probe_{n}": (("probe", f"probe_{n}_unit"), a, dict(units="1")) for n, a in zip("xy", self.probe)}
        seen = {name: ("update", [count]) for name, count in (
            ("update", learner.updates), ("trials", learner.trials), ("epochs", learner.epochs))}
        activations = {name: _as_text(net.given[name]) for name in ("activation", "output_activation")}
        return xarray.Dataset(found, seen, dict(
            schedule=repr(self.schedule), rule=net.equations, seed=net.seed, sizes=json.dumps(net.sizes),
            feedforward=net.rule.feedforward.name, **activations, cost=net.cost.name, optimiser=learner.optimiser))

    # where it is kept ------------------------------------------------------------------------------------------------

    def _keep(self, snapshot):
        if self.path is None:
            self._kept.append(snapshot)
        else:
            netcdf.append(self._file, snapshot, "update", self._count) if self._count else self._create(snapshot)
        self._count += 1

    def _create(self, snapshot):
        refuse_to_overwrite(self.path, self._unfinished)
        chunks = {n: (max(1, CHUNK // max(1, a.nbytes)), *a.shape[1:]) for n, a in snapshot.variables.items() if "update" in a.dims}
        netcdf.save(snapshot, self._unfinished, ["update"], chunks)
        self._file = self._unfinished

    @property
    def _unfinished(self):
        return self.path.with_name(f"{self.path.name}.unfinished")


def _as_text(activation):
    """Return the name of an activation, or JSON: of a list of one for each hidden layer, or of one that a user has made."""
    return activation if isinstance(activation, str) else json.dumps(as_data(activation))


def _transposes(group, net):
    """Return which feedforward groups' transposes, multiplied, the feedback `group` stands for: "W2 W3", or "identity".

    None if it is no feedback: it must come from above its target, or from a population of as many units as the output has.
    """
    source, target = net.circuit.unit(group.source), net.circuit.unit(group.target)
    controls = source.layer is None and source.size == net.sizes[-1]
    top = source.layer if source.kind in LAYERS else len(net.sizes) - 1 if controls else None
    if top is None or target.kind not in LAYERS or top < target.layer + (not controls):
        return None
    return " ".join(f"{net.rule.feedforward.name}{k}" for k in range(target.layer + 1, top + 1)) or "identity"


# what the rule asks for ----------------------------------------------------------------------------------------------


def asked(learner, x, y):
    """Return the change of every plastic array that the rule asks for, `{"W1.w": (post, pre), ...}`: a mean over the samples.

    `x` (samples, inputs) and `y` (samples, outputs) are presented from rest. It is what activity asks for, before the optimiser
    and without decay. Weights, states, time and noise of the network stay as they are.
    """
    net = kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)").net
    x = samples("inputs", x, net.sizes[0])
    y = samples("targets", y, net.sizes[-1], len(x))
    noise, active = net.noise, net["input.r"][:net.active].copy()
    before = {name: array.copy() for name, array in net.arrays.items()}
    late = [(line, line.ring.copy(), line.dt) for line in net.engine.lines.values()]      # signals on their way
    noted = _Noting(learner)
    try:
        for rows in np.array_split(np.arange(len(x)), range(net.trials, len(x), net.trials)):
            noted.share = len(rows) / len(x)
            present(noted, x[rows], y[rows])
    finally:
        net.stimulus(active)
        for name, array in before.items():
            net.arrays[name][...] = array
        for line, ring, dt in late:
            line.ring, line.dt = ring, dt
        net.noise = noise
    return noted.changes


class _Noting(Learner):
    """A Learner that notes the changes its rule asks for instead of making them."""

    def __init__(self, learner):
        self.net, self.plastic, self.trials, self.changes = learner.net, learner.plastic, 0, {}
        self.trial = deepcopy(learner.trial)     # what it finds out here is no part of the training
        self._silence_mentioned = True           # the training says it

    def lesion(self):
        pass          # those that are due now wait for the next trial that counts

    def learn(self, phase, unsettled):
        for plastic in self.plastic[phase]:
            for name, (of_activity, _) in plastic.change().items():
                self.changes[name] = self.changes.get(name, np.zeros_like(self.net[name])) + self.share * of_activity
