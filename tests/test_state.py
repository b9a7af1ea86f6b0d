"""A network, or a learner, in a file, a pickle or a copy goes on with the very numbers."""

import copy
import os
import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc_learned, dfc_ss, fa, kolen_pollack, sign_symmetry

from neurofa import Learner, Network, SteadyState, Trial, present, settle, tasks, train
from neurofa.base import stored
from neurofa.base.errors import ExperimentError, RuleError
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.optimisers import ADAM
from neurofa.rules.pathways import (
    at_angle,
    dale,
    deg,
    delayed,
    lesioned,
    low_rank,
    masked,
    noisy,
    quantised,
    reaching,
    sparse,
    update,
)

X, Y = np.random.default_rng(0).normal(size=(8, 6)), np.eye(3)[np.arange(8) % 3]
TRIAL = Trial(dt=1 * ms, default=20 * ms)
RULES = {
    "fa": fa.RULE,
    "kolen_pollack": kolen_pollack.RULE,
    "dfc_learned": dfc_learned.RULE,
    "tracking": sign_symmetry.RULE,
    "sparse, late and noisy": fa.RULE.through(sparse(0.5))
    .through(delayed(3 * ms))
    .through(noisy(0.1, 5 * ms)),
    "levels and lesions": fa.RULE.through(quantised(3), "W").through(
        lesioned(at=update(2), until=update(5), fraction=0.5)
    ),
    "cells": kolen_pollack.RULE.through(dale(0.5), "W").through(reaching(0.6), "W"),
    "rank": fa.RULE.through(low_rank(2), "W"),
    "field": fa.RULE.through(masked(np.arange(30).reshape(5, 6) % 3 > 0, layer=1), "W"),
    "angle": fa.RULE.through(at_angle(60 * deg, tracked=True)),
}


def network(rule=fa.RULE, seed=1, **options):
    return Network((6, 5, 3), rule, **dict(dict(trials=8, seed=seed, target="numpy"), **options))


def learned(learner, times=3):
    for _ in range(times):
        present(learner, X, Y)
    return {
        name: array.copy()
        for name, array in learner.net.arrays.items()
        if not name.endswith(".residual")
    }


def by_file(one, path):
    one.save(path)
    return type(one).load(path)


COPIES = {
    "file": by_file,
    "pickle": lambda one, path: pickle.loads(pickle.dumps(one)),
    "deepcopy": lambda one, path: copy.deepcopy(one),
    "copy": lambda one, path: copy.copy(one),
}


@pytest.mark.parametrize(
    "how, rule",
    [
        *(("file", rule) for rule in RULES),
        *((how, "levels and lesions") for how in COPIES if how != "file"),
    ],
)
def test_a_learner_goes_on_with_the_very_numbers(how, rule, tmp_path):
    one = Learner(network(RULES[rule]), TRIAL, ADAM.but(beta1=0.8))
    one.net.set(eta=0.02)
    learned(one)
    other = COPIES[how](one, tmp_path / "learner.h5")
    assert (
        other.net is not one.net
        and other.optimisers == one.optimisers
        and other.updates == one.updates > 0
    )
    assert other.net.rule == one.net.rule and dict(other.net.parameters) == dict(one.net.parameters)
    assert learned(one).keys() == learned(other).keys()
    expected, found = learned(one), learned(other)
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("how", COPIES)
def test_a_network_is_what_it_was_and_shares_nothing(how, tmp_path):
    one = network(
        RULES["sparse, late and noisy"], dtype="float32", activation="relu", cost="cross_entropy"
    )
    learned(Learner(one, TRIAL))
    other = COPIES[how](one, tmp_path / "net.h5")
    assert str(other) == str(one) and (other.cost, other.activations, other.noise) == (
        one.cost,
        one.activations,
        one.noise,
    )
    assert all(
        np.array_equal(array, other.arrays[name], equal_nan=True)
        for name, array in one.arrays.items()
    )
    other["W1"] = 0.0
    assert one["W1"].any()
    present(Learner(other, TRIAL), X, Y, learn=False)
    assert not np.array_equal(other["hidden1.v"], one["hidden1.v"])


