"""Batches in one call: bit for bit what they are one by one, and Python is entered only where it must
look."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, dfc_ss, equilibrium_propagation, fa
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import (
    Diverged,
    Learner,
    Length,
    Network,
    NetworkError,
    Recorder,
    SteadyState,
    Trial,
    evaluate,
    lookup,
    settle,
    tasks,
    train,
)
from neurofa.data.coded import Coded
from neurofa.learning import batches, loop
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.schedules import every
from neurofa.learning.snapshots import Snapshots
from neurofa.pathways import (
    delayed,
    epoch,
    lesioned,
    low_rank,
    noisy,
    only_during,
    sparse,
    trial,
    update,
)

MODELS = lookup.model_names()
SHORT = Trial(dt=1 * ms, default=20 * ms)

pytestmark = pytest.mark.usefixtures("needs_compiler")


def task(samples=5 * TRIALS + 3, seed=0):
    rng = np.random.default_rng(seed)
    x, y = (
        rng.normal(size=(samples, SIZES[0])),
        np.eye(SIZES[-1])[rng.integers(SIZES[-1], size=samples)],
    )
    return tasks.Task(x, y, "small", x[:11], y[:11])


def trained(rule, schedule=SHORT, optimiser="adam", epochs=2, data=None, circuit=None, **options):
    """Return everything that a training leaves behind."""
    net = Network(SIZES, rule, TRIALS, seed=1, **(circuit or {}))
    learner = Learner(net, schedule, optimiser)
    history = train(learner, data or task(), epochs, progress=False, **options)
    left = {name: array.copy() for name, array in net.arrays.items()}
    for name, line in net.engine.lines.items():  # what is still on its way
        left |= {f"{name} sent": line.ring.copy(), f"{name} dt": np.array(line.dt)}
    # the time within the last trial concerns lesions that come and go with it, which no loop makes
    lesions = {**net.synapses.counts, "seconds": None}
    counts = learner.updates, learner.trials, learner.epochs, lesions
    return left, history, counts, net.noise, net.active, net.progress.state, learner.trial.state


def same(one, other):
    assert one[0].keys() == other[0].keys()
    for name, array in one[0].items():
        np.testing.assert_array_equal(array, other[0][name], err_msg=name)
    for curve in ("epoch", "train_cost", "test_cost", "test_accuracy", "unsettled"):
        np.testing.assert_array_equal(getattr(one[1], curve), getattr(other[1], curve), curve)
    assert one[2:] == other[2:]


@pytest.fixture
def one_by_one(monkeypatch):
    """Within it, batches are presented by Python."""

    def within(function, *given, **options):
        with monkeypatch.context() as patch:
            patch.setattr(batches.Batches, "many", lambda self, some: 0)
            return function(*given, **options)

    return within


@pytest.fixture
def entered(monkeypatch):
    """What Python did: the names of phases that it ran, and how many calls of the loop there were."""
    seen = dict(phases=[], calls=0)
    run, call = Network.run, loop.Call.run

    def counted_run(net, phase, *given, **options):
        seen["phases"].append(phase)
        return run(net, phase, *given, **options)

    def counted_call(self):
        seen["calls"] += 1
        return call(self)

    monkeypatch.setattr(Network, "run", counted_run)
    monkeypatch.setattr(loop.Call, "run", counted_call)
    return seen


@pytest.mark.parametrize("model", MODELS)
def test_every_rule(model, one_by_one):
    rule = lookup.rule(model)
    same(trained(rule), one_by_one(trained, rule))


@pytest.mark.parametrize("model", MODELS)
def test_every_rule_at_its_steady_states(model, one_by_one):
    rule = lookup.rule(model)
    try:
        schedule = SteadyState(1e-3).of(Network(SIZES, rule, TRIALS))
    except NetworkError:
        pytest.skip("time matters to it")
    same(trained(rule, schedule, epochs=8), one_by_one(trained, rule, schedule, epochs=8))


@pytest.mark.parametrize(
    "manipulation",
    [
        noisy(0.1, 10 * ms),
        sparse(0.5),
        lesioned(at=update(7), until=update(9)),
        lesioned(at=trial(60), fraction=0.5),
        lesioned(at=epoch(1), layer=2),
        lesioned(at=5 * ms, until=9 * ms),
        low_rank(2),
        delayed(3 * ms),
        delayed(2.5 * ms),
    ],
    ids=str,
)
@pytest.mark.parametrize("pathway", ["W", "B"])
def test_manipulations(manipulation, pathway, one_by_one):
    rule = fa.RULE.through(manipulation, pathway)
    same(trained(rule), one_by_one(trained, rule))


@pytest.mark.parametrize("circuit", [dict(dtype="float32"), dict(threads=2)], ids=str)
@pytest.mark.parametrize("schedule", [SHORT, SteadyState(1e-3)], ids=["short", "steady"])
def test_other_circuits(circuit, schedule, one_by_one):
    given = dict(schedule=schedule, circuit=circuit, epochs=8)
    same(trained(dfc_ss.RULE, **given), one_by_one(trained, dfc_ss.RULE, **given))


def test_nobody_looks_where_nobody_has_to(entered):
    trained(fa.RULE)
    # tested before anything is learned; then two epochs and two tests
    assert entered == dict(phases=["free"] * 2, calls=pytest.approx(8, abs=4))


@pytest.mark.parametrize(
    "rule, why",
    [
        (fa.RULE.through(only_during(5 * ms)), "window"),
        (fa.RULE.through(lesioned(at=5 * ms)), "lesion"),
    ],
)
def test_why_python_is_needed(rule, why, entered):
    net = Network(SIZES, rule, TRIALS)
    assert why in batches.needs_python(net)
    train(net, task(), 1, trial=SHORT, progress=False)
    assert entered["calls"] == 0


@pytest.mark.parametrize("schedule", [SHORT, Trial(dt=1 * ms)], ids=["short", "settle"])
@pytest.mark.parametrize("model", ["fa", "dfc"])
def test_delays_are_in_the_loop(model, schedule, entered, one_by_one):
    """Of any length, in phases that settle, for several pathways."""
    rule = lookup.rule(model).through(delayed(2.5 * ms), "W")
    rule = rule.through(delayed(4 * ms), "B" if model == "fa" else "Q")
    looped = trained(rule, schedule)
    assert entered["calls"] > 1
    same(looped, one_by_one(trained, rule, schedule))


def test_rings_of_other_time_steps_are_laid_out_by_python(entered):
    rule = fa.RULE.through(delayed(3 * ms))
    trained(rule, Trial(dt=1 * ms, default=20 * ms, feedback=Length(20 * ms, dt=2 * ms)))
    # but for tests, which have one phase
    assert {*entered["phases"]} == {"free", "feedback"}
    assert entered["phases"].count("feedback") == 2 * len(task().x) // TRIALS + 2


def test_why_numpy_is_needed():
    assert batches.needs_numpy(Network(SIZES, fa.RULE.through(low_rank(1), "W"), TRIALS))
    assert batches.needs_numpy(Network(SIZES, fa.RULE.through(sparse(0.5), "W"), TRIALS)) is None
    assert "interpreted" in batches.needs_python(Network(SIZES, fa.RULE, TRIALS, target="numpy"))


def test_a_recorder_hears_every_batch(one_by_one):
    recorders = [Recorder(["hidden1.r", "W1"], every=5) for _ in range(2)]
    same(trained(fa.RULE, record=recorders[0]), one_by_one(trained, fa.RULE, record=recorders[1]))
    assert recorders[0].recording().dataset.identical(recorders[1].recording().dataset)


def test_snapshots_are_taken_when_they_are_due(one_by_one, entered):
    taken = [Snapshots(every(4)) for _ in range(2)]
    trained(fa.RULE, snapshots=taken[0])
    assert entered["calls"] > 2
    one_by_one(trained, fa.RULE, snapshots=taken[1])
    assert taken[0].dataset.identical(taken[1].dataset)
    assert taken[0].dataset["update"].values.tolist() == [0, 4, 8, 12]


def test_a_checkpoint_in_the_middle_of_an_epoch(tmp_path, one_by_one):
    """Interrupted after a batch that was saved, and gone on with."""

    class Enough(Exception):
        pass

    class Killed(Checkpoint):
        def save(self, *given):
            super().save(*given)
            if given[-1].epoch == 2 and given[-1].batch == 4:
                raise Enough

    whole = one_by_one(trained, fa.RULE, SteadyState(1e-3), epochs=3)
    with pytest.raises(Enough):
        trained(fa.RULE, SteadyState(1e-3), epochs=3, checkpoint=Killed(tmp_path / "c.h5", every=2))
    again = trained(
        fa.RULE, SteadyState(1e-3), epochs=3, checkpoint=Checkpoint(tmp_path / "c.h5", every=2)
    )
    same(again, whole)


def test_what_does_not_settle_is_said_and_counted(one_by_one, capfd):
    schedule, said = Trial(dt=1 * ms, default=settle(1e-9, 12 * ms)), []
    found = trained(fa.RULE, schedule)
    said.append(capfd.readouterr().err)
    same(found, one_by_one(trained, fa.RULE, schedule))
    said.append(capfd.readouterr().err)
    assert found[1].unsettled[1] == 1
    assert said[0] == said[1] and said[0].count("NotSettled: free phase, trial") == 1


def test_silent_layers_are_mentioned(one_by_one, capfd):
    rule = equilibrium_propagation.RULE
    found = []
    for call in (lambda f, *a, **o: f(*a, **o), one_by_one):
        net = Network(SIZES, rule, TRIALS, activation="relu", seed=1)
        call(train, net, task(), 2, trial=SHORT, progress=False)
        found.append(capfd.readouterr().err)
    assert found[0] == found[1] and found[0].count("all rates are 0") == 1


def test_divergence_ends_it_with_the_last_weights_that_were_finite(one_by_one):
    ends = []
    for call in (lambda f, *a, **o: f(*a, **o), one_by_one):
        net = Network(SIZES, fa.RULE.but(eta=1e80), TRIALS, seed=1)
        learner = Learner(net, SHORT)
        with pytest.raises(Diverged) as caught:
            call(train, learner, task(), 3, progress=False)
        weights = {n: a.copy() for n, a in net.arrays.items() if net.slots[n].of_synapses}
        ends.append((str(caught.value), learner.updates, weights))
    assert ends[0][:2] == ends[1][:2]
    for name, array in ends[0][2].items():
        np.testing.assert_array_equal(array, ends[1][2][name])
        assert np.isfinite(array).all()


def test_ctrl_c_ends_it_between_two_batches_or_in_a_phase(ctrl_c):
    net = Network(SIZES, dfc.RULE, TRIALS, seed=1)
    learner = Learner(net, Trial(dt=1 * ms, default=100 * ms))
    train(learner, task(), 1, progress=False)  # nothing is compiled any more
    due = ctrl_c(0.3)
    history = train(learner, task(), 10**6, progress=False)
    assert history.interrupted and due
    before = net["W1"].copy()
    assert not train(learner, task(), 1, progress=False).interrupted
    assert np.isfinite(net["W1"]).all() and not np.array_equal(before, net["W1"])


def test_data_of_another_precision_are_read_as_they_are(one_by_one):
    data = task()
    single = tasks.Task(
        data.x.astype(np.float32), data.y, "single", data.x_test.astype(np.float32), data.y_test
    )
    assert single.x.dtype == np.float32
    same(trained(fa.RULE, data=single), one_by_one(trained, fa.RULE, data=single))


def test_bytes_are_read_as_what_they_stand_for(one_by_one):
    codes = np.random.default_rng(0).integers(256, size=(43, SIZES[0]), dtype=np.uint8)
    x, y = Coded(codes, np.linspace(-1, 1, 256)), task().y
    ours, plain = (tasks.Task(one, y, "bytes", one[:9], y[:9]) for one in (x, np.asarray(x)))
    same(trained(fa.RULE, data=ours), one_by_one(trained, fa.RULE, data=plain))


def test_numbers_that_the_precision_cannot_hold_are_refused():
    net = Network(SIZES, fa.RULE, TRIALS, dtype="float32")
    data = task()
    x = data.x.copy()
    x[3] = 1e200
    with pytest.raises(NetworkError, match="float32"):
        train(net, tasks.Task(x, data.y), 1, trial=SHORT, progress=False)


def test_a_test_alone_compiles_nothing(entered):
    learner = Learner(Network(SIZES, dfc_ss.RULE, TRIALS), SHORT)
    evaluate(learner, task().x, task().y)
    assert entered["calls"] == 0 and not learner.has_taught
