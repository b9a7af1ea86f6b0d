"""State and synaptic traces -> labelled arrays -> one file."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import ExperimentError, NetworkError, choices

_NAME = re.compile(r"(?P<array>[\w.]+)\s*(\[(?P<index>[^\]]*)\])?")


class Recorder:
    """Which variables to record, and the samples so far.

    `Recorder(["hidden1.v", "controller.u[:2]", "W1.w[0, :5]"], every=10)` records three variables after every tenth time step:
    all units, two units, and five synapses onto unit 0. Populations are recorded in all trials, or in the first `trials`.
    Pass it to `present`, `train` or `net.run`; `recording()` returns what it has seen.

    Raises NetworkError for a name that the network does not have, or an index outside its units.
    """

    def __init__(self, names, every=1, trials=None):
        if not isinstance(every, int) or every < 1:
            raise NetworkError(f"every = {every!r}: give a whole number of time steps, at least 1.")
        if trials is not None and (not isinstance(trials, (int, np.integer)) or trials < 1):
            raise NetworkError(f"trials = {trials!r}: give a whole number of at least 1, or leave it out for all.")
        self.names = [names] if isinstance(names, str) else list(names)
        if not self.names:
            raise NetworkError("A Recorder needs at least one name, such as Recorder(['hidden1.v']).")
        self.every, self.trials = every, trials
        self.traces = self.net = None
        self.samples, self.times, self.phases, self.now = [], [], [], 0.0

    def columns(self, net):
        """Return `(array name, flat indices)` of every trace in `net`."""
        if self.net not in (None, net):
            raise NetworkError(f"This Recorder has begun to record {self.net!r}. Make another one for {net!r}.")
        if self.traces is None:
            self.net = net
            self.traces = [_trace(net, name, self.trials) for name in self.names]
            twice = {t.name for t in self.traces if [u.name for u in self.traces].count(t.name) > 1}
            if twice:
                raise NetworkError(f"'{twice.pop()}' is to be recorded twice. Name it once, with all the units you need.")
            self.describe = dict(rule=net.equations, seed=net.seed, sizes=list(net.sizes), dtype=net.dtype.name)
        return tuple((trace.array, trace.flat) for trace in self.traces)

    def add(self, net, result, samples):
        """Take in the samples of a phase. Trials that did not take part are NaN."""
        count = len(samples[0])
        for trace, values in zip(self.traces, samples):
            if trace.trials is not None and net.active < trace.trials:
                values.reshape(count, *trace.shape)[:, net.active:] = np.nan
        self.samples.append(samples)
        self.times.append(self.now + result.dt * self.every * np.arange(1, count + 1))
        self.phases.append((result.phase, self.now, self.now + result.duration))
        self.now += result.duration

    def recording(self):
        """Return the Recording of all phases so far. Raises NetworkError if nothing was recorded."""
        if not self.samples:
            raise NetworkError("Nothing has been recorded: pass the Recorder to present, train or net.run.")
        import xarray
        time = np.concatenate(self.times) * 1e3
        data = {}
        for k, trace in enumerate(self.traces):
            values = np.concatenate([samples[k] for samples in self.samples]).reshape(len(time), *trace.shape)
            dims, coords = ("time", *trace.dims), {"time": ("time", time, {"units": "ms"}), **trace.coords}
            array = xarray.DataArray(values, coords, dims, attrs={"units": trace.unit, "name": trace.name})
            data[trace.name] = array.transpose("trial", "time", ...) if "trial" in dims else array
        return Recording(xarray.Dataset(data, attrs={k: v if isinstance(v, str) else json.dumps(v) for k, v in dict(
            self.describe, phases=[(name, start * 1e3, end * 1e3) for name, start, end in self.phases]).items()}))


@dataclass
class _Trace:
    """One recorded variable: where it is in memory, and how its axes are called."""

    name: str
    array: str
    flat: np.ndarray
    shape: tuple
    dims: tuple
    coords: dict
    trials: int | None
    unit: str


def _trace(net, name, trials):
    match = _NAME.fullmatch(name.strip())
    if not match:
        raise NetworkError(f"'{name}' cannot be read. Write a name such as 'hidden1.v', 'hidden1.v[:5]' or 'W1.w[0, :5]'.")
    values = net[match["array"]]
    full = match["array"] if "." in match["array"] else f"{match['array']}.w"
    owner = full.split(".")[0]
    synaptic = owner in net.groups
    axes = [np.arange(n) for n in values.shape]
    wanted = match["index"].split(",") if match["index"] is not None else []
    chosen = axes if synaptic else axes[1:]
    if len(wanted) > len(chosen):
        raise NetworkError(f"'{name}' has {len(wanted)} indices; {full} has {len(chosen)} axes to choose from.")
    chosen[:len(wanted)] = [_select(name, part, axis) for part, axis in zip(wanted, chosen)]
    if synaptic:
        dims, rest = (f"{owner}_post", f"{owner}_pre"), None
    else:
        rest = min(trials or values.shape[0], values.shape[0])
        dims, chosen = ("trial", f"{owner}_unit"), [np.arange(rest), *chosen]
    dims = dims[:len(chosen)]
    if wanted:       # a choice of units has axes of its own, beside those of the whole population
        dims = tuple(dim if dim == "trial" else dim.replace(owner, full.replace(".", "_"), 1) for dim in dims)
    flat = np.ravel_multi_index(np.ix_(*chosen), values.shape).ravel()
    return _Trace(full, full, flat, tuple(map(len, chosen)), dims, dict(zip(dims, chosen)), rest, net.unit(full))


def _select(name, part, axis):
    """Return the entries of `axis` that `part` ("3", "2:5", "::10") chooses."""
    try:
        numbers = [int(p) if p.strip() else None for p in part.split(":")]
        chosen = axis[slice(*numbers)] if len(numbers) > 1 else axis[[numbers[0]]]
    except (ValueError, IndexError, TypeError):
        chosen = []
    if len(chosen) == 0:
        raise NetworkError(f"'{name}': the index '{part.strip()}' chooses nothing from 0..{len(axis) - 1}. "
                           "Use a number or a slice such as 2:5.")
    return chosen


class Recording:
    """Traces with named dimensions: an xarray Dataset, and what is known about it.

    `rec["hidden1.v"]` is a DataArray (trial, time, unit), `rec["W1.w"]` one (time, post, pre); time is in ms. `rec.dataset` is
    all of it, `rec.phases` the spans [(name, start, end)] in ms.
    """

    def __init__(self, dataset):
        self.dataset = dataset

    @property
    def names(self):
        """The recorded variables."""
        return tuple(self.dataset.data_vars)

    @property
    def phases(self):
        """The phases in their order: [(name, start, end)], in ms."""
        return [tuple(span) for span in json.loads(self.dataset.attrs["phases"])]

    def __getitem__(self, name):
        name = name.split("[")[0].strip()
        name = name if "." in name else f"{name}.w"
        if name not in self.dataset:
            raise NetworkError(f"'{name}' was not recorded. " + choices(name, self.names))
        return self.dataset[name]

    def save(self, path):
        """Write everything to one netCDF file; the file appears when it is complete."""
        path = Path(path)
        unfinished = path.with_name(f"{path.name}.unfinished")
        try:
            self.dataset.to_netcdf(unfinished, engine="h5netcdf")
            os.replace(unfinished, path)
        except OSError as problem:
            raise ExperimentError(f"{path} cannot be written: {problem.strerror or problem}. Is the folder there, and is there "
                                  "space left?") from None
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path):
        """Read a file that `save` wrote. Raises ExperimentError if it cannot be read."""
        import xarray
        try:
            with xarray.open_dataset(path, engine="h5netcdf") as stored:
                dataset = stored.load()
        except (OSError, ValueError) as problem:
            raise ExperimentError(f"{path} is no readable recording: {problem}") from None
        return cls(dataset)

    def __repr__(self):
        spans = ", ".join(f"{name} {start:g}-{end:g} ms" for name, start, end in self.phases[:6])
        return f"Recording({', '.join(self.names)}; {spans}{', ...' if len(self.phases) > 6 else ''})"

