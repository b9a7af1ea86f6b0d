"""Figures from recordings and learning curves. Nothing here simulates, and nothing here changes matplotlib's settings.

Every line can be told from the others without colour: shades differ in lightness, and markers or dashes differ too.
"""

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .errors import ExperimentError, NetworkError, choices

COLUMN = 3.5     # inches: the width of one column of a paper
PAGE = 7.2       # and of two
STYLE = {
    "font.size": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "xtick.minor.width": 0.4, "ytick.minor.width": 0.4, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.2, "lines.markersize": 3.5,
    "legend.frameon": False, "legend.handlelength": 2.6, "legend.borderaxespad": 0.0, "legend.labelspacing": 0.35,
}
MARKERS = "os^DvPX<>*"
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2, 1, 1.5, 1, 1.5)))
GREYS = ("0.975", "0.925", "0.87", "0.81")     # of the phases, in the order in which their names appear
MOST_UNITS, MOST_NAMES = 5, 8                  # drawn unless asked for; written along the top


@rc_context(STYLE)
def figure(rows=1, columns=1, height=None, width=None, share_x=False):
    """Return `(figure, axes)`, with `axes` one Axes, or an array of them as from `matplotlib.pyplot.subplots`.

    Sizes are in inches, by default one paper column (3.5) per column of axes, but no more than a page (7.2). With `share_x`
    the rows have one x axis, named at the bottom. The figure is not known to pyplot: it needs no display and no closing.
    """
    made = Figure(figsize=(width or min(COLUMN * columns, PAGE), height or 0.4 + 2.1 * rows), layout="constrained")
    axes = made.subplots(rows, columns, sharex="col" if share_x else False)
    made.align_ylabels()
    return made, axes


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
    array, lines = _lines(recording, name, trial)
    chosen = _spread(list(lines)) if units is None else [_known(unit, lines, "unit", name) for unit in units]
    axes, span = _panel(axes, recording), len(array.time)
    shades = _shades(len(chosen))
    for k, unit in enumerate(chosen):
        axes.plot(array.time, lines[unit], color=shades[k], marker=MARKERS[k % len(MARKERS)], label=_unit_label(unit),
                  markevery=_sparse(span, k, len(chosen)), zorder=3)
    if target is not None:
        shown = _in_phases(recording, array.time.values, target_phases)
        aims, dashed = _lines(recording, target, trial)[1], dict(linestyle=(0, (4, 2)), linewidth=0.9)
        for k, unit in enumerate(chosen):
            aim = aims[_known(unit, aims, "unit", target)]
            axes.plot(array.time, np.where(shown, aim, np.nan), color=shades[k], zorder=2, **dashed)
        axes.plot([], [], color="0.3", label=recording[target].name, **dashed)       # for the legend
    unit = array.attrs.get("units", "1")
    axes.set_ylabel(array.name if unit == "1" else f"{array.name} ({unit})")
    _legend(axes)
    return axes


@rc_context(STYLE)
def residuals(recording, axes=None, trial=0, tolerance=None):
    """Draw how far each population is from rest in one trial, max |tau dx/dt| on a logarithmic axis, and return the Axes.

    Residuals are measured once in a while and held in between: only the samples with a new value are drawn. Populations at rest
    (0) have no line. Raises NetworkError if no residual, or not this trial, was recorded.
    """
    names = [name for name in recording.names if name.endswith(".residual")]
    if not names:
        raise NetworkError("No residual was recorded: name some, such as 'output.residual'. " + choices("", recording.names))
    axes = _panel(axes, recording)
    shades = _shades(len(names))
    for k, name in enumerate(names):
        array, lines = _lines(recording, name, trial)
        times, values = _measured(array.time.values, lines[()], [start for _, start, _ in recording.phases])
        if np.isfinite(values).any():
            axes.plot(times, values, color=shades[k], marker=MARKERS[k % len(MARKERS)], markersize=2.5, linewidth=0.9,
                      label=name.removesuffix(".residual"))
    if tolerance is not None:
        axes.axhline(tolerance, color="0.3", linestyle=(0, (1, 1.5)), linewidth=1, label="tolerance")
    axes.set_yscale("log")
    axes.set_ylabel("residual |τ dx/dt|")
    _legend(axes)
    return axes


@rc_context(STYLE)
def learning(curves, axes=None, label=None):
    """Draw learning curves, a DataArray (rule, seed, epoch): median and range of the seeds for every rule. Return the Axes.

    NaN is what was not run. The legend is in the order in which the curves end. Raises ExperimentError for other dimensions.
    """
    if set(curves.dims) != {"rule", "seed", "epoch"}:
        raise ExperimentError(f"Learning curves have the dimensions (rule, seed, epoch), not ({', '.join(curves.dims)}).")
    axes = axes if axes is not None else figure()[1]
    names, shades = [str(rule) for rule in curves.rule.values], _shades(curves.sizes["rule"])
    drawn = []
    for k, name in enumerate(names):
        curve = curves.isel(rule=k).dropna("seed", how="all").dropna("epoch", how="all").transpose("seed", "epoch")
        if curve.size == 0:
            continue
        middle = curve.median("seed")     # one seed that falls and recovers should not bend the line
        line, = axes.plot(curve.epoch, middle, color=shades[k], linestyle=DASHES[k % len(DASHES)], label=name, zorder=3,
                          marker=MARKERS[k % len(MARKERS)], markevery=_sparse(len(middle), k, len(names)))
        if curve.sizes["seed"] > 1:
            axes.fill_between(curve.epoch, curve.min("seed"), curve.max("seed"), color=shades[k], alpha=0.18, linewidth=0)
        drawn.append((float(middle[-1]), line))
    axes.set_xlabel("Epoch")
    axes.set_ylabel(label or str(curves.name or ""))
    axes.margins(x=0.02)
    axes.legend(handles=[line for _, line in sorted(drawn, key=lambda end: -end[0])], loc="center left",
                bbox_to_anchor=(1.02, 0.5))
    return axes


