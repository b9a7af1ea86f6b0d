"""Observations as files in the format Neurodata Without Borders, as a laboratory would have them.

- `trials`: one row per stimulus that was shown, with `session`, `updates` (how many the circuit had
  learned from), `stimulus` (its number), `label` (its class) and `teacher_time`;
- `processing/ophys`: the plane segmentations of every layer, whose cells have a `unit`; `DfOverF` with
  the rates, `Fluorescence` with the apical potentials: a RoiResponseSeries per layer, two samples per
  trial, one with the stimulus alone and one with the teacher. A file without potentials has none;
- `processing/synapses/weights`: a row per synapse, with `pathway`, `onto` (the layer), `post`, `pre`, and
  `weight`, one number per session.

Steady states have no clock: a trial is written as one second, whose teacher comes in the middle.
Which rule was at work is not in the file.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.errors import ExperimentError
from .nwb import needed, new, save
from .observation import MOMENTS

if TYPE_CHECKING:
    import pynwb
    import xarray

SECONDS = 1.0  # a trial
SIGNALS = {"rate": "DfOverF", "apical": "Fluorescence"}


def write(data: xarray.Dataset, path: str | PathLike) -> None:
    """Write the dataset of an Observation; the file appears when it is complete. Raises
    ExperimentError without pynwb, or if it cannot be written."""
    file = new("Cells and synapses of a circuit that learns. Simulated.")
    _add_trials(file, data)
    _add_cells(file, data)
    _add_synapses(file, data)
    save(file, path)


def read(path: str | PathLike) -> xarray.Dataset:
    """Return the dataset in a file that `write` has written, or that is like it. Raises
    ExperimentError without pynwb, or if it is no such file."""
    pynwb = needed()
    if not Path(path).is_file():
        raise ExperimentError(f"There is no file '{path}'.")
    try:
        with pynwb.NWBHDF5IO(str(path), "r") as source:
            return _read(source.read())
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ExperimentError(
            f"{path} is no NWB file of an Observation ({type(problem).__name__}: {problem}). "
            "neurofa/data/observation_nwb.py says what stands where."
        ) from None


def _add_trials(file, data):
    """Add the table of what was shown when."""
    for name, text in {
        "session": "number of the session, from 0",
        "updates": "how many updates the circuit had learned from",
        "stimulus": "number of the stimulus, from 0",
        "label": "class of the stimulus",
        "teacher_time": "when the teacher comes (s)",
    }.items():
        file.add_trial_column(name, text)
    for session, updates in enumerate(data.session.values):
        for stimulus, label in enumerate(data.label.values):
            start = SECONDS * (session * data.sizes["stimulus"] + stimulus)
            file.add_trial(
                start_time=start,
                stop_time=start + SECONDS,
                teacher_time=start + SECONDS / 2,
                session=session,
                updates=int(updates),
                stimulus=stimulus,
                label=int(label),
            )


def _add_cells(file, data):
    """Add what was measured of cells: a plane and a series of each signal per layer."""
    pynwb = needed()
    module = file.create_processing_module("ophys", "Rates and apical potentials of cells")
    segmented = pynwb.ophys.ImageSegmentation()
    module.add(segmented)
    there = [name for name in SIGNALS if not np.isnan(data[name].values).all()]
    holders = {name: getattr(pynwb.ophys, SIGNALS[name])() for name in there}
    for holder in holders.values():
        module.add(holder)
    for layer in dict.fromkeys(map(str, data.layer.values)):
        mine = data.isel(cell=np.flatnonzero(data.layer.values == layer))
        plane = segmented.create_plane_segmentation(
            name=layer, description=f"Cells of {layer}", imaging_plane=_plane(file, layer)
        )
        plane.add_column("unit", "number of the cell in its layer")
        for unit in mine.unit.values:  # where no image was taken, its number is its place
            plane.add_roi(pixel_mask=[(int(unit), 0, 1.0)], unit=int(unit))
        every = plane.create_roi_table_region("all cells", region=list(range(len(mine.unit))))
        moments = data.sizes["session"] * data.sizes["stimulus"] * len(MOMENTS)
        for name, holder in holders.items():
            values = mine[name].transpose("session", "stimulus", "moment", "cell").values
            holder.create_roi_response_series(
                name=layer,
                data=values.reshape(moments, -1),
                rois=every,
                unit="1",
                timestamps=SECONDS / len(MOMENTS) * (1 + np.arange(moments)),
                description=f"{name} at the end of each half of a trial",
            )


def _plane(file, layer):
    """Return the plane of a layer, made with what microscope there is."""
    pynwb = needed()
    device = file.devices.get("simulation") or file.create_device(name="simulation")
    channel = pynwb.ophys.OpticalChannel(
        name=f"{layer} channel", description="simulated", emission_lambda=np.nan
    )
    return file.create_imaging_plane(
        name=f"{layer} plane",
        optical_channel=channel,
        description=f"Cells of {layer}",
        device=device,
        excitation_lambda=np.nan,
        indicator="none: simulated",
        location=layer,
    )


def _add_synapses(file, data):
    """Add the table of synapses, a weight per session."""
    hdmf = needed().core
    columns: dict[str, tuple[str, Any]] = {
        "pathway": ("synapse group", list(map(str, data.pathway.values))),
        "onto": ("layer of the cell that it leads to", list(map(str, data.onto.values))),
        "post": ("number of that cell in its layer", data.post.values),
        "pre": ("number of the cell that it comes from", data.pre.values),
        "weight": ("weight in every session", data.weight.values.T),
    }
    table = hdmf.DynamicTable(
        name="weights",
        description="Synapses",
        columns=[
            hdmf.VectorData(name=name, description=text, data=values)
            for name, (text, values) in columns.items()
        ],
    )
    file.create_processing_module("synapses", "Weights of synapses").add(table)


def _read(file: pynwb.NWBFile) -> xarray.Dataset:
    """Return the dataset in an open file."""
    import xarray

    trials = file.trials.to_dataframe()
    first = trials[trials.session == trials.session.iloc[0]]
    sessions = trials.drop_duplicates("session").updates.to_numpy()
    shape = (len(sessions), len(first), len(MOMENTS), -1)
    ophys, synapses = (
        file.processing["ophys"],
        file.processing["synapses"]["weights"].to_dataframe(),
    )
    planes = ophys["ImageSegmentation"].plane_segmentations
    layers = list(ophys[SIGNALS["rate"]].roi_response_series)
    units = [planes[layer]["unit"][:] for layer in layers]
    data: dict[str, Any] = {}
    for name, holder in SIGNALS.items():
        if holder in ophys.data_interfaces:
            series = ophys[holder].roi_response_series
            values = [series[layer].data[:].reshape(shape) for layer in layers]
            data[name] = np.concatenate(values, axis=-1).swapaxes(1, 2)
        else:
            data[name] = np.full_like(data["rate"], np.nan)
    axes = ("session", "moment", "stimulus", "cell")
    return xarray.Dataset(
        {name: (axes, values) for name, values in data.items()}
        | dict(weight=(("session", "synapse"), np.stack(synapses["weight"]).T)),
        dict(
            session=sessions,
            moment=list(MOMENTS),
            label=("stimulus", first.label.to_numpy()),
            layer=("cell", np.repeat(layers, [len(each) for each in units])),
            unit=("cell", np.concatenate(units)),
            **{
                name: ("synapse", synapses[name].to_numpy())
                for name in ("pathway", "onto", "post", "pre")
            },
        ),
    )
