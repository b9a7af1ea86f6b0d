"""A training that is stopped anywhere and goes on has the very numbers of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from brian2 import ms

from neurofa import Network, Trial, lookup, settle, tasks, train, training
from neurofa.checkpoint import Checkpoint
from neurofa.errors import ExperimentError, NetworkError
from neurofa.pathways.reading import through

TASK = tasks.linear_map((6, 3), samples=70, test=20)
NAMES = ("W1.w", "W1.bias", "W2.w", "W2.bias")


def network(model="fa", pathway="", seed=1):
    rule = lookup.rule(model)
    return Network((6, 5, 3), through(rule, pathway) if pathway else rule, trials=8, seed=seed)


def learned(net, epochs=4, **options):
    trial = Trial(dt=1*ms, default=settle(1e-3), **dict.fromkeys(net.noisy_phases, 30*ms))
    return train(net, TASK, epochs, **dict(dict(trial=trial, seed=3, progress=False), **options))


def weights(net):
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


class Stop(Exception):
    """What ends a training from outside."""


@pytest.mark.parametrize("model, optimiser, pathway", [
    ("fa", "gradient", ""), ("kolen_pollack", "adam", ""), ("dfc_ss", "momentum", ""), ("weight_mirror", "gradient", ""),
    ("sign_symmetry_redrawn", "gradient", ""), ("kolen_pollack", "gradient", "quantised(4)"), ("fa", "gradient", "noisy(0.1, 5*ms)"),
    ("fa", "adam", "W: lesioned(at=update(5), until=update(30), fraction=0.5)")])
@pytest.mark.parametrize("batch", [3, 9, 20])
def test_it_goes_on_with_the_very_numbers(model, optimiser, pathway, batch, tmp_path, monkeypatch):
    whole = network(model, pathway)
    history = learned(whole, optimiser=optimiser)
    checkpoint, calls, net = Checkpoint(tmp_path / "training.h5", every=2), [], network(model, pathway)

    def presented(*arguments, present=training.present, **options):
        calls.append(arguments)
        if len(calls) > batch:
            raise Stop
        return present(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(training, "present", presented)
        with pytest.raises(Stop):
            learned(net, optimiser=optimiser, checkpoint=checkpoint)
    again = network(model, pathway)
    resumed = learned(again, optimiser=optimiser, checkpoint=checkpoint)
    before, after = weights(whole), weights(again)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    np.testing.assert_array_equal(resumed.test_cost, history.test_cost)
    np.testing.assert_array_equal(resumed.train_cost, history.train_cost)


def test_a_finished_training_does_nothing_more_and_can_be_prolonged(tmp_path):
    checkpoint = Checkpoint(tmp_path / "training.h5")
    learned(network(), 2, checkpoint=checkpoint)
    net, whole = network(), network()
    assert learned(net, 2, checkpoint=checkpoint).epoch == [0, 1, 2]
    assert learned(net, 4, checkpoint=checkpoint).epoch == [0, 1, 2, 3, 4]
    learned(whole, 4)
    assert all(np.array_equal(net[name], whole[name]) for name in NAMES)


def test_a_file_of_another_training_is_refused(tmp_path):
    checkpoint = Checkpoint(tmp_path / "training.h5")
    learned(network(), 1, checkpoint=checkpoint)
    with pytest.raises(ExperimentError, match="differs in seed"):
        learned(network(seed=2), 2, checkpoint=checkpoint)
    (tmp_path / "training.h5").write_bytes(b"nothing")
    with pytest.raises(ExperimentError, match="cannot be read"):
        learned(network(), 2, checkpoint=checkpoint)
    with pytest.raises(NetworkError, match="every"):
        Checkpoint("training.h5", every=0)


SCRIPT = """
import numpy as np
from test_checkpoint import learned, network
from neurofa.checkpoint import Checkpoint
net = network()
learned(net, 150, checkpoint=Checkpoint("training.h5", every=1))
np.save("weights.npy", np.concatenate([net[name].ravel() for name in ("W1.w", "W1.bias", "W2.w", "W2.bias")]))
"""


def test_killed_ten_times_at_random_moments(tmp_path):
    whole = network()
    learned(whole, 150)
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    chance, kills = random.Random(0), 0
    while not (tmp_path / "weights.npy").exists():
        with subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, start_new_session=True) as process:
            if kills < 10:
                until = time.monotonic() + 60
                stamp = (tmp_path / "training.h5").stat().st_mtime_ns if kills else 0
                while process.poll() is None and time.monotonic() < until and (
                        not (tmp_path / "training.h5").exists() or (tmp_path / "training.h5").stat().st_mtime_ns == stamp):
                    time.sleep(0.01)
                time.sleep(chance.random() * 0.1)
                os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
                kills += 1
            else:
                assert process.wait(timeout=300) == 0
    found = np.load(tmp_path / "weights.npy")
    assert np.array_equal(found, np.concatenate([whole[name].ravel() for name in NAMES])) and kills == 10


def test_an_epoch_may_have_many_samples(tmp_path):
    task, net = tasks.linear_map((6, 3), samples=5000, test=20), network()
    train(net, task, 1, trial=Trial(dt=10*ms), progress=False, checkpoint=Checkpoint(tmp_path / "training.h5", every=600))
    train(net, task, 1, trial=Trial(dt=10*ms), progress=False, checkpoint=Checkpoint(tmp_path / "training.h5"))
