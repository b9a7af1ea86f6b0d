"""Weights while they are learned: snapshots on a schedule -> one file.

What follows from them (norms, angles, ranks) is computed in neurofa/data/curves.py, from the file
alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from ..base import netcdf
from ..base.arguments import batch
from ..base.description import as_data
from ..base.errors import NetworkError, choices
from ..base.growing import Growing
from ..circuit.slots import Role
from .learner import Learner
from .requested import requested_changes
from .schedules import every, log_spaced

if TYPE_CHECKING:
    import xarray

LAYERS = ("input", "hidden", "output")
# bytes that the file keeps together: so many snapshots of a small group, one of a large one
CHUNK = 2**16


class Snapshots:
    """The weights of a learning network at some of its updates, the first before learning.

    `train(..., snapshots=Snapshots(log_spaced(10), to="weights.nc"))` takes them as they are due,
    and the last at the end. By hand, call `take(learner)` before learning and after every update,
    and `close()` at the end, or use it in a `with`. The file is netCDF with an unlimited dimension
    `update`. Until it is closed its name ends in ".unfinished"; it can be read at any time.

    Parameters
    ----------
    schedule
        Every(n) or log_spaced(per_decade).
    pathways
        Names of pathways ("W", "B") or of synapse groups ("W1"); by default all that have synapses of their own.
    to
        Path of the file. By default the snapshots are kept in memory, see `dataset`.
    probe
        `(x, y)`, inputs (samples, units) and targets (samples, units). At every snapshot they are presented without learning,
        to note what change of the feedforward weights the rule asks for; that takes the time of
        ceil(samples / trials) trials.

    Raises
    ------
    NetworkError
        A name or a probe that the network does not have, or does not take.
    ExperimentError
        The file cannot be written, or is there already: nothing is overwritten.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa.snapshots import every
    >>> snapshots = Snapshots(every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=snapshots, progress=False)
    >>> snapshots.dataset["W1.w"].shape
    (3, 3, 4)
    """

    _learner: Learner | None
    _last: int | None  # the update at which one was taken
    _kept: list[xarray.Dataset]

    def __init__(
        self,
        schedule: every | log_spaced,
        pathways: str | Sequence[str] | None = None,
        to: str | Path | None = None,
        probe: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    ):
        if not callable(getattr(schedule, "after", None)):
            raise NetworkError(
                f"schedule = {schedule!r}: give neurofa.snapshots.every(n) or log_spaced(per_decade)."
            )
        if probe is not None and not (isinstance(probe, (tuple, list)) and len(probe) == 2):
            raise NetworkError(
                "probe: give inputs and targets, such as probe=(task.x_test[:100], task.y_test[:100])."
            )
        self.schedule, self.pathways, self.probe = schedule, pathways, probe
        self.path = None if to is None else Path(to)
        if self.path is not None:
            self._file = Growing(
                self.path, self.path.with_name(f"{self.path.name}.unfinished"), "update", CHUNK
            )
        self._learner, self._last, self._due, self._kept = None, None, 0, []

    def take(self, learner: Learner, now: bool = False) -> None:
        """Take a snapshot if one is due, or `now` in any case. Weights, states, time and noise of
        the network stay as they are."""
        if self._learner is None:
            self._begin(learner)
            self._learner = learner
        if learner is not self._learner:
            raise NetworkError(
                f"These Snapshots are of the training of {self._learner.net!r}. Make others for every training."
            )
        if learner.updates == self._last or not (now or learner.updates >= self._due):
            return
        self._keep(self._snapshot())
        self._last, self._due = learner.updates, self.schedule.after(learner.updates)

    def until(self, learner: Learner) -> int:
        """Return how many updates there are until a snapshot is due; at least 1."""
        return max(1, self._due - learner.updates) if self._learner is learner else 1

    @property
    def dataset(self) -> xarray.Dataset:
        """All snapshots so far as an xarray Dataset in memory. Raises NetworkError if there are
        none yet."""
        import xarray

        if self._last is None:
            raise NetworkError(
                "No snapshot was taken: pass the Snapshots to train, or call take(learner)."
            )
        if self.path is None:
            return xarray.concat(
                self._kept,
                "update",
                data_vars="minimal",
                coords="minimal",
                compat="override",
                combine_attrs="override",
            )
        return netcdf.load(self._file.file)

    def close(self) -> None:
        """Give the file its name."""
        if self.path is not None and self._last is not None:
            self._file.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    # what is in a snapshot ------------------------------------------------------------------------

    def _begin(self, learner):
        net = learner.net
        own = [g for g in net.circuit.groups if g.owner == g.name]
        names = {g.name for g in own} | {g.pathway.name for g in own}
        wanted = [self.pathways] if isinstance(self.pathways, str) else self.pathways
        for name in wanted or ():
            if name not in names:
                raise NetworkError(
                    f"Snapshots of '{name}' cannot be taken. " + choices(name, names, "pathway")
                )
        self._groups = [
            g for g in own if wanted is None or g.name in wanted or g.pathway.name in wanted
        ]
        if self.probe is not None:
            x, y = self.probe
            count = max(1, np.shape(x)[0] if np.ndim(x) else 1)
            self.probe = tuple(
                batch(f"probe's {n}", a, width, count, net.dtype)
                for n, a, width in (("x", x, net.sizes[0]), ("y", y, net.sizes[-1]))
            )
            if len(self.probe[1]) != len(self.probe[0]):
                raise NetworkError(
                    f"The probe has {len(self.probe[0])} inputs and {len(self.probe[1])} targets."
                )

    def _snapshot(self):
        """Return a Dataset with one entry along `update`."""
        import xarray

        found = {}
        for group in self._groups:
            found |= self._synapses(group)
        if self.probe is not None:
            found |= self._probed()
        learner = self._learner
        seen = dict(updates=learner.updates, trials=learner.trials, epochs=learner.epochs)
        axes = ("update", "trials", "epochs")
        coordinates = {axis: ("update", [count]) for axis, count in zip(axes, seen.values())}
        return xarray.Dataset(found, coordinates, self._about())

    def _synapses(self, group):
        """Return the variables of a synapse group: its weights, and its bias if it has one."""
        net, dims = self._learner.net, ("update", f"{group.name}_post", f"{group.name}_pre")
        about = dict(units="1", role=str(Role.WEIGHT), source=group.source, target=group.target)
        if (transposes := _transposes(group, net)) is not None:
            about["transposes"] = transposes
        found = {f"{group.name}.w": (dims, net[group.name][None].copy(), about)}
        if group.pathway.bias:
            bias = net[f"{group.name}.bias"][None].copy()
            found[f"{group.name}.bias"] = dims[:2], bias, dict(units="1", role=str(Role.BIAS))
        return found

    def _probed(self):
        """Return the variables of the probe: its samples, and the changes that the rule asks for."""
        feedforward = self._learner.net.rule.feedforward.name
        changes = requested_changes(self._learner, *self.probe)
        found = {
            f"{g.name}.change": (
                ("update", f"{g.name}_post", f"{g.name}_pre"),
                changes[f"{g.name}.w"][None],
                dict(units="1"),
            )
            for g in self._groups
            if g.pathway.name == feedforward and f"{g.name}.w" in changes
        }
        return found | {
            f"probe_{n}": (("probe", f"probe_{n}_unit"), a, dict(units="1"))
            for n, a in zip("xy", self.probe)
        }

    def _about(self):
        """Return what the snapshots are of, as attributes."""
        net = self._learner.net
        return dict(
            schedule=repr(self.schedule),
            rule=net.equations,
            seed=net.seed,
            sizes=json.dumps(net.sizes),
            feedforward=net.rule.feedforward.name,
            activation=_as_text(net.given["activation"]),
            output_activation=_as_text(net.given["output_activation"]),
            cost=net.cost.name,
            optimiser=self._learner.optimiser,
        )

    # where it is kept -----------------------------------------------------------------------------

    def _keep(self, snapshot):
        if self.path is None:
            self._kept.append(snapshot)
        elif self._last is None:
            self._file.start(snapshot)
        else:
            self._file.append(snapshot)


def _as_text(activation):
    """Return the name of an activation, or JSON: of a list of one for each hidden layer, or of one
    that a user has made."""
    return activation if isinstance(activation, str) else json.dumps(as_data(activation))


def _transposes(group, net):
    """Return which feedforward groups' transposes, multiplied, the feedback `group` stands for: "W2
    W3", or "identity".

    None if it is no feedback: it must come from above its target, or from a population of as many
    units as the output has.
    """
    source, target = net.circuit.unit(group.source), net.circuit.unit(group.target)
    controls = source.layer is None and source.size == net.sizes[-1]
    top = source.layer if source.kind in LAYERS else len(net.sizes) - 1 if controls else None
    if top is None or target.kind not in LAYERS or top < target.layer + (not controls):
        return None
    return (
        " ".join(f"{net.rule.feedforward.name}{k}" for k in range(target.layer + 1, top + 1))
        or "identity"
    )
