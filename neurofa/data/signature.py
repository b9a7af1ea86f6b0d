"""Statistics of what was measured of a circuit that learns: numbers by which rules might be told
apart.

None depends on how many cells or synapses were measured but for chance, and sizes are relative, to
what the same cells or synapses were in the first session, so that circuits of other sizes and rates
of learning can be compared. What is 0 / 0 is 0: what does not vary goes along with nothing.
"""

from __future__ import annotations

import numpy as np

from ..base.arguments import kind
from ..base.errors import MeasureError
from .observation import Observation

__all__ = ["KINDS", "signature"]

TINY = 1e-12  # of sums of squares of numbers around 1: what is less is rounding
#: What must have been measured for a statistic.
KINDS = ("rates", "teacher", "apical", "synapses")


def signature(observation: Observation) -> dict[tuple[str, str, str], float]:
    """Return statistics of an Observation as {(kind of measurement, layer or synapse group, name):
    number}.

    Of each layer: of the rates alone ("rates"), of what the teacher changes in them ("teacher"), of
    apical potentials while the teacher is there ("apical": what they are then more than with the
    stimulus alone; 0 where none were measured); of each synapse group, of its weights
    ("synapses"). What cells learn is the difference of their rates between two sessions.

    Raises
    ------
    MeasureError : there are less than two sessions, or less than two cells of a layer.

    Examples
    --------
    >>> from neurofa.observe import Observer, signature
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> observer = Observer(learner, np.eye(4), np.eye(2)[[0, 1, 0, 1]], cells=3)
    >>> observer.look()
    >>> net["W1"] = 0.5 * net["W1"]
    >>> observer.look()
    >>> found = signature(observer.observation())
    >>> round(found["synapses", "W1", "change with weight"], 6), found["synapses", "W1", "signs kept"]
    (-1.0, 1.0)
    """
    data = kind("observation", observation, Observation, "an Observation", MeasureError).dataset
    if data.sizes["session"] < 2:
        raise MeasureError("There is one session: what is learned is seen between two.")
    labels = data.label.values
    found: dict[tuple[str, str, str], float] = {}
    classes = (np.unique(labels)[:, None] == labels).astype(float)
    for layer in observation.layers:
        of_layer = data.layer.values == layer
        if of_layer.sum() < 2:
            raise MeasureError(f"One cell was measured of {layer}: measure at least two.")
        rates, apical = data.rate.values[..., of_layer], data.apical.values[..., of_layer]
        by_kind = _of_cells(rates, np.nan_to_num(apical), classes)
        found |= {
            (kind, layer, name): value
            for kind, values in by_kind.items()
            for name, value in values.items()
        }
    for pathway in observation.pathways:
        weights = data.weight.values[:, data.pathway.values == pathway]
        found |= {
            ("synapses", pathway, name): value for name, value in _of_synapses(weights).items()
        }
    return {key: float(value) for key, value in found.items()}


def _of_cells(rates, apical, classes):
    """Return {kind: {name: statistic}} of the cells of a layer; arrays (session, moment, stimulus,
    cell)."""
    alone, moved = rates[:, 0], rates[:, 1] - rates[:, 0]
    learned, taught = np.diff(alone, axis=0), apical[:, 1] - apical[:, 0]
    unit = alone[0].std(0).mean()  # of all sizes
    of_rates = (
        _over_sessions("variation", alone.std(1).mean(-1) / unit)
        | _over_sessions("dimension", _dimension(alone))
        | _over_sessions("of the class", _of_class(alone, classes))
        | _over_sessions("common", _common(alone))
        | _pattern("learned", learned, classes, unit)
        | {
            "learned with rate": _correlation(learned, alone[:-1]),
            "learned, twice in a row": _correlation(learned[:-1], learned[1:]),
            "learned, first and last": _correlation(learned[:1], learned[-1:]),
            "learned, peaked": _peaked(learned),
        }
    )
    of_teacher = _pattern("moved", moved, classes, unit) | {
        "moved with rate": _correlation(moved, alone),
        "moved with learned": _correlation(moved[:-1], learned),
        "moved, twice in a row": _correlation(moved[:-1], moved[1:]),
    }
    of_apical = _pattern("apical", taught, classes, unit) | {
        "apical with rate": _correlation(taught, alone),
        "apical with moved": _correlation(taught, moved),
        "apical with learned": _correlation(taught[:-1], learned),
        "apical, twice in a row": _correlation(taught[:-1], taught[1:]),
        "apical without a teacher": _size(apical[:, 0], None) / unit,
    }
    return dict(rates=of_rates, teacher=of_teacher, apical=of_apical)


