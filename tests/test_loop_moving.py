"""Trainings on what moves, and lines that learn every so often: batches in one call are, bit for bit,
what they are one by one."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, fa
from neurofa.models.golden.common import SIZES, TRIALS
from test_loop import entered, one_by_one, same, trained  # noqa: F401 (fixtures)

from neurofa import (
    Diverged,
    Frame,
    Learner,
    Length,
    Network,
    Plasticity,
    Trial,
    lookup,
    settle,
    tasks,
    train,
)
from neurofa.data.coded import Coded
from neurofa.pathways import delayed, lesioned, noisy, sparse, trial, update

FRAMES = 4
WHOLE = Trial(dt=1 * ms)  # phases last as long as what is shown
pytestmark = pytest.mark.usefixtures("needs_compiler")


def task(moves="xy", frame=5 * ms, samples=3 * TRIALS + 3, sizes=SIZES):
    """Inputs and targets; those that are named move, but for two frames that are alike."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(samples, FRAMES, n)) for n in (sizes[0], sizes[-1]))
    x[:, 2], y[:, 3] = x[:, 1], y[:, 2]
    x, y = x if "x" in moves else x[:, 0], y if "y" in moves else y[:, 0]
    return tasks.Task(x, y, "moving", x[:5], y[:5], frame=frame)


def paced(*every, rule=dfc.RULE, **changes):
    """Return a rule whose line is made so often; of several, the hidden layers' the first, the
    output's the second."""
    places = (None,) if len(every) == 1 else ("hidden", "output")
    [line] = rule.plasticity
    lines = [replace(line, every=one, to=to, **changes) for one, to in zip(every, places)]
    return rule.but(plasticity=tuple(lines))


DECAYS = paced(
    3 * ms,
    equation="dw/dt = (eta * (r_post - r_basal_post) * r_pre - 0.1 * w**2 * r_post - 0.05 * w) / tau_u",
)
INPUT_ALONE = fa.RULE.but(
    plasticity=(
        Plasticity(
            "W",
            during="feedback",
            to="hidden1",
            equation="dw/dt = -eta * delta_post * r_pre / tau_v",
            every=3 * ms,
        ),
    )
)
TWO_LINES = dfc.RULE.but(  # of the same synapses
    plasticity=(
        replace(dfc.RULE.plasticity[0], every=2 * ms),
        Plasticity(
            "W", during="feedback", equation="dw/dt = -0.2 * w * r_post / tau_u", every=3 * ms
        ),
    )
)
TIME = paced(3 * ms).but(neuron=dfc.RULE.neuron.replace("v_basal +", "v_basal + sin(t/tau_v) +"))
RULES = {
    "FA": fa.RULE,
    "DFC": dfc.RULE,
    "every 5 ms": paced(5 * ms),
    "every 3 ms": paced(3 * ms),
    "every step": paced("dt"),
    "two paces": paced(2 * ms, 7 * ms),
    "longer than the phase": paced(1000 * ms),
    "decay": DECAYS,
    "from the input alone": INPUT_ALONE,
    "two lines": TWO_LINES,
    "time": TIME,
}
HOLDS = pytest.mark.parametrize("interpolated", [False, True], ids=["held", "interpolated"])


def agree(one_by_one, entered, rule, schedule=WHOLE, loops=True, **options):
    found = trained(rule, schedule, **options)
    assert bool(entered["calls"]) == loops
    same(found, one_by_one(trained, rule, schedule, **options))
    return found


@HOLDS
@pytest.mark.parametrize(
    "moves, optimiser", [("x", "adam"), ("y", "adam"), ("xy", "adam"), ("x", "gradient")]
)
@pytest.mark.parametrize("name", RULES)
def test_rules_and_what_moves(name, moves, optimiser, interpolated, one_by_one, entered):
    data = task(moves, Frame(5 * ms, interpolated))
    agree(one_by_one, entered, RULES[name], optimiser=optimiser, data=data, epochs=1)


