"""Arrays of numbers that come as bytes, kept as bytes: an eighth of the memory."""

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike


class Coded(NDArrayOperatorsMixin):
    """An array whose elements are `table[codes]`: read-only, with `codes` of uint8 and a table of 256
    numbers.

    It is used as an array is: rows and elements are arrays of the table's precision, slices are
    Coded, and functions of NumPy are given all of it as an array.
    """

    codes: np.ndarray
    table: np.ndarray  # (256,)

    def __init__(self, codes: np.ndarray, table: np.ndarray):
        self.codes, self.table = np.ascontiguousarray(codes, np.uint8), np.array(table)
        for array in (self.codes, self.table):
            array.setflags(write=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self.codes.shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self.codes.ndim

    @property
    def size(self) -> int:
        """How many elements there are."""
        return self.codes.size

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self.table.dtype

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""
        return self.codes.nbytes + self.table.nbytes

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, index: Any) -> Any:
        found = self.codes[index]
        return Coded(found, self.table) if isinstance(index, slice) else self.table[found]

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("The elements of a Coded array are made when they are needed.")
        return self.table.astype(dtype or self.dtype)[self.codes]

    def __array_ufunc__(self, function, method, *given, **options):
        given = tuple(np.asarray(one) if isinstance(one, Coded) else one for one in given)
        return getattr(function, method)(*given, **options)

    def __getattr__(self, name: str) -> Any:
        """Whatever else an array can do: `x.mean()`, `x.T`, `x.astype(...)`."""
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def __reduce__(self):
        return Coded, (self.codes, self.table)

    def __repr__(self):
        return f"Coded({self.shape}, {self.dtype.name}, from {np.min(self.table):g} to {np.max(self.table):g})"