def _of_synapses(weights):
    """Return {name: statistic} of weights (session, synapse)."""
    unit, learned = weights[0].std(), np.diff(weights, axis=0)
    return _over_sessions("change", _size(learned, -1) / unit) | {
        "variation": weights[-1].std() / unit,
        "mean of change": _ratio(learned.mean(), _size(learned, None)),
        "change, peaked": _peaked(learned),
        # over synapses, as if each were a stimulus of one cell
        "change with weight": _correlation(learned[..., None], weights[:-1, :, None]),
        "change, twice in a row": _correlation(learned[:-1, :, None], learned[1:, :, None]),
        "signs kept": np.mean(np.sign(weights[-1]) == np.sign(weights[0])),
    }


def _pattern(name, values, classes, unit):
    """Return what a signal (session, stimulus, cell) is like: how large, in how many dimensions, how
    much of it is the same for all stimuli of a class, and for all cells."""
    return _over_sessions(name, _size(values, (1, 2)) / unit) | {
        f"{name}: dimension": _dimension(values).mean(),
        f"{name}: of the class": _of_class(values, classes).mean(),
        f"{name}: common": _common(values).mean(),
    }


def _over_sessions(name, values):
    """Return the mean over sessions, and how much more the last is than the first."""
    return {name: values.mean(), f"{name}, gain": values[-1] - values[0]}


def _size(values, axes):
    """Return the root mean square."""
    return np.sqrt(np.square(values).mean(axes))


def _ratio(one, other):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(other > TINY, one / other, 0.0)


def _dimension(values):
    """Return the participation ratio of the covariance of cells, as a part of their number, in every
    session."""
    centred = values - values.mean(1, keepdims=True)
    covariance = centred.swapaxes(1, 2) @ centred
    total = np.trace(covariance, axis1=1, axis2=2)
    return _ratio(total**2, np.square(covariance).sum((1, 2))) / values.shape[-1]


def _of_class(values, classes):
    """Return which part of the variance over stimuli is that of the means of their classes, in every
    session; `classes` is 1 where a stimulus is of a class, (class, stimulus)."""
    centred, counts = values - values.mean(1, keepdims=True), classes.sum(1)
    means = classes @ centred / counts[:, None]
    return _ratio((np.square(means) * counts[:, None]).sum((1, 2)), np.square(centred).sum((1, 2)))


def _common(values):
    """Return which part of the mean square is that of the mean over cells, in every session."""
    return _ratio(np.square(values.mean(-1)).mean(-1), np.square(values).mean((1, 2)))


def _peaked(values):
    """Return the kurtosis: 3 if normal, more if few change and most do not."""
    centred = values - values.mean()
    return _ratio(np.mean(centred**4), np.mean(centred**2) ** 2)


def _correlation(one, other):
    """Return the mean, over sessions and cells, of the correlation over stimuli; 0 if there is no
    session."""
    one, other = (values - values.mean(1, keepdims=True) for values in (one, other))
    sizes = np.sqrt(np.square(one).sum(1) * np.square(other).sum(1))
    return _ratio((one * other).sum(1), sizes).mean() if len(one) else 0.0
