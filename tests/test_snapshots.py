"""Snapshots of the weights: when they are taken, what is in them, that they change nothing, and
what a broken-off run leaves."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest
import xarray
from brian2 import ms
from neurofa.models import dfc, fa, kolen_pollack

from neurofa import (
    Diverged,
    ExperimentError,
    Learner,
    Network,
    NetworkError,
    Snapshots,
    Trial,
    lookup,
    present,
    reference,
    settle,
    train,
)
from neurofa.base import files
from neurofa.data.tasks import Task
from neurofa.learning.requested import requested_changes
from neurofa.learning.schedules import every, log_spaced
from neurofa.rules.pathways import delayed, lesioned, noisy, sparse, update

SIZES, K = (4, 5, 6, 3), 4
SHORT = Trial(dt=5 * ms, default=20 * ms)
SETTLED = Trial(dt=10 * ms, default=settle(1e-12))


def task(samples=12, test=6, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(samples + test, 4)), rng.normal(size=(samples + test, 3))
    return Task(x[:samples], y[:samples], "small", x[samples:], y[samples:])


def network(rule=fa.RULE, **options):
    net = Network(SIZES, rule, **dict(trials=K, target="numpy", seed=1) | options)
    for layer in (1, 2, 3):
        net[f"W{layer}.bias"] = np.linspace(-0.5, 0.5, SIZES[layer])
    return net


def probe(samples=K):
    return task(seed=3).x[:samples], task(seed=3).y[:samples]


def weights(net):
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


def same(one, other):
    return one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


def taken(snapshots, updates, rule=fa.RULE):
    """Learn for so many updates by hand; return the learner and the weights after each of them,
    before learning first."""
    learner, data = Learner(network(rule), SHORT), task()
    snapshots.take(learner)
    seen = [weights(learner.net)]
    for k in range(updates):
        rows = np.arange(K * k, K * (k + 1)) % len(data.x)
        present(learner, data.x[rows], data.y[rows])
        snapshots.take(learner)
        seen.append(weights(learner.net))
    return learner, seen


# --- schedules ---
def due(schedule, last):
    """Return all updates at which `schedule` is due, up to `last`."""
    update, found = 0, []
    while (update := schedule.after(update)) <= last:
        found.append(update)
    return found


def test_every_n_updates():
    assert due(every(1), 4) == [1, 2, 3, 4] and due(every(3), 10) == [3, 6, 9]


def test_log_spaced():
    assert due(log_spaced(1), 10000) == [1, 10, 100, 1000, 10000]
    assert due(log_spaced(3), 1000) == [1, 2, 5, 10, 22, 46, 100, 215, 464, 1000]
    many = due(log_spaced(20), 10**6)
    assert np.diff(many).min() > 0 and many[:5] == [1, 2, 3, 4, 5]
    for decade in (3, 4, 5):
        assert sum(10**decade < n <= 10 ** (decade + 1) for n in many) == 20


@pytest.mark.parametrize("make", [every, log_spaced])
@pytest.mark.parametrize("wrong", [0, -1, 2.5, "ten"])
def test_schedules_want_whole_numbers(make, wrong):
    with pytest.raises(NetworkError, match="give a whole number of at least 1"):
        make(wrong)


def test_they_are_taken_when_due_and_the_first_before_learning():
    snapshots = Snapshots(log_spaced(3))
    _, seen = taken(snapshots, 6)
    data = snapshots.dataset
    assert data["update"].values.tolist() == [0, 1, 2, 5]
    for k, updates in enumerate((0, 1, 2, 5)):
        for name, values in seen[updates].items():
            np.testing.assert_array_equal(data[name][k], values)


def test_updates_that_come_in_pairs_do_not_slip_through():
    """Two phases that learn are two updates per trial."""
    snapshots = Snapshots(every(3))
    learner, _ = taken(snapshots, 5, lookup.rule("synthetic_gradients"))
    assert learner.updates == 10 and snapshots.dataset["update"].values.tolist() == [0, 4, 6, 10]


def test_at_the_end_or_by_hand_at_any_time():
    snapshots = Snapshots(every(100))
    learner, _ = taken(snapshots, 2)
    snapshots.take(learner, now=True)
    snapshots.take(learner, now=True)
    assert snapshots.dataset["update"].values.tolist() == [0, 2]
    snapshots = Snapshots(every(4))
    train(network(), task(), 3, trial=SHORT, progress=False, snapshots=snapshots)
    assert snapshots.dataset["update"].values.tolist() == [
        0,
        4,
        8,
        9,
    ] and snapshots.dataset.epochs.values.tolist() == [0, 1, 2, 3]


# --- what is in them ---
def test_names_dimensions_and_what_is_known():
    snapshots = Snapshots(every(1), probe=probe())
    learner, _ = taken(snapshots, 2)
    data = snapshots.dataset
    assert data["W2.w"].dims == ("update", "W2_post", "W2_pre") and data["W2.w"].shape == (3, 6, 5)
    assert data["B2.w"].shape == (3, 5, 6) and data["W1.bias"].dims == ("update", "W1_post")
    assert data["W3.change"].dims == data["W3.w"].dims and "B2.change" not in data
    assert data["probe_x"].shape == (K, 4) and data["probe_y"].shape == (K, 3)
    assert data.trials.values.tolist() == [0, 4, 8] and data.epochs.values.tolist() == [0, 0, 0]
    assert data["B2.w"].attrs | dict(units="1") == dict(
        units="1", role="weight", source="hidden2", target="hidden1", transposes="W2"
    )
    assert "transposes" not in data["W2.w"].attrs
    assert (
        json.loads(data.attrs["sizes"]) == list(SIZES)
        and data.attrs["rule"] == learner.net.equations
    )
    about = dict(
        schedule="every(n=1)",
        feedforward="W",
        activation="tanh",
        output_activation="linear",
        cost="squared",
        optimiser="gradient",
    )
    assert about.items() <= data.attrs.items()


@pytest.mark.parametrize(
    "model, found",
    [
        ("dfa", dict(B1="W2 W3", B2="W3")),
        ("dfc", dict(Q1="W2 W3", Q2="W3", Q3="identity")),
        ("ifa", dict(B1="W2 W3")),
        ("bp", {}),
        ("frozen", {}),
        ("dendritic_microcircuit", dict(B2="W2", B3="W3")),
        ("local_losses", {}),
    ],
)
def test_what_feedback_is_compared_with(model, found):
    snapshots = Snapshots(every(1))
    snapshots.take(Learner(network(lookup.rule(model)), SHORT))
    data = snapshots.dataset
    assert {
        n.removesuffix(".w"): a.attrs["transposes"]
        for n, a in data.data_vars.items()
        if "transposes" in a.attrs
    } == found


@pytest.mark.parametrize(
    "pathways, groups",
    [
        ("B", {"B2", "B3"}),
        (["W1", "B"], {"W1", "B2", "B3"}),
        ([], set()),
        (None, {"W1", "W2", "W3", "B2", "B3"}),
    ],
)
def test_a_choice_of_pathways(pathways, groups):
    snapshots = Snapshots(every(1), pathways)
    snapshots.take(Learner(network(), SHORT))
    assert {name.removesuffix(".w") for name in snapshots.dataset if name.endswith(".w")} == groups
    assert ("W1.bias" in snapshots.dataset) == ("W1" in groups)


def test_the_file_is_what_would_be_in_memory(tmp_path):
    kept, path = Snapshots(every(2), probe=probe()), tmp_path / "weights.nc"
    taken(kept, 5)
    with Snapshots(every(2), probe=probe(), to=path) as written:
        taken(written, 5)
        xarray.testing.assert_identical(written.dataset, kept.dataset)
    assert [p.name for p in tmp_path.iterdir()] == ["weights.nc"]
    for options in (dict(engine="h5netcdf"), {}):
        with xarray.open_dataset(path, **options) as plain:
            xarray.testing.assert_identical(plain.load(), kept.dataset)
            assert plain.encoding["unlimited_dims"] == {"update"}
    xarray.testing.assert_identical(written.dataset, kept.dataset)


def test_single_precision_stays_single(tmp_path):
    with Snapshots(every(1), to=tmp_path / "weights.nc") as snapshots:
        snapshots.take(Learner(network(dtype="float32"), SHORT))
    assert snapshots.dataset["W1.w"].dtype == np.float32


# --- they change nothing ---
@pytest.mark.parametrize(
    "model", ["fa", "dfc", "kolen_pollack", "strong_dfc_two_phase", "sign_symmetry_redrawn"]
)
def test_weights_are_the_same_bit_for_bit(model, tmp_path):
    """Among them are rules with noise, with momentum in the weights, and with weights that are made
    anew."""
    nets = [network(lookup.rule(model)) for _ in range(2)]
    histories = [
        train(
            net, task(8, 4), 1, trial=SHORT, optimiser="adam", progress=False, snapshots=snapshots
        )
        for net, snapshots in zip(
            nets, (None, Snapshots(every(1), to=tmp_path / "w.nc", probe=probe(6)))
        )
    ]
    assert same(*map(weights, nets)) and nets[0].noise == nets[1].noise
    assert str(histories[0]) == str(histories[1])


@pytest.mark.parametrize(
    "manipulation",
    [
        lesioned(at=update(1), until=update(3)),
        lesioned(at=5 * ms, fraction=0.5),
        delayed(10 * ms),
        noisy(0.1, 10 * ms),
        sparse(0.5),
    ],
    ids=lambda m: str(m).replace(" ", ""),
)
def test_manipulated_pathways_are_undisturbed(manipulation):
    """A lesion that is due at an update is made where the training goes on, not where the rule is
    asked."""
    nets = [network(dfc.RULE.through(manipulation)) for _ in range(2)]
    for net, snapshots in zip(nets, (None, Snapshots(every(1), probe=probe(2)))):
        train(net, task(8, 2), 2, trial=SHORT, progress=False, snapshots=snapshots)
    assert same(*map(weights, nets)) and snapshots.dataset.sizes["update"] == 5


def test_state_time_and_noise_are_put_back():
    net = network(lookup.rule("strong_dfc_two_phase"))
    learner = Learner(net, SHORT)
    present(learner, task().x[:3], task().y[:3])
    before, noise = {name: array.copy() for name, array in net.arrays.items()}, net.noise
    requested_changes(learner, *probe(7))
    for name, array in before.items():
        np.testing.assert_array_equal(net.arrays[name], array)
    assert net.noise == noise and net.active == 3 and learner.trials == 3


# --- what the rule asks for ---
@pytest.mark.parametrize("samples", [1, K, 10])
def test_the_change_asked_for_is_that_of_the_closed_form(samples):
    net, (x, y) = network(), probe(samples)
    W, b = [[net[f"W{k}{bias}"] for k in (1, 2, 3)] for bias in ("", ".bias")]
    deltas = reference.fa_deltas(x, y, W, b, [net["B2"], net["B3"]])
    dW, db = reference.gradients(deltas, reference.forward(x, W, b)[1])
    found = requested_changes(Learner(net, SETTLED), x, y)
    assert found.keys() == {f"W{k}.{what}" for k in (1, 2, 3) for what in ("w", "bias")}
    for k in (1, 2, 3):
        np.testing.assert_allclose(found[f"W{k}.w"], -0.1 * dW[k - 1], rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(found[f"W{k}.bias"], -0.1 * db[k - 1], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    "rule", [dfc.RULE, kolen_pollack.RULE.but(decay=0.0)], ids=["DFC", "Kolen-Pollack"]
)
def test_the_change_asked_for_is_the_one_that_is_made(rule):
    net, (x, y) = network(rule), probe()
    learner, before = Learner(net, SHORT), weights(net)
    found = requested_changes(learner, x, y)
    present(learner, x, y)
    for name, change in found.items():
        np.testing.assert_allclose(net[name] - before[name], change, rtol=1e-9, atol=1e-15)


def test_decay_and_the_optimiser_are_left_out():
    plain, decaying = (
        requested_changes(Learner(network(kolen_pollack.RULE.but(decay=d)), SHORT, o), *probe())
        for d, o in ((0.0, "gradient"), (0.1, "adam"))
    )
    assert same(plain, decaying) and "B2.w" in plain


# --- what is left of a run that did not end ---
def pressed(monkeypatch, after):
    """Press Ctrl-C in the run of the phase number `after`."""
    run, count = Network.run, []

    def interrupted(self, *arguments, **options):
        count.append(1)
        if len(count) > after:
            raise KeyboardInterrupt
        return run(self, *arguments, **options)

    monkeypatch.setattr(Network, "run", interrupted)


def test_ctrl_c_in_training_leaves_a_file(tmp_path, monkeypatch):
    path = tmp_path / "weights.nc"
    # two evaluations before learning, two trials of two phases
    pressed(monkeypatch, 2 + 2 * 2)
    history = train(
        network(), task(), 5, trial=SHORT, progress=False, snapshots=Snapshots(every(1), to=path)
    )
    assert history.interrupted and [p.name for p in tmp_path.iterdir()] == ["weights.nc"]
    with xarray.open_dataset(path) as data:
        assert data["update"].values.tolist() == [0, 1, 2]


def test_ctrl_c_while_the_rule_is_asked_puts_the_state_back(monkeypatch):
    net = network()
    learner, before = (
        Learner(net, SHORT),
        {name: array.copy() for name, array in net.arrays.items()},
    )
    snapshots = Snapshots(every(1), probe=probe())
    pressed(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        snapshots.take(learner)
    assert same(before, dict(net.arrays))
    with pytest.raises(NetworkError, match="No snapshot was taken"):
        snapshots.dataset


def test_no_half_of_a_snapshot(tmp_path, monkeypatch):
    snapshots, write, count = (
        Snapshots(every(1), to=tmp_path / "weights.nc"),
        h5py.Dataset.__setitem__,
        [],
    )

    def interrupted(self, *arguments):
        count.append(1)
        if len(count) == 5:
            raise KeyboardInterrupt
        return write(self, *arguments)

    monkeypatch.setattr(h5py.Dataset, "__setitem__", interrupted)
    learner = Learner(network(), SHORT)
    with pytest.raises(KeyboardInterrupt):
        snapshots.take(learner)
    assert not list(tmp_path.iterdir())
    snapshots.take(learner)
    count.clear()
    present(learner, *probe())
    with pytest.raises(KeyboardInterrupt):
        snapshots.take(learner)
    assert snapshots.dataset["update"].values.tolist() == [0]
    snapshots.take(learner)  # and it can be tried again
    snapshots.close()
    data = xarray.load_dataset(tmp_path / "weights.nc")
    assert data["update"].values.tolist() == [0, 1] and np.isfinite(data["B3.w"]).all()


@pytest.mark.filterwarnings("ignore:overflow")
def test_divergence_leaves_a_file(tmp_path):
    with pytest.raises(Diverged):
        train(
            network(fa.RULE.but(eta=1e200)),
            task(),
            5,
            trial=SHORT,
            progress=False,
            snapshots=Snapshots(every(1), to=tmp_path / "weights.nc"),
        )
    assert xarray.load_dataset(tmp_path / "weights.nc").sizes["update"] >= 1


def test_a_file_that_was_not_closed_can_be_read(tmp_path):
    """As where the process was killed."""
    taken(Snapshots(every(1), to=tmp_path / "weights.nc"), 3)
    assert [p.name for p in tmp_path.iterdir()] == ["weights.nc.unfinished"]
    with xarray.open_dataset(tmp_path / "weights.nc.unfinished", engine="h5netcdf") as data:
        assert data["update"].values.tolist() == [0, 1, 2, 3]


@pytest.mark.slow
@pytest.mark.subprocess
def test_somebody_reading_does_not_stop_the_training(tmp_path):
    snapshots = Snapshots(every(1), to=tmp_path / "weights.nc")
    learner, _ = taken(snapshots, 1)
    script = "import h5py, sys; f = h5py.File(sys.argv[1], 'r'); print(f['W1.w'].shape, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "weights.nc.unfinished"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout.readline() == "(2, 5, 4)\n"
        present(learner, *probe())
        snapshots.take(learner)
        reader.communicate("\n")
    assert snapshots.dataset.sizes["update"] == 3


def test_a_full_disk(tmp_path, monkeypatch):
    snapshots = Snapshots(every(1), to=tmp_path / "weights.nc")
    learner, _ = taken(snapshots, 1)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    present(learner, *probe())
    with monkeypatch.context() as patched:
        patched.setattr(files, "_write", full)
        with pytest.raises(
            ExperimentError, match="weights.nc.unfinished cannot be written: .*[Ss]pace left"
        ):
            snapshots.take(learner)
    assert snapshots.dataset.sizes["update"] == 2
    snapshots.take(learner)  # there is space again
    assert np.array_equal(snapshots.dataset["W1.w"][-1], learner.net["W1"])


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    path = tmp_path / "weights.nc"
    early = Snapshots(every(1), to=path)  # made when there was nothing yet
    train(network(), task(), 1, trial=SHORT, progress=False, snapshots=Snapshots(every(1), to=path))
    before = path.read_bytes()
    with pytest.raises(
        ExperimentError, match="weights.nc is there already, and nothing is overwritten"
    ):
        Snapshots(every(1), to=path)
    with pytest.raises(ExperimentError, match="weights.nc is there already"):
        taken(early, 1)
    assert path.read_bytes() == before
    (path.with_name("others.nc.unfinished")).write_bytes(before)
    with pytest.raises(
        ExperimentError, match="others.nc.unfinished is there: an interrupted run has left it"
    ):
        Snapshots(every(1), to=tmp_path / "others.nc")


# --- what cannot be ---
@pytest.mark.parametrize(
    "wrong, error, message",
    [
        (
            dict(schedule=10),
            NetworkError,
            r"schedule = 10: give neurofa.snapshots.every\(n\) or log_spaced",
        ),
        (
            dict(probe=5),
            NetworkError,
            r"probe: give inputs and targets, such as probe=\(task.x_test",
        ),
        (
            dict(to="nowhere/weights.nc"),
            ExperimentError,
            "nowhere/weights.nc cannot be written: there is no folder 'nowhere'",
        ),
    ],
)
def test_a_mistake_in_snapshots_is_said_at_once(wrong, error, message):
    with pytest.raises(error, match=message):
        Snapshots(**dict(schedule=every(1)) | wrong)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (
            dict(pathways="Q"),
            r"Snapshots of 'Q' cannot be taken. Valid pathways: B, B2, B3, W, W1, W2, W3",
        ),
        (dict(pathways=["W", "B1"]), "'B1' cannot be taken.*Did you mean 'B"),
        (
            dict(probe=(np.ones((2, 9)), np.ones((2, 3)))),
            r"probe's x must have the shape \(trials, 4\)",
        ),
        (dict(probe=(np.ones((2, 4)), np.ones((1, 3)))), "The probe has 2 inputs and 1 targets"),
        (dict(probe=(np.ones(4), np.ones(3))), "probe's x must have the shape"),
    ],
)
def test_what_the_network_does_not_have(wrong, message):
    with pytest.raises(NetworkError, match=message):
        train(
            network(),
            task(),
            1,
            trial=SHORT,
            progress=False,
            snapshots=Snapshots(every(1), **wrong),
        )


def test_two_trainings_need_two():
    snapshots = Snapshots(every(1))
    taken(snapshots, 1)
    with pytest.raises(NetworkError, match="Make others for every training"):
        snapshots.take(Learner(network(), SHORT))


def test_train_wants_snapshots():
    with pytest.raises(
        NetworkError, match=r"snapshots = every\(n=10\): give neurofa.snapshots.Snapshots"
    ):
        train(network(), task(), 1, trial=SHORT, progress=False, snapshots=every(10))
