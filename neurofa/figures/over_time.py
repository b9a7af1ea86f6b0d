"""Recordings over time: chosen units in one trial, and how far populations are from rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context

from ..base.arguments import kind, sequence
from ..base.errors import NetworkError, choices
from ..circuit.slots import Role
from ..data.labels import with_role
from ..data.recording import Recording
from .phases import with_phases
from .style import MARKERS, STYLE, dark_to_light, name_lines, sparse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_UNITS = 5  # drawn unless asked for


@rc_context(STYLE)
def traces(
    recording: Recording,
    name: str,
    axes: Axes | None = None,
    trial: int = 0,
    units: Sequence | None = None,
    target: str | None = None,
    target_phases: Sequence[str] | None = None,
) -> Axes:
    """Draw a recorded variable of one trial over time, a line per unit, and return the Axes.

    Parameters
    ----------
    recording
        A Recording
    name
        "hidden1.v", or a synapse group, "W1".
    units
        The numbers of the units, for synapses the pairs (post, pre); by default five, evenly spread, or all if fewer.
    target
        Another recorded variable of the same units, drawn dashed in the shade of its unit.
    target_phases
        The names of the phases in which the target is drawn; all, if None. (A setpoint that is noted as
        feedback sets in is zero before.)

    Raises
    ------
    NetworkError
        The variable, the trial, a unit, or a phase was not recorded.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> recorder = Recorder("hidden1.r")
    >>> results = present(learner, x, y, record=recorder)
    >>> axes = plot.traces(recorder.recording(), "hidden1.r", trial=0)
    """
    kind("recording", recording, Recording, "a Recording, such as recorder.recording()")
    array = _of_trial(recording, kind("name", name, str, "a name such as 'hidden1.v'"), trial)
    chosen = _spread(_units(array)) if units is None else units
    lines, shades, time = _lines(array, chosen, name), dark_to_light(len(chosen)), array.time.values
    axes = with_phases(axes, recording)
    for k, (unit, line) in enumerate(zip(chosen, lines)):
        axes.plot(
            time,
            line,
            color=shades[k],
            marker=MARKERS[k % len(MARKERS)],
            label=_unit_label(unit),
            markevery=sparse(len(time), k, len(chosen)),
            zorder=3,
        )
    if target is not None:
        shown = _in_phases(recording, time, target_phases)
        dashed: dict[str, Any] = dict(linestyle=(0, (4, 2)), linewidth=0.9)
        for aim, shade in zip(_lines(_of_trial(recording, target, trial), chosen, target), shades):
            axes.plot(time, np.where(shown, aim, np.nan), color=shade, zorder=2, **dashed)
        # for the legend
        axes.plot([], [], color="0.3", label=recording[target].name, **dashed)
    unit = array.attrs.get("units", "1")
    axes.set_ylabel(array.name if unit == "1" else f"{array.name} ({unit})")
    name_lines(axes)
    return axes


@rc_context(STYLE)
def residuals(
    recording: Recording, axes: Axes | None = None, trial: int = 0, tolerance: float | None = None
) -> Axes:
    """Draw how far each population is from rest in one trial, max |tau dx/dt| on a logarithmic
    axis, and return the Axes.

    Residuals are measured once in a while and held in between: only the samples with a new value
    are drawn. Populations at rest (0) have no line. Raises NetworkError if no residual, or not this
    trial, was recorded.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> recorder = Recorder(["hidden1.residual", "output.residual"])
    >>> results = present(learner, x, y, record=recorder)
    >>> axes = plot.residuals(recorder.recording(), tolerance=1e-6)
    """
    kind("recording", recording, Recording, "a Recording, such as recorder.recording()")
    measured = with_role(recording.dataset, Role.RESIDUAL)
    if not measured:
        raise NetworkError(
            "No residual was recorded: name some, such as 'output.residual'. "
            + choices("", recording.names)
        )
    axes = with_phases(axes, recording)
    shades = dark_to_light(len(measured))
    for k, (population, name) in enumerate(measured.items()):
        array = _of_trial(recording, name, trial)
        times, values = _measured(
            array.time.values, array.values, [start for _, start, _ in recording.phases]
        )
        if np.isfinite(values).any():
            axes.plot(
                times,
                values,
                color=shades[k],
                marker=MARKERS[k % len(MARKERS)],
                markersize=2.5,
                linewidth=0.9,
                label=population,
            )
    if tolerance is not None:
        axes.axhline(
            tolerance, color="0.3", linestyle=(0, (1, 1.5)), linewidth=1, label="tolerance"
        )
    axes.set_yscale("log")
    axes.set_ylabel("residual |τ dx/dt|")
    name_lines(axes)
    return axes


def _of_trial(recording, name, trial):
    """Return a recorded variable in one trial, or as it is if it has none."""
    array = recording[name]
    return (
        array.sel(trial=_known(trial, array.trial.values.tolist(), "trial", name))
        if "trial" in array.dims
        else array
    )


def _units(array):
    """Return what can be told apart in a variable: numbers of units, pairs (post, pre), or ()
    alone."""
    axes = np.meshgrid(*(array[dim].values for dim in array.dims if dim != "time"), indexing="ij")
    units = list(zip(*(axis.ravel().tolist() for axis in axes))) or [()]
    return [unit[0] if len(unit) == 1 else unit for unit in units]


def _lines(array, units, name):
    """Return the values over time of the given units, (units, time). Of a file, no others are
    read."""
    valid, dims = _units(array), [dim for dim in array.dims if dim != "time"]
    units = [
        _known(unit, valid, "unit", name)
        for unit in sequence("units", units, "a list of numbers, or of pairs (post, pre)")
    ]
    if len(dims) == 1:
        return array.sel({dims[0]: units}).transpose(dims[0], "time").values
    return np.array([array.sel(dict(zip(dims, unit))).values for unit in units])


def _known(key, keys, what, name):
    """Return `key` if it is among `keys`. Raises NetworkError, with those that are."""
    keys = list(keys)
    if isinstance(key, (int, np.integer, str, tuple)) and not isinstance(key, bool) and key in keys:
        return key
    in_sequence = all(isinstance(k, int) for k in keys) and keys == list(
        range(keys[0], keys[-1] + 1)
    )
    valid = (
        f"{keys[0]}..{keys[-1]}"
        if in_sequence
        else ", ".join(map(str, keys[:20])) + (", ..." if len(keys) > 20 else "")
    )
    raise NetworkError(
        f"{what.capitalize()} {key} of '{name}' was not recorded. Valid {what}s: {valid}."
    )


def _spread(units):
    """Return at most five of the units, evenly spread, the first and the last among them."""
    return [
        units[k]
        for k in np.unique(
            np.linspace(0, len(units) - 1, min(len(units), MOST_UNITS)).round().astype(int)
        )
    ]


def _unit_label(unit):
    return (
        f"unit {unit}"
        if isinstance(unit, (int, np.integer))
        else f"post {unit[0]}, pre {unit[1]}"
        if unit
        else None
    )


def _in_phases(recording, times, names):
    """Return which of the times (ms) lie in phases of the given names; a phase's last sample is at
    its end."""
    spans = [
        (name, start, end)
        for name, start, end in recording.phases
        if names is None or name in names
    ]
    for name in names or ():
        if name not in [phase[0] for phase in recording.phases]:
            raise NetworkError(
                f"There was no phase '{name}'. "
                + choices(name, {p[0] for p in recording.phases}, "phase")
            )
    early = 1e-9 * times[-1]
    return np.any(
        [(times > start + early) & (times <= end + early) for _, start, end in spans], axis=0
    )


def _measured(times, values, starts):
    """Return the times and values at which a residual was measured anew, with a gap (NaN) where a
    phase begins."""
    new = (np.diff(values, prepend=0) != 0) & (values > 0)
    # between the samples of two phases
    gaps = np.array(starts) + 0.5 * np.diff(times, prepend=0).min()
    times, values = np.append(times[new], gaps), np.append(values[new], np.full(len(gaps), np.nan))
    order = np.argsort(times)
    return times[order], values[order]
