"""What an experimenter could have measured of a circuit that learns, and no more."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from ..base.arguments import number, seed_of, whole
from ..base.errors import MeasureError

if TYPE_CHECKING:
    import xarray

__all__ = ["MOMENTS", "Observation"]

#: What is measured of a trial: while the stimulus is shown alone, and while the teacher is there, too.
MOMENTS = ("alone", "taught")


class Observation:
    """Rates and apical potentials of some cells, and the weights of some of their synapses, in
    several sessions of a training.

    `dataset` is an xarray Dataset of

    - `rate` (session, moment, stimulus, cell): steady rates while a stimulus is shown alone, and
      while the teacher is there, too;
    - `apical` (session, moment, stimulus, cell): apical potentials; NaN where none were measured;
    - `weight` (session, synapse): of feedforward synapses onto these cells;

    with the coordinates `session` (how many updates the circuit has learned from), `layer` and `unit`
    of a cell, `pathway`, `onto` (the layer), `post` and `pre` of a synapse, and the class that a
    stimulus belongs to, `label`. All numbers have the unit 1. Which rule was at work is nowhere in it.

    `neurofa.observe.Observer` makes one, `from_nwb` reads one.

    Examples
    --------
    >>> from neurofa.observe import Observer
    >>> learner = Learner(Network([4, 3, 2], fa.RULE, trials=2, seed=1), Trial(dt=10*ms))
    >>> observer = Observer(learner, np.eye(4), np.eye(2)[[0, 1, 0, 1]], cells=3)
    >>> for _ in range(2):
    ...     observer.look()
    >>> seen = observer.observation().seen(cells=2, noise=0.1)
    >>> seen.dataset.rate.dims, seen.dataset.rate.shape
    (('session', 'moment', 'stimulus', 'cell'), (2, 2, 4, 2))
    """

    def __init__(self, dataset: xarray.Dataset):
        self.dataset = dataset

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that cells were measured in, from the input up."""
        return tuple(dict.fromkeys(map(str, self.dataset.layer.values)))

    @property
    def pathways(self) -> tuple[str, ...]:
        """The synapse groups that synapses were measured in."""
        return tuple(dict.fromkeys(map(str, self.dataset.pathway.values)))

    def seen(
        self, cells: int | None = None, noise: float = 0.0, every: int = 1, seed: int = 0
    ) -> Observation:
        """Return what a poorer instrument would have shown.

        Parameters
        ----------
        cells : how many of each layer, drawn at random, with the synapses onto them; None: all.
        noise : the standard deviation of Gaussian measurement noise, anew in every number, in units
            of that of the layer's rates over the stimuli of the first session; of synapses, of their
            weights in the first session.
        every : every n-th session, from the first on.
        seed : draws cells and noise.

        Raises
        ------
        MeasureError : a number that is none, more cells than there are, or a single session.
        """
        rng = np.random.default_rng(seed_of("seed", seed, MeasureError))
        noise = number("noise", noise, MeasureError, least=0, example="0.1")
        data = self.dataset.isel(session=slice(None, None, whole("every", every, MeasureError)))
        if data.sizes["session"] < 2:
            raise MeasureError(
                f"every = {every} leaves one session of {self.dataset.sizes['session']}: what is learned is seen between two."
            )
        if cells is not None:
            data = _some(data, whole("cells", cells, MeasureError), rng)
        return Observation(_blurred(data, noise, rng) if noise else data)

    def to_nwb(self, path: str | PathLike) -> None:
        """Write an NWB file: see neurofa/data/observation_nwb.py. Raises ExperimentError if pynwb is
        not installed (pip install 'neurofa[nwb]') or the file cannot be written."""
        from . import observation_nwb

        observation_nwb.write(self.dataset, path)

    @classmethod
    def from_nwb(cls, path: str | PathLike) -> Observation:
        """Return the Observation in an NWB file that has what `to_nwb` writes, whoever wrote it.
        Raises ExperimentError if it is no such file."""
        from . import observation_nwb

        return cls(observation_nwb.read(path))

    def __repr__(self):
        sizes = self.dataset.sizes
        return (
            f"Observation({sizes['session']} sessions, {sizes['stimulus']} stimuli, "
            f"{sizes['cell']} cells of {', '.join(self.layers)}, {sizes['synapse']} synapses)"
        )


def _some(data, count, rng):
    """Return so many cells of every layer, and the synapses onto them."""
    chosen = []
    for layer in dict.fromkeys(data.layer.values):
        places = np.flatnonzero(data.layer.values == layer)
        if count > len(places):
            raise MeasureError(
                f"cells = {count}: {len(places)} were measured of {layer}. Give no more than that."
            )
        chosen.append(np.sort(rng.choice(places, count, replace=False)))
    data = data.isel(cell=np.concatenate(chosen))
    cells = set(zip(data.layer.values, data.unit.values))
    onto = [pair in cells for pair in zip(data.onto.values, data.post.values)]
    return data.isel(synapse=np.flatnonzero(onto))


def _blurred(data, noise, rng):
    """Return the measured numbers with Gaussian noise."""
    rates = data.rate.values[0, MOMENTS.index("alone")].std(0)
    of_cells = _by_group(data.layer.values, rates, np.mean)
    of_synapses = _by_group(data.pathway.values, data.weight.values[0], np.std)
    widths = dict(rate=of_cells, apical=of_cells, weight=of_synapses)
    return data.assign(
        {
            name: data[name] + noise * width * rng.standard_normal(data[name].shape)
            for name, width in widths.items()
        }
    )


def _by_group(labels, values, summary):
    """Return, for every value, the summary of those with its label."""
    found = {label: summary(values[labels == label]) for label in dict.fromkeys(labels)}
    return np.array([found[label] for label in labels])
