"""Lets a notebook look at a recording through the microscope, without its class knowing of it."""

from __future__ import annotations

from html import escape
from typing import Self

from ..data.recording import Recording


class Microscope:
    """A page on one recording, which a notebook shows, and `save` writes to a file."""

    def __init__(self, recording: Recording):
        self._files = {"recording": recording.dataset}
        self._about = escape(repr(recording))

    def save(self, path: str) -> Self:
        """Write the page to a file that needs no server, and return the microscope."""
        from . import serving

        serving.save(self._files, "Recording", self._about, path)
        return self

    def _repr_html_(self):
        from . import serving

        page = escape(serving.html(self._files, "Recording", self._about))
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 900px; border: 0"></iframe>'


def view(self) -> Microscope:
    """Return what shows the recording in a notebook as `neurofa view` shows a run: traces, synapses,
    cursor and slider.

    The page is whole, and so a part of the notebook: of a long recording it holds as much as
    neurofa/view/serving.py says. Raises ExperimentError if Bokeh is missing.
    """
    from . import serving

    serving.needs_bokeh()
    return Microscope(self)


Recording.view = view  # type: ignore[attr-defined]
