"""A loop of one's own, held against `train` and against `present` by hand."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa
from threadpoolctl import threadpool_info

from neurofa import Diverged, Learner, Network, NetworkError, Trial, lessons, present, settle, train
from neurofa.pathways import epoch, lesioned, update
from neurofa.tasks import Task

TRIAL = Trial(dt=10 * ms, free=50 * ms, feedback=50 * ms)
RNG = np.random.default_rng(0)
TASK = Task(RNG.normal(size=(12, 4)), RNG.normal(size=(12, 3)))


def learner(rule=fa.RULE, optimiser="gradient"):
    return Learner(Network([4, 5, 3], rule, trials=4, seed=1, target="numpy"), TRIAL, optimiser)


def batches(seed=7):
    return ((TASK.x[i], TASK.y[i]) for i in TASK.batches(4, np.random.default_rng(seed)))


def weights(mine):
    return {name: mine.net[name].copy() for name in ("W1", "W2", "W1.bias", "B2")}


def same(one, other):
    return all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("optimiser", ["gradient", "adam"])
def test_it_learns_what_train_learns(optimiser):
    mine, other = learner(optimiser=optimiser), learner(optimiser=optimiser)
    done = [count for count, _ in lessons(mine, batches())]
    train(other, TASK, 1, seed=7, progress=False)
    assert done == [0, 1, 2, 3] and mine.updates == other.updates == 3
    assert same(weights(mine), weights(other))


def test_it_learns_from_what_moves_what_train_learns():
    task = Task(RNG.normal(size=(12, 3, 4)), RNG.normal(size=(12, 3, 3)), frame=10 * ms)
    mine, other = learner(), learner()
    moving = ((task.x[i], task.y[i]) for i in task.batches(4, np.random.default_rng(7)))
    assert [count for count, _ in lessons(mine, moving, frame=10 * ms)] == [0, 1, 2, 3]
    train(other, task, 1, seed=7, progress=False)
    assert same(weights(mine), weights(other))


def test_it_begins_before_anything_is_learned_and_says_what_came_of_every_batch():
    mine, before = learner(), weights(learner())
    loop = lessons(mine, batches())
    assert next(loop) == (0, []) and same(weights(mine), before)
    done, results = next(loop)
    assert done == 1 and [r.phase for r in results] == ["free", "feedback"]
    assert not same(weights(mine), before)


def test_the_next_batch_is_drawn_when_it_is_needed():
    """So that it may depend on what was learned."""
    mine, drawn = learner(), []

    def mirrored():
        for i in range(2):
            drawn.append(weights(mine))
            yield TASK.x[:4], TASK.y[:4]

    for done, _ in lessons(mine, mirrored()):
        assert len(drawn) == done
    assert not same(*drawn)


def test_what_is_set_in_between_counts_from_the_next_batch_and_a_break_ends_it():
    mine, other = learner(), learner()
    for done, _ in lessons(mine, batches()):
        if done == 1:
            mine.net.set(eta=0.0)
        if done == 2:
            break
    present(other, *next(batches()))
    assert mine.updates == 2 and same(weights(mine), weights(other))


@pytest.mark.parametrize("moment", [update(2), epoch(1)])
def test_lesions_are_made_when_they_are_due(moment):
    mine = learner(fa.RULE.through(lesioned(at=moment, fraction=1.0), "B"))
    lost = []
    for done, _ in lessons(mine, batches()):
        if done == 2:
            mine.epochs += 1
        lost.append(not mine.net["B2"].any())
    # cut as the third batch begins
    assert lost == [False, False, False, True]


def test_blas_has_one_thread_while_it_learns_and_what_it_had_in_between(monkeypatch):
    def threads():
        return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}

    inside, before = [], threads()
    monkeypatch.setattr(
        "neurofa.learning.lessons.present", lambda *_, **__: inside.append(threads()) or []
    )
    outside = [threads() for _ in lessons(learner(), batches())]
    assert inside == [{1}] * 3 and outside == [before] * 4


def test_trials_that_do_not_settle_are_said_once(capsys):
    net = Network([4, 5, 3], fa.RULE, trials=4, seed=1, target="numpy")
    mine = Learner(net, Trial(dt=1 * ms, default=settle(1e-12, 5 * ms)))
    unsettled = [sum(r.unsettled.sum() for r in results) for _, results in lessons(mine, batches())]
    assert unsettled == [0, 8, 8, 8]
    assert capsys.readouterr().err.count("NotSettled") == 1


def test_weights_that_leave_the_finite_numbers_are_refused_and_the_last_good_ones_stay():
    mine = learner(fa.RULE.but(eta=1e200))
    with pytest.raises(Diverged):
        for _ in lessons(mine, batches()):
            kept = weights(mine)
    assert same(weights(mine), kept) and np.isfinite(kept["W1"]).all()


@pytest.mark.parametrize(
    "given, said",
    [
        (lambda: lessons(learner().net, batches()), "give a Learner"),
        (lambda: lessons(learner(), 3), "batches"),
        (lambda: lessons(learner(), [], progress="yes"), "progress"),
        (lambda: list(lessons(learner(), [TASK.x[:4]])), "Batch 1 is no pair"),
        (lambda: list(lessons(learner(), [(TASK.x[:4], TASK.y[:4, :2])])), "target"),
        (lambda: list(lessons(learner(), [(TASK.x[:4], TASK.y[:4])], record=3)), "Recorder"),
    ],
)
def test_arguments_that_are_none_are_refused_in_words(given, said):
    with pytest.raises(NetworkError, match=said):
        given()
