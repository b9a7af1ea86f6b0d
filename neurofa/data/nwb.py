"""A recording as a file in the format Neurodata Without Borders, for the tools that read
experiments. Needs pynwb."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from os import PathLike
from types import ModuleType
from typing import TYPE_CHECKING

from ..base.errors import ExperimentError
from ..base.files import write as write_file

if TYPE_CHECKING:
    import pynwb
    import xarray

    from .recording import Recording


def write(
    recording: Recording, path: str | PathLike, names: str | Sequence[str] | None = None
) -> None:
    """Write a Recording, or some variables of it, as an NWB file; the file appears when it is
    complete.

    Every variable is a TimeSeries of that name in `acquisition`: time comes first, in seconds, then
    the trials, which run in parallel and so share the time, then the units (of synapses: post,
    pre). Its comments hold the names of these axes and the numbers of trials and units, as JSON.
    The table `phases` in `intervals` says when each phase began and stopped.

    Raises ExperimentError if pynwb is not installed or the file cannot be written, NetworkError if
    a name was not recorded.
    """
    rule = recording.dataset.attrs.get("rule", "")
    file = new(f"Simulation of {rule.partition(chr(10))[0] or 'a circuit'}", notes=rule)
    first = None
    for array in recording.chosen(names):
        series = _series(array.transpose("time", "trial", ..., missing_dims="ignore"), first)
        file.add_acquisition(series)
        first = first or series
    file.add_time_intervals(_phases(recording))
    save(file, path)


def needed() -> ModuleType:
    """Return pynwb. Raises ExperimentError if it is not installed."""
    try:
        import pynwb
    except ImportError:
        raise ExperimentError(
            "NWB files are written and read by pynwb, which is not installed. Install it: "
            "pip install 'neurofa[nwb]'"
        ) from None
    return pynwb


def new(description: str, **fields: str) -> pynwb.NWBFile:
    """Return an NWBFile that holds nothing yet, with a name of its own. Raises ExperimentError
    without pynwb."""
    return needed().NWBFile(
        session_description=description,
        identifier=str(uuid.uuid4()),
        session_start_time=datetime.now(timezone.utc),
        **fields,
    )


def save(file: pynwb.NWBFile, path: str | PathLike) -> None:
    """Write an NWBFile; it appears when it is complete. Raises ExperimentError if that fails."""
    import h5py

    image = io.BytesIO()
    with h5py.File(image, "w") as inside, needed().NWBHDF5IO(file=inside, mode="w") as out:
        out.write(file)
    write_file(path, image.getbuffer())


def _series(array: xarray.DataArray, first: pynwb.TimeSeries | None) -> pynwb.TimeSeries:
    """Return a variable as a TimeSeries, time first; of its times, it refers to those of the
    `first`, if there is one."""
    axes = {"axes": array.dims, **{dim: array[dim].values.tolist() for dim in array.dims[1:]}}
    return needed().TimeSeries(
        name=array.name,
        data=array.values,
        unit=array.attrs.get("units", "1"),
        timestamps=array.time.values / 1e3 if first is None else first,
        description=f"{array.name}, simulated. Axes: {', '.join(map(str, array.dims))}",
        comments=json.dumps(axes),
    )


def _phases(recording: Recording) -> pynwb.epoch.TimeIntervals:
    """Return the table of when each phase began and stopped."""
    phases = needed().epoch.TimeIntervals(
        name="phases", description="The phases; all parallel trials go through them together."
    )
    phases.add_column(name="phase", description="the name of the phase in the learning rule")
    for name, start, end in recording.phases:
        phases.add_row(start_time=start / 1e3, stop_time=end / 1e3, phase=name)
    return phases
