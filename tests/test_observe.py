"""What an experimenter sees of a circuit: the right numbers, no others, in NWB as in memory; and what
statistics make of them."""

import sys

import numpy as np
import pytest
import xarray
from brian2 import ms
from neurofa.models import dfc, fa
from scipy.special import softmax

from neurofa import (
    Diverged,
    ExperimentError,
    Learner,
    Network,
    NetworkError,
    Recorder,
    Trial,
    present,
    reference,
    tasks,
    train,
)
from neurofa.base.errors import MeasureError
from neurofa.observe import KINDS, Observation, Observer, signature

SIZES = (6, 5, 4, 3)
GROUPS = ("W1", "W2", "W3")


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(21, 6)), np.arange(21) % 3
    return tasks.Task(x[:12], labels[:12], "small", x[12:], labels[12:], "cross_entropy")


def learner_of(rule=fa.RULE):
    net = Network(SIZES, rule, trials=4, seed=3, cost="cross_entropy", target="numpy")
    return Learner(net, Trial(dt=10 * ms))


@pytest.fixture(scope="module")
def watched(task):
    """An observer of a circuit that has learned, and the weights of every session."""
    learner, weights = learner_of(), []
    observer = Observer(learner, task.x_test, task.y_test, cells=3, synapses=7, seed=1)

    def look(*_):
        observer.look()
        names = [*GROUPS, *(f"{name}.bias" for name in GROUPS), "B2", "B3"]
        weights.append({name: learner.net[name].copy() for name in names})

    look()
    train(learner, task, 3, progress=False, after_epoch=look)
    return observer, weights


@pytest.fixture(scope="module")
def observation(watched):
    return watched[0].observation()


@pytest.fixture
def pynwb():
    return pytest.importorskip("pynwb", reason="NWB needs pynwb: pip install 'neurofa[nwb]'")


def test_rates_and_potentials_are_those_of_the_circuit(watched, observation, task):
    """Beside a forward pass, and what errors become on the way down, in NumPy; nine stimuli, four at
    a time."""
    data = observation.dataset
    for session, known in enumerate(watched[1]):
        W, b = [known[name] for name in GROUPS], [known[f"{name}.bias"] for name in GROUPS]
        rates = reference.forward(task.x_test, W, b)[1]
        upper = (softmax(rates[3], axis=1) - task.y_test) @ known["B3"].T
        lower = upper * (1 - rates[2] ** 2) @ known["B2"].T
        for layer, rate, apical in (("hidden1", rates[1], lower), ("hidden2", rates[2], upper)):
            of_layer = np.flatnonzero(data.layer.values == layer)
            units = data.unit.values[of_layer]
            measured = data.isel(session=session, cell=of_layer)
            for moment in ("alone", "taught"):  # in FA, errors do not move rates
                assert np.allclose(measured.rate.sel(moment=moment), rate[:, units], atol=1e-12)
            found = measured.apical.sel(moment="taught")
            assert np.allclose(found, apical[:, units], atol=1e-12)
            assert not measured.apical.sel(moment="alone").any()
    assert data.session.values.tolist() == [0, 3, 6, 9]
    assert data.label.values.tolist() == task.y_test.argmax(1).tolist()


def test_synapses_are_those_onto_the_cells(watched, observation):
    data = observation.dataset
    cells = {*zip(data.layer.values, data.unit.values)}
    assert observation.pathways == ("W1", "W2") and data.sizes["synapse"] == 14
    for k, synapse in enumerate(data.synapse.values):
        one = data.isel(synapse=k)
        group, post, pre = str(one.pathway.values), int(one.post), int(one.pre)
        assert (str(one.onto.values), post) in cells
        known = [weights[group][post, pre] for weights in watched[1]]
        assert one.weight.values.tolist() == known, synapse


def test_who_looks_changes_nothing(task):
    watched, alone = learner_of(dfc.RULE), learner_of(dfc.RULE)
    observer = Observer(watched, task.x_test, task.y_test, cells=2)
    observer.look()
    train(watched, task, 2, progress=False, after_epoch=lambda *_: observer.look())
    train(alone, task, 2, progress=False)
    for name in GROUPS:
        assert (watched.net[name] == alone.net[name]).all()


