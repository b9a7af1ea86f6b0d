"""Structures that C++ and Python share in memory: a table each, from which both are made."""

import ctypes
from collections.abc import Iterable
from typing import Any, NamedTuple


class Field(NamedTuple):
    """A field of a structure: its type in C++, its name, and what it is."""

    type: str
    name: str
    what: str


PLAIN = dict(int64_t=ctypes.c_int64, int32_t=ctypes.c_int32, double=ctypes.c_double)


def structure(name: str, table: Iterable[Field], **others: type[ctypes.Structure]) -> Any:
    """Return the structure of a table, a class of ctypes; `others` are structures that are fields of it, by name.

    All that is no plain number is a pointer.
    """
    known = PLAIN | others
    fields = [(field.name, known.get(field.type, ctypes.c_void_p)) for field in table]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


def in_cpp(name: str, table: Iterable[Field]) -> str:
    """Return the same structure in C++."""
    fields = [f"    {field.type} {field.name};      // {field.what}" for field in table]
    return "\n".join([f"struct {name} {{", *fields, "};"])