@pytest.mark.parametrize("how", COPIES)
def test_in_the_middle_of_a_trial(how, tmp_path):
    one = network(RULES["sparse, late and noisy"])
    one.stimulus(X)
    one.target_rates(Y)
    one.run("free", 10 * ms)
    one.run("feedback", 5 * ms)
    other = COPIES[how](one, tmp_path / "net.h5")
    for net in (one, other):
        net.run("feedback", 5 * ms, go_on=True)
    assert np.array_equal(one["hidden1.v"], other["hidden1.v"]) and np.array_equal(
        one["hidden1.delta"], other["hidden1.delta"]
    )


def test_what_a_steady_state_has_found_out_goes_along(tmp_path):
    one = Learner(network(dfc_ss.RULE), SteadyState(1e-3), "adam")
    learned(one, 1)
    other = by_file(one, tmp_path / "learner.h5")
    assert other.trial.plans == one.trial.plans and one.trial.plans
    expected, found = learned(one), learned(other)
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_what_was_set_of_units_goes_along(tmp_path):
    rule = fa.RULE.but(
        neuron=fa.RULE.neuron.replace("-v + v_basal", "-v + v_basal + I_ext") + "\nI_ext : 1"
    )
    one = network(rule)
    one["hidden1.I_ext"] = np.arange(5.0)
    one.save(tmp_path / "net.h5")
    assert all(
        np.array_equal(
            Network.load(tmp_path / "net.h5", trials=n)["hidden1.I_ext"],
            np.tile(np.arange(5.0), (n, 1)),
        )
        for n in (8, 3)
    )
    one["hidden1.I_ext"] = np.arange(40.0).reshape(8, 5)
    one.save(tmp_path / "net.h5")
    assert np.array_equal(Network.load(tmp_path / "net.h5")["hidden1.I_ext"], one["hidden1.I_ext"])
    with pytest.raises(ExperimentError, match=r"net.h5: 'hidden1.I_ext'.*\(8, 5\).*as many trials"):
        Network.load(tmp_path / "net.h5", trials=3)


SCRIPT = """
import sys, numpy as np
from neurofa import Learner
sys.path.insert(0, sys.argv[1])
from test_state import learned
found = learned(Learner.load("learner.h5"))
np.savez("found.npz", **{name: array for name, array in found.items() if ":" not in name})
"""


