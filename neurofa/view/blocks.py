"""What a page is made of: of every array as much as can be seen at once, and no more.

A *request* is a list: ["traces", file, variable, trial, start, end] (ms, or None for all of it),
["matrix", file, label], or ["curve", file, name]. The *block* that answers it is a dict of text and
arrays. No block reads more of a file than it must: what lies too close together to be told apart
is left out, evenly, and the block says of how many.
"""

from __future__ import annotations

from functools import reduce
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.errors import ExperimentError
from ..circuit.slots import Role
from ..data.labels import owner_of, role_of
from .contents import along, contents, course, of_synapses

if TYPE_CHECKING:
    import xarray

SAMPLES = 2000  # of a variable over time, in one block
UNITS = 1000  # of a variable, in one block
TOUCHED = 2**26  # bytes of a file that are looked at for one block of traces
STACK = 2**25  # bytes of a matrix, and of what belongs to it, over training
MOMENTS = 200  # of training, at which matrices are shown
MOST_CURVES = 12


class Blocks:
    """The blocks of the files of a run, `{name: Dataset}`, which may be open and not loaded.

    `samples`, `units` and `stack` (bytes) are the most that a block holds; `trials` the most that
    are offered of a recording, its first ones.
    """

    def __init__(
        self,
        files: dict[str, xarray.Dataset],
        samples: int = SAMPLES,
        units: int = UNITS,
        stack: int = STACK,
        trials: int | None = None,
    ):
        self.files, self.samples, self.units, self.stack = files, samples, units, stack
        self.contents = {name: contents(data) for name, data in files.items()}
        for found in self.contents.values():
            for about in found["traces"].values():
                about["trials"] = about["trials"][:trials]

    def block(self, request: list) -> dict[str, Any]:
        """Return the block that answers a request. Raises ExperimentError if a file is damaged."""
        kind, file, *rest = request
        make: Any = dict(traces=self._traces, matrix=self._matrix, curve=self._curve)[kind]
        try:
            return make(file, *rest)
        except OSError as problem:  # HDF5, of numbers whose checksum is wrong
            raise ExperimentError(f"{file}.nc is damaged at '{rest[0]}': {problem}") from None

    # traces ---------------------------------------------------------------------------------------

    def _traces(self, file, name, trial, start, end):
        """Return `time` (ms; samples), `values` (samples, units), the numbers of these `units`, and
        of how many samples (`of`) and units (`of_units`) they are."""
        data, about = self.files[file], self.contents[file]["traces"][name]
        times, array = data["time"].values, data[name]
        first = 0 if start is None else max(0, int(np.searchsorted(times, start)) - 1)
        last = len(times) if end is None else int(np.searchsorted(times, end, "right")) + 1
        count = max(0, min(last, len(times)) - first)
        step = max(1, ceil(count / self._affordable(array, count)))
        if about["trials"]:
            array = array.isel(trial=about["trials"].index(trial))
        array = array.isel(time=slice(first, first + count, step))
        units = slice(None, None, max(1, ceil(len(about["units"]) / self.units)))
        if about["units"]:
            array = array.isel({array.dims[-1]: units})
        values = array.values.reshape(array.sizes["time"], -1)
        return dict(
            time=times[first : first + count : step],
            values=np.ascontiguousarray(values, np.float32),
            units=about["units"][units],
            of=count,
            of_units=len(about["units"]),
        )

    def _affordable(self, array, count):
        """Return how many of `count` samples may be read, as a file gives no less than whole
        chunks."""
        together = max(1, (array.encoding.get("chunksizes") or (1,) * array.ndim)[_axis(array)])
        sample = array.nbytes / max(1, array.sizes["time"])
        if not array.encoding.get("source") and not array.encoding.get("chunksizes"):
            return self.samples  # it is in memory
        if count * sample <= TOUCHED:
            return self.samples
        return int(np.clip(TOUCHED / (together * sample), 50, self.samples))

    # synapses -------------------------------------------------------------------------------------

    def _matrix(self, file, label):
        """Return `values` (moments of training, rows, columns), its singular values `spectra`, the
        weight that few are above (`limit`), and `others`, what else belongs to each synapse."""
        data, about = self.files[file], self.contents[file]["matrices"][label]
        values, places = self._weights(file, about), self.places(file)
        others = [
            dict(name=name, values=_stack(array, course(data), places, about["transposed"]))
            for name, array in self._others(file, label).items()
        ]
        sizes = abs(values[np.isfinite(values)])
        return dict(
            values=values,
            spectra=_spectra(values),
            limit=float(np.quantile(sizes, 0.995)) if sizes.any() else 1.0,
            others=others,
        )

    def places(self, file: str) -> np.ndarray:
        """Return at which moments of training, by their places in the file, its matrices are
        shown: all, or as many as fit into `stack`, evenly spread, and the last."""
        data, cells = self.files[file], [1]
        for label, about in self.contents[file]["matrices"].items():
            size = len(about["row_numbers"]) * len(about["column_numbers"])
            cells.append(size * (1 + len(self._others(file, label))))
        total = data.sizes.get(course(data), 0)
        most = min(MOMENTS, max(2, self.stack // (4 * max(cells))))
        evenly = np.arange(0, total, max(1, ceil(total / most)))
        return np.union1d(evenly, np.arange(total)[-1:])

    def moments(self, file: str) -> dict[str, Any]:
        """Return when in training the matrices of a file are shown: `at`, updates or ms, `axis`,
        and of how many (`of`)."""
        data, axis = self.files[file], course(self.files[file])
        return dict(
            at=data[axis].values[self.places(file)].astype(float), axis=axis, of=data.sizes[axis]
        )

    def _weights(self, file, about):
        """Return a matrix at the moments that are shown, (moments, rows, columns)."""
        data, places = self.files[file], self.places(file)
        if about["instead_of"]:
            factors = data[f"{about['instead_of']}.w"].attrs["transposes"].split()
            if factors == ["identity"]:
                return np.stack([np.eye(len(about["row_numbers"]), dtype=np.float32)] * len(places))
        else:
            factors = [about["group"]]
        turned = bool(about["instead_of"]) or about["transposed"]
        stacks = [_stack(data[f"{one}.w"], course(data), places, turned) for one in factors]
        return reduce(np.matmul, stacks)

    def _others(self, file, label):
        """Return what else a file holds of each synapse of a matrix: moments, eligibility, changes,
        where it has them for these very synapses."""
        data, about = self.files[file], self.contents[file]["matrices"][label]
        numbers = about["row_numbers"], about["column_numbers"]
        post, pre = numbers[::-1] if about["transposed"] else numbers
        return {
            str(name): array
            for name, array in data.data_vars.items()
            if owner_of(str(name)) == about["group"]
            and of_synapses(array)
            and role_of(array) != Role.WEIGHT
            and [array[dim].values.tolist() for dim in array.dims[-2:]] == [post, pre]
        }

    # results --------------------------------------------------------------------------------------

    def _curve(self, file, name):
        """Return `x` and its `label`, and `lines`: of each, by name, the median over seeds, and the
        `low` and the `high` among them."""
        array = self.files[file][name]
        axis = along(array)
        over = [dim for dim in ("seed",) if dim in array.dims]
        apart = [dim for dim in array.dims if dim not in (axis, *over)]
        stacked = array.stack(line=apart) if apart else array.expand_dims(line=[()])
        stacked = stacked.transpose("line", *over, axis)
        lines = [
            dict(name=_named(key), values=_median(values.astype(np.float32)))
            for key, values in zip(stacked["line"].values[:MOST_CURVES], stacked.values)
        ]
        return dict(
            x=array[axis].values.astype(float), label=_titled(array[axis]), y=_titled(array)
        ) | dict(lines=lines, of=stacked.sizes["line"], seeds=array.sizes.get("seed", 1))


def _axis(array):
    return array.dims.index("time")


def _stack(array, axis, places, transposed):
    """Return a variable of synapses at some moments of training, (moments, rows, columns); of those
    that trials have of their own, the first."""
    array = array.isel(trial=0) if "trial" in array.dims else array
    step = places[1] - places[0] if len(places) > 1 else 1
    found = array.isel({axis: slice(0, None, step)}).values
    if len(found) < len(places):
        found = np.concatenate([found, array.isel({axis: places[-1:]}).values])
    return np.ascontiguousarray(found.swapaxes(1, 2) if transposed else found, np.float32)


def _spectra(values):
    """Return the singular values of each matrix, (moments, number); none where a number is no
    finite one."""
    finite = np.isfinite(values).all(axis=(1, 2), keepdims=True)
    found = np.linalg.svd(np.where(finite, values, 0), compute_uv=False)
    return np.where(finite[:, 0], found, np.nan).astype(np.float32)


def _median(values):
    """Return median, smallest and largest over seeds, of those that have a number."""
    values = np.ma.masked_invalid(np.atleast_2d(values))
    return [np.ma.filled(of(values, axis=0), np.nan) for of in (np.ma.median, np.ma.min, np.ma.max)]


def _named(key):
    parts = key if isinstance(key, tuple) else (key,)
    return ", ".join(str(part) for part in parts)


def _titled(array):
    name = str(array.attrs.get("long_name", array.name)).replace("_", " ")
    unit = array.attrs.get("units", "1")
    return name if unit in ("1", "") else f"{name} ({unit})"