def test_no_apical_potential(task):
    observer = Observer(learner_of(), task.x_test, task.y_test, cells=2, apical=None)
    observer.look()
    assert observer.observation().dataset.apical.isnull().all()


@pytest.mark.parametrize(
    "given, said",
    [
        (dict(cells=5), "cells = 5: hidden2 has 4"),
        (dict(cells=0), "cells = 0"),
        (dict(apical="v_apikal"), "no 'hidden1.v_apikal' that could be measured"),
        (dict(y=np.eye(3)), "9 stimuli and 3 targets"),
        (dict(learner=fa.RULE), "a Learner"),
    ],
)
def test_what_cannot_be_measured_is_refused(task, given, said):
    wanted = dict(learner=learner_of(), x=task.x_test, y=task.y_test, cells=2) | given
    with pytest.raises(NetworkError, match=said):
        Observer(**wanted)


def test_a_session_that_breaks_off_is_not_taken_for_another(task):
    observer = Observer(learner := learner_of(), task.x_test, task.y_test, cells=2)
    observer.look()
    before = observer.observation().dataset
    learner.net["W1"] = np.full_like(learner.net["W1"], 1e308)
    with pytest.raises(Diverged):
        observer.look()
    learner.net.randomise(0)
    with pytest.raises(NetworkError, match="another Observer"):
        observer.look()
    xarray.testing.assert_identical(observer.observation().dataset, before)


def test_nothing_was_measured(task):
    with pytest.raises(NetworkError, match="call look()"):
        Observer(learner_of(), task.x_test, task.y_test, cells=2).observation()


# what a poorer instrument shows -------------------------------------------------------------------


def test_fewer_cells_with_their_synapses(observation):
    whole, data = observation.dataset, observation.seen(cells=2, seed=4).dataset
    assert [(data.layer.values == layer).sum() for layer in observation.layers] == [2, 2]
    cells = {*zip(data.layer.values, data.unit.values)}
    kept = [pair in cells for pair in zip(whole.onto.values, whole.post.values)]
    assert 0 < sum(kept) < len(kept)
    xarray.testing.assert_identical(data.weight, whole.isel(synapse=kept).weight)
    chosen = [pair in cells for pair in zip(whole.layer.values, whole.unit.values)]
    xarray.testing.assert_identical(data.rate, whole.isel(cell=chosen).rate)


def test_fewer_sessions(observation):
    data = observation.seen(every=3).dataset
    xarray.testing.assert_identical(data, observation.dataset.isel(session=[0, 3]))


def test_noise_is_as_large_as_was_asked_for():
    data = made(np.random.default_rng(0), cells=200, stimuli=50)
    data.rate[:] *= 3.0
    data.weight[:] *= 5.0
    seen = Observation(data).seen(noise=0.2, seed=7).dataset
    assert (seen.rate - data.rate).std() == pytest.approx(0.2 * 3.0, rel=0.02)
    assert (seen.apical - data.apical).std() == pytest.approx(0.2 * 3.0, rel=0.02)
    assert (seen.weight - data.weight).std() == pytest.approx(0.2 * 5.0, rel=0.05)
    again = Observation(data).seen(noise=0.2, seed=7).dataset
    xarray.testing.assert_identical(again, seen)


@pytest.mark.parametrize(
    "given, said",
    [
        (dict(cells=4), "cells = 4: 3 were measured of hidden1"),
        (dict(noise=-1), "noise = -1"),
        (dict(every=4), "every = 4 leaves one session of 4"),
        (dict(every=0.5), "every = 0.5"),
    ],
)
def test_no_such_instrument(observation, given, said):
    with pytest.raises(MeasureError, match=said):
        observation.seen(**given)


# as a file ----------------------------------------------------------------------------------------


