"""What every room needs.

Errors, validation of what users give, complete files, descriptions as plain data, how a time axis
is read, what other packages bring. Imports nothing of ours.
"""

from . import guest  # noqa: F401 (first: it imports Brian2)

__all__ = [
    "arguments",
    "description",
    "errors",
    "files",
    "fixed",
    "frames",
    "growing",
    "guest",
    "names",
    "netcdf",
    "others",
    "reals",
    "stored",
]
