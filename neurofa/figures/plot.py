"""Figures from recordings, learning curves and snapshots of weights. Nothing here simulates.

Each function takes data and an Axes, draws, and returns the Axes; without one, it makes a figure,
`axes.figure`.
"""

import numpy as np
from matplotlib import rc_context
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..base.arguments import able, kind, sequence
from ..base.errors import ExperimentError, NetworkError, choices
from ..circuit.slots import Role
from ..data.labels import with_role
from ..data.recording import Recording
from ..theory.analysis import chance_angle_spread
from .diagram import circuit
from .matrices import weights
from .style import (
    COLUMN,
    GREYS,
    MARKERS,
    PAGE,
    STYLE,
    also,
    crosses,
    dark_to_light,
    figure,
    keep_names,
    looks,
    name_lines,
    sign,
    sparse,
)

__all__ = [
    "COLUMN",
    "PAGE",
    "alignment",
    "also",
    "circuit",
    "crosses",
    "figure",
    "learning",
    "looks",
    "name_lines",
    "over_updates",
    "residuals",
    "sign",
    "traces",
    "weights",
]

MOST_UNITS, MOST_NAMES = 5, 8  # drawn unless asked for; written along the top


@rc_context(STYLE)
def traces(recording, name, axes=None, trial=0, units=None, target=None, target_phases=None):
    """Draw a recorded variable of one trial over time, a line per unit, and return the Axes.

    Parameters
    ----------
    recording : neurofa.recording.Recording
    name : "hidden1.v", or a synapse group, "W1".
    units : the numbers of the units, for synapses the pairs (post, pre); by default five, evenly spread, or all if fewer.
    target : another recorded variable of the same units, drawn dashed in the shade of its unit.
    target_phases : the names of the phases in which the target is drawn; all, if None. (A setpoint that is noted as
        feedback sets in is zero before.)

    Raises
    ------
    NetworkError : the variable, the trial, a unit, or a phase was not recorded.
    """
    kind("recording", recording, Recording, "a Recording, such as recorder.recording()")
    array = _of_trial(recording, kind("name", name, str, "a name such as 'hidden1.v'"), trial)
    chosen = _spread(_units(array)) if units is None else units
    lines, shades, time = _lines(array, chosen, name), dark_to_light(len(chosen)), array.time.values
    axes = _panel(axes, recording)
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
        shown, dashed = (
            _in_phases(recording, time, target_phases),
            dict(linestyle=(0, (4, 2)), linewidth=0.9),
        )
        for aim, shade in zip(_lines(_of_trial(recording, target, trial), chosen, target), shades):
            axes.plot(time, np.where(shown, aim, np.nan), color=shade, zorder=2, **dashed)
        # for the legend
        axes.plot([], [], color="0.3", label=recording[target].name, **dashed)
    unit = array.attrs.get("units", "1")
    axes.set_ylabel(array.name if unit == "1" else f"{array.name} ({unit})")
    name_lines(axes)
    return axes


@rc_context(STYLE)
def residuals(recording, axes=None, trial=0, tolerance=None):
    """Draw how far each population is from rest in one trial, max |tau dx/dt| on a logarithmic
    axis, and return the Axes.

    Residuals are measured once in a while and held in between: only the samples with a new value
    are drawn. Populations at rest (0) have no line. Raises NetworkError if no residual, or not this
    trial, was recorded.
    """
    kind("recording", recording, Recording, "a Recording, such as recorder.recording()")
    measured = with_role(recording.dataset, Role.RESIDUAL)
    if not measured:
        raise NetworkError(
            "No residual was recorded: name some, such as 'output.residual'. "
            + choices("", recording.names)
        )
    axes = _panel(axes, recording)
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


@rc_context(STYLE)
def learning(curves, axes=None, label=None):
    """Draw learning curves, a DataArray (rule, seed, epoch): median and range of the seeds. Return
    the Axes.

    Instead of the epoch, any other dimension can be along the bottom: updates, or the size of a
    manipulation; it is named after its `long_name`, with its `units`. NaN is what was not run. The
    legend is in the order in which the curves end. A rule looks the same in all figures. Raises
    ExperimentError for other dimensions.
    """
    able("curves", curves, "isel", "a DataArray (rule, seed, epoch)", ExperimentError)
    along = [dim for dim in curves.dims if dim not in ("rule", "seed")]
    if len(curves.dims) != 3 or len(along) != 1:
        raise ExperimentError(
            f"Learning curves have the dimensions (rule, seed, epoch), not ({', '.join(curves.dims)})."
        )
    x = along[0]
    axes = axes if axes is not None else figure()[1]
    names = [str(rule) for rule in curves.rule.values]
    look, drawn, bands = looks(names), [], []
    for k, name in enumerate(names):
        curve = (
            curves.isel(rule=k).dropna("seed", how="all").dropna(x, how="all").transpose("seed", x)
        )
        if curve.size == 0:
            continue
        # one seed that falls and recovers should not bend the line
        middle = curve.median("seed")
        (line,) = axes.plot(
            curve[x],
            middle,
            label=name,
            zorder=3,
            markevery=sparse(len(middle), k, len(names)),
            **look[name],
        )
        if curve.sizes["seed"] > 1:
            bands.append((curve[x], curve.min("seed"), curve.max("seed"), look[name]["color"]))
        drawn.append((float(middle[-1]), line))
    seeds = f"range of {curves.sizes['seed']} seeds"
    shading = [
        axes.fill_between(
            *edges, color=color, alpha=0.18, linewidth=0, label=seeds if k == 0 else None
        )
        for k, (*edges, color) in enumerate(bands)
    ]
    name, unit = curves[x].attrs.get("long_name", x), curves[x].attrs.get("units")
    axes.set_xlabel(_capitalised(name) + (f" ({unit})" if unit else ""))
    axes.set_ylabel(label or str(curves.name or ""))
    axes.margins(x=0.02)
    handles = [line for _, line in sorted(drawn, key=lambda end: -end[0])]
    if not drawn:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", color="0.3")
        axes.set(xticks=[], yticks=[])
    keep_names(
        axes.legend(handles=handles + shading[:1], loc="center left", bbox_to_anchor=(1.04, 0.5))
    )
    return axes


