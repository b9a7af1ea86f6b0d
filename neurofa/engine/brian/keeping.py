"""Where kinds of interpreted circuits are kept: in the process, and in the user's cache, where other
processes find them. Brian2 takes a tenth of a second or two to make one.
"""

import os
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

import numpy.typing as npt

from .cache import kept_file
from .engine import Parts
from .plain import Kind
from .toolchain import cache_folder

KEPT = 256  # kinds in the process: each takes some 100 KB
_kinds: OrderedDict[str, Kind] = OrderedDict()  # the one that was used last comes last
_looking = threading.Lock()
os.register_at_fork(
    before=_looking.acquire, after_in_parent=_looking.release, after_in_child=_looking.release
)


def kept_kind(name: str, make: Callable[[], Parts], dtype: npt.DTypeLike) -> Kind:
    """Return the Kind called `name`, made if it is not kept: `make()` creates its Brian2 objects, in
    the precision `dtype`."""
    with _looking:
        kind = _kinds.pop(name, None)
    kind = kind or _stored(name, make, dtype)
    with _looking:
        _kinds[name] = kind
        while len(_kinds) > KEPT:
            _kinds.popitem(last=False)
    return kind


def _stored(name, make, dtype):
    """Return a Kind from the cache, made if it is not there. Where the cache cannot be used, nothing
    but a moment is lost, and nothing is said."""
    made = []

    def write(_, result):
        made.append(Kind(make, dtype))
        result.write_bytes(pickle.dumps(made[0]))

    folder, problem = cache_folder()
    if not problem:
        with suppress(OSError):
            stored = kept_file(folder / f"{name}.kind", write)
            return made[0] if made else pickle.loads(stored)
    return made[0] if made else Kind(make, dtype)
