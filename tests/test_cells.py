"""Work in parallel processes: finished cells are kept, and not done again."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from neurofa import lookup
from neurofa.base.errors import ExperimentError
from neurofa.runs.cells import digest, gather, run_cells

pytestmark = pytest.mark.subprocess


def squared(number, log):
    """A cell that notes in a file that it was done."""
    with open(log, "a") as file:
        file.write(f"{number}\n")
    if number < 0:
        raise ValueError(f"{number} is negative")
    return dict(square=number**2)


def cubed(number, log):
    """Another function of the same values."""
    return dict(cube=number**3)


def cells(log, numbers=(1, 2, 3)):
    return [dict(number=n, log=str(log)) for n in numbers]


@pytest.mark.usefixtures("one_process")
@pytest.mark.slow
def test_results_come_in_the_order_of_the_cells_and_are_done_once(tmp_path):
    log = tmp_path / "log"
    for _ in range(2):
        found = run_cells(tmp_path / "cells", squared, cells(log), progress=False)
        assert [r["square"] for r in found] == [1, 4, 9]
    assert sorted(log.read_text().split()) == ["1", "2", "3"]
    run_cells(tmp_path / "cells", squared, cells(log, (3, 4)), progress=False)
    assert sorted(log.read_text().split()) == ["1", "2", "3", "4"]


@pytest.mark.usefixtures("one_process")
@pytest.mark.slow
def test_two_functions_of_the_same_values_have_results_of_their_own(tmp_path):
    for _ in range(2):
        assert run_cells(
            tmp_path / "cells", squared, cells(tmp_path / "log", (3,)), progress=False
        ) == [dict(square=9)]
        assert run_cells(
            tmp_path / "cells", cubed, cells(tmp_path / "log", (3,)), progress=False
        ) == [dict(cube=27)]
    assert (tmp_path / "log").read_text() == "3\n" and len(
        list((tmp_path / "cells").iterdir())
    ) == 2


@pytest.mark.usefixtures("one_process")
@pytest.mark.slow
def test_what_is_finished_is_kept_when_another_cell_fails(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(ValueError, match="-1 is negative"):
        run_cells(tmp_path / "cells", squared, cells(log, (5, -1)), jobs=1, progress=False)
    assert [json.loads(f.read_text())["square"] for f in (tmp_path / "cells").glob("*.json")] == [
        25
    ]
    assert not list((tmp_path / "cells").glob("*.unfinished"))


def killed(number, log):
    """A cell whose process is killed, as by a system that is short of memory."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return squared(number, log)


@pytest.mark.slow
def test_a_process_that_is_killed_is_said_and_what_is_finished_is_kept(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(ExperimentError, match="ended from outside.*What is finished is kept"):
        run_cells(tmp_path / "cells", killed, cells(log, (5, -1)), jobs=1, progress=False)
    assert [json.loads(f.read_text())["square"] for f in (tmp_path / "cells").glob("*.json")] == [
        25
    ]


def test_the_same_values_have_the_same_name_whatever_their_order():
    assert digest(dict(a=1, b=[2, 3])) == digest(dict(b=[2, 3], a=1)) != digest(dict(a=1, b=[3, 2]))


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExperimentError, match="cannot be made"):
        run_cells(tmp_path / "file" / "cells", squared, cells(tmp_path / "log"), progress=False)


@pytest.mark.slow
def test_a_comparison_that_is_killed_goes_on_to_the_same_table(tmp_path, capsys, one_process):
    """It is killed in a process of its own; what is not killed is begun by this one."""
    asked = dict(models="fa", pathway=["sparse(0.5)"], seeds=2, epochs=1, jobs=1, progress=False)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()

    def compared(name):
        """Return what is printed, but for the time that it took and the place, and the table."""
        lookup.experiment("compare").main(**asked, out=tmp_path / name / "runs")
        said = capsys.readouterr().out.replace(str(tmp_path / name), "").splitlines()
        [table] = (tmp_path / name).glob("runs/*/compare.csv")
        return [line for line in said if not line.startswith("Minutes")], table.read_text()

    whole = compared("whole")
    command = [
        sys.executable,
        "-c",
        f"from neurofa import lookup; lookup.experiment('compare').main(**{asked})",
    ]
    with subprocess.Popen(command, start_new_session=True, cwd=tmp_path / "killed") as process:
        until = time.monotonic() + 120
        while (
            not list((tmp_path / "killed").glob("runs/*/cells/*.json")) and time.monotonic() < until
        ):
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    assert 1 <= len(list((tmp_path / "killed").glob("runs/*/cells/*.json"))) < 4
    assert compared("killed") == whole and any("sparse(0.5)" in line for line in whole[0])


