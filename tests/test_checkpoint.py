"""A training that is stopped anywhere and goes on has the very numbers of one that was not."""

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models import fa

from neurofa import (
    History,
    Learner,
    Network,
    Recorder,
    Snapshots,
    Trial,
    lookup,
    settle,
    tasks,
    train,
)
from neurofa.base.errors import ExperimentError, NetworkError
from neurofa.learning.batches import Batches
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.optimisers import ADAM
from neurofa.learning.schedules import every
from neurofa.rules.pathways import gain, lesioned, noisy, quantised, sparse, update
from neurofa.rules.pathways.reading import through

# four whole batches of 8 and one of 3, so that an epoch is five updates
TASK = tasks.linear_map((6, 3), samples=35, test=20)
UPDATES = 5
NAMES = ("W1.w", "W1.bias", "W2.w", "W2.bias")


def network(model="fa", pathway="", seed=1):
    rule = lookup.rule(model)
    return Network((6, 5, 3), through(rule, pathway) if pathway else rule, trials=8, seed=seed)


def learned(net, epochs=4, **options):
    trial = Trial(dt=5 * ms, default=settle(1e-3), **dict.fromkeys(net.noisy_phases, 30 * ms))
    return train(net, TASK, epochs, **dict(dict(trial=trial, seed=3, progress=False), **options))


def weights(net):
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


class Stop(Exception):
    """What ends a training from outside."""


def stopped(net, batch, monkeypatch, checkpoint, **options):
    """Train until a batch in which the process comes to its end."""
    answers, done = Batches.answers, []

    def presented(self, batches, record=None):
        if self.y is None:
            return answers(self, batches, record)  # a test
        if len(done) == batch:
            raise Stop
        done.extend(found := answers(self, batches[: batch - len(done)], record))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "answers", presented)
        with pytest.raises(Stop):
            learned(net, checkpoint=checkpoint, **options)


def same(one, other):
    return all(np.array_equal(array, other[name]) for name, array in weights(one).items())


@cache
def uninterrupted(model, optimiser, pathway):
    """Return the weights and the history of a training that nothing stops."""
    net = network(model, pathway)
    history = learned(net, optimiser=optimiser)
    return weights(net), history


@pytest.mark.parametrize(
    "model, optimiser, pathway",
    [
        ("fa", "gradient", ""),
        ("kolen_pollack", "adam", ""),
        ("dfc_ss", "momentum", ""),
        ("weight_mirror", "gradient", ""),
        ("sign_symmetry_redrawn", "gradient", ""),
        ("kolen_pollack", "gradient", "quantised(4)"),
        ("fa", "gradient", "noisy(0.1, 5*ms)"),
        ("fa", "adam", "W: lesioned(at=update(4), until=update(16), fraction=0.5)"),
    ],
)
@pytest.mark.parametrize("batch", [3, UPDATES, 2 * UPDATES + 2])
def test_it_goes_on_with_the_very_numbers(model, optimiser, pathway, batch, tmp_path, monkeypatch):
    before, history = uninterrupted(model, optimiser, pathway)
    checkpoint, again = Checkpoint(tmp_path / "training.h5", every=2), network(model, pathway)
    stopped(network(model, pathway), batch, monkeypatch, checkpoint, optimiser=optimiser)
    resumed = learned(again, optimiser=optimiser, checkpoint=checkpoint)
    assert all(np.array_equal(array, again[name]) for name, array in before.items())
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


PER_UNIT = fa.RULE.but(
    neuron=fa.RULE.neuron.replace("-v + v_basal", "-v + v_basal + I_ext") + "\nI_ext : 1"
)


def assign(net):
    net["W1"] = 0.9 * net["W1"]


def bias(net):
    net["W2.bias"] = net["W2.bias"] + 0.1


def drive(net):
    net["hidden1.I_ext"] = net["hidden1.I_ext"] + 0.3


def draw(net):
    net.noise = (net.noise[0] + 7, 3)


def structure(net):
    net.synapses.take(Network((6, 5, 3), net.rule, trials=8, seed=net.seed + 1, target="numpy"))
    net.seed += 1


def parallel(net):
    net.threads = 3 - net.threads


def times(name, factor):
    return lambda net: net.set(**{name: factor * net.parameters[name]})


CHANGES = {
    "parameter": (times("eta", 0.5), fa.RULE),
    "time constant": (times("tau_v", 1.3), fa.RULE),
    "of a pathway": (times("gain_B", 0.7), fa.RULE.through(gain(2.0))),
    "weights": (assign, fa.RULE),
    "biases": (bias, fa.RULE),
    "per unit": (drive, PER_UNIT),
    "noise": (draw, fa.RULE.through(noisy(0.1, 5 * ms))),
    "mask": (structure, fa.RULE.through(sparse(0.5), "W")),
    "levels": (structure, fa.RULE.through(quantised(4), "W")),
    "lesion": (structure, fa.RULE.through(lesioned(at=update(4), fraction=0.5), "W")),
    "threads": (parallel, fa.RULE),
}


