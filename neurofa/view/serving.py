"""A page on the loopback address, or as one file that needs no server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING

from ..base.errors import ExperimentError
from ..base.files import write

if TYPE_CHECKING:
    import xarray

ADDRESS = "127.0.0.1"
SAVED = 2**24  # bytes of traces, and of matrices, in a file
TRIALS, UNITS = 4, 64  # of a recording, in a file


def html(files: dict[str, xarray.Dataset], title: str, about: str) -> str:
    """Return the page on some files, `{name: Dataset}`, as HTML that is whole: it asks for nothing
    more, of nobody.

    It holds the first 4 trials of a recording, of at most 64 units each, and as many samples and
    moments of training as fit into about 32 MB; the page says of how many. `about` is HTML.
    """
    needs_bokeh()
    from bokeh.document import Document
    from bokeh.embed import file_html
    from bokeh.resources import INLINE

    from .blocks import Blocks
    from .page import Page

    document = Document()
    Page(Blocks(files, **thinned(files)), title, about, served=False).fill(document)
    return file_html(document, INLINE, title)


def thinned(files: dict[str, xarray.Dataset]) -> dict[str, int]:
    """Return the limits of Blocks with which all that can be shown of some files fits into one."""
    from .blocks import SAMPLES, Blocks

    found = Blocks(files, trials=TRIALS).contents.values()
    columns = sum(
        max(1, len(about["trials"])) * min(UNITS, len(about["units"]) or 1)
        for one in found
        for about in one["traces"].values()
    )
    matrices = sum(len(one["matrices"]) for one in found)
    samples = min(SAMPLES, max(100, SAVED // (4 * max(columns, 1))))
    return dict(samples=samples, units=UNITS, stack=SAVED // max(1, matrices), trials=TRIALS)


def save(files: dict[str, xarray.Dataset], title: str, about: str, path: str | PathLike) -> None:
    """Write the page of `html` to a file. Raises ExperimentError if it cannot be written, or Bokeh
    is missing."""
    write(path, html(files, title, about).encode())


def serve(
    files: dict[str, xarray.Dataset],
    title: str,
    about: str,
    port: int = 0,
    ready: Callable[[str], object] = print,
) -> None:
    """Serve the page on some files, `{name: Dataset}`, to this machine alone, until Ctrl-C.

    What the page does not show is not read. `port` 0 is any that is free. `ready(address)`
    is called when it can be opened. Raises ExperimentError if the port is taken, or Bokeh is
    missing.
    """
    needs_bokeh()
    from bokeh.application import Application
    from bokeh.application.handlers.function import FunctionHandler
    from bokeh.server.server import Server

    from .blocks import Blocks
    from .page import Page

    port, blocks = _free(port), Blocks(files)
    made = FunctionHandler(lambda document: Page(blocks, title, about, True).fill(document))
    origins = [f"{name}:{port}" for name in (ADDRESS, "localhost")]
    server = Server(
        {"/": Application(made)}, address=ADDRESS, port=port, allow_websocket_origin=origins
    )
    server.start()
    try:
        server.io_loop.add_callback(ready, f"http://{ADDRESS}:{port}/")
        server.io_loop.start()
    except KeyboardInterrupt:
        pass  # that is how it ends
    finally:
        server.stop()


def _free(port):
    """Return the port, or, for 0, one that is free. Raises ExperimentError if it cannot be had."""
    try:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((ADDRESS, port))
            return tried.getsockname()[1]
    except (OSError, OverflowError) as problem:
        raise ExperimentError(
            f"Port {port} of {ADDRESS} cannot be used: {getattr(problem, 'strerror', problem)}. Give "
            "another one, or 0 for any that is free."
        ) from None


def needs_bokeh() -> None:
    """Raise ExperimentError, which says what to install, if Bokeh is missing."""
    try:
        import bokeh  # noqa: F401
    except ImportError:
        raise ExperimentError(
            "A page in the browser needs Bokeh, which is not installed: pip install 'neurofa[view]'."
        ) from None
