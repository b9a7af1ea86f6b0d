"""Whoever does the cells of a run, and in however many parts: the results are the same."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from clusters import cluster
from typer.testing import CliRunner

from neurofa import ExperimentError
from neurofa.runs import executors
from neurofa.runs.cells import run_cells
from neurofa.runs.cli import app
from neurofa.runs.cli.run import command_of
from neurofa.runs.executors import Workers, processes
from neurofa.runs.experiment import Run


class Here(Executor):
    """An executor that does everything at once, in this thread."""

    def submit(self, work, /, *values, **named):
        future = Future()
        try:
            future.set_result(work(*values, **named))
        except Exception as problem:
            future.set_exception(problem)
        return future

    def shutdown(self, **how):
        pytest.fail("it is not ours")


def noted(number, log):
    """A cell that notes that it was done."""
    with open(log, "a") as file:
        file.write(f"{number} ")
    return dict(square=number**2) if isinstance(number, int) else {}


def asked(folder, numbers):
    return [dict(number=number, log=str(folder / "log")) for number in numbers]


# --- any executor ---


@pytest.mark.parametrize("executor", [Here(), ThreadPoolExecutor(2)], ids=["own", "threads"])
def test_any_executor_does_the_cells(tmp_path, executor):
    for _ in range(2):
        found = run_cells(tmp_path, noted, asked(tmp_path, range(4)), executor, progress=False)
        assert [one["square"] for one in found] == [0, 1, 4, 9]
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "1", "2", "3"]
    assert executor.submit(int, 5).result() == 5  # it goes on


def slow_or_wrong(number, log):
    """A cell of which one fails while others are at work."""
    if number < 0:
        raise ValueError("negative")
    time.sleep(0.2)
    return noted(number, log)


@pytest.mark.subprocess
@pytest.mark.slow
def test_processes_leave_nothing_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with processes(1) as pool:
        assert pool.submit(tempfile.gettempdir).result() == str(tmp_path)
    assert not list(tmp_path.iterdir())


def test_cells_that_were_begun_are_finished_when_another_fails(tmp_path):
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="negative"):
        run_cells(
            tmp_path, slow_or_wrong, asked(tmp_path, (1, -1, *range(2, 9))), pool, progress=False
        )
    kept = [json.loads(file.read_text())["square"] for file in tmp_path.glob("*.json")]
    assert 1 in kept and len(kept) < 4


def where(number, kept):
    Path(kept).write_text("")
    return dict(kept=kept)


def test_a_cell_keeps_its_file_elsewhere_where_the_folder_is_not_seen(tmp_path):
    class Far(Here):
        def submit(self, work, *values):
            (tmp_path / "cells").rename(tmp_path / "hidden")
            try:
                return super().submit(work, *values)
            finally:
                (tmp_path / "hidden").rename(tmp_path / "cells")

    for executor, here in ((Here(), True), (Far(), False)):
        cells = [dict(number=int(here))]
        [found] = run_cells(tmp_path / "cells", where, cells, executor, progress=False, keep=".h5")
        assert Path(found["kept"]).is_absolute()
        assert Path(found["kept"]).exists() == (Path(found["kept"]).parent.name == "cells") == here


# --- parts ---


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/2/3", "-1/3", ""])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ExperimentError, match="the first of ten as 1/10"):
        executors.part(text)


def test_parts_are_equally_long_and_together_everything(tmp_path):
    """Whatever their order, and whatever is there already."""
    cells, log = asked(tmp_path, range(25)), tmp_path / "log"
    done = []
    for k in (3, 10, 1, 2, 7, 6, 5, 4, 9, 8):
        found = run_cells(tmp_path, noted, cells, Workers(Here(), (k, 10)), progress=False)
        done.append(len(log.read_text().split()) - sum(done))
        assert sum(map(bool, found)) == sum(done)
    assert {*done} == {2, 3} and sorted(map(int, log.read_text().split())) == [*range(25)]
    run_cells(tmp_path, noted, cells, Workers(Here(), (3, 10)), progress=False)
    assert len(log.read_text().split()) == 25


def test_a_part_ends_before_table_and_figure_and_what_is_there_is_collected(tmp_path, capsys):
    run, cells = Run.start_or_resume("fake", {}, out=tmp_path), asked(tmp_path, range(4))
    later = [(slow_or_wrong, asked(tmp_path, (5, 6)))]

    def collect(**how):
        return run.collect(noted, cells, ("number",), Workers(Here(), **how), besides=later)

    with pytest.raises(ExperimentError, match="nothing is there to collect"):
        collect(collecting=True)
    with pytest.raises(typer.Exit):
        collect(part=(1, 2))
    assert "Part 1 of 2 is done" in capsys.readouterr().out
    there = {int(n) for n in (tmp_path / "log").read_text().split()} & {*range(4)}
    data = collect(collecting=True)
    assert (
        f"{len(there)} of 4 {'is' if len(there) == 1 else 'are'} there" in capsys.readouterr().out
    )
    assert {int(n) for n in data.number[data.square.notnull()]} == there
    with pytest.raises(typer.Exit):
        collect(part=(2, 2))
    assert len((tmp_path / "log").read_text().split()) == 6  # and what comes later
    assert collect(collecting=True).square.values.tolist() == [0, 1, 4, 9]


@pytest.mark.parametrize("how", [dict(collecting=True), dict(executor=Here()), dict(executor=1)])
def test_what_is_to_be_done_here_is_done_by_this_machine(tmp_path, how, one_process):
    """Whoever did what it is made from, and wherever that was."""
    run, cells = Run.start_or_resume("fake", {}, out=tmp_path), asked(tmp_path, range(3))
    data = run.collect(noted, cells, ("number",), Workers(**how), progress=False, here=True)
    assert data.square.values.tolist() == [0, 1, 4]
    assert Workers(**how).here == Workers(1 if how.get("executor") == 1 else 2)


def test_a_part_is_done_by_one_process_and_others_by_others(tmp_path):
    held = executors.alone(tmp_path, (1, 3))
    with ThreadPoolExecutor(1) as other:  # locks are held by threads, as by processes
        with pytest.raises(ExperimentError, match="Another process is at this run already"):
            other.submit(executors.alone, tmp_path, (1, 3)).result()
        other.submit(executors.alone, tmp_path, (2, 3)).result()
    held.release()
    executors.alone(tmp_path, (1, 3))


FLAGS = ("--models", "fa", "--pathway", "sparse(0.5)", "--seeds", "2", "--epochs", "1")


def compared(out, *flags):
    """Run `neurofa compare`, and return its table, if it has made one."""
    asked = ["compare", *FLAGS, "--no-progress", "--out", str(out), *flags]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    return [path.read_bytes() for path in out.glob("*/compare.csv")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, process_beside):
    """The table of one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurofa.runs.executors.opened", lambda *_: nullcontext(process_beside))
        return compared(tmp_path_factory.mktemp("whole"), "--jobs", "1")


