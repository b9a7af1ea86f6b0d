"""The microscope.

What the files of a run hold, as a page in the browser: traces, both pathways' weights over
training, learning curves. Reads saved runs and recordings; nothing but the command line reads it.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = ["blocks", "contents", "page", "serving", "shown"]
