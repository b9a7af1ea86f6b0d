"""What there is to see in a file of a run: variables over time, synapses over training, curves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ..circuit.slots import Role
from ..data.labels import owner_of, role_of

if TYPE_CHECKING:
    import xarray

KINDS = ("recording", "results", "snapshots")  # in the order in which a page shows them


def contents(data: xarray.Dataset) -> dict[str, Any]:
    """Return what a page can show of a Dataset, as plain data.

    `kind` is one of KINDS. `traces`, {variable: what its axes are}, `phases` (names, and starts and
    ends in ms) and `end` (ms) are of recordings; `matrices`, {label: what it is made of}, of what
    holds synapses over training; `curves`, names, of what has results along an axis of numbers.
    """
    kind = "recording" if "phases" in data.attrs else "snapshots" if _snapshots(data) else "results"
    spans = json.loads(data.attrs.get("phases", "[]"))
    return dict(
        kind=kind,
        traces=_traces(data) if kind == "recording" else {},
        phases=[[span[k] for span in spans] for k in range(3)],
        end=spans[-1][2] if spans else 0.0,
        matrices=_matrices(data),
        curves=[str(name) for name in data.data_vars if along(data[name])]
        if kind == "results"
        else [],
    )


def along(array: xarray.DataArray) -> str | None:
    """Return the axis of a result over which it is a curve: the last of several numbers."""
    numeric = [
        dim
        for dim in array.dims
        if array.sizes[dim] > 1 and dim != "seed" and array[dim].dtype.kind in "iuf"
    ]
    return str(numeric[-1]) if numeric and array.dtype.kind in "iufb" else None


def of_synapses(array: xarray.DataArray) -> bool:
    """Return whether an array has a number for every synapse: its last axes are post and pre."""
    ends = [str(dim).rpartition("_")[2] for dim in array.dims[-2:]]
    return ends == ["post", "pre"]


def course(data: xarray.Dataset) -> str:
    """Return the axis along which a file follows training: "update" or "time"."""
    return "update" if _snapshots(data) else "time"


def _snapshots(data):
    return "schedule" in data.attrs and "update" in data.dims


def _traces(data):
    """Return what is known of every variable over time that has at most one number per unit."""
    found = {}
    for name, array in data.data_vars.items():
        axes = [dim for dim in array.dims if dim not in ("trial", "time")]
        if "time" in array.dims and len(axes) < 2:
            found[str(name)] = dict(
                population=owner_of(str(name)),
                unit=array.attrs.get("units", "1"),
                trials=array.trial.values.tolist() if "trial" in array.dims else [],
                units=array[axes[0]].values.tolist() if axes else [],
                drive=role_of(array) == Role.DRIVE,
            )
    return found


def _matrices(data):
    """Return, by label, the matrices over training: of each group, and of what backpropagation
    would have in place of the feedback."""
    groups = {
        owner_of(str(name)): array
        for name, array in data.data_vars.items()
        if role_of(array) == Role.WEIGHT and of_synapses(array) and course(data) in array.dims
    }
    found = {}
    for name, array in groups.items():
        found[name] = _about(name, array, *array.dims[-2:])
        if back := _reciprocal(name, groups):
            label = f"{back}ᵀ"
            found[label] = _about(back, groups[back], *groups[back].dims[-2:][::-1])
            found[label] |= dict(transposed=True, beside=name)
        elif (factors := array.attrs.get("transposes")) and _known(factors, groups):
            label = " ".join(f"{factor}ᵀ" for factor in factors.split())
            label = label if factors != "identity" else "identity"
            found[label] = found[name] | dict(instead_of=name, beside=name, group="")
    return found


def _about(group, array, rows, columns):
    ends = array.attrs.get("source", ""), array.attrs.get("target", "")
    post, pre = array.dims[-2:]
    whose = {pre: f"from {ends[0]} unit (pre)", post: f"to {ends[1]} unit (post)"}
    plain = {pre: f"{group}, presynaptic unit", post: f"{group}, postsynaptic unit"}
    titles = whose if all(ends) else plain
    return dict(
        group=group,
        transposed=False,
        instead_of="",
        beside="",
        source=ends[0],
        target=ends[1],
        rows=titles[rows],
        columns=titles[columns],
        row_numbers=array[rows].values.tolist(),
        column_numbers=array[columns].values.tolist(),
    )


def _reciprocal(name, groups):
    """Return the group whose synapses go the other way, if `name` is feedback with the same cells
    on both sides."""
    about = groups[name].attrs
    if about.get("transposes"):
        factors = about["transposes"].split()
        return factors[0] if len(factors) == 1 and factors[0] in groups else None
    back = [
        other
        for other, array in groups.items()
        if other != name
        and (array.attrs.get("source"), array.attrs.get("target"))
        == (about.get("target", ""), about.get("source", ""))
        and array.shape[-2:] == groups[name].shape[-2:][::-1]
        and np.array_equal(array[array.dims[-1]], groups[name][groups[name].dims[-2]])
        and np.array_equal(array[array.dims[-2]], groups[name][groups[name].dims[-1]])
    ]
    # of a pair, the one that is named first is feedforward
    return back[0] if back and list(groups).index(back[0]) < list(groups).index(name) else None


def _known(factors, groups):
    return factors == "identity" or all(factor in groups for factor in factors.split())
