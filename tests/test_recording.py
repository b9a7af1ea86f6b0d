"""Recordings: what their axes are called, which samples they hold, and that their files survive."""

import gc
import json
from dataclasses import replace

import numpy as np
import pytest
import xarray
from brian2 import ms
from neurofa.models import dfc, dfc_learned, fa

from neurofa import (
    ExperimentError,
    Learner,
    LearningRule,
    Length,
    Network,
    NetworkError,
    Phase,
    Recorder,
    Recording,
    Trial,
    present,
)
from neurofa.base import files

SIZES, K = (4, 3, 5, 2), 3
OU = LearningRule(
    name="OU",
    reference="Uhlenbeck & Ornstein 1930",
    plasticity=(),
    phases=(Phase("free"), Phase("noise", on=("noise_on",))),
    neuron="""
    dv/dt = (-v + v_basal) / tau_v : 1
    dx/dt = -x / tau_x + noise_on * sigma * sqrt(2/tau_x) * xi : 1
    r = phi(v) : 1
    """,
    parameters=dict(tau_v=10 * ms, tau_x=20 * ms, sigma=0.5),
)
TRIAL = Trial(dt=1 * ms, free=12 * ms, feedback=9 * ms)
EVERYTHING = (
    "input.r",
    "hidden1.v",
    "hidden2.r",
    "hidden1.r_basal",
    "output.r",
    "output.setpoint",
    "controller.u",
    "controller.error",
    "W1.w",
    "W2.bias",
    "Q1.w",
)


def network(rule=dfc.RULE, sizes=SIZES, target=None, **options):
    return Network(sizes, rule, trials=K, seed=1, target=target, **options)


def batch(trials=K, sizes=SIZES):
    rng = np.random.default_rng(0)
    return rng.normal(size=(trials, sizes[0])), rng.normal(size=(trials, sizes[-1]))


def recorded(names, trial=TRIAL, trials=K, net=None, rounds=1, learn=False, **options):
    """A recording of `rounds` trials, and the network after them."""
    net, recorder = net or network(), Recorder(names, **options)
    learner = Learner(net, trial)
    for _ in range(rounds):
        present(learner, *batch(trials), learn=learn, record=recorder)
    return recorder.recording(), net


@pytest.fixture(scope="module")
def whole():
    return recorded(EVERYTHING)


# --- labels ---
def test_axes_are_named(whole):
    rec, _ = whole
    assert rec.names == EVERYTHING
    assert rec["hidden1.v"].dims == ("trial", "time", "hidden1_unit")
    assert rec["W1.w"].dims == ("time", "W1_post", "W1_pre")
    assert rec["W2.bias"].dims == ("time", "W2_post")
    assert (
        rec.dataset.sizes.items()
        >= dict(trial=K, time=21, hidden1_unit=3, W1_post=3, W1_pre=4).items()
    )
    for axis, n in (("trial", K), ("hidden1_unit", 3), ("controller_unit", 2), ("W1_pre", 4)):
        np.testing.assert_array_equal(rec.dataset[axis], np.arange(n))


def test_time_has_its_unit_and_variables_have_theirs(whole):
    rec, _ = whole
    assert rec["hidden1.v"].time.attrs["units"] == "ms" and rec["hidden1.v"].attrs["units"] == "1"
    rule = replace(fa.RULE, neuron=fa.NEURON + "age = t * r : second\n")
    assert recorded("hidden1.age", net=network(rule))[0]["hidden1.age"].attrs["units"] in (
        "s",
        "second",
    )


def test_variables_of_one_population_share_its_axis():
    rec, _ = recorded(["hidden1.v", "hidden1.r", "hidden1.v_apical[1:]"])
    assert rec["hidden1.v"].dims == rec["hidden1.r"].dims
    assert "hidden1_unit" not in rec["hidden1.v_apical"].dims  # it holds fewer units


def test_what_is_known_about_it(whole):
    rec, net = whole
    assert rec.dataset.attrs["rule"] == net.equations
    assert (
        json.loads(rec.dataset.attrs["sizes"]) == list(SIZES)
        and json.loads(rec.dataset.attrs["seed"]) == 1
    )
    assert "hidden1.v" in repr(rec) and "free 0-12 ms" in repr(rec)


