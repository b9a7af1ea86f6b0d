"""What the weights of a network start from, and what keeps them as their pathways say: structure, tracking, lesions.

Between phases, NumPy works on the arrays that the compiled circuit reads.
"""

import zlib

import numpy as np

from .pathways import lesioned, normal
from .pathways.lesions import Lesion


class Synapses:
    """The synapse groups of a network that have weights of their own."""

    def __init__(self, net):
        self.net = net
        self.groups = [g for g in net.circuit.groups if g.owner == g.name]
        self.kept, self.lesions, self.counts = {}, {}, {}

    def draw(self, seed):
        """Draw all weights anew from `seed`; biases are zero, and lesions are as before any training."""
        self.seed, self.updates = seed, 0
        self.lesions = {g.name: [Lesion(m, g, self._stream(g, f"lesion {k}")) for k, m in self._manipulations(g)
                                 if isinstance(m, lesioned)] for g in self.groups}
        for group in sorted(self.groups, key=lambda g: g.pathway.name != self.net.rule.feedforward.name):   # others may depend on W
            self._draw(group, self._stream(group))
            if group.pathway.bias:
                self.net[f"{group.name}.bias"] = 0.0
        self.counts = dict(updates=0, trials=0, epochs=0, seconds=0.0)
        self.cut()

    def _draw(self, group, rng):
        w, keep = (group.pathway.init or normal())(self.net, group, rng), []
        for k, m in self._manipulations(group):
            w, later = m.weights(self.net, group, w, self._stream(group, f"{type(m).__name__} {k}"))
            keep += [later] * (later is not None)
        self.net[group.name] = w
        self.kept[group.name] = keep

    def updated(self, updates):
        """Put weights in order after so many updates: those that track others, then what is kept, then what is cut."""
        for group in self.groups:
            w = self.net[group.name]
            if group.pathway.tracks:
                self._draw(group, np.random.default_rng([self.seed, zlib.crc32(group.name.encode()), updates]))
            else:
                for keep in self.kept[group.name]:
                    keep(w, updates)
            for lesion in self.lesions[group.name]:
                lesion.keep(w)

    def cut(self, **counts):
        """Cut and restore what the lesions say for so many updates, trials, epochs, and seconds of the present trial."""
        self.counts |= counts
        for group in self.groups:
            for lesion in self.lesions[group.name]:
                lesion.apply(self.net[group.name], self.counts)

    def times(self):
        """Return the times within a trial, in seconds, at which something is cut or restored."""
        found = {float(moment) for lesions in self.lesions.values() for lesion in lesions if lesion.description.within_trial
                 for moment in (lesion.description.at, lesion.description.until) if moment is not None}
        return sorted(found)

    @staticmethod
    def _manipulations(group):
        return [(k, m) for k, m in enumerate(group.pathway.through) if m.concerns(group)]

    def _stream(self, group, what=""):
        """Return the generator of one synapse group; for each manipulation, another one."""
        return np.random.default_rng([self.seed, zlib.crc32(f"{group.name}{f' {what}' if what else ''}".encode())])
