"""Lines of the shelf that are made every so often: none of them is another rule where the pace is longer
than the phase, and what is no pace is refused."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms, mV, second
from neurofa.models import dfc, fa
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import (
    Frame,
    Learner,
    Network,
    NetworkError,
    Plasticity,
    RuleError,
    Trial,
    lookup,
    present,
)
from neurofa.pathways import fixed_signs, lesioned, low_rank, quantised

DURING = [
    name
    for name in lookup.model_names()
    if any(line.during for line in lookup.rule(name).plasticity)
]


def paced(given, every):
    """Return a rule whose lines that are integrated are made so often."""
    lines = [replace(one, every=every) if one.during else one for one in given.plasticity]
    return given.but(plasticity=tuple(lines))


def left(given, target, trials=2, trial=None, frame=None, **options):
    """Return everything that some trials leave behind; with a `frame`, of four of them."""
    net = Network(SIZES, given, TRIALS, seed=1, target=target, **options)
    learner = Learner(net, trial or Trial(dt=1 * ms, default=20 * ms), "adam")
    rng = np.random.default_rng(0)
    for _ in range(trials):
        frames = () if frame is None else (4,)
        x, y = (rng.normal(size=(TRIALS, *frames, n)) for n in (SIZES[0], SIZES[-1]))
        present(learner, x, y, frame=frame)
    return {name: array.copy() for name, array in net.arrays.items()}, learner


def same(one, other):
    for name, array in one[0].items():
        np.testing.assert_array_equal(array, other[0][name], err_msg=name)
    assert one[1].updates == other[1].updates
    for phase, lines in one[1].plastic.items():
        theirs = other[1].plastic[phase]
        assert [line.updates for line in lines] == [line.updates for line in theirs]


@pytest.mark.parametrize("every", [20 * ms, 7 * second], ids=str)
@pytest.mark.parametrize("model", DURING)
def test_a_pace_that_is_longer_than_the_phase_is_none(model, every, target):
    given = lookup.rule(model)
    same(left(paced(given, every), target), left(given, target))


def test_every_step_by_name_and_by_time(target):
    same(left(paced(dfc.RULE, "dt"), target), left(paced(dfc.RULE, 1 * ms), target))


@pytest.mark.parametrize("frame", [None, 4 * ms, Frame(5 * ms, True)], ids=str)
@pytest.mark.parametrize("model", DURING)
def test_both_targets_agree(model, frame, needs_compiler):
    rule = paced(lookup.rule(model), 3 * ms)
    found, interpreted = (left(rule, target, frame=frame)[0] for target in ("cpp", "numpy"))
    for name, array in interpreted.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-9 * max(1, abs(array).max()))


def test_updates_are_counted(target):
    """Of phases of 20 ms: what is due as they end is made once."""
    for every, wanted in ((3 * ms, 7), (5 * ms, 4), ("dt", 20), (20 * ms, 1), (None, 1)):
        _, learner = left(paced(dfc.RULE, every), target)
        assert learner.updates == 2 * wanted and learner.updates_of_a_trial() == wanted
        assert {one.updates for one in learner.plastic["feedback"]} == {2 * wanted}


@pytest.mark.parametrize(
    "manipulation", [low_rank(2), quantised(9), fixed_signs(), lesioned(fraction=0.4)], ids=str
)
def test_weights_are_kept_whenever_they_are_learned(manipulation, needs_compiler):
    rule = paced(dfc.RULE, 3 * ms).through(manipulation, "W")
    (found, learner), (interpreted, _) = (left(rule, target) for target in ("cpp", "numpy"))
    for name, array in interpreted.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-9 * max(1, abs(array).max()))
    for name, structure in learner.net.synapses.structure.items():
        for what, kept in structure.items():
            one = learner.net.synapses._manipulations(learner.net.circuit.group(name))[what]
            assert one.fits(learner.net[name], kept)


def test_two_lines_of_the_same_synapses(target):
    """Each learns from what it has integrated itself: in all, what both do at the end, for weights
    that hardly move."""
    lines = [
        Plasticity("W", during="feedback", equation=f"dw/dt = eta * {post}_post * r_pre / tau_u")
        for post in ("v_apical", "r_basal")
    ]
    changes = []
    for paces in ((None, None), (2 * ms, 3 * ms), ("dt", None)):
        rule = dfc.RULE.but(
            plasticity=tuple(replace(one, every=pace) for one, pace in zip(lines, paces)),
            eta=1e-9,
        )
        net = Network(SIZES, rule, TRIALS, seed=1, target=target)
        before, rng = net["W2"].copy(), np.random.default_rng(0)
        given = rng.normal(size=(TRIALS, SIZES[0])), rng.normal(size=(TRIALS, SIZES[-1]))
        present(Learner(net, Trial(dt=1 * ms, default=20 * ms)), *given)
        changes.append((net["W2"] - before) * 1e9)
    np.testing.assert_allclose(changes[1], changes[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(changes[2], changes[0], rtol=0, atol=1e-5)
    assert abs(changes[0]).max() > 1e-2


# --- what is refused ---
@pytest.mark.parametrize(
    "every, dt, why",
    [
        (0.5 * ms, 1 * ms, "every 0.5 ms, which is less than a time step of 1 ms"),
        (2.5 * ms, 1 * ms, "every 2.5 ms, which is no whole number of time steps of 1 ms"),
        (1 * ms, 0.3 * ms, "every 1 ms, which is no whole number of time steps of 0.3 ms"),
    ],
)
def test_paces_are_whole_numbers_of_time_steps(every, dt, why, target):
    with pytest.raises(NetworkError, match=f"feedback phase: W1 learns {why}.*every='dt'"):
        left(paced(dfc.RULE, every), target, trial=Trial(dt=dt, default=20 * ms))


@pytest.mark.parametrize("every", [5, "5 ms", "DT", 0 * ms, -1 * ms, 5 * mV, np.nan * ms, [5 * ms]])
def test_paces_that_are_none(every):
    with pytest.raises(RuleError, match="every"):
        paced(dfc.RULE, every)


@pytest.mark.parametrize("every", [5 * ms, "dt"])
def test_a_line_after_a_phase_has_no_pace(every):
    line = replace(fa.RULE.plasticity[0], every=every)
    with pytest.raises(RuleError, match="every = .* goes with during="):
        fa.RULE.but(plasticity=(line,))
