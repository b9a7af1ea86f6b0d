"""Brian2's active device, default precision, and objects that have names, as the thread that makes a
circuit sees them, and no other thread.

Brian2 keeps them in globals of the process: setting them while a circuit is made would change what
other threads simulate, and they could change what is made here. So a thread that makes a circuit is
answered with its own, and all others as ever. An object that another thread drops while its name is
looked at would end the search for a free name with an error.
"""

import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from brian2.codegen import translation
from brian2.codegen.generators import base as generators
from brian2.core.network import Network
from brian2.core.preferences import BrianGlobalPreferences
from brian2.core.tracking import InstanceFollower, InstanceTrackerSet
from brian2.devices.device import Device, get_device

# one circuit is made at a time: what Brian2 and sympy remember is not made for several
_lock = threading.RLock()
# else a child may wait for ever
os.register_at_fork(
    before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
)
_SCHEDULE = ["start", "groups", "thresholds", "synapses", "resets", "end"]


@contextmanager
def building(device: Device, dtype: npt.DTypeLike) -> Iterator[Device]:
    """Within this context, for this thread, `device` is Brian2's active device, its default for
    state variables is `dtype`, and there are no objects but those that are made here."""
    with _lock:
        before = vars(_here).copy()
        _here.device, _here.dtype = device, np.dtype(dtype).type
        _here.objects = defaultdict(InstanceTrackerSet)
        try:
            device.activate(build_on_run=False)
            yield device
        finally:
            vars(_here).clear()
            vars(_here).update(before)


def generated(objects: Iterable[Any]) -> list[Any]:
    """Return `objects` and what they consist of, in the order in which a step visits them, with
    their code generated."""
    network = Network(objects)
    network.schedule = _SCHEDULE  # whatever the user's preference is
    with _making_statements_anew():
        for one in (found := network.sorted_objects):
            one.before_run({})
            one._network = network.id  # else Brian2 warns, as it goes, that it was never used
    return found


@contextmanager
def _making_statements_anew():
    """Within this context, Brian2 makes statements without looking whether it has made the same
    before: to look takes a fifth of all the time, and what it remembers it never forgets.

    A thread that simulates meanwhile is given the same statements.
    """
    remembering = translation.make_statements
    for module in (translation, generators):
        module.make_statements = getattr(remembering, "__wrapped__", remembering)
    try:
        yield
    finally:
        for module in (translation, generators):
            module.make_statements = remembering


def _get_device():
    # This code runs as Brian2's get_device, which its modules have imported by name: the names are
    # those of its module.
    return getattr(_neurofa, "device", None) or active_device  # noqa: F821


def _preference(preferences, name):
    dtype = getattr(_here, "dtype", None)
    return (
        _given(preferences, name) if dtype is None or name != "core.default_float_dtype" else dtype
    )


def _objects(follower):
    objects = getattr(_here, "objects", None)
    return _of_all_threads if objects is None else objects


_here = get_device.__globals__["_neurofa"] = threading.local()
get_device.__code__ = _get_device.__code__
_given = BrianGlobalPreferences.__getitem__
BrianGlobalPreferences.__getitem__ = _preference
_of_all_threads = InstanceFollower.instance_sets
InstanceFollower.instance_sets = property(_objects)
