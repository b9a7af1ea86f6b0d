"""The microscope.

What the files of a run hold, as a page in the browser: traces, both pathways' weights over
training, learning curves. Only the command line and `recording.view()` lead here.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = ["serving", "shown"]
