"""What the README prints is what runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from neurofa import lookup

pytestmark = [pytest.mark.subprocess, pytest.mark.slow]

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)
TEXT = re.findall(r"```text\n(.*?)```", README, re.S)


def code(words):
    """Return the block of Python with these words in it."""
    return next(block for block in PYTHON if words in block)


def test_the_first_look_runs_as_printed(script, tmp_path):
    done = script(code('plot.traces(recording, "output.r"'), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"accuracy ([\d.]+)%", done.stdout)[1]) > 85
    assert (tmp_path / "trial.nc").exists() and (tmp_path / "trial.png").exists()
    assert "(30, 64) (30, 10)" in done.stdout


def test_glances_are_contrasted_as_printed(script, tmp_path):
    done = script(code("tasks.views"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "at different digits: " in done.stdout


def test_a_trial_is_looked_into_as_printed(script, tmp_path):
    assert len(code("to_csv").strip().splitlines()) < 15
    done = script(code("to_csv"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "controller_unit" in done.stdout
    assert (tmp_path / "apical.png").exists() and "controller.u" in (
        tmp_path / "trial.csv"
    ).read_text()


def test_an_experimenter_looks_as_printed(script, tmp_path):
    pytest.importorskip("pynwb", reason="NWB needs pynwb: pip install 'neurofa[nwb]'")
    done = script(code("Observer(") + "\nprint(len(numbers))", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50 and (tmp_path / "session.nwb").exists()


def test_the_steady_states_are_learned_from_as_printed(script, tmp_path):
    done = script(code("SteadyState(1e-3)"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        float(re.search(r"accuracy ([\d.]+)%", done.stdout)[1]) > 85
        and (tmp_path / "training.h5").exists()
    )


def test_tasks_that_move_are_made_as_printed(script, tmp_path):
    done = script(code("tasks.in_time("), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "80 frames of 5. ms, squared, 60 of them are scored" in done.stdout
    assert "stream of digits: 64 inputs -> 10 classes, 32 samples + 32 held out" in done.stdout


def test_a_rule_without_phases_learns_as_printed(script, tmp_path):
    done = script(code("online_dfa_trace"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    without, traced = (float(found) for found in re.findall(r"([\d.]+)%", done.stdout))
    assert traced > without + 10 and traced > 80


def test_recurrent_cells_learn_to_move_as_printed(script, tmp_path):
    done = script(code("import rflo"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, last = map(float, re.findall(r"0\.\d+", done.stdout))
    assert first > 0.05 > 0.03 > last and "(1, 100, 1)" in done.stdout


def test_a_loop_of_ones_own_runs_as_printed(script, tmp_path):
    done = script(code("in lessons("), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    angles = [int(found) for found in re.findall(r"to B: (\d+) degrees", done.stdout)]
    assert len(angles) == 4 and angles[-1] < angles[0] - 20
    assert (tmp_path / "learner.h5").exists()


def test_a_network_is_saved_and_goes_on_as_printed(script, tmp_path):
    done = script(
        code("resume=")
        + """
import numpy as np
from neurofa import Learner
assert all(np.array_equal(net[name], one[name]) for one in (loaded, twin) for name in ("W1", "W3", "B2", "W1.bias"))
assert np.array_equal(net["W1"], other["W1"]) and not np.array_equal(net["B2"], other["B2"])
assert ((slower["W1"] != 0) == (net["W1"] != 0)).all() and Learner.load("training.h5").epochs == 2
""",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_hypotheses_are_tested_as_printed(script, tmp_path):
    assert len(code("hypotheses =").strip().splitlines()) < 15
    done = script(code("hypotheses ="), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [float(line.split()[-1].rstrip("%")) for line in done.stdout.splitlines()]
    assert len(found) == 4 and min(found) > 80


def test_the_dense_synapses_run_as_printed(script, tmp_path):
    done = script(
        code("DenseSynapses(")
        + "\nassert np.allclose(Q.v, S.weights.sum(axis=1) * (1 - np.exp(-5)), rtol=1e-2)",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("model, block", [("fa", 0), ("dfa", 0), ("dfc", 1), ("rflo", 3)])
def test_the_equations_are_those_that_are_integrated(model, block):
    rule = lookup.rule(model)
    texts = [
        rule.neuron,
        *(p.equations for p in rule.populations),
        rule.plasticity[0].equation,
        rule.plasticity[0].synapse,
        *(text for phase in rule.phases for text in phase.start.values()),
    ]
    if model != "dfc":
        texts.append(rule.output)
    for line in (
        line.split("#")[0].strip() for text in texts for line in text.strip().splitlines()
    ):
        assert line in TEXT[block], line


@pytest.mark.parametrize("model", ["online_fa", "online_dfa_trace", "online_dfa_eligibility"])
def test_lines_that_learn_at_once_are_those_that_are_integrated(model):
    line = lookup.rule(model).plasticity[0]
    traces = [text for text in lookup.rule(model).input.split("#")[:1] if text]
    for text in (line.equation, *([line.synapse] if line.synapse else []), *traces):
        assert text.strip() in TEXT[2]


def test_the_rule_of_your_own_runs_from_its_file_and_by_import(script, tmp_path):
    """A rule that is not one of ours, in a file outside the repository."""
    (tmp_path / "sign_feedback.py").write_text(code('name="sign feedback"'))
    assert len(code('name="sign feedback"').strip().splitlines()) <= 25
    command = str(Path(sys.executable).with_name("neurofa"))
    done = subprocess.run(
        [
            command,
            "run",
            "digits",
            "--rule",
            "sign_feedback.py",
            "--quick",
            "--no-progress",
            "--jobs=1",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert "sign feedback" in done.stdout
    done = script(
        """
import numpy as np
from neurofa import Learner, Network, Trial, present
from sign_feedback import RULE
net = Network([3, 4, 2], RULE, trials=2)
before = net["W1"].copy()
present(Learner(net), np.arange(6).reshape(2, 3) / 6, np.eye(2))
sent = np.sign(net["output.delta"]) * (abs(net["output.delta"]) > 0.3)
assert np.allclose(net["hidden1.delta"], (1 - np.tanh(net["hidden1.v"])**2) * (sent @ net["B1"].T), atol=1e-5)
assert not np.allclose(before, net["W1"])
""",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_a_target_that_moves_is_followed_as_printed(script, tmp_path):
    block = code("feedback.trajectory.shape")
    assert len(block.strip().splitlines()) <= 15
    done = script(block, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(1, 200, 1)" in done.stdout and (tmp_path / "tracking.png").exists()