# --- samples ---
def test_the_last_sample_is_the_final_state(target):
    rec, net = recorded(EVERYTHING, net=network(target=target))
    for name in EVERYTHING:
        last = rec[name].isel(time=-1).values
        np.testing.assert_array_equal(last, net[name])


def test_samples_are_what_single_steps_leave_behind(target):
    """Phases of one step, one after the other, visit the states of one long phase."""
    net, names = network(fa.RULE, target=target), ("hidden1.v", "output.r")
    x, y = batch()
    net.stimulus(x)
    net.target_rates(y)
    recorder = Recorder(names)
    net.run("free", Length(8 * ms, dt=1 * ms), recorder)
    rec = recorder.recording()
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    for step in range(8):
        net.run("free", Length(1 * ms, dt=1 * ms))
        for name in names:
            np.testing.assert_array_equal(rec[name].isel(time=step).values, net[name])


def test_expressions_are_those_of_the_same_moment(target):
    rec, _ = recorded(
        [
            "controller.error",
            "output.setpoint",
            "output.r",
            "hidden1.r_basal",
            "hidden1.v_basal",
            "hidden2.r",
            "hidden2.v",
            "controller.u",
            "controller.U",
        ],
        net=network(dfc.RULE.but(k_p=0.5), target=target),
    )
    error = rec["output.setpoint"].values - rec["output.r"].values
    np.testing.assert_allclose(rec["controller.error"].values, error, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        rec["hidden1.r_basal"].values, np.tanh(rec["hidden1.v_basal"].values), rtol=1e-13
    )
    np.testing.assert_allclose(
        rec["hidden2.r"].values, np.tanh(rec["hidden2.v"].values), rtol=1e-13
    )
    feedback = rec["controller.u"].time.values > 12
    assert np.abs(error[:, feedback]).max() > 1e-3


@pytest.mark.parametrize(
    "name, index",
    [
        ("hidden2.v[3]", np.s_[:, :, 3:4]),
        ("hidden2.v[1:4]", np.s_[:, :, 1:4]),
        ("hidden2.v[:2]", np.s_[:, :, :2]),
        ("hidden2.v[::2]", np.s_[:, :, ::2]),
        ("hidden2.v[-1]", np.s_[:, :, -1:]),
        (" hidden2.v [ 1 : 3 ] ", np.s_[:, :, 1:3]),
        ("W2.w[0]", np.s_[:, :1]),
        ("W2.w[0, :2]", np.s_[:, :1, :2]),
        ("W2.w[:, 1]", np.s_[:, :, 1:2]),
        ("W2[1:3, 0]", np.s_[:, 1:3, :1]),
        ("W2", np.s_[:]),
        ("W2.bias[2:]", np.s_[:, 2:]),
    ],
)
def test_a_choice_of_units_is_a_part_of_the_whole(name, index):
    array = name.split("[")[0].strip()
    rec, _ = recorded(name, learn=True, rounds=2)
    full, _ = recorded(array, learn=True, rounds=2)
    np.testing.assert_array_equal(rec[name].values, full[array].values[index])
    for axis in rec[name].dims[-1:]:  # coordinates keep the numbers of the units
        units = (
            np.arange(full[array].shape[-1])[index[-1]]
            if "[" in name and rec[name].ndim == len(index)
            else None
        )
        assert units is None or list(rec[name][axis].values) == list(units)


@pytest.mark.parametrize("every", [1, 2, 5, 9, 30])
def test_every_nth_step(every):
    """Counted from the start of each phase: 12 and 9 steps of 1 ms."""
    rec, _ = recorded(["hidden1.v"], every=every)
    full, _ = recorded(["hidden1.v"])
    wanted = [t for t in range(every, 13, every)] + [12 + t for t in range(every, 10, every)]
    np.testing.assert_allclose(rec["hidden1.v"].time, wanted, rtol=1e-12)
    np.testing.assert_array_equal(
        rec["hidden1.v"].values, full["hidden1.v"].values[:, [t - 1 for t in wanted]]
    )


