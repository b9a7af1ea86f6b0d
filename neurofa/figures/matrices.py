"""Synapses as matrices and as distributions, the feedback beside what backpropagation would have in
its place; and what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.patches import Rectangle

from ..base.errors import ExperimentError, choices
from ..circuit.slots import Role
from ..data import curves
from ..data.labels import with_role
from .style import DASHES, PAGE, SIGNED, STYLE, dark_to_light, figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes


@rc_context(STYLE)
def weights(
    data: xarray.Dataset,
    group: str,
    axes: Axes | np.ndarray | None = None,
    update: int | None = None,
) -> list[Axes]:
    """Draw the synapses of one group in a snapshot, and return the sequence of Axes.

    For feedback there are three: what backpropagation would have in its place (the transposed
    feedforward weights, as curves.transposes), the group itself, and the distributions of both. For
    other groups two: the matrix and its distribution.

    Parameters
    ----------
    data
        The Dataset of a snapshots file.
    group
        Such as "B2", or "W1".
    axes
        As many Axes as are needed. By default a figure is made.
    update
        The snapshot nearest to it is drawn; by default the last.

    Raises
    ------
    ExperimentError
        The file lacks the group, or its counterpart; or there are not as many Axes as are needed.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa.snapshots import every
    >>> seen = Snapshots(every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> axes = plot.weights(seen.dataset, "B2")
    """
    names = list(with_role(data, Role.WEIGHT))
    if group not in names:
        raise ExperimentError(
            f"These snapshots hold no '{group}'. " + choices(group, names, "group")
        )
    k = -1 if update is None else int(abs(data["update"].values - update).argmin())
    about, shown = data[f"{group}.w"].attrs, {group: data[f"{group}.w"][k].values}
    if group in curves.feedback(data):
        shown = {_product(about["transposes"]): curves.transposes(data, group, k)} | shown
    axes = list(
        figure(1, len(shown) + 1, width=PAGE, height=2.1)[1] if axes is None else np.ravel(axes)  # type: ignore[arg-type]  # one Axes, too
    )
    if len(axes) != len(shown) + 1:
        raise ExperimentError(
            f"Drawing {group} needs {len(shown) + 1} Axes (a matrix for each of {', '.join(shown)}, and their "
            f"distribution), not {len(axes)}."
        )
    for panel, (name, matrix) in zip(axes, shown.items()):
        _matrix(panel, matrix, name, about)
    _distribution(axes[-1], shown)
    axes[-1].set_xlabel(f"weight at update {int(data['update'][k])}")
    return axes


@rc_context(STYLE)
def confusion(
    percent: xarray.DataArray, axes: Axes | None = None, groups: Sequence[int] = ()
) -> Axes:
    """Draw how often what is taken for what, and return the Axes.

    Parameters
    ----------
    percent : (truth, answer), each with coordinates that are names, in percent of each truth; the names
        of the two dimensions are those of the axes.
    axes : by default a figure is made.
    groups : how many of the names, one after the other, belong together: a frame for each.

    Raises
    ------
    ExperimentError : there are not as many answers as truths.

    Examples
    --------
    >>> import xarray
    >>> names = ["FA", "DFA"]
    >>> said = xarray.DataArray([[90, 10], [20, 80]], dict(rule=names, said=names), ("rule", "said"))
    >>> plot.confusion(said).get_xlabel()
    'Said'
    """
    if percent.ndim != 2 or len({*percent.shape}) != 1:
        raise ExperimentError(
            f"What is taken for what has the shape {percent.shape}: give a row and a column for each."
        )
    axes = axes if axes is not None else figure()[1]
    image = axes.imshow(percent, cmap="Greys", vmin=0, vmax=100)
    bar = axes.figure.colorbar(image, ax=axes, label="Percent of the row", pad=0.03)
    bar.outline.set_visible(False)
    (truth, answer), places = percent.dims, np.arange(len(percent))
    axes.set_xticks(places, percent[answer].values, rotation=90, fontsize="x-small")
    axes.set_yticks(places, percent[truth].values, fontsize="x-small")
    axes.set(xlabel=str(answer).capitalize(), ylabel=str(truth).capitalize())
    start = -0.5
    for size in groups:
        frame = Rectangle(
            (start, start), size, size, facecolor="none", edgecolor="0.3", clip_on=False
        )
        axes.add_patch(frame)
        start += size
    return axes


def _product(transposes):
    """Return "W2 W3" as it is written: W2^T W3^T."""
    return (
        transposes
        if transposes == "identity"
        else " ".join(f"{name}$^T$" for name in transposes.split())
    )


def _matrix(axes, matrix, name, about):
    """Draw a matrix (post, pre), with a scale of its own that has zero in the middle and leaves out
    rare large weights."""
    largest = abs(matrix).max() or 1.0
    limit = np.quantile(abs(matrix), 0.995) or largest
    image = axes.imshow(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    axes.set_title(name, loc="left", fontsize="medium")
    axes.set_xlabel(f"from {about['source']} unit")
    axes.set_ylabel(f"to {about['target']} unit")
    for axis, n in ((axes.xaxis, matrix.shape[1]), (axes.yaxis, matrix.shape[0])):
        axis.set_ticks(sorted({0, n - 1}))
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(
        image, ax=axes, label="weight", pad=0.03, extend="both" if limit < largest else "neither"
    )
    bar.outline.set_visible(False)


def _distribution(axes, shown):
    """Draw how the weights of each matrix are distributed, all in the same bins; zero is in the
    middle of one."""
    bins = 2 * int(min(20, np.sqrt(next(iter(shown.values())).size) / 2)) + 1
    limit = max(abs(matrix).max() for matrix in shown.values()) or 1.0
    for k, (name, matrix) in enumerate(shown.items()):
        density, edges = np.histogram(matrix, bins, (-limit, limit), density=True)
        axes.plot(
            np.repeat(edges, 2),
            np.pad(np.repeat(density, 2), 1),
            label=name,
            color=dark_to_light(2)[k],
            linestyle=DASHES[k],
        )
    axes.set_ylabel("density")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=2, columnspacing=1.2)
