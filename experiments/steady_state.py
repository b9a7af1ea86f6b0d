"""Does every circuit compute what the theory says?

All golden checks of all rules (models/golden/): settled circuits, updates, and averages over noise,
against answers that share no code with the simulator: closed forms, gradients by finite
differences, root finding, and recursions in NumPy. One that does not hold makes the exit code 1.

About 1 minute:  neurofa run steady_state
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models import golden
from tqdm.auto import tqdm

from neurofa import lookup
from neurofa.experiment import Run, print_table

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def run(quick: bool = False, progress: bool = True) -> xarray.Dataset:
    """Return every check as a Dataset over `check`: rule, what is compared, largest difference,
    limit, whether an identity."""
    import xarray

    bar = tqdm(
        golden.comparisons(quick),
        desc="golden checks",
        leave=False,
        disable=None if progress else True,
    )
    found = sorted(
        (check for comparison in bar for check in comparison.checks()), key=lambda check: check.rule
    )
    return xarray.Dataset(
        {
            name: ("check", [getattr(check, name) for check in found])
            for name in ("rule", "what", "difference", "limit", "exact")
        }
    )


def in_limits(data: xarray.Dataset) -> np.ndarray:
    """Return every difference in units of its limit, cut to what the figure can show, 1e-9..10."""
    difference, limit = data.difference.values, data.limit.values
    inside = np.divide(
        difference, limit, out=np.where(difference > 0, np.inf, 0.0), where=limit > 0
    )
    return np.clip(np.nan_to_num(inside, nan=np.inf), 1e-9, 10)


def plot(data: xarray.Dataset) -> Figure:
    """Draw every difference in units of its limit, a row per rule, and return the figure."""
    from neurofa import plot

    rules, rows = np.unique(data.rule, return_inverse=True)
    figure, axes = plot.figure(height=0.16 * len(rules) + 0.8, width=plot.PAGE)
    inside, exact = in_limits(data), data.exact.values.astype(bool)
    axes.axvline(1, color="black", linewidth=0.8)
    for which, face, label in (
        (exact, "black", "identity"),
        (~exact, "white", "average, order or angle"),
    ):
        axes.plot(
            inside[which],
            rows[which],
            "o",
            color="black",
            markerfacecolor=face,
            markersize=4,
            alpha=0.7,
            clip_on=False,
            label=label,
        )
    axes.set_xscale("log")
    axes.set_xlim(1e-9, 10)
    axes.set_xticks(
        10.0 ** np.arange(-9, 2),
        ["0", *(f"$10^{{{k}}}$" for k in range(-8, 0)), "limit", ">10"],
        minor=False,
    )
    axes.set_yticks(range(len(rules)), rules)
    axes.set_ylim(len(rules) - 0.5, -0.5)
    axes.grid(axis="y", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("Largest difference over trials and units, in units of its limit")
    figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize="small")
    return figure


def report(data: xarray.Dataset) -> None:
    """Print the table of differences, and how many are within their limits."""
    holds = (data.difference <= data.limit).values
    print_table(
        "Circuits against independent answers",
        ["rule", "what", "largest difference", "limit", "holds"],
        [
            [r, w, f"{d:.1e}", f"{l:.0e}", "yes" if h else "NO"]
            for r, w, d, l, h in zip(
                *(data[name].values for name in ("rule", "what", "difference", "limit")), holds
            )
        ],
    )
    print(f"{holds.sum()} of {holds.size} checks of {len(np.unique(data.rule))} rules hold.")


def main(
    quick: Annotated[bool, typer.Option(help="One comparison of every subject.")] = False,
    out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
    progress: bool = True,
) -> None:
    """Compare every rule with closed forms, finite differences, root finding and recursions in
    NumPy."""
    folder = Run.start(
        "steady_state",
        dict(quick=quick),
        map(lookup.rule, (*lookup.model_names(), *lookup.other_names())),
        out,
    )
    data = run(quick, progress)
    folder.save(data)
    report(data)
    print(f"Figure: {folder.save_figure(plot(data), 'steady_state')}")
    if not (data.difference <= data.limit).all():
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
