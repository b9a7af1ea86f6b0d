"""Curves over training, computed from snapshots of the weights and from nothing else.

Each function takes the Dataset of a snapshots file (neurofa/learning/snapshots.py), loaded or only
opened, as by `xarray.open_dataset("weights.nc")`, and returns a DataArray (update, group). One
snapshot of one group is in memory at a time. All raise ExperimentError if the Dataset is no such
file, or lacks what they need.

Roy & Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.description import from_data, lost_in
from ..base.errors import ExperimentError
from ..circuit.slots import Role
from ..theory import analysis, reference
from .labels import with_role

if TYPE_CHECKING:
    import xarray

    from ..rules.activations import Activation


def norms(data: xarray.Dataset) -> xarray.DataArray:
    """Return the Frobenius norm of every group's weights.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> curves.norms(seen.dataset).dims
    ('update', 'group')
    """
    return _curve(
        data,
        _groups(data),
        lambda name, k: np.linalg.norm(_weights(data, name, k)),
        "Frobenius norm",
        "1",
    )


def alignment(data: xarray.Dataset) -> xarray.DataArray:
    """Return the angle in degrees between each feedback group and what backpropagation would have
    in its place.

    For synapses from the layer above that is W^T; for synapses from the output or a controller, the
    product of all W^T on the way down: the transposed Jacobian where all activations are linear.
    Groups that are no feedback are left out. The coordinate `dimension` (group) is the number of
    synapses: of random directions in so many dimensions, chance makes 90 +- 57.3/sqrt(n).

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> curves.alignment(seen.dataset).dims
    ('update', 'group')
    """
    names = feedback(data)
    found = _curve(
        data,
        names,
        lambda name, k: analysis.angle(_weights(data, name, k), transposes(data, name, k)),
        "angle to the transpose",
        "degrees",
    )
    return found.assign_coords(dimension=("group", [data[f"{name}.w"][0].size for name in names]))


def sign_agreement(data: xarray.Dataset) -> xarray.DataArray:
    """Return the fraction of each feedback group's synapses with the sign of what `alignment`
    compares it with: 0.5 by chance.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> curves.sign_agreement(seen.dataset).dims
    ('update', 'group')
    """

    def agreement(name, k):
        return analysis.sign_agreement(transposes(data, name, k).T, _weights(data, name, k))

    return _curve(data, feedback(data), agreement, "sign agreement", "1")


def angle_to_backprop(
    data: xarray.Dataset,
    activation: str | Activation | Sequence | None = None,
    output_activation: str | Activation | None = None,
) -> xarray.DataArray:
    """Return the angle in degrees between the change of W that the rule asked for on the probe and
    minus the gradient of the cost.

    The gradient is that of the feedforward network with the weights of the snapshot. Groups that do
    not learn are left out. Activations of your own that are functions, which a file cannot hold,
    are given as to Network.

    Examples
    --------
    >>> from neurofa import curves, snapshots
    >>> from neurofa.models import bp
    >>> net = Network([4, 3, 2], bp.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> seen = Snapshots(snapshots.every(1), probe=(task.x, task.y))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> bool((curves.angle_to_backprop(seen.dataset) < 1e-6).all())  # degrees
    True
    """
    names = [name for name in _feedforward(data) if f"{name}.change" in data]
    if not names:
        raise ExperimentError(
            "The snapshots hold no change that the rule asked for. Take them with Snapshots(..., probe=(x, y))."
        )
    about = [
        _activation(data, *given)
        for given in (("activation", activation), ("output_activation", output_activation))
    ]
    # all layers' at once, and of one snapshot at a time
    gradients = lru_cache(1)(lambda k: _gradients(data, k, about))
    return _curve(
        data,
        names,
        lambda name, k: analysis.angle(data[f"{name}.change"][k], -gradients(k)[name]),
        "angle to backprop",
        "degrees",
    )


def ranks(data: xarray.Dataset) -> xarray.Dataset:
    """Return a Dataset of `rank`, the number of singular values above round-off, and of
    `effective_rank`.

    The effective rank, the exponential of the entropy of the singular values, is the rank if they
    are all alike, and falls as a few directions come to carry the weights.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> int(curves.ranks(seen.dataset)["rank"].sel(group="W1")[0])
    3
    """
    import xarray

    names = _groups(data)
    values = {
        (name, k): np.linalg.svd(_weights(data, name, k), compute_uv=False)
        for name in names
        for k in range(data.sizes["update"])
    }
    largest = {name: max(data[f"{name}.w"].shape[1:]) for name in names}

    def count(name, k):
        s = values[name, k]
        return (s > s.max() * largest[name] * np.finfo(s.dtype).eps).sum()

    def effective(name, k):
        s = values[name, k].astype(float)
        p = s[s > 0] / s.sum() if s.any() else np.array([np.nan])
        return np.exp(-(p * np.log(p)).sum())

    return xarray.Dataset(
        dict(
            rank=_curve(data, names, count, "rank", "1"),
            effective_rank=_curve(data, names, effective, "effective rank", "1"),
        )
    )


def feedback(data: xarray.Dataset) -> list[str]:
    """Return the names of the feedback groups that have a counterpart in backpropagation.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> curves.feedback(seen.dataset)
    ['B2']
    """
    return [name for name in _groups(data) if "transposes" in data[f"{name}.w"].attrs]


def transposes(data: xarray.Dataset, group: str, k: int) -> np.ndarray:
    """Return what backpropagation would have in place of the feedback `group` in the k-th snapshot,
    an array (post, pre).

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> from neurofa import curves, snapshots
    >>> seen = Snapshots(snapshots.every(1))
    >>> history = train(net, task, 1, trial=Trial(dt=10*ms), snapshots=seen, progress=False)
    >>> curves.transposes(seen.dataset, "B2", 0).shape
    (3, 2)
    """
    product: Any
    product, names = None, data[f"{group}.w"].attrs["transposes"].split()
    if names == ["identity"]:
        return np.eye(data[f"{group}.w"].shape[1])
    for name in names:
        w = _weights(data, name, k, f"To compare {group} with {'^T '.join(names)}^T")
        product = w.T if product is None else product @ w.T
    return product


# helpers ------------------------------------------------------------------------------------------


def _groups(data):
    if "schedule" not in data.attrs:
        raise ExperimentError(
            "These data are no snapshots of weights: give the Dataset of a file that neurofa.snapshots wrote. "
            f"It holds {', '.join(map(str, data.data_vars)) or 'nothing'}."
        )
    return list(with_role(data, Role.WEIGHT))


def _feedforward(data):
    return [
        f"{data.attrs['feedforward']}{layer}"
        for layer in range(1, len(json.loads(data.attrs["sizes"])))
    ]


def _weights(data, name, k, purpose="For this curve"):
    if f"{name}.w" not in data:
        raise ExperimentError(
            f"{purpose}, the snapshots must hold {name}, and they hold {', '.join(_groups(data))} only. "
            "Leave out `pathways` to keep all."
        )
    return data[f"{name}.w"][k].values


def _activation(data, what, given):
    """Return an activation, or several, as neurofa/reference.py takes them: what is `given`, or
    what the snapshots say."""
    found = given if given is not None else data.attrs[what]
    if isinstance(found, str) and found.startswith(("[", "{")):
        found = from_data(json.loads(found))
    if lost := lost_in(found):
        raise ExperimentError(
            f"The {what} was '{', '.join(lost)}', of which snapshots hold no more than the name. Give it: "
            f"angle_to_backprop(data, {what}=...)."
        )
    return found


def _gradients(data, k, about):
    """Return the gradient of the probe's mean cost by the weights of each layer in the k-th
    snapshot, {name: (post, pre)}."""
    names = _feedforward(data)
    W = [_weights(data, name, k, "For the gradient") for name in names]
    b = [
        data[f"{name}.bias"][k].values if f"{name}.bias" in data else np.zeros(len(w))
        for name, w in zip(names, W)
    ]
    x, y, attrs = data["probe_x"].values, data["probe_y"].values, data.attrs
    deltas = reference.backprop_deltas(x, y, W, b, *about, attrs["cost"])
    return dict(zip(names, reference.gradients(deltas, reference.forward(x, W, b, *about)[1])[0]))


def _curve(data, names, value, label, unit):
    """Return `value(name, k)` of every group and snapshot as a DataArray (update, group)."""
    import xarray

    if not names:
        raise ExperimentError(
            f"The snapshots hold no {label}: among {', '.join(_groups(data))} no group has a counterpart to "
            "compare."
        )
    values = np.array([[value(name, k) for name in names] for k in range(data.sizes["update"])])
    return xarray.DataArray(
        values,
        dict(data["update"].coords, group=names),
        ("update", "group"),
        label.replace(" ", "_"),
        dict(units=unit, long_name=label, schedule=data.attrs["schedule"], groups=_groups(data)),
    )
