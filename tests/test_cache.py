"""Where compiled circuits lie, who may have put them there, and what a process keeps of them."""

import gc
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms
from compiling import made
from neurofa.models import fa

from neurofa import Length, Network
from neurofa.engine.brian import cache as compiled_code
from neurofa.engine.brian import library, toolchain

pytestmark = pytest.mark.usefixtures("own_toolchain", "compiled_once")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory, new_cache):
    """A folder of its own in which the circuit of `made()` is compiled."""
    path = new_cache(tmp_path_factory.mktemp("compiled") / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROFA_CACHE", str(path))
        assert made()[1] == []
    return path


@pytest.fixture
def cache(compiled, tmp_path):
    """A cache folder with one compiled circuit, that of `made()`."""
    shutil.copytree(compiled, tmp_path / "cache", dirs_exist_ok=True)
    assert made()[1] == []
    return tmp_path / "cache"


def forgotten(cache):
    """Remove the circuit from the cache; what all circuits share stays."""
    for file in (*cache.glob("*.so"), *(f.with_suffix(".sha256") for f in cache.glob("*.so"))):
        file.unlink()


# --- whose the folder is ---


@pytest.mark.parametrize("mask", [0, 0o002, 0o777])
def test_folders_are_the_users_alone_whatever_the_umask(tmp_path, monkeypatch, mask):
    monkeypatch.setenv("NEUROFA_CACHE", str(tmp_path / "new" / "cache"))
    before = os.umask(mask)
    try:
        assert made()[1] == []
    finally:
        os.umask(before)
    for path in (
        tmp_path / "new",
        tmp_path / "new" / "cache",
        *(tmp_path / "new" / "cache").glob("*[6o]"),
    ):
        assert path.stat().st_mode & 0o077 == 0, path
    assert made()[1] == []


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_not_used(cache, mode):
    before = {p: p.stat().st_mtime_ns for p in cache.iterdir()}
    cache.chmod(mode)
    net, [said] = made()
    assert (
        net.target == "cpp"
        and str(cache) in said
        and "others may write to it" in said
        and "chmod go-w" in said
    )
    assert {p: p.stat().st_mtime_ns for p in cache.iterdir()} == before
    cache.chmod(0o755)
    assert made()[1] == []


def test_a_folder_of_another_user_is_not_used(cache, monkeypatch):
    theirs, ours = cache.stat().st_uid, os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: theirs + 1)
    [said] = made_nothing_loaded(monkeypatch)
    assert str(cache) in said and "belongs to another user" in said
    monkeypatch.setattr(os, "geteuid", lambda: ours)
    assert made()[1] == []


def made_nothing_loaded(monkeypatch):
    """Return the warnings of a network whose files cannot belong to us, because nothing does; it
    need not be made."""
    with warnings.catch_warnings(record=True) as caught, monkeypatch.context() as patch:
        warnings.simplefilter("always", UserWarning)
        patch.setattr(compiled_code, "FileLock", None)
        with pytest.raises(TypeError, match="NoneType"):
            library.load("name", None, float, 1, {})
    return [str(w.message) for w in caught if w.category is UserWarning]