@pytest.mark.slow
@pytest.mark.subprocess
def test_in_another_process(script, tmp_path):
    one = Learner(network(RULES["levels and lesions"], target=None), TRIAL, "adam")
    learned(one)
    one.save(tmp_path / "learner.h5")
    expected = learned(one)
    done = script(SCRIPT, os.path.dirname(__file__), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.npz") as found:
        assert {"W1.w", "W1.bias", "W1.w.s"} <= set(found) and all(
            np.array_equal(found[name], expected[name]) for name in found
        )


# what a file is like ------------------------------------------------------------------------------


def test_h5py_reads_it(tmp_path):
    net = network(RULES["sparse, late and noisy"])
    net.save(tmp_path / "net.h5")
    with h5py.File(tmp_path / "net.h5") as file:
        assert file.attrs["format"] == "network" and np.array_equal(
            file["network/arrays/W1.w"], net["W1"]
        )
        assert np.array_equal(file["network/synapses/structure/B2/sparse B"], net["B2"] != 0)
        assert b'"plasticity"' in file["about"][()]


def test_a_checkpoint_is_a_network_and_a_learner(tmp_path):
    net = network()
    train(
        net,
        tasks.linear_map((6, 3), samples=20, test=8),
        1,
        trial=TRIAL,
        optimiser="adam",
        progress=False,
        checkpoint=Checkpoint(tmp_path / "training.h5"),
    )
    assert np.array_equal(Network.load(tmp_path / "training.h5")["W1"], net["W1"])
    learner = Learner.load(tmp_path / "training.h5")
    assert (
        learner.epochs == 1
        and learner.net["W1.w.m"].any()
        and learner.trial["free"] == TRIAL["free"]
    )
    net.save(tmp_path / "net.h5")
    with pytest.raises(
        ExperimentError, match="net.h5 is a network of neurofa, and no learner or checkpoint"
    ):
        Learner.load(tmp_path / "net.h5")


def test_other_numbers_of_trials_and_other_trials(tmp_path):
    one = Learner(network(), TRIAL, "adam")
    learned(one)
    one.save(tmp_path / "learner.h5")
    other = Learner.load(
        tmp_path / "learner.h5",
        trials=3,
        trial=Trial(dt=2 * ms, default=settle(1e-2)),
        optimiser="momentum",
    )
    assert other.net.trials == other.net.active == 3 and np.array_equal(
        other.net["W1"], one.net["W1"]
    )
    assert other.trial["free"].dt == 2 * ms and not other.net["W1.w.m"].any()
    present(other, X[:3], Y[:3])


def test_a_start_of_ones_own_is_not_in_the_file_but_the_weights_are(tmp_path):
    rule = fa.RULE.but(
        pathways=(replace(fa.RULE.pathways[0], init=lambda net, group, rng: np.ones(group.shape)),)
    )
    one = network(rule)
    for other in (by_file(one, tmp_path / "net.h5"), pickle.loads(pickle.dumps(one))):
        assert (other["B2"] == 1).all()
        with pytest.raises(
            RuleError, match="B2 started from 'test_state.*lambda.*not in the file.*rule="
        ):
            other.randomise(2)
    again = Network.load(tmp_path / "net.h5", rule=rule)
    again.randomise(2)
    assert (again["B2"] == 1).all() and (copy.deepcopy(one)["B2"] == 1).all()


def test_what_follows_other_weights_by_a_function_needs_the_rule(tmp_path):
    def following(net, group, rng):
        return net["W2"].T.copy()

    following.tracked = True
    rule = fa.RULE.but(pathways=(replace(fa.RULE.pathways[0], init=following),))
    network(rule).save(tmp_path / "net.h5")
    with pytest.raises(ExperimentError, match="net.h5: .*following.*rule="):
        Network.load(tmp_path / "net.h5")
    assert np.array_equal(Network.load(tmp_path / "net.h5", rule=rule)["B2"], network(rule)["B2"])


def test_a_file_of_other_contents_is_named(tmp_path):
    path = tmp_path / "net.h5"
    network().save(path)
    tree = stored.read(path, "network")
    for name, value in (
        ("activation", {"@": "unknown", "text": "mine.swish"}),
        ("trials", -3),
        ("rule", {"@": "FA"}),
        ("sizes", "abc"),
        ("more", 1),
    ):
        stored.write(path, "network", tree | dict(description=tree["description"] | {name: value}))
        with pytest.raises(ExperimentError, match="net.h5"):
            Network.load(path)
    for name in {*tree["network"]} - {"delays"}:  # of which this network has none
        stored.write(
            path,
            "network",
            tree | dict(network={n: v for n, v in tree["network"].items() if n != name}),
        )
        with pytest.raises(ExperimentError, match="net.h5"):
            Network.load(path)


def test_a_rule_or_sizes_that_are_not_those_of_the_file_are_refused(tmp_path):
    network(fa.RULE.through(sparse(0.5))).save(tmp_path / "net.h5")
    with pytest.raises(ExperimentError, match=r"net.h5: B2 .*sparse\(0.5\) there.*nothing here"):
        Network.load(tmp_path / "net.h5", rule=fa.RULE)
    with pytest.raises(ExperimentError, match="net.h5: .*no parameter"):
        Network.load(tmp_path / "net.h5", rule=dfc_ss.RULE)
    with pytest.raises(ExperimentError, match="cannot be read"):
        Network.load(tmp_path / "none.h5")
