"""Trainings on what moves, with lines that learn every so often: recorded, saved, looked at, and as
tests see them."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc
from neurofa.models.golden.common import SIZES, TRIALS
from test_loop import entered, one_by_one, same, trained  # noqa: F401 (fixtures)
from test_loop_moving import RULES, WHOLE, task

from neurofa import (
    ExperimentError,
    Frame,
    Learner,
    Network,
    Recorder,
    SteadyState,
    Trial,
    evaluate,
    predict,
    present,
    tasks,
    train,
)
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.schedules import every
from neurofa.learning.snapshots import Snapshots
from neurofa.pathways import lesioned, update

pytestmark = pytest.mark.usefixtures("needs_compiler")
SOME = pytest.mark.parametrize("name", ["FA", "DFC", "every 3 ms"])


class Enough(Exception):
    pass


class Killed(Checkpoint):
    """One that is the last thing a process does, in the second epoch."""

    def save(self, *given):
        super().save(*given)
        if given[-1].epoch == 2 and given[-1].batch == 2:
            raise Enough


@SOME
def test_a_checkpoint_in_the_middle_of_an_epoch(name, one_by_one, tmp_path):
    given = dict(data=task("xy", Frame(5 * ms, True)), epochs=3)
    whole = one_by_one(trained, RULES[name], WHOLE, **given)
    with pytest.raises(Enough):
        trained(RULES[name], WHOLE, checkpoint=Killed(tmp_path / "c.h5", every=2), **given)
    again = trained(RULES[name], WHOLE, checkpoint=Checkpoint(tmp_path / "c.h5", every=2), **given)
    same(again, whole)


@pytest.mark.parametrize(
    "changed, what",
    [(dict(frame=6 * ms), "frame"), (dict(settling=6 * ms), "settling"), (dict(frame=Frame(5 * ms, True)), "interpolated")],
    ids=["length", "settling", "kind"],
)  # fmt: skip
def test_a_checkpoint_of_a_task_that_moves_otherwise_is_of_another_training(
    changed, what, tmp_path
):
    data, rule = task(), RULES["FA"]
    given = dict(x=data.x, y=data.y, name="moving", x_test=data.x_test, y_test=data.y_test)
    trained(rule, WHOLE, data=data, epochs=1, checkpoint=Checkpoint(tmp_path / "c.h5"))
    other = tasks.Task(**given, **{"frame": 5 * ms} | changed)
    with pytest.raises(ExperimentError, match=f"another training: it differs in .*{what}"):
        trained(rule, WHOLE, data=other, epochs=2, checkpoint=Checkpoint(tmp_path / "c.h5"))


@SOME
def test_a_recorder_hears_and_sees_every_batch(name):
    """And changes nothing: of batches in one call, they are what they are."""
    names, data = ["input.r", "output.target", "hidden1.v", "W1.w"], task()
    often, seldom = Recorder(names), Recorder(names, every=7)
    plain = trained(RULES[name], WHOLE, data=data, epochs=1)
    for recorder in (often, seldom):
        same(trained(RULES[name], WHOLE, data=data, epochs=1, record=recorder), plain)
    traces, some = (one.recording().dataset for one in (often, seldom))
    for label in names[2:]:
        then = traces[label].sel(time=some["time"], method="nearest").values
        np.testing.assert_array_equal(some[label].values, then)
    for label, frames in (("input.r", data.x), ("output.target", data.y)):
        for trial in traces[label].values:  # (steps, units): the first phase shows all frames
            assert (frames.repeat(5, axis=1) == trial[:20]).all(axis=(1, 2)).any()


@pytest.mark.parametrize("name", ["FA", "every 3 ms", "every step"])
def test_snapshots_are_taken_when_they_are_due(name, one_by_one):
    """Of lines with a pace, after the trial in which they were."""
    taken = [Snapshots(every(16)) for _ in range(2)]
    trained(RULES[name], WHOLE, snapshots=taken[0], data=task())
    one_by_one(trained, RULES[name], WHOLE, snapshots=taken[1], data=task())
    assert taken[0].dataset.identical(taken[1].dataset)
    each = {"FA": 1, "every 3 ms": 7, "every step": 20}[name]
    ends = each * np.arange(1, 9)
    due = [int(ends[ends >= n].min()) for n in range(16, 8 * each + 1, 16)]
    assert taken[0].dataset["update"].values.tolist() == sorted({0, *due, 8 * each})


def test_snapshots_do_not_choose_how_steady_states_are_found():
    """A phase of a length of its own learns every so often, and the other settles."""
    line = replace(RULES["every 3 ms"].plasticity[0], during="free")
    rule, schedule = dfc.RULE.but(plasticity=(line,), k_p=0.5), SteadyState(1e-3, free=20 * ms)
    found = [
        trained(rule, schedule, epochs=3, snapshots=one) for one in (Snapshots(every(5)), None)
    ]
    same(*found)
    assert found[0][-1]["plans"].keys() == {"feedback"}


def test_lesions_are_counted_by_the_training_not_by_what_was_shown_since(one_by_one):
    rule = RULES["every 3 ms"].but(eta=1e-6).through(lesioned(at=update(1300)), "W")
    moving, schedule = task(), Trial(dt=1 * ms, free=20 * ms)
    look = lambda learner, history: predict(learner, moving.x, frame=5 * ms) is None
    given = dict(epochs=2, after_epoch=look, optimiser="gradient")
    found = trained(rule, schedule, **given)
    assert found[2][0] > 1000 and (found[0]["W1.w"] == 0).all()
    same(found, one_by_one(trained, rule, schedule, **given))


@pytest.mark.parametrize("moves", ["x", "y", "xy"])
def test_what_a_test_sees(moves, one_by_one):
    """The rates as every frame ends, in one call or not, of as many samples as there are."""
    data = task(moves)
    learner = Learner(Network(SIZES, RULES["FA"], TRIALS, seed=1), WHOLE)
    alone = one_by_one(evaluate, learner, data.x, data.y, 5 * ms, 7 * ms)
    learner.taught()
    np.testing.assert_array_equal(evaluate(learner, data.x, data.y, 5 * ms, 7 * ms), alone)
    trajectories = [
        present(learner, data.x[k : k + TRIALS], data.y[k : k + TRIALS], learn=False, frame=5 * ms)[0].trajectory
        for k in range(0, len(data.x), TRIALS)
    ]  # fmt: skip
    wanted = np.concatenate(trajectories)
    y = data.y if data.y.ndim == 3 else data.y[:, None]
    np.testing.assert_allclose(
        alone[0], ((wanted - y) ** 2 / 2).sum(axis=2)[:, 1:].mean(), rtol=1e-12
    )
    if "x" in moves:
        for found in (
            predict(learner, data.x, frame=5 * ms),
            one_by_one(predict, learner, data.x, frame=5 * ms),
            predict(learner.net, data.x, WHOLE, 5 * ms),
        ):
            np.testing.assert_array_equal(found, wanted)


def test_a_task_that_moves_is_learned():
    """Its cost falls, of training and test."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(24, 4, SIZES[0])), rng.normal(size=(SIZES[0], SIZES[-1])) / 3
    data = tasks.Task(x, np.tanh(x @ w), "held", x[:8], np.tanh(x[:8] @ w), frame=40 * ms)
    net = Network(SIZES, RULES["FA"].but(eta=0.2), TRIALS, seed=1)
    history = train(net, data, 20, trial=Trial(dt=2 * ms), progress=False)
    assert history.test_cost[-1] < 0.7 * history.test_cost[0]


def test_trainings_alternate_between_what_moves_and_what_stands_still(one_by_one):
    """With one learner; each has its own frames."""
    still = tasks.Task(task().x[:, 0], task().y[:, 0])

    def both():
        learner = Learner(
            Network(SIZES, RULES["every 3 ms"], TRIALS, seed=1),
            Trial(dt=1 * ms, feedback=20 * ms, free=20 * ms),
        )
        for data in (task(), still, task("x"), still):
            train(learner, data, 1, progress=False)
        return {name: array.copy() for name, array in learner.net.arrays.items()}

    found = both()
    for name, array in one_by_one(both).items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