@rc_context(STYLE)
def over_updates(curve, axes=None):
    """Draw a curve of neurofa.curves, a DataArray (update, group), with a line per synapse group.
    Return the Axes.

    A group looks the same in all curves of a file. Updates are on a logarithmic axis, linear up to
    the first, if snapshots were taken so. Raises ExperimentError for other dimensions.
    """
    able("curve", curve, "isel", "a DataArray (update, group)", ExperimentError)
    if set(curve.dims) != {"update", "group"}:
        raise ExperimentError(
            f"A curve of synapse groups has the dimensions (update, group), not ({', '.join(curve.dims)})."
        )
    axes = axes if axes is not None else figure()[1]
    names = curve.group.values.tolist()
    every = np.atleast_1d(curve.attrs.get("groups", names)).tolist()
    shades = dark_to_light(len(every))
    for name in names:
        k = every.index(name)
        axes.plot(
            curve["update"],
            curve.sel(group=name),
            color=shades[k],
            marker=MARKERS[k % len(MARKERS)],
            label=name,
            zorder=3,
            markevery=sparse(curve.sizes["update"], k, len(every)),
        )
    if curve.attrs.get("schedule", "").startswith("log"):
        axes.set_xscale("symlog", linthresh=1)
    spec = axes.get_subplotspec() if len(axes.get_shared_x_axes().get_siblings(axes)) > 1 else None
    if spec is None or spec.is_last_row():
        axes.set_xlabel("Update")
    axes.set_xlim(0, 1.02 * max(1, int(curve["update"][-1])))
    unit, label = (
        curve.attrs.get("units", "1"),
        _capitalised(curve.attrs.get("long_name", str(curve.name or ""))),
    )
    axes.set_ylabel(label if unit == "1" else f"{label}\n({unit})")
    name_lines(axes)
    return axes


@rc_context(STYLE)
def alignment(curve, axes=None):
    """Draw angles over updates, as `over_updates` does, with the right angle and what chance makes
    of it. Return the Axes.

    Where the DataArray has the coordinate `dimension` (curves.alignment), 90 +-
    57.3/sqrt(dimension) degrees are shaded: mean and standard deviation for random synapses, the
    lighter the fewer they are.
    """
    axes = over_updates(curve, axes)
    axes.axhline(90, color="0.4", linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=1)
    for k, n in enumerate(sorted(set(np.atleast_1d(curve.coords.get("dimension", []))))):
        spread = chance_angle_spread(n)
        axes.axhspan(
            90 - spread,
            90 + spread,
            facecolor="0.6",
            alpha=0.35,
            linewidth=0,
            zorder=0,
            gid="chance",
            label="_" * k + "chance, ± s.d.",
        )
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 3, 10]))
    name_lines(axes)
    return axes


# what is drawn ------------------------------------------------------------------------------------


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
    every = all(isinstance(k, int) for k in keys) and keys == list(range(keys[0], keys[-1] + 1))
    valid = (
        f"{keys[0]}..{keys[-1]}"
        if every
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


# how it is drawn ----------------------------------------------------------------------------------


def _panel(axes, recording):
    """Return the axes, made if need be, with the phases behind and the time along the bottom."""
    axes = axes if axes is not None else figure()[1]
    spec = axes.get_subplotspec() if len(axes.get_shared_x_axes().get_siblings(axes)) > 1 else None
    if spec is None or spec.is_last_row():
        axes.set_xlabel("Time (ms)")
    if not any(patch.get_gid() == "phase" for patch in axes.patches):
        _shade(axes, recording.phases, named=spec is None or spec.is_first_row())
    return axes


def _shade(axes, phases, named):
    """Shade the phases by name; write the names along the top where they fit, else once each, as a
    legend."""
    names = list(dict.fromkeys(name for name, _, _ in phases))
    shade = {name: GREYS[k % len(GREYS)] for k, name in enumerate(names)}
    for name, start, end in phases:
        axes.axvspan(
            start,
            end,
            facecolor=shade[name],
            edgecolor="white",
            linewidth=0.5,
            zorder=0,
            gid="phase",
        )
    first, last = phases[0][1], phases[-1][2]
    axes.set_xlim(first, last + 0.01 * (last - first))  # room for a marker at the end
    if not named:
        return
    inches = axes.get_figure().get_figwidth() * axes.get_position().width / (last - first)
    if len(phases) <= MOST_NAMES and all(
        0.06 * len(name) < inches * (end - start) for name, start, end in phases
    ):
        for name, start, end in phases:
            axes.text(
                (start + end) / 2,
                1.01,
                name,
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=7,
            )
    else:
        patches = [
            Patch(facecolor=shade[name], edgecolor="0.6", linewidth=0.5, label=name)
            for name in names
        ]
        legend = axes.legend(
            handles=patches,
            loc="lower left",
            bbox_to_anchor=(0, 1.01),
            ncols=len(names),
            handlelength=1.2,
            columnspacing=1.2,
        )
        axes.add_artist(legend)  # so that the legend of the lines does not replace it
        legend.set_clip_on(False)  # and counts in the layout


def _capitalised(name):
    """Return a name as an axis begins with it; "ε" stays, as its capital would be another
    quantity."""
    return name[:1].upper() + name[1:] if name[:1].isascii() else name
