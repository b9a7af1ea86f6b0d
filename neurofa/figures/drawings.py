"""What `neurofa show --draw` makes of the files of a run: figures to look at, of whatever
experiment.

Each drawing takes a Dataset, which may be open and not loaded, and returns a Figure; None if it
holds nothing of that kind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import ExperimentError, choices, warn
from ..circuit.slots import Role
from ..data import curves
from ..data.labels import owner_of, with_role
from ..data.recording import Recording
from . import plot

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

# at the end of a recording: of longer ones, single trials could not be made out
MOST_PHASES = 8


def checked(name: str) -> str:
    """Return `name` if it is one of DRAWINGS. Raises ExperimentError, with the valid ones, if
    not."""
    if name not in DRAWINGS:
        raise ExperimentError(
            f"There is no drawing '{name}'. " + choices(name, DRAWINGS, "drawing")
        )
    return name


def draw(name: str, files: dict[str, xarray.Dataset]) -> dict[str, Figure]:
    """Return `{file name: Figure}` of one drawing, for those of `files`, {name: Dataset}, that it
    can be made of.

    Raises ExperimentError if there is none.
    """
    make, needs = DRAWINGS[name]
    made = {
        f"{name}-{file}" if len(files) > 1 else name: make(data) for file, data in files.items()
    }
    made = {file: figure for file, figure in made.items() if figure is not None}
    if not made:
        raise ExperimentError(
            f"There is nothing to draw {name} from: that needs {needs}. The run holds "
            f"{', '.join(f'{file}.nc' for file in files) or 'no files'}."
        )
    return made


def traces(data: xarray.Dataset) -> Figure | None:
    """Draw every recorded variable of the first trial at the end of a recording, targets dashed,
    and the residuals below."""
    if "phases" not in data.attrs:
        return None
    recording = _end(Recording(data))
    measured, targets = (
        with_role(recording.dataset, role) for role in (Role.RESIDUAL, Role.TARGET)
    )
    aims = {f"{owner}.r": name for owner, name in targets.items()}
    aims |= {
        f"{owner_of(name)}.r": name
        for name in recording.names
        if name == f"{owner_of(name)}.setpoint"
    }
    aims = {name: aim for name, aim in aims.items() if name in recording.names}
    drawn = [
        name
        for name in recording.names
        if name not in {*aims.values(), *measured.values(), *targets.values()}
    ]
    # the output has an aim once there is feedback
    taught = [name for name, _, _ in recording.phases[1:]]
    count = len(drawn) + bool(measured)
    figure, axes = plot.figure(count, width=plot.PAGE, height=0.4 + 1.5 * count, share_x=True)
    for name, panel in zip(drawn, np.ravel(axes)):
        plot.traces(recording, name, panel, target=aims.get(name), target_phases=taught or None)
    if count > len(drawn):
        plot.residuals(recording, np.ravel(axes)[-1])
    return figure


def _end(recording):
    """Return the last phases of a recording."""
    last = recording.phases[-MOST_PHASES:]
    data = recording.dataset.sel(time=slice(last[0][1] * (1 + 1e-9), None))
    return Recording(data.assign_attrs(phases=json.dumps(last)))


def weights(data: xarray.Dataset) -> Figure | None:
    """Draw the last weights of all feedback groups beside their counterparts; if there is no
    feedback, of all groups."""
    if "schedule" not in data.attrs:
        return None
    feedback = curves.feedback(data)
    groups = feedback or list(with_role(data, Role.WEIGHT))
    figure, axes = plot.figure(
        len(groups), 3 if feedback else 2, width=plot.PAGE, height=2.2 * len(groups)
    )
    for group, panels in zip(groups, np.reshape(axes, (len(groups), -1))):
        plot.weights(data, group, panels)
    return figure


def alignment(data: xarray.Dataset) -> Figure | None:
    """Draw the curves of snapshots above each other: angles to the transposes and to backprop,
    signs, norms and ranks."""
    if "schedule" not in data.attrs:
        return None
    found = [
        (plot.over_updates, curves.norms(data)),
        (plot.over_updates, curves.ranks(data).effective_rank),
    ]
    if "probe_x" in data:
        try:
            found.insert(0, (plot.alignment, curves.angle_to_backprop(data)))
        except (
            ExperimentError
        ) as problem:  # of an activation that no file holds; the others are still worth a look
            warn(f"There is no panel of the angle to backprop. {problem}")
    if curves.feedback(data):
        found = [
            (plot.alignment, curves.alignment(data)),
            (plot.over_updates, curves.sign_agreement(data)),
            *found,
        ]
    figure, axes = plot.figure(
        len(found), width=1.3 * plot.COLUMN, height=0.4 + 1.5 * len(found), share_x=True
    )
    for (draw_curve, curve), panel in zip(found, axes):
        draw_curve(curve, panel)
    return figure


def learning(data: xarray.Dataset) -> Figure | None:
    """Draw every learning curve, those beside each other that there are."""
    kinds = {"rule", "seed", "epoch"}, {"rule", "seed", "update"}
    found = [array for array in data.data_vars.values() if set(array.dims) in kinds]
    if not found:
        return None
    rows = -(-len(found) // 2)
    figure, axes = plot.figure(rows, min(len(found), 2), height=2.2 * rows)
    axes = np.ravel(axes)
    for curve, panel in zip(found, axes):
        unit = curve.attrs.get("units", "1")
        plot.learning(
            curve,
            panel,
            label=str(curve.name).replace("_", " ").capitalize()
            + (f" ({unit})" if unit != "1" else ""),
        )
        if curve.min() >= 0:
            panel.set_ylim(bottom=0)
    for panel in axes[len(found) :]:
        panel.set_axis_off()
    return figure


DRAWINGS = dict(
    traces=(traces, "a recording"),
    weights=(weights, "snapshots of weights"),
    alignment=(alignment, "snapshots of weights"),
    learning=(learning, "learning curves (rule, seed, epoch)"),
)