def test_times_across_phases_with_different_steps(target):
    trial = Trial(dt=2 * ms, free=10 * ms, feedback=Length(5 * ms, dt=1 * ms))
    rec, _ = recorded(["hidden1.v"], trial, net=network(target=target), rounds=2, every=2)
    np.testing.assert_allclose(rec["hidden1.v"].time, [4, 8, 12, 14, 19, 23, 27, 29], rtol=1e-12)
    assert [name for name, *_ in rec.phases] == ["free", "feedback"] * 2
    np.testing.assert_allclose(
        [span for _, *span in rec.phases], [(0, 10), (10, 15), (15, 25), (25, 30)], rtol=1e-12
    )


def test_weights_change_between_the_phases_only():
    rec, net = recorded(["W2.w", "W2.bias"], learn=True, rounds=2)
    w = rec["W2.w"].values
    assert (w[:21] == w[0]).all() and (w[21:] == w[21]).all() and (w[21] != w[0]).all()
    start = network()
    np.testing.assert_array_equal(w[0], start["W2"])
    assert (net["W2"] != w[21]).all()  # the last change comes after the last sample


# --- trials ---
def test_the_first_trials_only():
    names = ["hidden1.v", "hidden2.v[1:]", "W1.w"]
    (rec, _), recorder = recorded(names), Recorder(names, trials=2)
    present(Learner(network(), TRIAL), *batch(), learn=False, record=recorder)
    part = recorder.recording()
    assert part.dataset.sizes["trial"] == 2
    for name in ("hidden1.v", "hidden2.v"):
        np.testing.assert_array_equal(part[name].values, rec[name].values[:2])
    np.testing.assert_array_equal(part["W1.w"].values, rec["W1.w"].values)


@pytest.mark.parametrize("trials", [1, 7])
def test_as_many_trials_as_there_are(trials):
    recorder = Recorder("hidden1.v", trials=trials)
    present(Learner(network(), TRIAL), *batch(), record=recorder)
    assert recorder.recording().dataset.sizes["trial"] == min(trials, K)


def test_trials_that_do_not_take_part_are_nan(target):
    net, recorder = network(target=target), Recorder(["hidden1.v", "W1.w"])
    learner = Learner(net, TRIAL)
    x, y = batch()
    present(learner, x, y, learn=False, record=recorder)
    present(learner, x[:2], y[:2], learn=False, record=recorder)
    v = recorder.recording()["hidden1.v"].values
    assert (
        np.isfinite(v[:, :21]).all() and np.isfinite(v[:2, 21:]).all() and np.isnan(v[2, 21:]).all()
    )
    np.testing.assert_allclose(v[:2, 21:], v[:2, :21], rtol=1e-12, atol=1e-15)
    assert np.isfinite(recorder.recording()["W1.w"].values).all()


@pytest.mark.parametrize(
    "trials, chosen",
    [
        (slice(1, None), [1, 2]),
        ("::2", [0, 2]),
        ("1", [1]),
        ("-1", [2]),
        ([2, 0], [2, 0]),
        (np.array([1]), [1]),
        (range(1, 3), [1, 2]),
        (np.int64(2), [0, 1]),
    ],
    ids=str,
)
def test_a_choice_of_trials(target, trials, chosen):
    names = ["hidden1.v", "hidden1.residual", "hidden2.v[1:]", "W1.w"]
    rec, _ = recorded(names, net=network(target=target), trials=2)  # of three: the last is NaN
    recorder = Recorder(names, trials=trials)
    present(Learner(network(target=target), TRIAL), *batch(2), learn=False, record=recorder)
    part = recorder.recording()
    assert list(part.dataset.trial) == chosen
    for name in names:
        wanted = rec[name] if name == "W1.w" else rec[name].sel(trial=chosen)
        np.testing.assert_array_equal(part[name].values, wanted.values)


@pytest.mark.parametrize(
    "trials", [slice(3, None), "7", "3:", "a", "1.5", [3], [], [0.5], {}, "", slice("a")], ids=str
)
def test_choices_of_trials_that_choose_none(trials):
    with pytest.raises(NetworkError, match="trials.*chooses n.*0[.][.]2"):
        present(
            Learner(network(target="numpy"), TRIAL),
            *batch(),
            record=Recorder("hidden1.v", trials=trials),
        )


