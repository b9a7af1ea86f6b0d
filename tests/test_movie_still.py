"""What is shown in frames that do not differ is what stands still, bit for bit, whatever the rule."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import (
    Learner,
    Network,
    NetworkError,
    SteadyState,
    Trial,
    lookup,
    present,
    settle,
    tasks,
    train,
)
from neurofa.learning import batches, loop

MODELS = lookup.model_names()
FRAME, FRAMES, STEPS = 7 * ms, 3, 21
SHORT = Trial(dt=1 * ms, default=FRAMES * FRAME)
SETTLE = Trial(dt=1 * ms, default=settle(1e-2, at_most=1000 * ms))
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2 * TRIALS + 3, SIZES[0])), np.eye(SIZES[-1])[RNG.integers(3, size=19)]


def repeated(array):
    return np.repeat(array[:, None], FRAMES, axis=1)


def learned(rule, schedule, x, y, frame=None, **options):
    """Return the Learner after three updates, and the results of the last trial."""
    learner = Learner(Network(SIZES, rule, TRIALS, seed=1, **options), schedule)
    for k in (0, TRIALS, 2 * TRIALS):
        rows = slice(k, k + TRIALS)
        results = present(learner, x[rows], y[rows], frame=frame)
    return learner, results


def same_arrays(learner, still):
    for name, array in still.net.arrays.items():
        np.testing.assert_array_equal(learner.net.arrays[name], array, err_msg=name)
    assert learner.updates == still.updates > 0


def same(one, other):
    """All arrays of two networks, and what came of their phases."""
    (learner, results), (still, wanted) = one, other
    same_arrays(learner, still)
    for a, b in zip(results, wanted, strict=True):
        assert (a.phase, a.steps) == (b.phase, b.steps)
        np.testing.assert_array_equal(a.output, b.output)
        np.testing.assert_array_equal(a.settled_after, b.settled_after)
        assert b.trajectory is None and a.trajectory.shape == (len(a.output), FRAMES, SIZES[-1])
        assert np.isfinite(a.trajectory).all()
        if a.steps <= STEPS:  # what was not shown any more is what it had settled to
            np.testing.assert_array_equal(a.trajectory[:, -1], a.output)


def agree(rule, schedule, *others, **options):
    """Frames of x and y, and `others` of which one stands still."""
    still = learned(rule, schedule, X, Y, **options)
    for x, y in ((repeated(X), repeated(Y)), *others):
        same(learned(rule, schedule, x, y, FRAME, **options), still)


@pytest.mark.parametrize("model", MODELS)
def test_every_rule(model, needs_compiler):
    agree(lookup.rule(model), SHORT, (repeated(X), Y), (X, repeated(Y)))


@pytest.mark.parametrize("model", ["fa", "dfc", "dfc_learned", "weight_mirror", "clapp"])
def test_interpreted(model):
    agree(lookup.rule(model), SHORT, target="numpy")


@pytest.mark.filterwarnings("ignore::neurofa.NotSettled")
@pytest.mark.parametrize("model", MODELS)
def test_every_rule_that_settles(model, needs_compiler):
    agree(lookup.rule(model), SETTLE)


@pytest.mark.parametrize("model", MODELS)
def test_every_rule_at_its_steady_states(model, needs_compiler):
    rule = lookup.rule(model)
    try:
        SteadyState(1e-3).of(Network(SIZES, rule, TRIALS))
    except NetworkError:
        pytest.skip("time matters to it")
    agree(rule, SteadyState(1e-3))


def trained(rule, schedule, task):
    learner = Learner(Network(SIZES, rule, TRIALS, seed=1), schedule, "adam")
    history = train(learner, task, 2, progress=False)
    return learner, history


STILL = tasks.Task(X, Y, "still", X[:5], Y[:5])
MOVES = tasks.Task(repeated(X), repeated(Y), "moves", repeated(X[:5]), repeated(Y[:5]), frame=FRAME)
HALF = tasks.Task(repeated(X), Y, "half", repeated(X[:5]), Y[:5], frame=FRAME)


@pytest.mark.parametrize("model", MODELS)
def test_every_rule_in_the_loop(model, needs_compiler, monkeypatch):
    calls, run = [], loop.Call.run
    monkeypatch.setattr(loop.Call, "run", lambda call: calls.append(call.learns) or run(call))
    rule = lookup.rule(model)
    still, _ = trained(rule, SHORT, STILL)
    for task in (MOVES, HALF):
        same_arrays(trained(rule, SHORT, task)[0], still)
    assert any(calls) == (batches.needs_numpy(still.net) is None)


@pytest.mark.parametrize("model", ["fa", "dfc_ss"])
def test_trainings_at_steady_states(model, needs_compiler):
    """Their costs, too: means over frames that were shown, and of what is settled."""
    rule = lookup.rule(model)
    still, wanted = trained(rule, SteadyState(1e-6), STILL)
    for task in (MOVES, HALF):
        learner, history = trained(rule, SteadyState(1e-6), task)
        same_arrays(learner, still)
        np.testing.assert_array_equal(history.unsettled, wanted.unsettled)
        assert np.isfinite(history.train_cost[1:]).all()
