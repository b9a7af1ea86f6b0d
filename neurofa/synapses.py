"""What the weights of a network start from, and what keeps them as their pathways say: structure, tracking, lesions.

Between phases, NumPy works on the arrays that the compiled circuit reads.
"""

import zlib

import numpy as np

from .errors import NetworkError
from .pathways import lesioned, normal
from .pathways.base import layers
from .pathways.lesions import Lesions


class Weights:
    """The synapse groups of a network that have weights of their own."""

    def __init__(self, net):
        self.net = net
        self.groups = [g for g in net.circuit.groups if g.owner == g.name]
        self.learning = {line.pathway for line in net.rule.plasticity}
        self.kept, self.lesions, self.counts = {}, {}, {}
        for pathway in net.rule.all_pathways:
            entered = {g.layer for g in net.circuit.groups if g.pathway.name == pathway.name}
            for m in pathway.through:
                if not set(layers(m) or ()) <= entered:
                    raise NetworkError(f"{type(m).__name__}(layer={m.layer!r}): in this network, {pathway.name} enters the layers "
                                       f"{', '.join(map(str, sorted(entered, key=str)))}.")

    def draw(self, seed):
        """Draw all weights anew from `seed`; biases are zero, and lesions are as before any training."""
        self.seed, self.lesions = seed, {}
        for group in sorted(self.groups, key=lambda g: g.pathway.name != self.net.rule.feedforward.name):   # others may depend on W
            self._draw(group, self._stream(group))
            if group.pathway.bias:
                self.net[f"{group.name}.bias"] = 0.0
        self.counts = dict(updates=0, trials=0, epochs=0, seconds=0.0)
        self.cut()

    def _draw(self, group, rng):
        w, keep = (group.pathway.init or normal())(self.net, group, rng), []
        for what, m in sorted(self._manipulations(group), key=lambda found: found[1].turn):
            w, later = m.weights(self.net, group, w, self._stream(group, what))
            keep += [later] * (later is not None)
        self.net[group.name] = w
        self.kept[group.name] = keep
        chosen = [(m, m.chosen(group, self._stream(group, what))) for what, m in self._manipulations(group) if isinstance(m, lesioned)]
        if chosen and group.name not in self.lesions:
            self.lesions[group.name] = Lesions(chosen, self.net[group.name])

    def updated(self, updates):
        """Put weights in order after so many updates: those that track others, then what is kept, then what is cut."""
        for group in self.groups:
            w, lesions, kept = self.net[group.name], self.lesions.get(group.name), self.kept[group.name]
            if group.pathway.tracks:
                self._draw(group, np.random.default_rng([self.seed, zlib.crc32(group.name.encode()), updates]))
                lesions and lesions.keep(w, made_anew=True)
            elif group.pathway.name in self.learning and (kept or lesions):
                lesions and lesions.restore(w)
                for keep in kept:
                    keep(w, updates)
                lesions and lesions.keep(w)

    def take(self, other, *pathways):
        """Take weights and biases from another Network: those of all synapse groups here, or of some pathways.

        Raises NetworkError where the other network has none of that name, or of another shape.
        """
        for group in (g for g in self.groups if not pathways or g.pathway.name in pathways):
            for name in (n for n in (f"{group.name}.w", f"{group.name}.bias") if n in self.net.arrays):
                self.net[name] = other[name]

    def cut(self, **counts):
        """Cut and restore what the lesions say for so many updates, trials, epochs, and seconds of the present trial."""
        self.counts |= counts
        for name, lesions in self.lesions.items():
            lesions.apply(self.net[name], self.counts)

    def times(self):
        """Return the times within a trial, in seconds, at which something is cut or restored."""
        found = {float(moment) for lesions in self.lesions.values() for lesion, _ in lesions.chosen if lesion.within_trial
                 for moment in (lesion.at, lesion.until) if moment is not None}
        return sorted(found)

    @staticmethod
    def _manipulations(group):
        """Return [(what names its stream, manipulation)]: the same whatever else is done to the pathway."""
        return [(f"{type(m).__name__} {key}", m) for key, m in group.pathway.keyed if m.concerns(group)]

    def _stream(self, group, what=""):
        """Return the generator of one synapse group; for each manipulation, another one."""
        return np.random.default_rng([self.seed, zlib.crc32(f"{group.name}{f' {what}' if what else ''}".encode())])