def changing(name):
    """Return a new network, and how it is trained: with this change after every epoch."""
    change, rule = CHANGES[name]
    net = Network((6, 5, 3), rule, trials=8, seed=1, target="numpy")
    return net, dict(measure=lambda net: change(net) or 0.0, epochs=3)


@cache
def changed(name):
    """Return the network of a training with this change that nothing stops."""
    net, options = changing(name)
    learned(net, **options)
    return net


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("batch", [3, 2 * UPDATES + 2])
def test_what_is_changed_between_epochs_is_part_of_the_state(name, batch, tmp_path, monkeypatch):
    checkpoint, whole = Checkpoint(tmp_path / "training.h5", every=2), changed(name)
    net, options = changing(name)
    stopped(net, batch, monkeypatch, checkpoint, **options)
    again, options = changing(name)
    learned(again, checkpoint=checkpoint, **options)
    assert (
        same(whole, again)
        and dict(whole.parameters) == dict(again.parameters)
        and whole.threads == again.threads
    )


def test_an_activation_cannot_be_changed():
    with pytest.raises(TypeError, match="frozen"):
        network().activations["hidden1"] = network().activations["output"]


@pytest.mark.parametrize("batch", [3, UPDATES + 1, 2 * UPDATES + 2])
def test_what_is_done_after_an_epoch_is_part_of_the_state(batch, tmp_path, monkeypatch):
    def after(learner, history):
        learner.net.set(eta=0.7 * learner.net.parameters["eta"])
        learner.trial = Trial(dt=1 * ms, default=(5 + history.epoch[-1]) * ms)
        for plastic in (one for lines in learner.plastic.values() for one in lines):
            plastic.optimiser = ADAM.but(beta1=0.9 - 0.1 * history.epoch[-1])
        return history.epoch[-1] == 3

    whole, again, checkpoint = network(), network(), Checkpoint(tmp_path / "training.h5", every=2)
    learned(whole, 5, after_epoch=after, optimiser="adam")
    stopped(network(), batch, monkeypatch, checkpoint, after_epoch=after, optimiser="adam")
    for _ in range(2):
        assert learned(
            again, 5, after_epoch=after, checkpoint=checkpoint, optimiser="adam"
        ).epoch == [0, 1, 2, 3]
        assert same(whole, again) and again.parameters["eta"] == whole.parameters["eta"]


def test_what_is_measured_must_be_plain(tmp_path):
    with pytest.raises(ExperimentError, match="measured holds <object.*plain value"):
        learned(
            network(),
            1,
            checkpoint=Checkpoint(tmp_path / "training.h5"),
            measure=lambda net: object(),
        )
    history = learned(
        network(),
        1,
        checkpoint=Checkpoint(tmp_path / "other.h5"),
        measure=lambda net: np.float32(2),
    )
    assert (
        learned(network(), 1, checkpoint=Checkpoint(tmp_path / "other.h5"), measure=len).measured
        == history.measured
    )


CLASSES = replace(TASK, y=(TASK.y > 0).astype(float), y_test=(TASK.y_test > 0).astype(float))
OTHERS = {
    "data x, data y, data x_test": dict(task=tasks.linear_map((6, 3), samples=70, test=20, seed=5)),
    "data x_test": dict(task=replace(CLASSES, x_test=CLASSES.x_test[::-1])),
    "activations activation .tanh there, relu here": dict(activation="relu"),
    "activations output_activation": dict(output_activation="tanh"),
    r"optimiser W parameters beta1 \(0.9 there, 0.1 here\)": dict(optimiser=ADAM.but(beta1=0.1)),
    "start W1.w": dict(change=lambda net: assign(net)),
    "start hidden1.I_ext": dict(change=lambda net: drive(net)),
    "start W2.bias": dict(change=lambda net: bias(net)),
    r"differs in start parameters eta \(0.1 there, 0.2 here\)": dict(
        change=lambda net: net.set(eta=0.2)
    ),
    # and not what follows from it
    r"differs in rule parameters eta \(0.1 there, 0.2 here\)\. Delete": dict(
        rule=PER_UNIT.but(eta=0.2)
    ),
    r"trial default dt value \(0.002 there, 0.001 here\)": dict(
        trial=Trial(dt=1 * ms, default=settle(1e-3, at_most=1 * second, dt=1 * ms))
    ),
    r"trial default duration value": dict(
        trial=Trial(dt=1 * ms, default=settle(1e-3, at_most=2 * second, dt=2 * ms))
    ),
    r"trial lengths feedback": dict(
        trial=Trial(
            dt=1 * ms, default=settle(1e-3, at_most=1 * second, dt=2 * ms), feedback=20 * ms
        )
    ),
    "^.*cost .squared there, binary_cross_entropy here": dict(cost="binary_cross_entropy"),
    "seed .1 there, 2 here": dict(seed=2),
    "trials in parallel .8 there, 7 here": dict(trials=7),
    "dtype .float64 there, float32 here": dict(dtype="float32"),
    "rule plasticity W equation": dict(
        rule=PER_UNIT.but(
            plasticity=(
                replace(fa.RULE.plasticity[0], equation="w += -2*eta * delta_post * r_pre"),
            )
        )
    ),
    "rule pathways B through": dict(rule=PER_UNIT.through(gain(1.0))),
    "order of the samples .3 there, 4 here": dict(order=4),
    "noise .1 there, 5 here": dict(change=lambda net: draw_from(net, 5)),
    "threads .1 there, 2 here": dict(change=lambda net: parallel(net)),
}