AT_ONCE = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
import typer
from neurofa import lookup
from neurofa.runs.executors import Workers, processes
out, main = sys.argv[1], lookup.experiment("compare").main
for k in range(1, 11):
    if os.fork() == 0:
        with ThreadPoolExecutor(1) as pool:
            try:
                main("fa", ["sparse(0.5)"], seeds=2, epochs=1, jobs=Workers(pool, (k, 10)), out=out, progress=False)
            except typer.Exit:
                os._exit(0)
        os._exit(1)
print(*(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(10)))
"""


@pytest.mark.subprocess
@pytest.mark.slow
def test_ten_parts_make_the_table_of_one_process(tmp_path, script, whole, one_process):
    for k in range(1, 11):
        assert not compared(tmp_path / "in turns", "--part", f"{k}/10")
    done = script(AT_ONCE, str(tmp_path / "at once"))
    assert done.stdout.split()[-10:] == ["0"] * 10, done.stderr
    for name in ("in turns", "at once"):
        assert compared(tmp_path / name, "--collect") == whole != []


# --- a cluster ---


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    pytest.importorskip("distributed")
    with cluster(tmp_path_factory.mktemp("dask")) as made:
        yield made


def deadly(number, log):
    """A cell whose worker dies when it is begun for the first time, and says who that was."""
    noted(f"{number}-{os.getpid()}", log)
    if number == 3 and not (dead := Path(log).with_name("dead")).exists():
        dead.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return dict(pid=os.getpid())


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_worker_that_is_killed_changes_nothing(tmp_path, whole, dask):
    """It is killed half-way."""
    address, [first, *_] = dask

    def kill():
        until = time.monotonic() + 60
        while not [*tmp_path.glob("*/cells/*.json")] and time.monotonic() < until:
            time.sleep(0.01)
        first.kill()

    threading.Thread(target=kill).start()
    assert compared(tmp_path, "--scheduler", address) == whole != []
    first.join(10)
    assert first.exitcode == -signal.SIGKILL


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_worker_that_dies_costs_its_cell_once_more(tmp_path, dask):
    with executors.cluster(dask[0]) as pool:
        found = run_cells(tmp_path, deadly, asked(tmp_path, range(6)), pool, progress=False)
    dead, done = int((tmp_path / "dead").read_text()), (tmp_path / "log").read_text().split()
    by_others = [one for one in done if not one.endswith(f"-{dead}")]
    assert f"3-{dead}" in done and len(found) == 6 == len({*by_others}) + sum(
        one["pid"] == dead for one in found
    )
    assert len(by_others) == len({one.split("-")[0] for one in by_others})
    assert os.getpid() not in {one["pid"] for one in found}


def test_a_scheduler_that_is_not_there_is_said():
    pytest.importorskip("distributed")
    for address in ("tcp://127.0.0.1:1", "nowhere"):
        with pytest.raises(ExperimentError, match="no scheduler answers there"):
            with executors.cluster(address, seconds=0.2):
                pass


@pytest.mark.subprocess
@pytest.mark.slow
def test_cells_that_are_given_up_are_said_in_a_sentence(dask):
    from distributed import KilledWorker

    problems = {
        KilledWorker("cell", SimpleNamespace(address="tcp://far:1"), 3): "was given up",
        CancelledError(): "was lost",
    }
    for problem, said in problems.items():
        with pytest.raises(ExperimentError, match=f"{said}.*What is finished is kept"):
            with executors.cluster(dask[0]):
                raise problem


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExperimentError, match=r"pip install 'neurofa\[cluster\]'"):
        with executors.cluster("tcp://127.0.0.1:1"):
            pass


# --- the page ---

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.mark.subprocess
def test_the_script_for_slurm_asks_for_its_part(tmp_path):
    asked, activate = (
        ["compare", "--pathway", "sparse(0.1) | gain(2)"],
        tmp_path / ".venv/bin/activate",
    )
    activate.parent.mkdir(parents=True)
    activate.write_text("neurofa() { printf '%s\\n' \"$@\"; }\n")
    job = os.environ | dict(SLURM_ARRAY_TASK_ID="3", SLURM_CPUS_PER_TASK="4")
    script = ["bash", str(DOCS / "array.slurm"), *asked]
    done = subprocess.run(script, cwd=tmp_path, env=job, text=True, stdout=subprocess.PIPE)
    name, *flags = done.stdout.splitlines()
    found = command_of(name).make_context(name, flags).params
    assert (name, [*found["pathway"]]) == (asked[0], asked[2:]) and not found["progress"]
    assert executors.part(found["part"]) == (3, 10) and found["jobs"] == 4
    assert "#SBATCH --array=1-10\n" in (DOCS / "array.slurm").read_text()


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_sweep_of_ones_own_runs_as_printed(tmp_path, script):
    """Its function is that of a script, which its processes do not import."""
    [code] = re.findall(r"```python\n(.*?)```", (DOCS / "cluster.md").read_text(), re.S)
    for text in ("EPOCHS = 3", "range(2)", "jobs=2"):
        code = code.replace(text, re.sub(r"\d", "1", text))
    done = script(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len([*tmp_path.glob("runs/sweep-*/cells/*.json")]) == 3 and "kept" in done.stdout


# --- flags ---


@pytest.mark.parametrize(
    "flags, said",
    [
        (("--part", "1/2", "--collect"), "do the parts first"),
        (("--part", "3/2"), "the first of ten as 1/10"),
    ],
)
def test_flags_that_do_not_fit_are_refused(tmp_path, flags, said):
    result = CliRunner().invoke(app, ["compare", *FLAGS, "--out", str(tmp_path / "runs"), *flags])
    assert result.exit_code == 1 and said in result.stderr and not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name, has", [("compare", True), ("tracking", False)])
def test_experiments_with_cells_have_the_flags(name, has):
    shown = {option for one in command_of(name).params for option in one.opts}
    assert len(shown & {"--jobs", "--scheduler", "--part", "--collect"}) == 4 * has