# --- what can be named ---
def test_one_sample_at_the_end_of_each_phase(target):
    rec, net = recorded(EVERYTHING, every="phase", rounds=2, learn=True, net=network(target=target))
    full, _ = recorded(EVERYTHING, rounds=2, learn=True, net=network(target=target))
    ends = [end for _, _, end in full.phases]
    np.testing.assert_allclose(rec.dataset.time, ends, rtol=1e-12)
    assert rec.phases == full.phases
    for name in EVERYTHING:
        np.testing.assert_array_equal(
            rec[name].values, full[name].sel(time=ends, method="nearest").values
        )


def test_everything_that_is_probeable_can_be_recorded(target):
    net = network(rule=dfc_learned.RULE, target=target)
    recorder, trial = Recorder(["W1"]), Trial(dt=0.1 * ms, default=2 * ms)
    learner = Learner(net, trial, "adam")
    recorder = Recorder(net.probeable, every=5)
    present(learner, *batch(), record=recorder)
    rec = recorder.recording()
    assert (
        set(rec.names)
        == set(net.probeable)
        > {"hidden1.residual", "controller.u", "W1.w", "Q1.w", "W1.w.m", "W2.bias.s"}
    )


def test_optimiser_state_is_there_for_as_long_as_its_learner(target):
    """Momentum is a running sum of changes: from its trace one gets the weights back."""
    net = network(rule=fa.RULE, target=target)
    with pytest.raises(NetworkError, match="'W1.w.m'"):
        recorded("W1.w.m", net=net)
    learner, recorder = (
        Learner(net, TRIAL, "momentum"),
        Recorder(["W1.w", "W1.w.m", "W2.bias.m[1:]"], every="phase"),
    )
    assert {"W1.w.m", "W3.bias.m"} <= set(net.probeable)
    for _ in range(4):
        present(learner, *batch(), record=recorder)
    rec = recorder.recording()
    w, m = (rec[name].values[:: len(net.rule.phases)] for name in ("W1.w", "W1.w.m"))
    assert (
        (m[0] == 0).all()
        and (m[1] != 0).any()
        and rec["W1.w.m"].dims == ("time", "W1_post", "W1_pre")
    )
    np.testing.assert_allclose(np.diff(w, axis=0), m[1:], rtol=1e-9, atol=1e-15)
    other = Learner(net, TRIAL, "momentum")
    assert net["W1.w.m"] is learner.plastic["feedback"][0].states["W1.w"]["m"]
    assert net["W1.w.m2"] is other.plastic["feedback"][0].states["W1.w"]["m"]
    del learner, recorder
    gc.collect()
    assert (
        net["W1.w.m"] is other.plastic["feedback"][0].states["W1.w"]["m"]
        and "W1.w.m2" not in net.probeable
    )


def test_moments_of_two_lines_of_the_same_synapses_have_two_names():
    two = fa.RULE.but(plasticity=(*fa.RULE.plasticity, *fa.RULE.plasticity))
    net = network(rule=two, target="numpy")
    learner = Learner(net, TRIAL, "momentum")
    assert {"W1.w.m", "W1.w.m2"} <= set(net.probeable)
    present(learner, *batch())
    first, second = (
        plastic.states["W1.w"]["m"]
        for lines in learner.plastic.values()
        for plastic in lines
        if plastic.group.name == "W1"
    )
    assert net["W1.w.m"] is first and net["W1.w.m2"] is second


def test_eligibility_is_what_the_phase_has_summed_so_far(target):
    """dw/dt = eta * (r_post - r_basal_post) * r_pre / tau_u, against sums over the recorded
    rates."""
    names = [
        "W2.g",
        "W2.g_post",
        "W1.g_post",
        "hidden2.r",
        "hidden2.r_basal",
        "hidden1.r",
        "hidden1.r_basal",
    ]
    rec, net = recorded(names, net=network(target=target))
    assert rec["W2.g"].dims == ("time", "W2_post", "W2_pre") and rec["W2.g_post"].dims == (
        "trial",
        "time",
        "W2_post",
    )
    feedback = dict(time=slice(12, None))
    scale = float(net.parameters["eta"] / net.parameters["tau_u"]) * 1e-3
    for group, layer in (("W1", "hidden1"), ("W2", "hidden2")):
        factor = (rec[f"{layer}.r"] - rec[f"{layer}.r_basal"]).isel(feedback).values * scale
        np.testing.assert_allclose(
            rec[f"{group}.g_post"].isel(feedback).values,
            factor.cumsum(axis=1),
            rtol=1e-9,
            atol=1e-15,
        )
    product = np.einsum("ktj,kti->tji", factor, rec["hidden1.r"].isel(feedback).values).cumsum(
        axis=0
    )
    np.testing.assert_allclose(rec["W2.g"].isel(feedback).values, product, rtol=1e-9, atol=1e-15)
    assert np.abs(product).max() > 0 and (rec["W2.g"].values[:12] == 0).all()


