"""What goes in and comes out: tasks, recordings and their files, and curves made from files."""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = [
    "classes",
    "coded",
    "curves",
    "labels",
    "nwb",
    "observation",
    "over_time",
    "recorder",
    "recording",
    "signature",
    "stream",
    "tasks",
]
