"""Files that appear when they are complete: written under another name first, then renamed."""

import os
from contextlib import contextmanager
from pathlib import Path

from .errors import ExperimentError


@contextmanager
def complete(path, unfinished=None):
    """Give the name to write to; if that succeeds, the file becomes `path`, and else nothing is left of it.

    `unfinished` is that name, by default `path` with ".unfinished" added. Raises ExperimentError if the file cannot be written.
    """
    path = Path(path)
    part = unfinished or path.with_name(f"{path.name}.unfinished")
    try:
        yield part
        os.replace(part, path)
    except OSError as problem:
        raise ExperimentError(f"{path} cannot be written: {problem.strerror or problem}. Is the folder there, and is there "
                              "space left?") from None
    finally:
        part.unlink(missing_ok=True)
