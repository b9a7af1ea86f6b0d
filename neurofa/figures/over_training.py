"""Curves over a training: what rules come to, and what becomes of synapse groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import MaxNLocator

from ..base.arguments import able
from ..base.errors import ExperimentError
from ..theory.analysis import chance_angle_spread
from .style import (
    MARKERS,
    STYLE,
    dark_to_light,
    figure,
    first_and_last,
    keep_names,
    looks,
    name_lines,
    sparse,
)

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes


@rc_context(STYLE)
def learning(
    curves: xarray.DataArray,
    axes: Axes | None = None,
    label: str | None = None,
    estimate: Callable[[np.ndarray], Any] | None = None,
) -> Axes:
    """Draw learning curves, a DataArray (rule, seed, epoch): median and range of the seeds. Return
    the Axes.

    With an `estimate` of the mean, such as neurofa.statistics.estimate, a function of values (seed,)
    whose result has mean, low and high, those are drawn: what a table has, which is made with it.
    Instead of the epoch, any other dimension can be along the bottom: updates, or the size of a
    manipulation; it is named after its `long_name`, with its `units`. NaN is what was not run. The
    legend is in the order in which the curves end. A rule looks the same in all figures. Raises
    ExperimentError for other dimensions.

    Examples
    --------
    >>> import xarray
    >>> curves = xarray.DataArray(np.ones((1, 3, 5)), dims=("rule", "seed", "epoch"), coords=dict(rule=["FA"], epoch=range(5)))
    >>> axes = plot.learning(curves, label="Held-out accuracy (%)")
    """
    able("curves", curves, "isel", "a DataArray (rule, seed, epoch)", ExperimentError)
    x = _along_the_bottom(curves)
    axes = axes if axes is not None else figure()[1]
    names = [str(rule) for rule in curves.rule.values]
    look = looks(names)
    ran = [
        (k, name, curve) for k, name in enumerate(names) if (curve := _of_rule(curves, k, x)).size
    ]
    ends, between = [], []
    for k, name, curve in ran:
        middle, *band = _middle_and_band(curve, estimate)
        (line,) = axes.plot(
            curve[x],
            middle,
            label=name,
            zorder=3,
            markevery=sparse(len(middle), k, len(names)),
            **look[name],
        )
        ends.append((float(middle[-1]), line))
        if np.isfinite(band).any() and curve.sizes["seed"] > 1:
            between.append((curve[x], band, look[name]["color"]))
    # after the lines: in the order in which they are drawn, a legend names them
    bands = [
        axes.fill_between(along, *band, color=color, alpha=0.18, linewidth=0)
        for along, band, color in between
    ]
    for shading in bands[:1]:
        seeds = f"{curves.sizes['seed']} seeds"
        shading.set_label(f"95 % interval, {seeds}" if estimate else f"range of {seeds}")
    _name_axes(axes, curves, x, label)
    if not ran:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", color="0.3")
        axes.set(xticks=[], yticks=[])
    lines = [line for _, line in sorted(ends, key=lambda end: -end[0])]
    keep_names(
        axes.legend(handles=lines + bands[:1], loc="center left", bbox_to_anchor=(1.04, 0.5))
    )
    return axes


@rc_context(STYLE)
def over_updates(curve: xarray.DataArray, axes: Axes | None = None) -> Axes:
    """Draw a curve of neurofa.curves, a DataArray (update, group), with a line per synapse group.
    Return the Axes.

    A group looks the same in all curves of a file. Updates are on a logarithmic axis, linear up to
    the first, if snapshots were taken so. Raises ExperimentError for other dimensions.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> axes = plot.over_updates(curves.norms(seen.dataset))
    """
    able("curve", curve, "isel", "a DataArray (update, group)", ExperimentError)
    if set(curve.dims) != {"update", "group"}:
        raise ExperimentError(
            f"A curve of synapse groups has the dimensions (update, group), not ({', '.join(map(str, curve.dims))})."
        )
    axes = axes if axes is not None else figure()[1]
    names = curve.group.values.tolist()
    in_file = np.atleast_1d(curve.attrs.get("groups", names)).tolist()
    shades = dark_to_light(len(in_file))
    for name in names:
        k = in_file.index(name)
        axes.plot(
            curve["update"],
            curve.sel(group=name),
            color=shades[k],
            marker=MARKERS[k % len(MARKERS)],
            label=name,
            zorder=3,
            markevery=sparse(curve.sizes["update"], k, len(in_file)),
        )
    if curve.attrs.get("schedule", "").startswith("log"):
        axes.set_xscale("symlog", linthresh=1)
    if first_and_last(axes)[1]:
        axes.set_xlabel("Update")
    axes.set_xlim(0, 1.02 * max(1, int(curve["update"][-1])))
    unit = curve.attrs.get("units", "1")
    label = _capitalised(curve.attrs.get("long_name", str(curve.name or "")))
    axes.set_ylabel(label if unit == "1" else f"{label}\n({unit})")
    name_lines(axes)
    return axes


@rc_context(STYLE)
def alignment(curve: xarray.DataArray, axes: Axes | None = None) -> Axes:
    """Draw angles over updates, as `over_updates` does, with the right angle and what chance makes
    of it. Return the Axes.

    Where the DataArray has the coordinate `dimension` (curves.alignment), 90 +-
    57.3/sqrt(dimension) degrees are shaded: mean and standard deviation for random synapses, the
    lighter the fewer they are.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> axes = plot.alignment(curves.alignment(seen.dataset))
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


def _along_the_bottom(curves):
    """Return the dimension of learning curves that is neither the rule nor the seed."""
    others = [dim for dim in curves.dims if dim not in ("rule", "seed")]
    if len(curves.dims) != 3 or len(others) != 1:
        raise ExperimentError(
            f"Learning curves have the dimensions (rule, seed, epoch), not ({', '.join(curves.dims)})."
        )
    return others[0]


def _of_rule(curves, k, x):
    """Return the curves of the k-th rule, (seed, x), without what was not run."""
    curve = curves.isel(rule=k).dropna("seed", how="all").dropna(x, how="all")
    return curve.transpose("seed", x)


def _middle_and_band(curve, estimate):
    """Return where the line of a curve (seed, x) is, and between what it is shaded."""
    if estimate is None:
        # one seed that falls and recovers should not bend the line
        return [np.asarray(of("seed")) for of in (curve.median, curve.min, curve.max)]
    found = [estimate(values) for values in curve.values.T]
    return [np.array([getattr(one, name) for one in found]) for name in ("mean", "low", "high")]


def _name_axes(axes, curves, x, label):
    """Name both axes, by what the curves say of themselves and by `label`."""
    name, unit = curves[x].attrs.get("long_name", x), curves[x].attrs.get("units")
    axes.set_xlabel(_capitalised(name) + (f" ({unit})" if unit else ""))
    axes.set_ylabel(label or str(curves.name or ""))
    axes.margins(x=0.02)


def _capitalised(name):
    """Return a name as an axis begins with it; "ε" stays, as its capital would be another
    quantity."""
    return name[:1].upper() + name[1:] if name[:1].isascii() else name