def test_noise_is_what_the_equations_saw(target):
    """A step of dx/dt = -x/tau + noise_on*sigma*sqrt(2/tau)*xi: x' = a*x + sigma*sqrt(1 - a^2)*xi,
    a = exp(-dt/tau), xi standard normal."""
    net = Network([3, 50, 2], OU, trials=K, target=target)
    recorder = Recorder(["hidden1.xi", "hidden1.x"])
    for phase in ("noise", "free"):
        net.run(phase, Length(20 * ms, dt=1 * ms), recorder)
    xi, x = (recorder.recording()[name].values for name in ("hidden1.xi", "hidden1.x"))
    np.testing.assert_allclose(
        x[:, 1:],
        np.exp(-0.05) * x[:, :-1] + 0.5 * (1 - np.exp(-0.1)) ** 0.5 * xi[:, 1:],
        rtol=1e-9,
        atol=1e-12,
    )
    # while the gate is closed, none is drawn
    assert 0.95 < xi[:, :20].std() < 1.05 and (xi[:, 20:] == 0).all()


def test_a_piece_is_handed_over_when_it_is_full(target, monkeypatch):
    """Of a long phase, no more than a piece of samples is ever held; together they are what a
    single piece would be."""
    whole, _ = recorded(["hidden1.v", "hidden2.r[1]", "W1.w"], net=network(target=target))
    net, pieces = network(target=target), []
    monkeypatch.setattr("neurofa.engine.brian.engine.PIECE", 5 * (K * 3 + K + 12) * 8)
    recorder = Recorder(["hidden1.v", "hidden2.r[1]", "W1.w"])
    take = recorder.take
    recorder.take = lambda samples: (pieces.append(len(samples[0])), take(samples))
    present(Learner(net, TRIAL), *batch(), learn=False, record=recorder)
    assert pieces == [5, 5, 2, 5, 4] and recorder.recording().dataset.identical(whole.dataset)


# --- tables ---
def test_a_tidy_table(whole):
    rec, _ = whole
    table = rec.to_dataframe(["hidden1.v", "W1"])
    assert list(table.columns) == [
        "variable",
        "phase",
        "trial",
        "time",
        "unit",
        "post",
        "pre",
        "value",
    ]
    assert len(table) == rec["hidden1.v"].size + rec["W1"].size
    for _, row in table.sample(50, random_state=0).iterrows():
        at = dict(
            time=row.time,
            **(
                dict(trial=row.trial, hidden1_unit=row.unit)
                if row.variable == "hidden1.v"
                else dict(W1_post=row.post, W1_pre=row.pre)
            ),
        )
        assert rec[row.variable].sel(at) == row.value
        assert row.phase == ("free" if row.time < 12.5 else "feedback")
    assert table[table.variable == "W1.w"][["trial", "unit"]].isna().all(axis=None)
    assert list(rec.to_dataframe("hidden1.v").columns) == [
        "variable",
        "phase",
        "trial",
        "time",
        "unit",
        "value",
    ]
    assert len(rec.to_dataframe()) == sum(array.size for array in rec.dataset.data_vars.values())
    with pytest.raises(NetworkError, match="'W2.w' was not recorded"):
        rec.to_dataframe("W2")


def test_a_table_of_a_choice_of_units_has_their_numbers():
    recorder = Recorder(["hidden2.v[3:]", "W2.w[1, ::2]", "hidden1.residual"], every=4, trials=[1])
    present(Learner(network(), TRIAL), *batch(), record=recorder)
    table = recorder.recording().to_dataframe()
    assert set(table[table.variable == "hidden2.v"].unit) == {3, 4} and set(
        table.trial.dropna()
    ) == {1}
    assert set(table.post.dropna()) == {1} and set(table.pre.dropna()) == {0, 2}


def test_a_table_without_samples():
    assert len(recorded("hidden1.v", every=100)[0].to_dataframe()) == 0


