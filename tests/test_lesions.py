"""Lesions: until then, nothing; from then on, nothing passes and nothing is learned; afterwards,
what was there before."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, fa, kolen_pollack

from neurofa import Learner, Length, Network, Pathway, Recorder, Trial, present, settle, train
from neurofa.data.tasks import Task
from neurofa.rules.pathways import (
    at_angle,
    delayed,
    epoch,
    lesioned,
    low_rank,
    noisy,
    sparse,
    trial,
    update,
)

SIZES, K = (4, 6, 5, 3), 3
FAST, SLOW = Trial(dt=10 * ms, default=40 * ms), Trial(default=30 * ms)
KP = kolen_pollack.RULE.but(eta=0.2)
ALL = ("W1", "W2", "W3", "B2", "B3", "W1.bias")


def network(rule, target=None, **options):
    return Network(SIZES, rule, trials=K, seed=1, target=target, **options)


def batches(count):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(K, SIZES[0])), rng.normal(size=(K, SIZES[-1]))) for _ in range(count)]


def weights(net):
    return {name: net[name].copy() for name in ALL}


def learned(rule, count, target=None, optimiser="gradient", length=FAST):
    """Return the weights as each of `count` trials runs, and after the last."""
    net, seen = network(rule, target), []
    learner = Learner(net, length, optimiser)
    for x, y in batches(count):
        present(learner, x, y)
        seen.append(weights(net))
    return net, seen


# when ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at, until, pathway, optimiser",
    [
        (update(3), update(6), "B", "gradient"),
        (update(3), update(6), "W", "momentum"),
        (trial(9), trial(18), "W", "adam"),
        (trial(7), trial(16), "B", "momentum"),
    ],
    ids=str,
)
def test_a_lesion_is_nothing_before_and_is_undone_after(target, at, until, pathway, optimiser):
    """To the last bit. Cut from the fourth trial to the sixth; what was not cut goes on
    learning."""
    _, plain = learned(KP, 9, target, optimiser)
    net, seen = learned(
        KP.through(lesioned(at=at, until=until, fraction=0.5), pathway), 9, target, optimiser
    )
    for k in range(3):
        assert all((plain[k][name] == seen[k][name]).all() for name in ALL)
    for name in (n for n in ALL[:5] if n.startswith(pathway)):
        cut = seen[3][name] == 0
        assert cut.sum() == round(0.5 * cut.size)
        for k in (3, 4, 5):
            np.testing.assert_array_equal(seen[k][name] == 0, cut)
        assert (seen[5][name] != seen[2][name])[~cut].all()
        assert (seen[6][name] != 0).all()
    net, seven = (
        network(KP.through(lesioned(at=at, until=until, fraction=0.5), pathway), target),
        batches(7),
    )
    learner = Learner(net, FAST, optimiser)
    for x, y in seven[:6]:
        present(learner, x, y)
    learner.lesion()  # the seventh trial begins
    for name in (n for n in ALL[:5] if n.startswith(pathway)):
        cut = seen[5][name] == 0
        assert (net[name][cut] == seen[2][name][cut]).all() and (
            net[name][~cut] == seen[5][name][~cut]
        ).all()


def test_epochs_are_those_of_training(target):
    rng = np.random.default_rng(0)
    task = Task(
        rng.normal(size=(8, 4)),
        rng.normal(size=(8, 3)),
        "small",
        rng.normal(size=(4, 4)),
        rng.normal(size=(4, 3)),
        "squared",
    )

    def history(rule, epochs):
        net = network(rule, target)
        return net, train(net, task, epochs, trial=FAST, progress=False)

    rule = KP.but(decay=0.0).through(lesioned(at=epoch(2), until=epoch(3)), "B")
    (net, one), (plain, other) = history(rule, 2), history(KP.but(decay=0.0), 2)
    assert one.test_cost == other.test_cost and all((net[n] == plain[n]).all() for n in ALL)
    cut, later = history(rule, 3)
    assert later.test_cost[:3] == one.test_cost and not cut["B2"].any() and not cut["B3"].any()
    # no error reaches the hidden layers
    assert (cut["W1"] == net["W1"]).all() and (cut["W3"] != net["W3"]).all()
    back, _ = history(rule, 4)
    assert back["B2"].all() and (back["W1"] != net["W1"]).all()


def test_from_the_start_for_good_and_anew_with_another_seed():
    net, seen = learned(KP.through(lesioned(fraction=0.5), "B"), 3)
    cut = seen[0]["B2"] == 0
    assert cut.sum() == 15 and all(((w["B2"] == 0) == cut).all() for w in seen)
    net.randomise(7)
    assert ((net["B2"] == 0) != cut).any() and (net["B2"] == 0).sum() == 15
    later = network(KP.through(lesioned(at=update(2)), "B"))
    [present(learner, x, y) for learner in [Learner(later, FAST)] for x, y in batches(3)]
    assert not later["B2"].any()
    later.randomise(1)
    assert (later["B2"] == network(KP)["B2"]).all()


# which --------------------------------------------------------------------------------------------


def test_cells_are_targets_and_channels_are_sources():
    intact = network(fa.RULE)
    for m, name, where in (
        (lesioned(cells=4), "B2", np.s_[4]),
        (lesioned(channels=(0, 2)), "B3", np.s_[:, [0, 2]]),
        (lesioned(cells=(1, 2), channels=[0]), "B2", np.s_[[1, 2], 0]),
        (lesioned(layer=1), "B2", np.s_[:]),
    ):
        net, expected = network(fa.RULE.through(m)), intact[name].copy()
        expected[where] = 0
        np.testing.assert_array_equal(net[name], expected)
        assert (net["B3"] == intact["B3"]).all() == (m.layer == 1)
    half = network(fa.RULE.through(lesioned(channels=2, fraction=0.6, layer=2)))
    assert (half["B3"] == 0).sum() == 3 and (half["B3"][:, 2] == 0).sum() == 3


def test_cut_feedback_carries_exactly_nothing(target):
    net = network(fa.RULE.through(lesioned(layer=1)), target)
    before = weights(net)
    learner = Learner(net, FAST)
    for x, y in batches(2):
        present(learner, x, y)
        assert not net["hidden1.delta"].any() and net["hidden2.delta"].any()
    assert (
        (net["W1"] == before["W1"]).all()
        and not net["W1.bias"].any()
        and (net["W2"] != before["W2"]).all()
    )


# within a trial -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [1 * ms, 0.7 * ms, 3 * ms], ids=str)
def test_a_time_of_the_trial_is_that_of_every_trial(target, dt):
    """From 50 to 65 ms; feedback begins at about 30 ms. The nearest time step counts."""
    step, length = float(dt / ms), Trial(dt=dt, free=30 * ms, feedback=60 * ms)
    net, plain = (
        network(fa.RULE.through(lesioned(at=50 * ms, until=65 * ms)), target),
        network(fa.RULE, target),
    )
    before = weights(net)
    for x, y in batches(2):
        traces = []
        for one in (net, plain):
            recorder = Recorder(["hidden1.v_apical", "hidden2.v_apical", "hidden1.delta"])
            present(Learner(one, length), x, y, learn=False, record=recorder)
            found = recorder.recording()
            traces.append([found[n].transpose("time", "trial", ...).values for n in recorder.names])
        t = found["hidden1.delta"].time.values
        cut = (t > 50 + step / 2) & (t < 65 + step / 2)
        assert cut.sum() == round(65 / step) - round(50 / step)
        for k, (here, there) in enumerate(zip(*traces)):
            assert (here[t < 50 + step / 2] == there[t < 50 + step / 2]).all()
            if k < 2:
                assert not here[cut].any() and here[t > 65 + step / 2].all() and there[cut].all()
        assert all((net[n] == before[n]).all() for n in ALL)


def test_synapses_that_are_cut_at_the_end_of_a_trial_do_not_learn_in_it(target):
    net = network(KP.through(lesioned(at=20 * ms, fraction=0.5), "W", "B"), target)
    learner, before = Learner(net, SLOW), weights(net)
    cut = None
    for x, y in batches(3):
        present(learner, x, y)
        now = {name: net[name] == 0 for name in ALL[:5]}
        assert cut is None or all((cut[n] == now[n]).all() for n in now)
        cut = now
    net.reset()
    for name, gone in cut.items():
        assert gone.sum() == round(gone.size / 2) and (net[name][gone] == before[name][gone]).all()
        assert (net[name][~gone] != before[name][~gone]).all()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_phase_in_parts_is_the_whole_phase(needs_compiler, threads, dtype):
    """To the last bit: delays, noise, plasticity during the phase, recordings. Cutting none of the
    synapses makes the parts."""
    rule = dfc.RULE.through(delayed(3.4 * ms)).through(noisy(0.1, 5 * ms))
    nothing = lesioned(at=11 * ms, until=33.5 * ms, fraction=0.0)
    for target in ("cpp", "numpy") if threads == 1 else ("cpp",):
        found = []
        for one in (rule, rule.through(nothing, "Q", "W")):
            net, recorder = (
                network(one, target, threads=threads, dtype=dtype),
                Recorder(["hidden1.v", "controller.u", "output.r"], every=3),
            )
            learner = Learner(net, Trial(free=25 * ms, feedback=Length(40 * ms, dt=0.5 * ms)))
            results = [present(learner, x, y, record=recorder) for x, y in batches(2)][-1]
            recording = recorder.recording()
            found.append(
                [
                    *(recording[n].values for n in recorder.names),
                    net["W1"],
                    net["W3.bias"],
                    results[1].residual,
                ]
            )
        for whole, parts in zip(*found):
            np.testing.assert_array_equal(whole, parts)


def test_a_lesion_within_the_phase_does_not_make_it_settle_early(target):
    net, plain = (
        network(rule, target)
        for rule in (fa.RULE.through(lesioned(at=50 * ms, until=400 * ms), "W"), fa.RULE)
    )
    x, y = batches(1)[0]
    results = [
        present(Learner(one, Trial(default=settle(1e-8))), x, y, learn=False)
        for one in (net, plain)
    ]
    assert not any(r.unsettled.any() for r in (*results[0], *results[1]))
    assert results[0][0].duration > 0.15 and (results[0][0].settled_after > 0.05).all()


# together with others -----------------------------------------------------------------------------


def test_lesions_that_overlap_leave_what_there_was():
    rule = fa.RULE.through(lesioned(at=update(1), until=update(3), cells=(0, 1))).through(
        lesioned(at=update(2), until=update(4), cells=(1, 2))
    )
    net, seen = learned(rule, 5)
    intact = network(fa.RULE)["B2"]
    for k, gone in enumerate(([], [0, 1], [0, 1, 2], [1, 2], [])):
        expected = intact.copy()
        expected[gone] = 0
        np.testing.assert_array_equal(seen[k]["B2"], expected)


def test_structure_stays_through_a_lesion():
    for m in (low_rank(2), sparse(0.5)):
        intact = network(fa.RULE.through(m))["B2"]
        net, seen = learned(
            fa.RULE.but(eta=0.2)
            .through(m)
            .through(lesioned(at=update(1), until=update(8), fraction=0.3)),
            9,
        )
        expected = intact.copy()
        expected[(seen[1]["B2"] == 0) & (intact != 0)] = 0
        assert all((w["B2"] == expected).all() for w in seen[1:8]) and (expected != intact).any()
        np.testing.assert_array_equal(seen[8]["B2"], intact)


def test_tracked_synapses_are_restored_to_what_they_track_now():
    rule = fa.RULE.but(eta=0.3).through(at_angle(0.5, tracked=True))
    _, plain = learned(rule, 1)
    net, seen = learned(rule.through(lesioned(at=update(1), until=update(4), fraction=0.5)), 4)
    assert (seen[3]["B2"] == 0).sum() == 15
    learner = Learner(net, FAST)
    learner.updates = 4
    learner.lesion()
    cosine = (net["B2"] * net["W2"].T).sum() / np.linalg.norm(net["B2"]) / np.linalg.norm(net["W2"])
    assert np.arccos(cosine) == pytest.approx(0.5, abs=1e-9) and (net["B2"] != plain[0]["B2"]).all()


def test_borrowed_synapses_are_cut_with_those_that_they_are(target):
    """Whatever reads W upwards hears nothing where W is cut."""
    rule = fa.RULE.but(
        pathways=(
            *fa.RULE.pathways,
            Pathway("C", source="below", signal="r", into="c", to="layers", weights="W"),
        )
    )
    net = network(rule.through(lesioned(cells=1, layer=2), "W"), target)
    present(Learner(net, SLOW), *batches(1)[0], learn=False)
    for variable in ("v_basal", "c"):
        assert (
            not net[f"hidden2.{variable}"][:, 1].any()
            and net[f"hidden2.{variable}"][:, [0, 2, 3, 4]].all()
        )