def draw_from(net, seed):
    net.noise = (seed, 0)


@pytest.mark.parametrize("says", OTHERS, ids=lambda says: says.strip("^.*$ ")[:24])
def test_a_file_of_any_other_training_is_refused_with_what_differs(says, tmp_path):
    def trained(
        task=CLASSES,
        change=None,
        trial=Trial(dt=1 * ms, default=settle(1e-3, at_most=1 * second, dt=2 * ms)),
        optimiser="adam",
        order=3,
        rule=PER_UNIT,
        trials=8,
        seed=1,
        **options,
    ):
        net = Network((6, 5, 3), rule, trials=trials, seed=seed, target="numpy", **options)
        change and change(net)
        return train(
            net,
            task,
            1,
            trial=trial,
            optimiser=optimiser,
            seed=order,
            progress=False,
            checkpoint=Checkpoint(tmp_path / "t.h5"),
        )

    trained()
    before = (tmp_path / "t.h5").read_bytes()
    with pytest.raises(ExperimentError, match=f"another training: it .*{says.lstrip('^')}"):
        trained(**OTHERS[says])
    assert (tmp_path / "t.h5").read_bytes() == before
    assert trained().epoch == [0, 1]


@pytest.mark.parametrize(
    "what, make",
    [
        ("record", lambda path: Recorder("W1", every="phase", to=path)),
        ("snapshots", lambda path: Snapshots(every(1), to=path)),
    ],
    ids=["recorder", "snapshots"],
)
def test_a_training_that_goes_on_overwrites_nothing_that_was_kept_of_its_beginning(
    what, make, tmp_path
):
    path, checkpoint = tmp_path / "kept.nc", Checkpoint(tmp_path / "training.h5")
    with make(path) as kept:
        learned(network(), 2, checkpoint=checkpoint, **{what: kept})
    before = path.read_bytes()
    with pytest.raises(
        ExperimentError, match="kept.nc is there already, and nothing is overwritten"
    ):
        with make(path) as kept:
            learned(network(), 3, checkpoint=checkpoint, **{what: kept})
    assert path.read_bytes() == before
    with make(tmp_path / "more.nc") as kept:
        assert learned(network(), 3, checkpoint=checkpoint, **{what: kept}).epoch == [0, 1, 2, 3]
    assert path.read_bytes() == before and (tmp_path / "more.nc").exists()


def test_names_that_change_no_number_do_not_count(tmp_path):
    checkpoint = Checkpoint(tmp_path / "training.h5")
    learned(network(), 1, checkpoint=checkpoint)
    assert train(
        network(),
        replace(TASK, name="mine"),
        2,
        trial=Trial(dt=5 * ms, default=settle(1e-3)),
        seed=3,
        progress=False,
        checkpoint=checkpoint,
    ).epoch == [0, 1, 2]


# going on, on purpose -----------------------------------------------------------------------------


def onwards(path, seed=1, eta=0.1, trials=5, rule=fa.RULE, epochs=2, **options):
    net = Network((6, 5, 3), rule.but(eta=eta), trials=trials, seed=seed, target="numpy")
    return net, learned(net, epochs, checkpoint=Checkpoint(path, resume="weights"), **options)