def test_single_precision_is_recorded_as_such():
    rec, net = recorded(["hidden1.v", "W1.w"], net=network(dtype="float32"))
    assert rec["hidden1.v"].dtype == rec["W1.w"].dtype == np.float32
    np.testing.assert_array_equal(rec["hidden1.v"].isel(time=-1).values, net["hidden1.v"])


def test_a_recording_is_a_copy():
    net, recorder = network(), Recorder("hidden1.v")
    learner = Learner(net, TRIAL)
    present(learner, *batch(), record=recorder)
    first = recorder.recording()["hidden1.v"].values.copy()
    present(learner, *batch(), record=recorder)
    np.testing.assert_array_equal(recorder.recording()["hidden1.v"].values[:, :21], first)


def test_a_phase_shorter_than_the_interval_gives_no_sample():
    rec, _ = recorded(["hidden1.v"], every=10)
    assert list(rec["hidden1.v"].time.values) == [10.0] and len(rec.phases) == 2
    none, _ = recorded(["hidden1.v"], every=100)
    assert none["hidden1.v"].shape == (K, 0, 3)


# --- files ---
def test_a_file_is_plain_netcdf(tmp_path, whole):
    rec, _ = whole
    rec.save(tmp_path / "run.nc")
    with xarray.open_dataset(tmp_path / "run.nc") as plain:
        assert plain.load().identical(rec.dataset)
    back = Recording.load(tmp_path / "run.nc")
    assert back.dataset.identical(rec.dataset)
    assert back.phases == rec.phases and back.names == rec.names
    np.testing.assert_array_equal(back["W1"].values, rec["W1.w"].values)


def test_a_file_appears_when_it_is_complete(tmp_path, whole):
    whole[0].save(str(tmp_path / "run.nc"))
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_an_existing_file_survives_a_failing_write(tmp_path, whole, monkeypatch):
    path = tmp_path / "run.nc"
    whole[0].save(path)
    before = path.read_bytes()

    def failing(file, data):
        file.write(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write", failing)
    with pytest.raises(
        ExperimentError, match="run.nc cannot be written: No space left.*make space"
    ):
        whole[0].save(path)
    assert path.read_bytes() == before
    # no half of a file is left behind
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_a_file_can_be_written_again(tmp_path, whole):
    for _ in range(2):
        whole[0].save(tmp_path / "run.nc")
    Recording.load(tmp_path / "run.nc").save(tmp_path / "run.nc")
    assert Recording.load(tmp_path / "run.nc").dataset.identical(whole[0].dataset)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"not a netCDF file", b"\x89HDF\r\n\x1a\n" + bytes(64)],
    ids=["missing", "empty", "text", "truncated"],
)
def test_unreadable_files(tmp_path, content):
    if content is not None:
        (tmp_path / "run.nc").write_bytes(content)
    with pytest.raises(ExperimentError, match="run.nc cannot be read: "):
        Recording.load(tmp_path / "run.nc")


def test_a_folder_that_is_not_there(tmp_path, whole):
    with pytest.raises(ExperimentError, match="missing"):
        whole[0].save(tmp_path / "missing" / "run.nc")


# --- errors ---
WRONG = {
    "hidden1.vv": "'hidden1.vv'.*Did you mean 'hidden1.v'",
    "hiden1.v": "'hiden1.v'.*Did you mean 'hidden1.v'",
    "W9": "'W9'.*Did you mean 'W[123]'",
    "hidden1.v[3]": r"'3' chooses nothing from 0\.\.2",
    "hidden1.v[5:]": r"'5:' chooses nothing",
    "hidden1.v[a]": "'a' chooses nothing.*number or a slice",
    "hidden1.v[1.5]": "'1.5' chooses nothing",
    "hidden1.v[0, 1]": "2 indices.*1 axes",
    "W1.w[0, 0, 0]": "3 indices.*2 axes",
    "W1.w[, 2]": "W1.w",
    "hidden1.v[0": "cannot be read",
    "": "cannot be read",
}


@pytest.mark.parametrize("name", WRONG)
def test_names_and_indices_that_are_wrong(name):
    with pytest.raises(NetworkError, match=WRONG[name]) as caught:
        recorded([name])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", None])
