"""Circuits are made in several threads, and beside Brian2 simulations of others, without a word to
each other."""

import os
import shutil
import signal
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import brian2
import numpy as np
import pytest
from brian2 import NeuronGroup, get_device, ms, prefs
from brian2.codegen import translation
from brian2.codegen.generators import base
from brian2.core.names import Nameable
from brian2.devices.device import RuntimeDevice
from neurofa.models import fa

from neurofa import CompileError, Length, Network
from neurofa.engine.brian import keeping, library, plain
from neurofa.engine.brian.isolation import building

KINDS = [(layers, dtype) for layers in (2, 3) for dtype in ("float32", "float64")]


def answer(kind, target):
    """Return the output of a circuit of one kind, and the types of all its arrays."""
    layers, dtype = kind
    net = Network([2] * layers, fa.RULE, dtype=dtype, target=target, seed=layers)
    net.stimulus(np.ones((1, 2)))
    net.run("free", Length(20 * ms, dt=1 * ms))
    return net["output.r"].copy(), {
        a.dtype.name for n, a in net.arrays.items() if not n.startswith("clock")
    }


@pytest.fixture
def empty_cache(tmp_path, monkeypatch, new_cache):
    """A folder in which no circuit is kept, and none in this process that NumPy interprets."""
    folder = new_cache(tmp_path / "cache")
    monkeypatch.setenv("NEUROFA_CACHE", str(folder))
    monkeypatch.setattr(keeping, "_kinds", OrderedDict())
    return folder


@pytest.mark.slow
def test_every_thread_gets_the_precision_that_it_asked_for(empty_cache, compiled_once, target):
    order = KINDS * 3
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda kind: answer(kind, target), order))
    for kind, (r, types) in zip(order, found):
        assert types == {kind[1]}, kind
        np.testing.assert_array_equal(r, answer(kind, target)[0], err_msg=str(kind))


@pytest.mark.slow
def test_a_brian2_simulation_in_another_thread_goes_on(empty_cache, compiled_once, target):
    seen, over = [], threading.Event()

    def simulate():
        while not over.wait(0.02):  # else it would take most of the time
            group = NeuronGroup(3, "dv/dt = -v / (10*ms) : 1", method="euler")
            group.v = [1, 2, 3]
            net = brian2.Network(group)
            net.run(1 * ms, namespace={})
            seen.append((type(get_device()), group.v[:].dtype, group.v[0]))

    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    thread = threading.Thread(target=simulate)
    try:
        thread.start()
        for layers in range(2, 20):
            assert answer((layers, "float32"), target)[1] == {"float32"}
            if layers > 2 and len(seen) > 1:
                break
        over.set()
        thread.join(60)
    finally:
        prefs.codegen.target = before
    assert len(seen) > 1
    assert {kind.__name__ for kind, _, _ in seen} == {"RuntimeDevice"}
    assert {dtype for _, dtype, _ in seen} == {np.dtype(float)}
    np.testing.assert_allclose([v for _, _, v in seen], 0.99**10, rtol=1e-12)


def test_objects_of_others_and_of_circuits_know_nothing_of_each_other(
    empty_cache, compiled_once, target
):
    def dropped_by_another_thread():
        pytest.fail("it is not there any more")

    # a name that no other test's objects have
    group = NeuronGroup(1, "v : 1", name="namesake*")
    others = Nameable.__instances__()
    set.add(others, dropped_by_another_thread)
    try:
        answer((3, "float64"), target)
        with building(RuntimeDevice(), "float64"):
            ours = NeuronGroup(1, "v : 1", name="namesake*")
    finally:
        others.discard(dropped_by_another_thread)
    theirs = NeuronGroup(1, "v : 1", name="namesake*")
    assert (group.name, ours.name, theirs.name) == ("namesake", "namesake", "namesake_1")


def test_what_a_user_has_set_is_neither_asked_nor_changed(empty_cache, compiled_once, target):
    before, schedule = prefs.core.default_float_dtype, prefs.core.network.default_schedule
    device = get_device()
    prefs.core.default_float_dtype = np.float32
    prefs.core.network.default_schedule = [
        "start",
        "resets",
        "groups",
        "thresholds",
        "synapses",
        "end",
    ]
    try:
        assert answer((2, "float64"), target)[1] == {"float64"}
        assert prefs.core.default_float_dtype is np.float32 and get_device() is device
    finally:
        prefs.core.default_float_dtype, prefs.core.network.default_schedule = before, schedule


def test_a_library_of_another_precision_is_refused(empty_cache, compiled_once, needs_compiler):
    libraries = {}
    for dtype in ("float32", "float64"):
        answer((2, dtype), "cpp")
        [libraries[dtype]] = {*empty_cache.glob("*.so")} - {*libraries.values()}
    for end in (".so", ".sha256"):
        shutil.copy(libraries["float32"].with_suffix(end), libraries["float64"].with_suffix(end))
    with pytest.raises(CompileError, match="computes in float32, not in float64. Delete that file"):
        answer((2, "float64"), "cpp")
    answer((2, "float32"), "cpp")


def test_a_process_that_is_forked_while_another_thread_makes_a_circuit_can_make_one():
    begun, go_on = threading.Event(), threading.Event()

    def hold():
        with building(RuntimeDevice(), "float32"):
            begun.set()
            go_on.wait(0.5)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # else it would wait for ever
        os._exit(answer((2, "float64"), "numpy")[1] != {"float64"})
    go_on.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("asked", ["float32", "float64"])
def test_a_library_says_what_its_arrays_are(asked, needs_compiler, monkeypatch, empty_cache):
    """Not what was asked for: here, everything is made in the other precision."""
    other = {"float32": "float64", "float64": "float32"}[asked]
    inner = library.building
    monkeypatch.setattr(library, "building", lambda device, dtype: inner(device, other))
    with pytest.raises(CompileError, match=f"computes in {other}, not in {asked}"):
        answer((2, asked), "cpp")


def test_interpreted_circuits_of_one_kind_share_nothing_but_their_code():
    one, other = (
        Network([2, 3, 2], fa.RULE, 2, dtype="float64", target="numpy", seed=s) for s in (1, 2)
    )
    x = np.ones((2, 2))
    for net in (one, other):
        net.stimulus(x)
        net.run("free", Length(300 * ms, dt=5 * ms))
    assert not any(
        np.shares_memory(one.arrays[name], array) for name, array in other.arrays.items()
    )
    for net in (one, other):
        np.testing.assert_allclose(
            net["output.r"], np.tanh(x @ net["W1"].T) @ net["W2"].T, rtol=1e-9
        )


def test_an_interpreted_circuit_of_another_size_needs_no_new_code(monkeypatch):
    x = np.ones((3, 5))
    Network([2, 3, 2], fa.RULE, 2, dtype="float64", target="numpy")
    monkeypatch.delattr(plain, "generated")
    net = Network([5, 4, 1], fa.RULE, 3, dtype="float64", target="numpy", seed=1)
    net.stimulus(x)
    net.run("free", Length(300 * ms, dt=5 * ms))
    np.testing.assert_allclose(net["output.r"], np.tanh(x @ net["W1"].T) @ net["W2"].T, rtol=1e-9)


def test_brian2_remembers_no_statements_of_ours_but_those_of_others(empty_cache, runtime):
    make, kept = translation.make_statements, translation.make_statements._cache
    before = len(kept)
    answer((2, "float64"), "numpy")
    assert len(kept) == before
    assert translation.make_statements is base.make_statements is make
    group = NeuronGroup(1, "v : 1", name="remembered")
    group.v = "v + 1"
    assert len(kept) > before
