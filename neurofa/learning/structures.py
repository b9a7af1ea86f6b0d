"""What a network has, as the compiled loop over batches is given it: arrays of structures, each as
(number, address)."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

from ..data.coded import Coded
from ..engine.brian.looping import Data, Pace, Setting, State, Type
from ..engine.brian.teaching import Block
from ..simulate.network import Network
from .taught import Lesson

TYPES = {"float64": Type.DOUBLE, "float32": Type.FLOAT}


class Structures:
    """Makes structures of one network, which live as long as this."""

    def __init__(self, net: Network):
        self.net = net
        self.keep: list = []  # what they point to

    def array(self, kind, values):
        """Return (number, address) of an array of structures that lives as long as this call."""
        self.keep.append((kind * len(values))(*values))
        return len(values), ctypes.addressof(self.keep[-1])

    def numbers(self, values):
        """Return numbers."""
        return self.array(ctypes.c_int32, values)

    def blocks(self, arrays):
        """Return whole arrays, as places in memory."""
        return self.array(Block, [Block(array.ctypes.data, array.nbytes) for array in arrays])

    def settings(self, values):
        """Return parameters and gates, `{name: value}`, as settings of all arrays that hold
        them."""
        return self.array(
            Setting,
            [
                Setting(array.ctypes.data, float(value))
                for name, value in values.items()
                for array in self.net.pace.places.get(name, ())
            ],
        )

    def data(self, array):
        """Return samples as the loop reads them: numbers, or codes and what they stand for."""
        if array is None:
            return Data()
        if not isinstance(array, Coded):
            return Data(array.ctypes.data, TYPES[array.dtype.name])
        self.keep.append(array.table.astype(self.net.dtype))
        return Data(array.codes.ctypes.data, Type.BYTE, self.keep[-1].ctypes.data)

    def states(self, labels, begun=None):
        """Return arrays by their labels, with room for how they begin, if that is kept."""
        arrays = {label: self.net.arrays[label] for label in labels}
        return self.array(
            State,
            [
                State(
                    array.ctypes.data, array.shape[1], begun[label].ctypes.data if begun else None
                )
                for label, array in arrays.items()
            ],
        )

    def paces(self, lessons: Mapping[float | str, Lesson], paces: Mapping[float | str, int]) -> Any:
        """Return what is learned while a phase runs: `paces` is {how often: in time steps}."""
        return (Pace * len(paces))(
            *(
                Pace(ctypes.addressof(lessons[every].structure), steps)
                for every, steps in paces.items()
            )
        )