def test_a_folder_that_others_can_exchange_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "open" / "cache").mkdir(parents=True, mode=0o700)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "open" / "cache")
    for folder in (tmp_path / "open" / "cache", tmp_path / "link"):
        monkeypatch.setenv("NEUROFA_CACHE", str(folder))
        [said] = made()[1]
        assert str(folder) in said and "everybody may write to" in said
    (tmp_path / "open").chmod(0o1777)  # as /tmp is
    (tmp_path / "open" / "cache").chmod(0o700)
    assert made()[1] == []


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="reads /proc")
def test_processors_of_a_cluster_share_a_folder(cache, monkeypatch):
    """Each has circuits of its own, for what one computes with, another may not know."""
    before = {path: path.read_bytes() for path in cache.iterdir()}
    code = {suffix: next(cache.glob(f"*{suffix}")).read_bytes() for suffix in (".so", ".o")}
    read, asked = Path.read_text, []

    def of_another_processor(path, *how, **options):
        text = read(path, *how, **options)
        return text.replace("flags", "flags avx9999") if str(path) == "/proc/cpuinfo" else text

    def compiled(source, result, *others):
        asked.append(result.suffix)
        result.write_bytes(code[result.suffix])

    monkeypatch.setattr(compiled_code, "compile_library", compiled)
    monkeypatch.setattr(Path, "read_text", of_another_processor)
    for compilations in ([".o", ".so"], []):  # once for all of its kind
        asked.clear()
        toolchain._machine.cache_clear()
        assert made()[1] == [] and sorted(asked) == compilations
    monkeypatch.setattr(Path, "read_text", read)
    toolchain._machine.cache_clear()
    assert made()[1] == [] and not asked
    assert all(path.read_bytes() == bytes for path, bytes in before.items())
    assert len([*cache.glob("*.so")]) == 2


@pytest.mark.parametrize("end", ["", ".sha256"], ids=["code", "checksum"])
@pytest.mark.parametrize("code", ["circuit", "runtime"])
@pytest.mark.parametrize("how", ["group", "others", "link", "owner"])
def test_a_file_that_others_could_have_written_is_made_anew(cache, tmp_path, how, code, end):
    [made_of] = cache.glob(dict(circuit="*.so", runtime="*.o")[code])
    file = made_of.with_suffix(end or made_of.suffix)
    if code == "runtime":
        forgotten(cache)
    if how == "link":
        shutil.move(file, tmp_path / "theirs")
        (tmp_path / "theirs").chmod(0o666)
        file.symlink_to(tmp_path / "theirs")
    elif how == "owner":
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        os.chown(file, 12345, -1)
    else:
        file.chmod(0o660 if how == "group" else 0o606)
    _, [said] = made()
    assert f"{made_of} could have been written by somebody else; it is compiled anew" in said
    assert (
        not file.is_symlink()
        and file.stat().st_mode & 0o077 == 0
        and file.stat().st_uid == os.geteuid()
    )
    assert made()[1] == []


@pytest.mark.parametrize(
    "how",
    [
        "everybody's folder",
        "the group's folder",
        "everybody's file",
        "the group's checksum",
        "another user's file",
    ],
)
def test_planted_code_is_not_run(cache, tmp_path, how):
    """A library with a matching checksum beside it, from somebody who could put them there: loading
    it would run its constructor."""
    [library], proof, source = cache.glob("*.so"), tmp_path / "it was run", tmp_path / "planted.cpp"
    source.write_text(
        f'#include <cstdio>\n__attribute__((constructor)) static void run() {{ std::fclose(std::fopen("{proof}", "w")); }}\n'
    )
    subprocess.run([toolchain.compiler(), "-shared", "-fPIC", "-o", library, source], check=True)
    checksum = library.with_suffix(".sha256")
    checksum.write_text(hashlib.sha256(library.read_bytes()).hexdigest())
    library.chmod(0o600)
    match how:
        case "everybody's folder" | "the group's folder":
            cache.chmod(0o777 if how.startswith("everybody") else 0o770)
        case "everybody's file":
            library.chmod(0o666)
        case "the group's checksum":
            checksum.chmod(0o660)
        case "another user's file":
            if os.geteuid() != 0:
                pytest.skip("only root can give files away")
            os.chown(library, 12345, -1)
    try:
        _, said = made()
    finally:
        assert not proof.exists()
    assert len(said) == 1 and str(cache) in said[0]


# --- what is left behind, and what a process keeps ---