def test_intervals_that_are_none(every):
    with pytest.raises(NetworkError, match="every = "):
        Recorder("hidden1.v", every=every)


@pytest.mark.parametrize("trials", [0, -1, 1.5])
def test_numbers_of_trials_that_are_none(trials):
    with pytest.raises(NetworkError, match="trials = "):
        present(Learner(network(), TRIAL), *batch(), record=Recorder("hidden1.v", trials=trials))


@pytest.mark.parametrize(
    "names", [["hidden1.v", "hidden1.v[0]"], ["W1", "W1.w[0]"], ["W1", "W1"]], ids=str
)
def test_nothing_is_recorded_twice(names):
    with pytest.raises(NetworkError, match="twice"):
        recorded(names)


def test_an_empty_list_is_refused():
    with pytest.raises(NetworkError):
        recorded([])


def test_nothing_recorded_yet():
    with pytest.raises(NetworkError, match="Nothing has been recorded"):
        Recorder("hidden1.v").recording()


def test_what_was_not_recorded(whole):
    with pytest.raises(
        NetworkError, match=r"'hidden1.u' was not recorded.*Did you mean 'hidden1.v'"
    ):
        whole[0]["hidden1.u"]
    with pytest.raises(NetworkError, match=r"'W2.w' was not recorded"):
        whole[0]["W2"]


@pytest.mark.parametrize("sizes", [(2, 2, 2), (4, 9, 9, 2)], ids=["smaller", "larger"])
def test_a_recorder_belongs_to_one_network(sizes):
    recorder = Recorder("hidden1.v[2]")
    present(Learner(network(target="numpy"), TRIAL), *batch(), record=recorder)
    other = network(sizes=sizes, target="numpy")  # compiled, it would read beyond its arrays
    with pytest.raises(NetworkError):
        present(Learner(other, TRIAL), *batch(sizes=sizes), record=recorder)


# a choice from a recording ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chosen_from():
    net = Network((3, 6, 2), fa.RULE, 2, seed=1, target="numpy")
    recorder = Recorder(["hidden1.v", "output.r[1]", "hidden1.delta[1::2]", "W1.w[1:4, :2]"])
    present(
        Learner(net, Trial(dt=5 * ms, default=10 * ms)),
        np.ones((2, 3)),
        np.ones((2, 2)),
        record=recorder,
    )
    return recorder.recording()


@pytest.mark.parametrize(
    "name, places",
    [
        ("hidden1.v[0]", [0]),
        ("hidden1.v[4]", [4]),
        ("hidden1.v[-1]", [5]),
        ("hidden1.v[1:3]", [1, 2]),
        ("hidden1.v[::2]", [0, 2, 4]),
        ("output.r[1]", [0]),
        ("hidden1.delta[3]", [1]),
        ("hidden1.delta[2:]", [1, 2]),
    ],
)
def test_a_recording_gives_the_units_that_are_named_by_their_numbers(chosen_from, name, places):
    found, every = chosen_from[name], chosen_from[name.split("[")[0]]
    np.testing.assert_array_equal(found, every.values[..., places])
    assert found[found.dims[-1]].values.tolist() == every[every.dims[-1]].values[places].tolist()
    assert chosen_from.chosen([name])[0].equals(found)


def test_and_the_synapses(chosen_from):
    every = chosen_from["W1"]
    np.testing.assert_array_equal(chosen_from["W1.w[2, 1]"], every.values[:, 1:2, 1:2])
    np.testing.assert_array_equal(chosen_from["W1[3]"], every.values[:, 2:3])


@pytest.mark.parametrize(
    "name",
    ["hidden1.v[6]", "output.r[0]", "hidden1.delta[2]", "W1.w[0]", "W1.w[2, 2]", "hidden1.v[x]"],
)
def test_what_was_not_recorded_is_said_with_what_was(chosen_from, name):
    with pytest.raises(
        NetworkError, match="chooses nothing that was recorded: the numbers of these units are"
    ):
        chosen_from[name]


def test_a_choice_that_cannot_be_read_from_a_recording(chosen_from):
    for name, message in (
        ("hidden1.v[0", "cannot be read"),
        (3, "3 cannot be read"),
        ("hidden1.v[0, 1]", "1 axes to choose from"),
    ):
        with pytest.raises(NetworkError, match=message):
            chosen_from[name]