def test_weights_of_another_training_go_on_with_other_settings(tmp_path, monkeypatch):
    first = Network((6, 5, 3), fa.RULE, trials=8, seed=1, target="numpy")
    learned(first, 2, checkpoint=Checkpoint(tmp_path / "training.h5"))
    (tmp_path / "copy.h5").write_bytes((tmp_path / "training.h5").read_bytes())
    whole = Network((6, 5, 3), fa.RULE.but(eta=0.1), trials=5, seed=9, target="numpy")
    whole.synapses.take(first)
    history = learned(whole, 2)
    net, found = onwards(tmp_path / "training.h5", seed=9)
    assert found.epoch == [0, 1, 2] and found.test_cost == history.test_cost and same(whole, net)
    # From now on the file is of this training: started again, it goes on exactly.
    longer, prolonged = onwards(tmp_path / "training.h5", seed=9, epochs=3)
    learned(whole2 := Network.load(tmp_path / "training.h5"), 0)
    assert (
        prolonged.test_cost[:3] == found.test_cost
        and prolonged.epoch == [0, 1, 2, 3]
        and same(whole2, longer)
    )
    # With the very settings of the first, epochs count anew, too.
    again = Network((6, 5, 3), fa.RULE, trials=8, seed=1, target="numpy")
    assert learned(
        again, 1, checkpoint=Checkpoint(tmp_path / "copy.h5", resume="weights")
    ).epoch == [0, 1] and not same(again, first)


def test_moments_go_on_where_they_fit(tmp_path):
    path, steps = tmp_path / "training.h5", {}
    for optimiser in ("adam", "momentum"):
        path.unlink(missing_ok=True)
        learned(
            Network((6, 5, 3), fa.RULE, trials=8, seed=1, target="numpy"),
            1,
            optimiser="adam",
            checkpoint=Checkpoint(path),
        )
        net = Network((6, 5, 3), fa.RULE.but(eta=0.0), trials=8, target="numpy")
        learner = Learner(net, optimiser=optimiser)
        assert Checkpoint(path, resume="weights").load(learner, History(), TASK, 3).epoch == 1
        steps[optimiser] = [one.updates for lines in learner.plastic.values() for one in lines]
        assert learner.updates == 0 and net["W1.w.m"].any() == (optimiser == "adam")
    assert set(steps["adam"]) == {UPDATES} and set(steps["momentum"]) == {0}


def test_weights_that_do_not_fit_are_refused(tmp_path):
    learned(network(), 1, checkpoint=Checkpoint(tmp_path / "training.h5"))
    with pytest.raises(ExperimentError, match="do not fit.*W1 is sparse"):
        onwards(tmp_path / "training.h5", rule=fa.RULE.through(sparse(0.5), "W"))
    with pytest.raises(ExperimentError, match="do not fit.*shape"):
        learned(
            Network((6, 4, 3), fa.RULE, target="numpy"),
            1,
            checkpoint=Checkpoint(tmp_path / "training.h5", resume="weights"),
        )
    with pytest.raises(NetworkError, match="Valid ways: exact, weights"):
        Checkpoint("training.h5", resume="weihgts")


LONG = 60


def trained_in_a_process_of_its_own(folder):
    net = network()
    learned(net, LONG, checkpoint=Checkpoint(folder / "training.h5", every=1))
    np.save(folder / "weights.npy", np.concatenate([net[name].ravel() for name in NAMES]))


@pytest.mark.subprocess
@pytest.mark.slow
def test_killed_ten_times_at_random_moments(tmp_path, monkeypatch):
    whole = network()
    learned(whole, LONG)
    # every process begins as one that has imported this module, and done nothing else
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    chance, file = random.Random(0), tmp_path / "training.h5"
    for kill in range(10):
        process = processes.Process(target=trained_in_a_process_of_its_own, args=(tmp_path,))
        stamp = file.stat().st_mtime_ns if kill else 0
        process.start()
        until = time.monotonic() + 60
        while (
            process.is_alive()
            and time.monotonic() < until
            and (not file.exists() or file.stat().st_mtime_ns == stamp)
        ):
            time.sleep(0.01)
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL and not (tmp_path / "weights.npy").exists()
    process = processes.Process(target=trained_in_a_process_of_its_own, args=(tmp_path,))
    process.start()
    process.join(300)
    assert process.exitcode == 0
    found = np.load(tmp_path / "weights.npy")
    assert np.array_equal(found, np.concatenate([whole[name].ravel() for name in NAMES]))


def test_an_epoch_may_have_many_samples(tmp_path):
    task, net = tasks.linear_map((6, 3), samples=5000, test=20), network()
    train(
        net,
        task,
        1,
        trial=Trial(dt=10 * ms),
        progress=False,
        checkpoint=Checkpoint(tmp_path / "training.h5", every=600),
    )
    train(
        net,
        task,
        1,
        trial=Trial(dt=10 * ms),
        progress=False,
        checkpoint=Checkpoint(tmp_path / "training.h5"),
    )
