"""What was recorded: arrays with named dimensions, in one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..base import netcdf
from ..base.errors import ExperimentError, NetworkError, choices
from ..simulate.probes import read_name, recorded
from .stream import unfinished

if TYPE_CHECKING:
    import pandas
    import xarray


class Recording:
    """Traces with named dimensions: an xarray Dataset, and what is known about it.

    `rec["hidden1.v"]` is a DataArray (trial, time, unit), `rec["W1.w"]` one (time, post, pre); time
    is in ms. `rec["hidden1.v[3]"]` and `rec["W1.w[0, :5]"]` are those of these units, by their
    numbers in the circuit. `rec.dataset` is all of it, `rec.phases` the spans [(name, start, end)]
    in ms.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> recorder = Recorder("hidden1.r")
    >>> results = present(learner, x, y, record=recorder)
    >>> recording = recorder.recording()
    >>> recording["hidden1.r"].dims
    ('trial', 'time', 'hidden1_unit')
    >>> [name for name, start, end in recording.phases]
    ['free', 'feedback']
    """

    def __init__(self, dataset: xarray.Dataset):
        self.dataset = dataset

    @property
    def names(self) -> tuple[str, ...]:
        """The recorded variables."""
        return tuple(map(str, self.dataset.data_vars))

    @property
    def phases(self) -> list[tuple[str, float, float]]:
        """The phases in their order: [(name, start, end)], in ms."""
        return [tuple(span) for span in json.loads(self.dataset.attrs["phases"])]

    def __getitem__(self, name: str) -> xarray.DataArray:
        array, index = read_name(name)
        if array not in self.dataset:
            raise NetworkError(f"'{array}' was not recorded. " + choices(array, self.names))
        found = self.dataset[array]
        axes = [dim for dim in found.dims if dim not in ("trial", "time")]
        if len(index) > len(axes):
            raise NetworkError(
                f"'{name}' has {len(index)} indices; {array} has {len(axes)} axes to choose from."
            )
        return found.isel(
            {dim: recorded(name, part, found[dim].values) for dim, part in zip(axes, index)}
        )

    def chosen(self, names: str | Sequence[str] | None = None) -> list[xarray.DataArray]:
        """Return the DataArrays of one name, several, or (None) all. Raises NetworkError for what
        was not recorded."""
        return [
            self[name]
            for name in (
                (names,) if isinstance(names, str) else self.names if names is None else names
            )
        ]

    def phase_at(self, times: np.ndarray) -> np.ndarray:
        """Return which phase, by its place in `phases`, each time (ms) belongs to; the last sample
        of a phase is at its end."""
        ends = np.array([end for _, _, end in self.phases])
        return np.searchsorted(ends * (1 + 1e-9), times).clip(max=max(0, len(ends) - 1))

    def to_dataframe(self, names: str | Sequence[str] | None = None) -> pandas.DataFrame:
        """Return a tidy pandas DataFrame: a row per number, in the columns variable, phase, trial,
        time (ms), unit, value.

        `names` are the variables wanted, by default all. Synapses have the columns post and pre in
        place of unit. What a variable has no axis for is missing (NA), and a column that none of
        them uses is left out.
        """
        import pandas

        tables, phases = [], [name for name, _, _ in self.phases]
        for array in self.chosen(names):
            table = array.rename("value").to_series().reset_index()
            # hidden1_unit is a unit, W1_post post
            table.columns = [column.rsplit("_", 1)[-1] for column in table.columns]
            table["variable"], table["phase"] = (
                array.name,
                np.take(phases, self.phase_at(table["time"])) if len(table) else "",
            )
            tables.append(table)
        whole = pandas.concat(tables, ignore_index=True)
        whole = whole[
            [
                c
                for c in ("variable", "phase", "trial", "time", "unit", "post", "pre", "value")
                if c in whole
            ]
        ]
        numbers = {
            c: "Int64"
            for c in ("trial", "unit", "post", "pre")
            if c in whole and whole[c].isna().any()
        }
        return whole.astype({"variable": "category", "phase": "category"} | numbers)

    def to_nwb(self, path: str | PathLike, names: str | Sequence[str] | None = None) -> None:
        """Write an NWB file of all variables or the named ones: see neurofa.nwb.write. Needs pynwb:
        pip install 'neurofa[nwb]'."""
        from . import nwb

        nwb.write(self, path, names)

    def save(self, path: str | PathLike) -> None:
        """Write everything to one netCDF file; the file appears when it is complete."""
        netcdf.save(self.dataset, path)

    @classmethod
    def open(cls, path: str | PathLike) -> Recording:
        """Return the recording in a file without reading it: a variable is read when it is looked
        at.

        Raises ExperimentError if it is no file of `save` or of a Recorder.
        """
        left = unfinished(Path(path))
        if left.exists() and not Path(path).exists():
            raise ExperimentError(
                f"{path} is not there, but {left} is: what an interrupted run has recorded so far. "
                f"Read that file, or rename it to {Path(path).name}."
            )
        return cls(netcdf.opened(path))

    @classmethod
    def load(cls, path: str | PathLike) -> Recording:
        """Read all of a file, which may then be changed or deleted. Raises ExperimentError as
        `open` does."""
        cls.open(path).dataset.close()
        return cls(netcdf.load(path))

    def __repr__(self):
        spans = ", ".join(f"{name} {start:g}-{end:g} ms" for name, start, end in self.phases[:6])
        return (
            f"Recording({', '.join(self.names)}; {spans}{', ...' if len(self.phases) > 6 else ''})"
        )