@pytest.mark.parametrize("model", lookup.model_names())
def test_every_rule(model, one_by_one):
    rule, given = lookup.rule(model), dict(data=task(frame=Frame(5 * ms, True)), epochs=1)
    same(trained(rule, WHOLE, **given), one_by_one(trained, rule, WHOLE, **given))


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("FA", "DFC")])
def test_paces_where_nothing_moves(name, one_by_one, entered):
    found = agree(one_by_one, entered, RULES[name], Trial(dt=1 * ms, default=20 * ms))
    each = dict.fromkeys(RULES, 1) | {"every 5 ms": 4, "every step": 20, "two paces": 12}
    each |= dict.fromkeys(("every 3 ms", "decay", "from the input alone", "time"), 7)
    each["two lines"] = 9 + 6 + 1
    updates, trials, *_ = found[2]
    assert updates == each[name] * 2 * -(-43 // TRIALS) and trials == 2 * 43


@pytest.mark.parametrize("name", ["every 3 ms", "two paces", "from the input alone"])
def test_paces_in_phases_that_settle(name, one_by_one, entered):
    """They end where they do, whoever stops them in between."""
    schedule = Trial(dt=1 * ms, default=settle(1e-2, at_most=2000 * ms))
    agree(one_by_one, entered, RULES[name].but(eta=0.01), schedule)


@HOLDS
@pytest.mark.parametrize("name", ["DFC", "every 3 ms", "every step"])
def test_frames_of_a_single_step(name, interpolated, one_by_one, entered):
    data = task("xy", Frame(1 * ms, interpolated))
    agree(
        one_by_one, entered, RULES[name], Trial(dt=1 * ms, free=5 * ms, feedback=8 * ms), data=data
    )


@HOLDS
@pytest.mark.parametrize("name", ["FA", "every 3 ms"])
def test_phases_of_other_time_steps(name, interpolated, one_by_one, entered):
    schedule = Trial(dt=1 * ms, free=30 * ms, feedback=Length(17 * ms, dt=0.5 * ms))
    agree(one_by_one, entered, RULES[name], schedule, data=task("xy", Frame(5 * ms, interpolated)))


MANIPULATIONS = {
    "noise": noisy(0.1, 20 * ms),
    "sparse": sparse(0.5),
    "late": delayed(3 * ms),
    "late by a part of a step": delayed(2.5 * ms),
    "cut after updates": lesioned(at=update(9), until=update(30), fraction=0.5),
    "cut after trials": lesioned(at=trial(10), fraction=0.5),
}


@pytest.mark.parametrize("manipulation", MANIPULATIONS.values(), ids=MANIPULATIONS)
@pytest.mark.parametrize("name", ["FA", "every 3 ms"])
def test_manipulations(name, manipulation, one_by_one, entered):
    agree(one_by_one, entered, RULES[name].through(manipulation, "W"), data=task("x"))


@pytest.mark.parametrize("name", ["DFC", "every 3 ms", "decay"])
@pytest.mark.parametrize("circuit", [dict(dtype="float32"), dict(threads=2)], ids=str)
def test_other_circuits(name, circuit, one_by_one, entered):
    agree(one_by_one, entered, RULES[name], data=task(), circuit=circuit)


@pytest.mark.parametrize("name", ["FA", "DFC", "every 5 ms"])
def test_layers_that_are_worth_packing(name, one_by_one, monkeypatch):
    """Their products are made by other code, according to how often they are."""
    sizes, trials = (120, 110, 100, 5), 2
    monkeypatch.setattr("test_loop.SIZES", sizes)
    monkeypatch.setattr("test_loop.TRIALS", trials)
    data = task("x", 10 * ms, samples=2 * trials + 1, sizes=sizes)
    given = dict(data=data, epochs=1)
    rule = RULES[name]
    same(trained(rule, WHOLE, **given), one_by_one(trained, rule, WHOLE, **given))


@pytest.mark.parametrize("name", ["FA", "every 3 ms"])
def test_streams_of_bytes(name, one_by_one, entered):
    """Of images, one after the other: in the loop, bytes are read as what they stand for."""
    codes = np.random.default_rng(0).integers(256, size=(90, SIZES[0]), dtype=np.uint8)
    labels = np.random.default_rng(1).integers(SIZES[-1], size=90)
    images = tasks.Task(Coded(codes, np.linspace(-1, 1, 256)), labels, "images")
    bytes_ = tasks.stream(images, 4 * ms, streams=15)
    assert isinstance(bytes_.x, Coded) and bytes_.x.shape == (15, 6, SIZES[0])
    plain = tasks.Task(np.asarray(bytes_.x), bytes_.y, "plain", frame=4 * ms)
    found = trained(RULES[name], WHOLE, data=bytes_)
    assert entered["calls"]
    same(found, one_by_one(trained, RULES[name], WHOLE, data=bytes_))
    same(found, one_by_one(trained, RULES[name], WHOLE, data=plain))


def test_a_change_that_is_no_finite_number_ends_it_within_the_phase(one_by_one):
    """After the same update, with the same words and weights."""
    rule, ends = paced(3 * ms, equation="dw/dt = 3 * w**3 * r_post * r_pre / tau_u"), []
    for call in (lambda f, *a, **o: f(*a, **o), one_by_one):
        learner = Learner(Network(SIZES, rule, TRIALS, seed=1), WHOLE)
        with pytest.raises(Diverged) as caught:
            call(train, learner, task(), 3, progress=False)
        weights = {
            n: a.copy() for n, a in learner.net.arrays.items() if learner.net.slots[n].of_synapses
        }
        ends.append((str(caught.value), learner.updates, weights))
    assert ends[0][:2] == ends[1][:2] and ends[0][1] % 7  # in the middle of a trial
    for name in ("W1.w", "W2.w", "W3.w", "W1.bias"):
        np.testing.assert_array_equal(ends[0][2][name], ends[1][2][name])
        assert np.isfinite(ends[0][2][name]).all()