def test_nothing_is_needed_of_the_temporary_folder_once_a_circuit_is_compiled(
    cache, tmp_path, monkeypatch
):
    """Programs may not be run from some (mounted noexec), and some are full."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setattr(library, "_loaded", {})
    assert made()[1] == []
    assert not [p.name for p in cache.iterdir() if p.name.startswith("build-")]


def test_what_a_killed_process_left_is_swept(cache):
    forgotten(cache)
    left = [cache / "build-abc", cache / "build-of-another", cache / "build-abc.so"]
    for path in left[:2]:
        path.mkdir()
        (path / "library.cpp").write_text("int main() {}")
    left[2].write_text("half a copy")
    for path in (left[0], left[2]):
        os.utime(path, (time.time() - 2 * compiled_code._LEFT_BEHIND,) * 2)
    made()
    # that of another may be in use
    assert [path.exists() for path in left] == [False, True, False]


@pytest.mark.parametrize("gone", ["before it is looked at", "before it is removed"])
def test_what_another_process_finishes_meanwhile_is_no_fault(cache, monkeypatch, gone):
    """Between the listing of the folder and each of its entries, others go on."""
    (cache / "build-old.so").touch()
    os.utime(cache / "build-old.so", (time.time() - 2 * compiled_code._LEFT_BEHIND,) * 2)
    vanished = cache / "build-of-another.so"
    if gone == "before it is removed":
        old = os.stat(cache / "build-old.so")
        stat = type(cache).stat
        monkeypatch.setattr(
            type(cache), "stat", lambda p, **o: old if p == vanished else stat(p, **o)
        )
    monkeypatch.setattr(
        type(cache), "glob", lambda folder, pattern: [vanished, cache / "build-old.so"]
    )
    compiled_code._sweep(cache)
    assert not os.path.exists(cache / "build-old.so")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_networks_of_one_kind_share_their_code_and_give_their_memory_back():
    def held():
        with open("/proc/self/maps") as maps, open("/proc/self/statm") as pages:
            return sum(1 for _ in maps), int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    options = dict(trials=1000, target="cpp", seed=1)
    keep = [Network([30, 10], fa.RULE, **options) for _ in range(3)]
    assert len({net["W1"].ctypes.data for net in keep}) == 3
    keep[0]["W1"] = 0.0
    assert keep[1]["W1"].all() and (keep[1]["W1"] == keep[2]["W1"]).all()
    weights = Network([30, 10], fa.RULE, **options)["W1"]  # outlives its network
    maps, memory = held()
    for _ in range(100):
        Network([30, 10], fa.RULE, **options)
    gc.collect()
    more, grown = held()
    assert more - maps < 20 and grown - memory < 20 * sum(
        array.nbytes for array in keep[0].arrays.values()
    )
    assert (weights == keep[1]["W1"]).all()


def test_two_threads_run_networks_of_one_kind_at_once():
    nets, results = [Network([20, 30, 5], fa.RULE, 8, seed=seed) for seed in range(4)], {}

    def run(net):
        net.stimulus(np.ones((8, 20)))
        results[net.seed] = [
            net.run("free", Length(200 * ms, dt=1 * ms)).output for _ in range(20)
        ][-1]

    threads = [threading.Thread(target=run, args=(net,)) for net in nets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for net in nets:
        np.testing.assert_allclose(
            results[net.seed][0], net["W2"] @ np.tanh(net["W1"] @ np.ones(20)), atol=1e-6
        )


@pytest.mark.parametrize(
    "sizes, trials", [((2, 3, 2), 1), ((5, 70, 9), 1), ((7, 1, 5), 4), ((3, 40, 11), 9)]
)
def test_one_library_serves_every_size(tmp_path, sizes, trials):
    """Products of all kinds among them: whole vectors, parts of one, and more."""

    def output(target):
        net = Network(sizes, fa.RULE, trials, seed=1, target=target)
        net.stimulus(np.random.default_rng(0).normal(size=(trials, sizes[0])))
        net.run("free", Length(50 * ms, dt=5 * ms))
        return net["output.r"].copy()

    for target in ("cpp", "numpy"):
        Network([4, 5, 3], fa.RULE, 2, target=target)
    before = {*(tmp_path / "cache").iterdir()}
    np.testing.assert_allclose(output("cpp"), output("numpy"), rtol=1e-12, atol=1e-15)
    assert {*(tmp_path / "cache").iterdir()} == before