# what is drawn -----------------------------------------------------------------------------------------------------------

def _lines(recording, name, trial):
    """Return the variable, and `{unit: values over time}` of one trial; units are numbers, pairs (post, pre), or ()."""
    array = recording[name]
    if "trial" in array.dims:
        array = array.sel(trial=_known(trial, array.trial.values.tolist(), "trial", name))
    dims = [dim for dim in array.dims if dim != "time"]
    values = array.transpose("time", *dims).values.reshape(len(array.time), -1)
    axes = np.meshgrid(*(array[dim].values for dim in dims), indexing="ij")
    units = list(zip(*(axis.ravel().tolist() for axis in axes))) or [()]
    return array, {unit[0] if len(unit) == 1 else unit: values[:, k] for k, unit in enumerate(units)}


def _known(key, keys, what, name):
    """Return `key` if it is among `keys`. Raises NetworkError, with those that are."""
    keys = list(keys)
    if key in keys:
        return key
    every = all(isinstance(k, int) for k in keys) and keys == list(range(keys[0], keys[-1] + 1))
    valid = f"{keys[0]}..{keys[-1]}" if every else ", ".join(map(str, keys[:20])) + (", ..." if len(keys) > 20 else "")
    raise NetworkError(f"{what.capitalize()} {key} of '{name}' was not recorded. Valid {what}s: {valid}.")


def _spread(units):
    """Return at most five of the units, evenly spread, the first and the last among them."""
    return [units[k] for k in np.unique(np.linspace(0, len(units) - 1, min(len(units), MOST_UNITS)).round().astype(int))]


def _unit_label(unit):
    return f"unit {unit}" if isinstance(unit, int) else f"post {unit[0]}, pre {unit[1]}" if unit else None


def _in_phases(recording, times, names):
    """Return which of the times (ms) lie in phases of the given names; a phase's last sample is at its end."""
    spans = [(name, start, end) for name, start, end in recording.phases if names is None or name in names]
    for name in names or ():
        if name not in [phase[0] for phase in recording.phases]:
            raise NetworkError(f"There was no phase '{name}'. " + choices(name, {p[0] for p in recording.phases}, "phase"))
    early = 1e-9 * times[-1]
    return np.any([(times > start + early) & (times <= end + early) for _, start, end in spans], axis=0)


def _measured(times, values, starts):
    """Return the times and values at which a residual was measured anew, with a gap (NaN) where a phase begins."""
    new = (np.diff(values, prepend=0) != 0) & (values > 0)
    gaps = np.array(starts) + 0.5 * np.diff(times, prepend=0).min()      # between the samples of two phases
    times, values = np.append(times[new], gaps), np.append(values[new], np.full(len(gaps), np.nan))
    order = np.argsort(times)
    return times[order], values[order]


# how it is drawn ---------------------------------------------------------------------------------------------------------

def _shades(n):
    """Return n colours from dark to light."""
    return [colormaps["viridis"](x) for x in np.linspace(0.0, 0.8, max(n, 2))][:n]


def _sparse(samples, k, lines):
    """Return where line k of several has its markers: at about eight places, each line's between the others'."""
    step = max(1, samples // 8)
    return (k * step // max(lines, 1), step)


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
    """Shade the phases by name; write the names along the top where they fit, else once each, as a legend."""
    names = list(dict.fromkeys(name for name, _, _ in phases))
    shade = {name: GREYS[k % len(GREYS)] for k, name in enumerate(names)}
    for name, start, end in phases:
        axes.axvspan(start, end, facecolor=shade[name], edgecolor="white", linewidth=0.5, zorder=0, gid="phase")
    first, last = phases[0][1], phases[-1][2]
    axes.set_xlim(first, last + 0.01 * (last - first))         # room for a marker at the end
    if not named:
        return
    inches = axes.get_figure().get_figwidth() * axes.get_position().width / (last - first)
    if len(phases) <= MOST_NAMES and all(0.06 * len(name) < inches * (end - start) for name, start, end in phases):
        for name, start, end in phases:
            axes.text((start + end) / 2, 1.01, name, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7)
    else:
        patches = [Patch(facecolor=shade[name], edgecolor="0.6", linewidth=0.5, label=name) for name in names]
        legend = axes.legend(handles=patches, loc="lower left", bbox_to_anchor=(0, 1.01), ncols=len(names), handlelength=1.2,
                             columnspacing=1.2)
        axes.add_artist(legend)          # so that the legend of the lines does not replace it
        legend.set_clip_on(False)        # and counts in the layout


def _legend(axes):
    """Name the lines at the right, outside the axes."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