def test_nwb_is_valid_and_read_back_as_it_was(observation, tmp_path, pynwb):
    path, seen = tmp_path / "session.nwb", observation.seen(noise=0.1)
    seen.to_nwb(path)
    found = pynwb.validate(path=str(path))
    assert not (found[0] if isinstance(found, tuple) else found)  # before pynwb 3, with a status
    read = Observation.from_nwb(path)
    xarray.testing.assert_identical(read.dataset, seen.dataset)
    assert signature(read) == signature(seen)
    assert [one.name for one in tmp_path.iterdir()] == ["session.nwb"]


def test_nwb_has_the_fields_of_laboratories_and_no_rule(observation, tmp_path, pynwb):
    path = tmp_path / "session.nwb"
    observation.to_nwb(path)
    with pynwb.NWBHDF5IO(str(path), "r") as source:
        file = source.read()
        series = file.processing["ophys"]["DfOverF"]["hidden2"]
        assert series.data.shape == (4 * 9 * 2, 3) and len(series.timestamps) == 72
        assert series.rois.table.name == "hidden2" and len(file.trials) == 36
        trials = file.trials.to_dataframe()
        # the first sample of a trial is taken as its teacher comes, the second at its end
        assert series.timestamps[0] == trials.teacher_time[0]
        assert series.timestamps[1] == trials.stop_time[0]
    text = path.read_bytes()
    assert not any(word in text for word in (b"Lillicrap", b"ddelta/dt"))


def test_nwb_without_apical_potentials(observation, tmp_path, pynwb):
    data = observation.dataset
    silent = Observation(data.assign(apical=data.apical * np.nan))
    silent.to_nwb(tmp_path / "session.nwb")
    read = Observation.from_nwb(tmp_path / "session.nwb")
    xarray.testing.assert_identical(read.dataset, silent.dataset)


