"""The benchmark: what it counts and reports. How long anything takes is not for a test to say."""

import json
import math
import types
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from neurofa import Learner, Network, SteadyState, lookup, present
from neurofa.base.errors import CompileError, Diverged, NetworkError
from neurofa.engine.brian.engine import Outcome, Request
from neurofa.runs import bench
from neurofa.runs.bench import overhead, recordings, startup
from neurofa.runs.bench.circuit import DT, controlled
from neurofa.runs.bench.timing import rounds_of, run
from neurofa.runs.bench.updates import ETA, DiscreteRule
from neurofa.runs.cli import app

SMALL = ("--layers", "6,5,4,3", "--trials", "2", "--steps", "20")
# W2, W3, and Q into every layer; W1 is no part of a step
SYNAPSES = 4 * 5 + 3 * 4 + 3 * (5 + 4 + 3)


def asked(*arguments):
    result = CliRunner().invoke(app, ["bench", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_noise():
    found = asked("noise", "--units", "30", "--trials", "2", "--steps", "20", "--dtype", "float32")
    assert [found[name] for name in ("units", "trials", "dtype", "steps", "rounds")] == [
        30,
        2,
        "float32",
        20,
        9,
    ]
    assert found["ms_per_step"] > 0
    assert found["ns_per_sample_min"] <= found["ns_per_sample"] <= found["ns_per_sample_max"]


@pytest.mark.parametrize("dtype, size", [("float64", 8), ("float32", 4)])
def test_step(dtype, size):
    found = asked("step", *SMALL, "--dtype", dtype, "--threads", "2")
    assert [found[name] for name in ("layers", "trials", "dtype", "threads")] == [
        [6, 5, 4, 3],
        2,
        dtype,
        2,
    ]
    assert found["steps"] >= 20  # more, where rounds would be over in a moment
    assert (
        found["rounds"] == 9
        and found["synapses"] == SYNAPSES
        and found["bytes_per_synapse"] == size
    )
    assert found["weights_mb"] == pytest.approx((SYNAPSES + 5 * 6) * size / 1e6)
    assert found["ns_per_synapse"] == pytest.approx(found["ms_per_step"] * 1e6 / SYNAPSES / 2)
    timed = [
        found[name]
        for name in (
            "ms_per_step",
            "limit_ms_per_step",
            "ratio",
            "ratio_mean",
            "ratio_min",
            "ratio_max",
        )
    ]
    assert all(math.isfinite(value) and value > 0 for value in timed)
    assert found["ratio_min"] <= min(found["ratio"], found["ratio_mean"])
    assert max(found["ratio"], found["ratio_mean"]) <= found["ratio_max"]
    assert 10 < found["peak_rss_mb"] < 100_000


@pytest.mark.parametrize("steps", [1, 8, 9, 20, 500, 5003])
def test_rounds_share_the_steps(steps):
    rounds = rounds_of(steps)
    assert sum(rounds) == steps and len(rounds) >= min(steps, 9) and max(rounds) - min(rounds) <= 1


def test_a_step_is_a_step_of_the_feedback_phase():
    """Steps whose input drive is not evaluated again end where those of an ordinary phase end."""
    nets = [controlled((6, 5, 4, 3), 2, "float64", 1)[0] for _ in range(2)]
    names = ("hidden1.v", "hidden2.v", "output.v", "controller.U")
    before = [nets[0][name].copy() for name in names]
    for net, how in zip(nets, ({"silent": ("W1",)}, {"once": ("W1",)})):
        assert net.arrays["output.feedback_on"] == 1
        net.engine.run(Request(7, 2, DT, **how))
    for name, old in zip(names, before):
        np.testing.assert_array_equal(nets[0][name], nets[1][name])
        assert (nets[0][name] != old).all()


@pytest.mark.parametrize("how, error", [("interrupted", KeyboardInterrupt), ("diverged", Diverged)])
def test_a_round_that_ended_early_is_not_timed(how, error):
    engine = types.SimpleNamespace(
        run=lambda request: Outcome(3, None, how == "diverged", how == "interrupted")
    )
    with pytest.raises(error):
        run(engine, Request(10, 2, DT))


def test_a_table_without_json():
    output = CliRunner().invoke(app, ["bench", "step", *SMALL]).stdout
    assert "ratio" in output and "ms per step" in output and str(SYNAPSES) in output


@pytest.mark.parametrize(
    "flag, value, said",
    [
        ("--layers", "6,x", "whole numbers separated by commas"),
        ("--layers", "6", "units of every layer"),
        ("--dtype", "float16", "Valid types: float32, float64"),
        ("--threads", "0", "threads = 0"),
        ("--trials", "0", "trials = 0"),
        ("--steps", "0", "steps = 0"),
    ],
)
def test_what_cannot_be_timed(flag, value, said):
    result = CliRunner().invoke(app, ["bench", "step", *SMALL, flag, value, "--json"])
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("neurofa: NetworkError: ") and said in result.stderr


@pytest.mark.slow
@pytest.mark.subprocess
def test_start_in_fresh_processes():
    found = bench.start(repeats=1)
    assert all(math.isfinite(found[name]) and found[name] > 0 for name in ("cold_s", "warm_s"))


def test_start_reports_medians(monkeypatch):
    taken = iter([9.0, 3.0, 1.0, 2.0])
    monkeypatch.setattr(startup, "_seconds_to_first_phase", lambda cache: next(taken))
    found = asked("start")
    assert [found[name] for name in ("cold_s", "warm_s", "warm_min_s", "warm_max_s")] == [
        9,
        2,
        1,
        3,
    ]


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_process_that_cannot_start(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    with pytest.raises(
        CompileError, match="did not complete its first phase.*NetworkError: No C[+][+] compiler"
    ):
        startup._seconds_to_first_phase(str(tmp_path))


def test_rounds_need_steps():
    with pytest.raises(NetworkError, match="steps = 0"):
        bench.step(steps=0)


# --- recording ---
RECORD = ("--layers", "6,5,4,3", "--trials", "2")


@pytest.mark.slow
@pytest.mark.subprocess
def test_record():
    found = asked("record", *RECORD, "--steps", "90", "--gigabytes", "0.0004")
    row = 2 * (6 + 5 + 4 + 3) * 8
    assert [found[name] for name in ("layers", "trials", "steps", "rounds", "record_every")] == [
        [6, 5, 4, 3],
        2,
        90,
        9,
        10,
    ]
    assert found["mb_per_sample"] == pytest.approx(row / 1e6) and found[
        "stream_samples"
    ] == math.ceil(4e5 / row)
    timed = [
        found[name]
        for name in (
            "ms_per_step",
            "plain_ms_per_step",
            "ratio",
            "ratio_mean",
            "ratio_min",
            "ratio_max",
            "stream_seconds",
            "stream_mb_per_s",
        )
    ]
    assert all(math.isfinite(value) and value > 0 for value in timed)
    assert (
        found["stream_mb"] == pytest.approx(found["stream_samples"] * row / 1e6)
        and 0.4 < found["stream_file_mb"] < 4
    )
    assert 10 < found["stream_peak_before_mb"] <= found["stream_peak_rss_mb"] < 100_000


def test_all_rates_are_recorded_and_nothing_else(tmp_path):
    net, drives = controlled((6, 5, 4, 3), 2, "float64", 1)
    recorder = recordings._rates(net)
    run(
        net.engine,
        replace(Request(20, 2, DT, silent=drives), **recorder.begin(net, "feedback", DT)),
    )
    rates = recorder.recording()
    assert (
        set(rates.names) == {"input.r", "hidden1.r", "hidden2.r", "output.r"}
        and rates.dataset.sizes["time"] == 2
    )
    np.testing.assert_array_equal(rates["hidden2.r"].isel(time=-1).values, net["hidden2.r"])


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_streaming_process_that_fails(monkeypatch, tmp_path):
    net, _ = controlled((6, 5, 4, 3), 2, "float64", 1)
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    with pytest.raises(
        CompileError, match="did not complete its recording.*NetworkError: No C[+][+] compiler"
    ):
        recordings._streamed(net, 1e-6)


@pytest.mark.parametrize(
    "flag, value, said",
    [
        ("--layers", "6,x", "whole numbers separated by commas"),
        ("--steps", "0", "steps = 0"),
        ("--gigabytes", "0", "gigabytes = 0"),
        ("--gigabytes", "nan", "gigabytes = nan"),
    ],
)
def test_what_cannot_be_recorded(flag, value, said):
    result = CliRunner().invoke(app, ["bench", "record", *RECORD, flag, value, "--json"])
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("neurofa: NetworkError: ") and said in result.stderr


@pytest.mark.parametrize("model, steps", [("fa", 7), ("dfc_ss", 15)])
@pytest.mark.slow
def test_an_epoch_is_at_its_steady_states(model, steps, monkeypatch):
    monkeypatch.delenv("NEUROFA_MNIST", raising=False)
    found = asked("epoch", "--model", model, "--images", "6", "--trials", "4", "--threads", "2")
    assert [
        found[name] for name in ("model", "data", "images", "trials", "threads", "unsettled")
    ] == [model, "random", 6, 4, 2, 0]
    assert (
        found["us_per_image"] == pytest.approx(found["seconds"] / 6 * 1e6) and found["seconds"] > 0
    )
    assert (
        found["left_median"] <= found["left_max"] <= 1.5e-3
        and found["steps_median"] <= found["steps_max"] < 2 * steps
    )


def test_an_epoch_of_something_else():
    result = CliRunner().invoke(app, ["bench", "epoch", "--model", "dfca"])
    assert result.exit_code == 1 and "no epoch of 'dfca' to time" in result.stderr


# --- an update ---


@pytest.mark.parametrize("model, options", [("fa", ()), ("bp", ("--trial", "steady"))])
def test_update(model, options):
    found = asked("update", "--models", model, *SMALL[:4], "--updates", "18", *options)
    assert [found[name] for name in ("model", "layers", "trials", "updates", "rounds")] == [
        model,
        [6, 5, 4, 3],
        2,
        18,
        9,
    ]
    assert found["us_per_update_min"] <= found["us_per_update"] <= found["us_per_update_max"]
    assert found["numpy_us_per_update"] > 0 and found["ratio"] > 0 and found["steps"] > 1


@pytest.mark.parametrize("model", ["fa", "bp"])
def test_the_numpy_loop_beside_it_learns_what_the_circuit_learns(model):
    """So that both are timed at the same task."""
    net = Network([6, 5, 4, 3], lookup.rule(model).but(eta=ETA), trials=4, seed=2, target="numpy")
    loop, learner = DiscreteRule(net, model), Learner(net, SteadyState(1e-10))
    first, rng = [w.copy() for w in loop.W], np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.normal(size=(4, 6)), np.eye(3)[rng.integers(3, size=4)]
        present(learner, x, y)
        loop.update(x, y)
    for k, (start, w, b) in enumerate(zip(first, loop.W, loop.b), start=1):
        np.testing.assert_allclose(net[f"W{k}"], w, atol=1e-10)
        np.testing.assert_allclose(net[f"W{k}.bias"], b, atol=1e-10)
        assert abs(w - start).max() > 1e-5


def test_an_update_with_the_settings_that_learn_the_digits():
    found = asked("update", "--models", "dfc_ss", "--tuned", "--updates", "9", "--trials", "4")
    assert found["layers"] == [64, 30, 30, 10] and found["tuned"] and found["steps"] > 10


@pytest.mark.parametrize(
    "options, said",
    [
        (("--models", "nosuch"), "nosuch"),
        (("--trial", "seddle"), "settle"),
        (("--updates", "0"), "0"),
    ],
)
def test_an_update_that_cannot_be_timed_is_refused_in_words(options, said):
    result = CliRunner().invoke(app, ["bench", "update", *SMALL[:4], *options])
    assert result.exit_code == 1 and said in result.stderr


# --- cells ---


def test_cells_that_do_nothing_are_timed(capsys):
    with ThreadPoolExecutor(1) as pool:
        overhead.empty_cells("local", 5, 2, lambda kind, jobs: nullcontext(pool))
    found = json.loads(capsys.readouterr().out)
    assert found["ms_per_cell"] > 0 and found["first_cell_s"] > 0
    assert 0 <= found["growth_mb"] < 100 and 0 <= found["worker_growth_mb"] < 100


@pytest.mark.slow
@pytest.mark.subprocess
def test_cells_are_timed_on_processes(monkeypatch):
    monkeypatch.setattr(overhead, "find_spec", lambda name: None)  # dask takes long to begin
    found = asked("cells", "--cells", "3")
    assert found["cells"] == 3 and found["jobs"] == 1 and found["local_ms_per_cell"] > 0


def test_no_cells_cannot_be_timed():
    result = CliRunner().invoke(app, ["bench", "cells", "--cells", "0"])
    assert result.exit_code == 1 and "cells = 0" in result.stderr
