"""Which variables of a network are recorded, when, and the samples while it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arguments import kind, sequence, whole
from ..base.errors import NetworkError
from ..circuit.slots import Role
from ..simulate.probes import trace
from .recording import Recording
from .stream import PIECE, Stream

if TYPE_CHECKING:
    from ..simulate.network import Network
    from ..simulate.settling import PhaseResult


class Recorder:
    """Which variables to record, when, and the samples so far.

    `Recorder(["hidden1.v", "controller.u[:2]", "W1.w[0, :5]"], every=10)` records three variables
    after every tenth time step: all units, two units, and five synapses onto unit 0.
    `net.probeable` lists all names, neurofa/simulate/probes.py says what they are. Pass it to
    `present`, `train` or `net.run`; `recording()` returns what it has seen.

    Parameters
    ----------
    names
        One name, or several, each with a choice of units or synapses if wished.
    every
        Record after every n-th time step of a phase, or, with "phase", at the end of each phase. What the weights learn
        from a phase comes after its last sample.
    trials
        Of populations, the first n trials, the trials of a slice ("::10" or slice(2, 5)), or a list of them; None: all.
    to
        A netCDF file that takes the samples as they come, 32 MB or ten seconds of them at a time, so that memory does not
        Grow. "trial.nc" is called "trial.unfinished.nc" until `recording()`, `close()` or the end
        of a `with` block completes it; a run that breaks off leaves it under that name, readable.

    Raises
    ------
    NetworkError
        A name that the network does not have, or an index or a trial outside it.
    ExperimentError
        The file cannot be written, or is there already: nothing is overwritten.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> recorder = Recorder(["hidden1.v", "W1.w[0, :2]"], every=2)
    >>> results = present(learner, x, y, record=recorder)
    >>> recorder.recording().names
    ('hidden1.v', 'W1.w')
    """

    traces: Any  # from its first phase on, as what follows
    net: Any
    phase: Any
    blocks: list[tuple[np.ndarray, Sequence[np.ndarray]]]
    phases: list[tuple[str, float, float]]

    def __init__(
        self,
        names: str | Sequence[str],
        every: int | str = 1,
        trials: int | str | slice | Sequence[int] | None = None,
        to: str | PathLike | None = None,
    ):
        if not (isinstance(every, str) and every == "phase"):
            whole(
                "every: 'phase', for one sample at the end of each phase, or a number of time steps; every",
                every,
            )
        self.names = (
            [names]
            if isinstance(names, str)
            else list(sequence("names", names, "a name such as 'hidden1.v', or a list of them"))
        )
        for name in self.names:
            kind("name", name, str, "a name such as 'hidden1.v'")
        if not self.names:
            raise NetworkError(
                "A Recorder needs at least one name, such as Recorder(['hidden1.v'])."
            )
        self.every, self.trials = every, trials
        self.traces = self.net = None
        # [(times in seconds, an array (times, elements) per trace)], and their bytes
        self.blocks, self.held = [], 0
        self.phases, self.now = [], 0.0  # [(name, start, end)], in seconds
        # what runs: name, seconds between two samples, how many samples so far
        self.phase = None
        self.stream = Stream(to) if to is not None else None

    # while a network runs -------------------------------------------------------------------------

    def begin(self, net: Network, phase: str, dt: float) -> dict:
        """Get ready for a phase of `net`, and return what the Request to its engine must say."""
        if self.stream and self.stream.finished:
            raise NetworkError(
                f"This Recorder is closed: {self.stream.path} is complete. Make another one."
            )
        if self.net not in (None, net):
            raise NetworkError(
                f"This Recorder has begun to record {self.net!r}. Make another one for {net!r}."
            )
        if self.traces is None:
            self._open(net)
        if self.phase:
            self._end_phase(self._sampled(self.phase[2]))  # the last phase broke off
        self.phase = (phase, dt * int(self.every) if self.every != "phase" else 0.0, 0)
        if self.every == "phase":
            return {}
        return dict(record=self._places(), record_every=int(self.every), take=self.take)

    def take(self, samples: Sequence[np.ndarray]) -> None:
        """Take in the samples that follow those so far, an array (times, elements) per trace.

        Trials that do not take part become NaN.
        """
        name, interval, before = self.phase
        count = len(samples[0])
        for one, values in zip(self.traces, samples):
            if one.trials is not None and one.trials.max() >= self.net.active:
                values.reshape(count, *one.shape)[:, one.trials >= self.net.active] = np.nan
        self.blocks.append((self._sampled(np.arange(before + 1, before + count + 1)), samples))
        self.held += sum(values.nbytes for values in samples)
        self.phase = (name, interval, before + count)
        if self.stream and (self.held >= PIECE or self.stream.due):
            self.flush()

    def end(self, result: PhaseResult) -> None:
        """Note how a phase ended, as its PhaseResult says."""
        if self.every == "phase":
            self.phase = (result.phase, result.duration, 0)
            self.take([array.reshape(1, -1)[:, index].copy() for array, index in self._places()])
        self._end_phase(self.now + result.duration)

    def flush(self) -> None:
        """Write what is in memory to the file, if there is one."""
        if self.stream and self.traces:
            self.stream.append(self._dataset())
            self.blocks, self.held = [], 0

    # afterwards -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Complete the file: write what is left, and give it its name."""
        if self.stream and self.traces and not self.stream.finished:
            self.flush()
            self.stream.finish()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close() if kind is None else self.flush()

    def recording(self) -> Recording:
        """Return the Recording of all phases so far. A file is completed, and read where it is
        looked at.

        Raises NetworkError if nothing was recorded.
        """
        if not (self.phases or self.phase):
            raise NetworkError(
                "Nothing has been recorded: pass the Recorder to present, train or net.run."
            )
        if self.stream is None:
            return Recording(self._dataset())
        self.close()
        return Recording.open(self.stream.path)

    def _open(self, net):
        traces = [trace(net, name, self.trials) for name in self.names]
        names = [one.name for one in traces]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise NetworkError(
                f"'{twice.pop()}' is to be recorded twice. Name it once, with all the units you need."
            )
        self.net, self.traces = net, traces
        self.known = dict(
            rule=net.equations, seed=net.seed, sizes=list(net.sizes), dtype=net.dtype.name
        )
        if self.stream:
            try:
                self.stream.start(self._dataset())
            except BaseException:
                self.traces = (
                    None  # there is no file to write to: the end of a `with` has nothing to add
                )
                raise

    def _places(self):
        return tuple((self.net[one.name], one.index) for one in self.traces)

    def _sampled(self, number):
        """Return when the samples of these numbers, from 1 in the phase that runs, are taken; in
        seconds."""
        return self.now + self.phase[1] * number

    def _end_phase(self, now):
        self.phases.append((self.phase[0], self.now, now))
        self.phase, self.now = None, now

    def _dataset(self):
        """Return the samples in memory, labelled, with all phases so far."""
        import xarray

        time = _joined([times for times, _ in self.blocks], np.empty(0)) * 1e3
        phases = [
            *self.phases,
            *([(self.phase[0], self.now, self._sampled(self.phase[2]))] if self.phase else []),
        ]
        data = {}
        for k, one in enumerate(self.traces):
            none = np.empty((0, one.size), self.net[one.name].dtype)
            values = _joined([samples[k] for _, samples in self.blocks], none).reshape(
                len(time), *one.shape
            )
            dims, coords = (
                ("time", *one.dims),
                {"time": ("time", time, {"units": "ms"}), **one.coords},
            )
            array = xarray.DataArray(
                values,
                coords,
                dims,
                attrs={"units": one.slot.unit_text, "name": one.name, "role": str(one.slot.role)}
                | _ends(self.net, one.slot),
            )
            data[one.name] = array.transpose("trial", "time", ...) if "trial" in dims else array
        known = self.known | dict(
            phases=[(name, start * 1e3, end * 1e3) for name, start, end in phases]
        )
        return xarray.Dataset(
            data, attrs={k: v if isinstance(v, str) else json.dumps(v) for k, v in known.items()}
        )


def _ends(net, slot):
    """Return between which populations weights lead, as attributes; of others, none."""
    groups = [g for g in net.circuit.groups if g.name == slot.owner and slot.role == Role.WEIGHT]
    return dict(source=groups[0].source, target=groups[0].target) if groups else {}


def _joined(pieces, none):
    return np.concatenate(pieces) if len(pieces) > 1 else (pieces or [none])[0]