def test_files_that_are_no_observations(observation, tmp_path, pynwb):
    path = tmp_path / "session.nwb"
    with pytest.raises(ExperimentError, match="There is no file"):
        Observation.from_nwb(path)
    observation.to_nwb(path)
    whole = path.read_bytes()
    for text in (b"no file", whole[: len(whole) // 2], b""):
        path.write_bytes(text)
        with pytest.raises(ExperimentError, match="no NWB file of an Observation"):
            Observation.from_nwb(path)
    recorder, learner = Recorder(["hidden1.v"]), learner_of()
    present(learner, np.zeros((4, 6)), np.eye(3)[[0, 1, 2, 0]], record=recorder)
    recorder.recording().to_nwb(path)
    with pytest.raises(ExperimentError, match="no NWB file of an Observation"):
        Observation.from_nwb(path)
    with pytest.raises(ExperimentError, match="missing"):
        observation.to_nwb(tmp_path / "missing" / "session.nwb")


def test_without_pynwb(observation, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    for do in (observation.to_nwb, Observation.from_nwb):
        with pytest.raises(ExperimentError, match=r"pip install 'neurofa\[nwb\]'"):
            do(tmp_path / "session.nwb")


# statistics ---------------------------------------------------------------------------------------


def made(rng, sessions=3, stimuli=12, cells=8, synapses=600):
    """Return the dataset of an Observation of noise."""
    shape = (sessions, 2, stimuli, cells)
    axes = ("session", "moment", "stimulus", "cell")
    return xarray.Dataset(
        dict(
            rate=(axes, rng.normal(size=shape)),
            apical=(axes, rng.normal(size=shape)),
            weight=(("session", "synapse"), rng.normal(size=(sessions, synapses))),
        ),
        dict(
            session=np.arange(sessions),
            moment=["alone", "taught"],
            label=("stimulus", np.arange(stimuli) % 4),
            layer=("cell", ["hidden1"] * cells),
            unit=("cell", np.arange(cells)),
            pathway=("synapse", ["W1"] * synapses),
            onto=("synapse", ["hidden1"] * synapses),
            post=("synapse", np.arange(synapses) % cells),
            pre=("synapse", np.arange(synapses) // cells),
        ),
    )


def of(data):
    """Return {name: number} of a dataset with one layer and one synapse group."""
    found = signature(Observation(data))
    assert {kind for kind, *_ in found} == {*KINDS}
    return {name: value for (_, _, name), value in found.items()}


def test_correlations_are_those_that_were_put_in():
    data = made(np.random.default_rng(0))
    learned = data.rate.values[1:, 0] - data.rate.values[:-1, 0]
    data.apical[:, 0] = 0
    data.apical[:-1, 1] = -2 * learned  # apical dendrites foretell what is learned
    data.rate[:-1, 1] = data.rate[:-1, 0] + 0.5 * learned  # and so do rates with a teacher
    found = of(data)
    assert found["apical with learned"] == pytest.approx(-1)
    assert found["moved with learned"] == pytest.approx(1)
    pairs = zip(learned.reshape(-1, 12, 8), data.rate.values[:-1, 0])
    each = [np.corrcoef(one[:, k], other[:, k])[0, 1] for one, other in pairs for k in range(8)]
    assert found["learned with rate"] == pytest.approx(np.mean(each))
    assert found["apical without a teacher"] == 0


def test_patterns_are_what_they_are_called():
    rng = np.random.default_rng(1)
    data = made(rng)
    labels, start = data.label.values, data.rate.values[0, 0].copy()
    of_class, same = rng.normal(size=(4, 8))[labels], rng.normal(size=(12, 1)) * np.ones(8)
    data.rate[0], data.rate[1], data.rate[2] = start, start + of_class, start + of_class + same
    data.rate[:, 1] = data.rate[:, 0] + same
    found = of(data)
    assert found["moved: common"] == pytest.approx(1)
    assert found["moved: dimension"] == pytest.approx(1 / 8)
    # of what was learned, the first is of the class and the second is not
    centred = same - same.mean(0)
    means = np.stack([centred[labels == k].mean(0) for k in range(4)])[labels]
    share = (means**2).sum() / (centred**2).sum()
    assert found["learned: of the class"] == pytest.approx((1 + share) / 2)
    covariance = np.linalg.eigvalsh(np.cov(of_class, rowvar=False))
    dimension = covariance.sum() ** 2 / (covariance**2).sum() / 8
    assert found["learned: dimension"] == pytest.approx((dimension + 1 / 8) / 2)
    sizes = [np.sqrt((one**2).mean()) / start.std(0).mean() for one in (of_class, same)]
    assert found["learned"] == pytest.approx(np.mean(sizes))
    assert found["learned, gain"] == pytest.approx(sizes[1] - sizes[0])


def test_of_synapses():
    data = made(np.random.default_rng(2))
    first = data.weight.values[0].copy()
    data.weight[1], data.weight[2] = 0.5 * first, -0.25 * first  # decay, and one sign that turns
    found = of(data)
    assert found["change with weight"] == pytest.approx(-1)
    assert found["change, twice in a row"] == pytest.approx(1)
    assert found["signs kept"] == 0
    assert found["variation"] == pytest.approx(0.25)
    size = np.sqrt(np.mean(first**2)) / first.std()
    assert found["change"] == pytest.approx((0.5 + 0.75) / 2 * size)
    learned = np.concatenate([-0.5 * first, -0.75 * first])
    centred = learned - learned.mean()
    assert found["change, peaked"] == pytest.approx((centred**4).mean() / (centred**2).mean() ** 2)


def test_units_do_not_matter_and_silence_is_zero():
    data = made(np.random.default_rng(3))
    found, larger = of(data), of(data.assign({name: 7 * data[name] for name in data}))
    assert larger == pytest.approx(found)
    silent = of(data.assign(apical=data.apical * np.nan))
    assert not any(value for name, value in silent.items() if name.startswith("apical"))


@pytest.mark.parametrize(
    "chosen, said", [(dict(session=[0]), "one session"), (dict(cell=[0]), "One cell")]
)
def test_what_says_nothing_is_refused(chosen, said):
    with pytest.raises(MeasureError, match=said):
        signature(Observation(made(np.random.default_rng(0)).isel(chosen)))