def asleep(folder, number):
    """A cell that says which process it is in, and never ends."""
    (pathlib.Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(600)


@pytest.mark.slow
def test_processes_end_with_the_one_that_was_killed(tmp_path):
    """Or they would write the files of those that the same command begins next."""
    code = f"from test_cells import *; run_cells({str(tmp_path)!r}, asleep, [dict(folder={str(tmp_path)!r}, number=k) for k in (0, 1)])"
    with subprocess.Popen(
        [sys.executable, "-c", f"if __name__ == '__main__': {code}"],
        cwd=pathlib.Path(__file__).parent,
    ) as process:
        until = time.monotonic() + 60
        while len(found := list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
    assert len(found) == 2
    until = time.monotonic() + 10
    while (
        left := [path.stem for path in found if alive(int(path.stem))]
    ) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left


def alive(pid):
    """Whether there is such a process, and it is not merely waiting for somebody to ask how it
    ended."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it ended in between, or this system has no /proc
        return not pathlib.Path("/proc").is_dir()


def test_results_become_a_dataset_over_what_the_cells_differ_in():
    given = [
        dict(rule=rule, sizes=sizes, seed=seed, epochs=2)
        for rule in ("fa", "bp")
        for sizes in ((3, 2), (3, 2, 2))
        for seed in (0, 1)
    ]
    results = [
        dict(error=k + 0.5, curve=[k, None, 2][: len(cell["sizes"])], weights=[[k, 1], [2, 3]])
        for k, cell in enumerate(given)
    ]
    data = gather(given, results, ("rule", "sizes", "seed"), curve="epoch", weights=("post", "pre"))
    assert data.error.dims == ("rule", "sizes", "seed") and data.sizes["post"] == 2
    assert data.rule.values.tolist() == ["fa", "bp"] and data["sizes"].values.tolist() == [
        "3-2",
        "3-2-2",
    ]
    assert float(data.error.sel(rule="bp", sizes="3-2", seed=1)) == 5.5
    np.testing.assert_array_equal(data.curve.sel(rule="fa", sizes="3-2-2", seed=0), [2, np.nan, 2])
    np.testing.assert_array_equal(
        data.curve.sel(rule="fa", sizes="3-2", seed=0), [0, np.nan, np.nan]
    )
    np.testing.assert_array_equal(data.weights[1, 1, 1], [[7, 1], [2, 3]])


def test_lists_along_one_dimension_may_differ_in_length():
    given = [dict(seed=k) for k in (0, 1)]
    results = [dict(test=[1, 2, 3], train=[4, 5], none=[]), dict(test=[6], train=None, none=[])]
    data = gather(given, results, ("seed",), test="epoch", train="epoch", none="epoch")
    assert data.epoch.values.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(data.test, [[1, 2, 3], [6, np.nan, np.nan]])
    np.testing.assert_array_equal(data.train, [[4, 5, np.nan], [np.nan] * 3])
    assert data.none.isnull().all()


def test_what_no_cell_fills_is_nan():
    given = [dict(rule="fa", angle=0), dict(rule="bp", angle=90)]
    data = gather(given, [dict(error=1.0), dict(error=None)], ("rule", "angle"))
    np.testing.assert_array_equal(data.error, [[1, np.nan], [np.nan, np.nan]])


def counted(number, kept):
    """A cell that notes how often it was begun."""
    path = pathlib.Path(kept)
    path.write_text(path.read_text() + "." if path.exists() else ".")
    if len(path.read_text()) < number:
        raise ValueError("again")
    return dict(begun=len(path.read_text()))


@pytest.mark.usefixtures("one_process")
def test_a_cell_can_keep_a_file_of_its_own(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError, match="again"):
            run_cells(tmp_path, counted, [dict(number=3)], progress=False, keep=".txt")
    assert run_cells(tmp_path, counted, [dict(number=3)], progress=False, keep=".txt") == [
        dict(begun=3)
    ]
    assert len(list(tmp_path.glob("*.txt"))) == 1


def threads_of_numpy(number):
    from threadpoolctl import threadpool_info

    return dict(threads=[library["num_threads"] for library in threadpool_info()])


def test_numpy_has_one_thread_in_every_process(tmp_path):
    """They share the cores among themselves."""
    [found] = run_cells(tmp_path, threads_of_numpy, [dict(number=1)], 1, progress=False)
    assert found["threads"] and set(found["threads"]) == {1}
