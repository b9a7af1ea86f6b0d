"""Figures are judged by what they hold: lines, labels, shades and bands, against the data they were
given."""

import json
import tracemalloc

import matplotlib
import numpy as np
import pytest
import xarray
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.legend import Legend

from neurofa import Network, analysis, lookup, plot, statistics
from neurofa.base.errors import ExperimentError, NetworkError
from neurofa.data.curves import transposes
from neurofa.data.recording import Recording

PHASES = [("free", 0.0, 40.0), ("feedback", 40.0, 100.0)]


def recording(phases=PHASES, trials=2, units=8):
    """A made-up recording: v grows with the unit's number, the setpoint is 0 before feedback, W has
    two posts and three pres."""
    time = np.arange(1.0, phases[-1][2] + 1)
    v = (
        np.sin(time / 20)[None, :, None] * np.arange(1, units + 1)
        + 100 * np.arange(trials)[:, None, None]
    )
    setpoint = np.where(time > 40, 1.0, 0.0)[None, :, None] * np.arange(units) + np.zeros(
        (trials, 1, 1)
    )
    residual = np.exp(-((time - 1) // 10))[None] * np.ones((trials, 1))
    residual[:, :9] = 0  # nothing is measured before the tenth step
    W = time[:, None, None] * np.arange(6.0).reshape(2, 3)
    layered = ("trial", "time", "output_unit")
    data = dict(
        [
            ("output.r", (layered, v)),
            ("output.setpoint", (layered, setpoint)),
            ("output.residual", (("trial", "time"), residual)),
            ("hidden1.residual", (("trial", "time"), 0 * residual)),
            ("W1.w", (("time", "W1_post", "W1_pre"), W)),
        ]
    )
    coords = dict(
        trial=np.arange(trials),
        time=time,
        output_unit=np.arange(units),
        W1_post=[0, 1],
        W1_pre=[0, 1, 2],
    )
    dataset = xarray.Dataset(data, coords, attrs=dict(phases=json.dumps(phases)))
    for name in data:
        dataset[name].attrs.update(units="1", name=name)
    return Recording(dataset)


def curves(seeds=3, epochs=20, names=("BP", "FA", "frozen")):
    """Made-up learning curves (rule, seed, epoch) that saturate."""
    rng = np.random.default_rng(0)
    top = np.linspace(0.9, 0.7, len(names))[:, None, None] + 0.02 * rng.random(
        (len(names), seeds, 1)
    )
    values = top * (1 - np.exp(-np.arange(epochs + 1) / 5))
    return xarray.DataArray(
        values,
        dict(rule=list(names), seed=np.arange(seeds), epoch=np.arange(epochs + 1)),
        ("rule", "seed", "epoch"),
        name="accuracy",
    )


def angles(updates=(0, 1, 2, 5, 10, 22), groups=("B2", "B3"), schedule="log_spaced(per_decade=3)"):
    """Made-up angles (update, group) that fall from 90 degrees, as curves.alignment returns
    them."""
    values = 90 - np.outer(np.log1p(updates), np.arange(1, len(groups) + 1))
    return xarray.DataArray(
        values,
        {"update": list(updates), "group": list(groups), "dimension": ("group", [100, 900])},
        ("update", "group"),
        "angle",
        dict(
            units="degrees",
            long_name="angle to the transpose",
            schedule=schedule,
            groups=["W1", "W2", "W3", "B2", "B3"],
        ),
    )


def snapshots(scale=1.0):
    """Made-up snapshots of a 4-5-6-3 network with feedback B2 from the layer above and Q1 from the
    output; W1 is no feedback."""
    rng = np.random.default_rng(0)
    shapes = dict(W1=(5, 4), W2=(6, 5), W3=(3, 6), B2=(5, 6), Q1=(5, 3))
    found = {
        f"{name}.w": (
            ("update", f"{name}_post", f"{name}_pre"),
            scale * rng.normal(size=(3, *shape)),
            dict(source="above", target="below"),
        )
        for name, shape in shapes.items()
    }
    data = xarray.Dataset(
        found,
        dict(update=[0, 10, 100]),
        dict(schedule="every(n=10)", feedforward="W", sizes="[4, 5, 6, 3]"),
    )
    data["B2.w"].attrs["transposes"], data["Q1.w"].attrs["transposes"] = "W2", "W2 W3"
    return data


def named(axes):
    """Return the lines that stand in the legend, by label."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def phase_spans(axes):
    return [(p.get_x(), p.get_x() + p.get_width()) for p in axes.patches if p.get_gid() == "phase"]


def legend_labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def lightness(colour):
    return np.dot(to_rgb(colour), (0.299, 0.587, 0.114))


# --- traces ---
def test_five_units_spread_evenly_with_their_data():
    rec = recording()
    axes = plot.traces(rec, "output.r", trial=1)
    lines = named(axes)
    assert list(lines) == ["unit 0", "unit 2", "unit 4", "unit 5", "unit 7"] == legend_labels(axes)
    for unit in (0, 2, 4, 5, 7):
        x, y = lines[f"unit {unit}"].get_data()
        np.testing.assert_array_equal(x, rec["output.r"].time)
        np.testing.assert_array_equal(y, rec["output.r"].sel(trial=1, output_unit=unit))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time (ms)", "output.r")


def test_all_units_if_few_and_the_chosen_ones():
    assert len(plot.traces(recording(units=3), "output.r").lines) == 3
    assert list(named(plot.traces(recording(), "output.r", units=[6, 1]))) == ["unit 6", "unit 1"]


def test_target_is_dashed_in_the_shade_of_its_unit_and_equals_the_recording():
    rec = recording()
    axes = plot.traces(rec, "output.r", target="output.setpoint")
    solid = [line for line in axes.lines if line.get_label().startswith("unit")]
    dashed = [line for line in axes.lines if line.is_dashed() and len(line.get_xdata())]
    assert len(solid) == len(dashed) == 5
    assert legend_labels(axes)[-1] == "output.setpoint"
    for line, aim, unit in zip(solid, dashed, (0, 2, 4, 5, 7)):
        assert line.get_color() == aim.get_color() and not line.is_dashed()
        np.testing.assert_array_equal(
            aim.get_ydata(), rec["output.setpoint"].sel(trial=0, output_unit=unit)
        )


def test_target_in_some_phases_only():
    rec = recording()
    axes = plot.traces(
        rec, "output.r", units=[3], target="output.setpoint", target_phases=["feedback"]
    )
    x, y = axes.lines[1].get_data()
    assert np.isnan(y[x <= 40]).all()
    np.testing.assert_array_equal(y[x > 40], 3.0)


def test_synapses_are_traced_by_post_and_pre():
    lines = named(plot.traces(recording(), "W1", units=[(1, 2), (0, 1)]))
    assert list(lines) == ["post 1, pre 2", "post 0, pre 1"]
    np.testing.assert_array_equal(lines["post 1, pre 2"].get_ydata(), 5 * np.arange(1.0, 101))


def test_phases_are_shaded_and_named():
    axes = plot.traces(recording(), "output.r")
    assert phase_spans(axes) == [(0, 40), (40, 100)]
    assert [text.get_text() for text in axes.texts] == ["free", "feedback"]
    free, feedback = (p.get_facecolor() for p in axes.patches)
    assert lightness(free[:3]) > lightness(feedback[:3]) > 0.8
    plot.traces(recording(), "output.setpoint", axes)
    assert len(phase_spans(axes)) == 2  # shaded once, however much is drawn


def test_many_phases_are_named_once_each_in_a_legend():
    many = [(name, 10.0 * k, 10.0 * (k + 1)) for k, name in enumerate(["free", "feedback"] * 10)]
    axes = plot.traces(recording(many), "output.r")
    assert phase_spans(axes) == [(start, end) for _, start, end in many] and not axes.texts
    legends = [
        [t.get_text() for t in child.get_texts()]
        for child in axes.get_children()
        if isinstance(child, Legend)
    ]
    assert ["free", "feedback"] in legends and legend_labels(axes)[0] == "unit 0"
    top = next(
        child
        for child in axes.get_children()
        if isinstance(child, Legend) and child is not axes.get_legend()
    )
    axes.get_figure().draw_without_rendering()
    assert top.get_window_extent().y1 <= axes.get_figure().bbox.y1  # inside the figure


def test_stacked_panels_share_the_names_of_time_and_phases():
    _, axes = plot.figure(3, share_x=True)
    for panel in axes:
        plot.traces(recording(), "output.r", panel)
    assert [panel.get_xlabel() for panel in axes] == ["", "", "Time (ms)"]
    assert [[t.get_text() for t in panel.texts if t.get_gid() != "letter"] for panel in axes] == [
        ["free", "feedback"],
        [],
        [],
    ]
    assert [[t.get_text() for t in panel.texts if t.get_gid() == "letter"] for panel in axes] == [
        ["A"],
        ["B"],
        ["C"],
    ]
    assert [len(phase_spans(panel)) for panel in axes] == [2, 2, 2]


def test_lines_differ_in_lightness_and_marker():
    lines = named(plot.traces(recording(), "output.r")).values()
    shades = [lightness(line.get_color()) for line in lines]
    assert np.min(np.diff(shades)) > 0.05 and shades[-1] < 0.75
    assert len({line.get_marker() for line in lines}) == 5


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(name="output.v"), r"'output.v' was not recorded.*output\.r.*output\.setpoint"),
        (
            dict(name="output.r", trial=2),
            r"Trial 2 of 'output.r' was not recorded. Valid trials: 0\.\.1\.",
        ),
        (
            dict(name="output.r", units=[9]),
            r"Unit 9 of 'output.r' was not recorded. Valid units: 0\.\.7\.",
        ),
        (dict(name="W1", units=[(2, 0)]), r"Unit \(2, 0\) of 'W1'.*\(0, 0\), \(0, 1\)"),
        (
            dict(name="output.r", target="output.aim"),
            r"'output.aim' was not recorded.*output\.setpoint",
        ),
        (dict(name="output.r", target="W1"), r"Unit 0 of 'W1' was not recorded"),
        (
            dict(name="output.r", target="output.setpoint", target_phases=["sleep"]),
            r"no phase 'sleep'.*feedback, free",
        ),
    ],
)
def test_what_was_not_recorded_is_an_error_with_what_was(wrong, message):
    with pytest.raises(NetworkError, match=message):
        plot.traces(recording(), **wrong)


def test_of_a_large_file_only_what_is_drawn_is_read(tmp_path):
    time = np.arange(1.0, 5001)
    v = np.random.default_rng(0).normal(size=(2, 5000, 1000)).astype(np.float32)
    data = xarray.Dataset(
        {"hidden1.v": (("trial", "time", "hidden1_unit"), v)},
        dict(trial=[0, 1], time=time, hidden1_unit=np.arange(1000)),
        dict(phases=json.dumps([("free", 0, 5000)])),
    )
    Recording(data).save(tmp_path / "large.nc")
    with xarray.open_dataset(tmp_path / "large.nc", engine="h5netcdf") as stored:
        tracemalloc.start()
        axes = plot.traces(Recording(stored), "hidden1.v", trial=1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    np.testing.assert_array_equal(named(axes)["unit 999"].get_ydata(), v[1, :, 999])
    assert peak < v.nbytes / 4


# --- residuals ---
def test_residuals_are_drawn_where_they_were_measured():
    axes = plot.residuals(recording(), tolerance=1e-3)
    assert list(named(axes)) == ["output", "tolerance"]  # hidden1 is at rest throughout
    x, y = named(axes)["output"].get_data()
    measured = np.isfinite(y)
    np.testing.assert_array_equal(x[measured], [10, 11, 21, 31, 41, 51, 61, 71, 81, 91])
    np.testing.assert_allclose(y[measured], np.exp(-np.array([0.0, *range(1, 10)])))
    # one gap per phase: no line from one into the next
    assert len(x) - measured.sum() == len(PHASES)
    assert axes.get_yscale() == "log" and set(named(axes)["tolerance"].get_ydata()) == {1e-3}


def test_no_residuals():
    rec = recording()
    rec.dataset = rec.dataset.drop_vars(["output.residual", "hidden1.residual"])
    with pytest.raises(NetworkError, match="No residual was recorded"):
        plot.residuals(rec)


# --- learning ---
def test_median_and_range_of_the_seeds():
    data = curves()
    axes = plot.learning(data, label="Accuracy")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epoch", "Accuracy")
    assert len(axes.collections) == 3
    for k, (line, band) in enumerate(zip(axes.lines, axes.collections)):
        np.testing.assert_allclose(line.get_ydata(), data[k].median("seed"))
        corners = band.get_paths()[0].vertices
        for epoch in (1, 7, 20):
            edges = corners[corners[:, 0] == epoch][:, 1]
            np.testing.assert_allclose(
                [edges.min(), edges.max()], [data[k, :, epoch].min(), data[k, :, epoch].max()]
            )


def test_means_and_intervals_where_an_estimate_is_given():
    data = curves(seeds=5)
    axes = plot.learning(data, estimate=statistics.estimate)
    for k, (line, band) in enumerate(zip(axes.lines, axes.collections)):
        np.testing.assert_allclose(line.get_ydata(), data[k].mean("seed"))
        corners = band.get_paths()[0].vertices
        # Student's t: 2.776 standard errors for five seeds
        half = 2.7764451 * data[k, :, 7].std("seed", ddof=1) / np.sqrt(5)
        at = corners[corners[:, 0] == 7][:, 1]
        np.testing.assert_allclose((at.max() - at.min()) / 2, half, rtol=1e-6)
    assert legend_labels(axes)[-1] == "95 % interval, 5 seeds"
    two = plot.learning(curves(seeds=2), estimate=statistics.estimate)
    assert not two.collections  # two seeds have no interval


def test_rules_differ_without_colour_and_are_listed_as_they_end():
    axes = plot.learning(curves(names=("frozen", "FA", "BP", "DFA", "DFC"))[::-1])
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in axes.lines}) == 5
    assert len({line.get_marker() for line in axes.lines}) == 5
    ends = {line.get_label(): line.get_ydata()[-1] for line in axes.lines}
    assert legend_labels(axes) == [*sorted(ends, key=ends.get, reverse=True), "range of 3 seeds"]


def test_a_rule_looks_the_same_whatever_is_beside_it():
    alone, among = (
        plot.looks(names)
        for names in (["Kolen-Pollack"], ["BP", "FA", "DFA", "Kolen-Pollack", "mine"])
    )
    assert alone["Kolen-Pollack"] == among["Kolen-Pollack"]
    assert plot.looks(["mine"])["mine"] == among["mine"] == plot.looks(["mine", "FA"])["mine"]
    for name, line in named(plot.learning(curves(names=("DFC", "mine", "FA")))).items():
        look = plot.looks(["FA", "mine"]).get(name)
        assert look is None or (line.get_color(), line.get_marker()) == (
            look["color"],
            look["marker"],
        )


def test_a_variant_has_the_colour_of_its_rule_and_another_line():
    found = plot.looks(["FA", "FA, large", "DFC-SS", "DFC-SS, learned Q"])
    assert (
        found["FA"]["color"]
        == found["FA, large"]["color"]
        != found["DFC-SS"]["color"]
        == found["DFC-SS, learned Q"]["color"]
    )
    assert found["FA"]["linestyle"] != found["FA, large"]["linestyle"]


def test_rules_of_one_s_own_differ_from_each_other():
    own = plot.looks([f"mine {k}" for k in range(9)])
    assert len({look["color"] for look in own.values()}) == 9


def test_one_seed_has_no_band():
    axes = plot.learning(curves(seeds=1))
    assert len(axes.lines) == 3 and not axes.collections
    assert axes.get_ylabel() == "accuracy"


@pytest.mark.filterwarnings("error")
def test_what_was_not_run_is_left_out():
    data = curves()
    data[0, :, 0] = np.nan  # a quantity that begins with the first epoch
    data[1, 1:] = np.nan  # one of three seeds was run
    data[1, 0, 10:] = np.nan  # and stopped
    data[2] = np.nan  # a rule was not run at all
    axes = plot.learning(data)
    assert (
        sorted(legend_labels(axes)) == ["BP", "FA", "range of 3 seeds"]
        and len(axes.collections) == 1
    )
    assert axes.lines[0].get_xdata()[0] == 1 and axes.lines[1].get_xdata()[-1] == 9
    axes.get_figure().draw_without_rendering()


def test_learning_needs_rule_seed_and_epoch():
    with pytest.raises(ExperimentError, match=r"\(rule, seed, epoch\), not \(rule, epoch\)"):
        plot.learning(curves().mean("seed"))


def test_learning_over_updates():
    axes = plot.learning(curves().rename(epoch="update"))
    assert axes.get_xlabel() == "Update" and axes.lines[0].get_xdata()[-1] == 20


def test_learning_over_the_size_of_a_manipulation():
    data = curves().rename(epoch="angle")
    data["angle"] = data.angle.assign_attrs(long_name="angle of B", units="degrees")
    assert plot.learning(data).get_xlabel() == "Angle of B (degrees)"


def test_an_axis_begins_with_a_capital_but_a_greek_letter_stays():
    data = curves().rename(epoch="ε")
    assert plot.learning(data).get_xlabel() == "ε"
    data["ε"] = data["ε"].assign_attrs(long_name="η times updates")
    assert plot.learning(data).get_xlabel() == "η times updates"


def test_lines_are_named_in_the_style_of_the_figures_wherever_it_is_asked_for():
    axes = plot.learning(curves())
    names = legend_labels(axes)
    assert names == ["BP", "FA", "frozen", "range of 3 seeds"]
    for options in (
        dict(),
        dict(loc="upper left"),
        dict(loc="best", handles=axes.get_legend().legend_handles[::-1]),
    ):
        plot.name_lines(axes, **options)
        legend = axes.get_legend()
        assert not legend.get_frame_on() and {
            text.get_fontsize() for text in legend.get_texts()
        } == {7}
        axes.figure.draw_without_rendering()
        inside = legend.get_window_extent().x1 <= axes.get_window_extent().x1
        assert inside == bool(options) and legend_labels(axes) == (
            names[::-1] if "handles" in options else names
        )
    _, empty = plot.figure()
    plot.name_lines(empty)
    assert empty.get_legend() is None


# --- curves of synapse groups ---
def test_groups_over_updates():
    data = angles()
    axes = plot.over_updates(data)
    assert legend_labels(axes) == ["B2", "B3"] == list(named(axes))
    for name, line in named(axes).items():
        np.testing.assert_array_equal(line.get_xdata(), data["update"])
        np.testing.assert_array_equal(line.get_ydata(), data.sel(group=name))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Update", "Angle to the transpose\n(degrees)")


def test_a_group_looks_the_same_in_every_curve_of_a_file():
    both, one = plot.over_updates(angles()), plot.over_updates(angles()[:, 1:])
    first, second = named(both)["B3"], named(one)["B3"]
    assert (first.get_color(), first.get_marker()) == (second.get_color(), second.get_marker())
    assert named(both)["B2"].get_marker() != first.get_marker()


@pytest.mark.parametrize(
    "schedule, scale", [("log_spaced(per_decade=3)", "symlog"), ("every(n=5)", "linear")]
)
def test_updates_are_logarithmic_if_snapshots_are(schedule, scale):
    axes = plot.over_updates(angles(schedule=schedule))
    assert axes.get_xscale() == scale and axes.get_xlim()[0] == 0 and axes.get_xlim()[1] > 22


def test_chance_is_shaded_for_every_number_of_synapses():
    axes = plot.alignment(angles())
    bands = [
        (p.get_y(), p.get_y() + p.get_height()) for p in axes.patches if p.get_gid() == "chance"
    ]
    np.testing.assert_allclose(
        bands, [(90 - s, 90 + s) for s in (np.degrees(1) / 10, np.degrees(1) / 30)]
    )
    assert legend_labels(axes) == ["B2", "B3", "chance, ± s.d."]
    assert any(set(line.get_ydata()) == {90} for line in axes.lines)


def test_chance_is_what_random_synapses_make():
    rng, spread = np.random.default_rng(0), []
    for _ in range(400):
        spread.append(analysis.angle(rng.normal(size=(10, 10)), rng.normal(size=(10, 10))))
    low, high = next(
        (p.get_y(), p.get_y() + p.get_height())
        for p in plot.alignment(angles()).patches
        if p.get_gid() == "chance"
    )
    assert (high - low) / 2 == pytest.approx(np.std(spread), rel=0.1) and (
        high + low
    ) / 2 == pytest.approx(np.mean(spread), abs=1)


def test_without_a_number_of_synapses_there_is_no_chance_but_a_right_angle():
    axes = plot.alignment(angles().drop_vars("dimension"))
    assert not [p for p in axes.patches if p.get_gid() == "chance"] and legend_labels(axes) == [
        "B2",
        "B3",
    ]


def test_curves_of_groups_need_update_and_group():
    with pytest.raises(ExperimentError, match=r"\(update, group\), not \(rule, seed, epoch\)"):
        plot.alignment(curves())


# --- weights ---
def matrices(axes):
    return [np.asarray(panel.images[0].get_array()) for panel in axes if panel.images]


@pytest.mark.parametrize("group, counterpart", [("B2", "W2$^T$"), ("Q1", "W2$^T$ W3$^T$")])
def test_feedback_beside_its_counterpart(group, counterpart):
    data = snapshots()
    axes = plot.weights(data, group)
    assert [panel.get_title(loc="left") for panel in axes] == [
        counterpart,
        group,
        "",
    ] and legend_labels(axes[2]) == [counterpart, group]
    shown = matrices(axes)
    np.testing.assert_array_equal(shown[0], transposes(data, group, -1))
    np.testing.assert_array_equal(shown[1], data[f"{group}.w"][-1])
    assert (axes[0].get_xlabel(), axes[0].get_ylabel()) == ("from above unit", "to below unit")
    assert axes[2].get_xlabel() == "weight at update 100" and axes[2].get_ylabel() == "density"


def test_the_distributions_are_densities_of_the_weights():
    data = snapshots()
    axes = plot.weights(data, "B2", update=12)[2]
    assert axes.get_xlabel() == "weight at update 10"
    for line, matrix in zip(axes.lines, (data["W2.w"][1], data["B2.w"][1])):
        x, y = line.get_data()
        widths, centres, heights = np.diff(x[1::2]), (x[1:-1:2] + x[2::2]) / 2, y[1:-1:2]
        assert (heights * widths).sum() == pytest.approx(1)
        assert (heights * widths * centres).sum() == pytest.approx(float(matrix.mean()), abs=0.1)
    assert len({str(line._dash_pattern) for line in axes.lines}) == 2


def test_signs_can_be_told_in_grey():
    image = plot.weights(snapshots(), "B2")[1].images[0]
    low, high = image.get_clim()
    assert low == -high
    shades = [lightness(image.cmap(image.norm(w))[:3]) for w in np.linspace(low, high, 21)]
    assert np.diff(shades).min() > 0


def test_a_group_without_a_counterpart_has_one_matrix():
    data = snapshots()
    axes = plot.weights(data, "W1", plot.figure(1, 2)[1])
    assert len(axes) == 2
    np.testing.assert_array_equal(matrices(axes)[0], data["W1.w"][-1])


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_weights_that_are_zero():
    axes = plot.weights(snapshots(scale=0.0), "B2")
    axes[0].figure.draw_without_rendering()
    assert not matrices(axes)[1].any()


@pytest.mark.parametrize(
    "group, panels, message",
    [
        ("B4", 3, r"hold no 'B4'. Valid groups: B2, Q1, W1, W2, W3.*'B2'"),
        ("B2", 2, r"Drawing B2 needs 3 Axes.*not 2"),
        ("W1", 3, r"Drawing W1 needs 2 Axes.*not 3"),
    ],
)
def test_weights_that_cannot_be_drawn(group, panels, message):
    with pytest.raises(ExperimentError, match=message):
        plot.weights(snapshots(), group, plot.figure(1, panels)[1])


def test_what_is_taken_for_what():
    shown = xarray.DataArray(
        [[90.0, 10, 0], [0, 75, 25], [30, 30, 40]],
        dict(rule=["FA", "DFA", "DFC"], said=["FA", "DFA", "DFC"]),
        ("rule", "said"),
    )
    axes = plot.confusion(shown, groups=(2, 1))
    assert (axes.images[0].get_array() == shown.values).all()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["FA", "DFA", "DFC"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Said", "Rule")
    frames = [(frame.get_x(), frame.get_y(), frame.get_width()) for frame in axes.patches]
    assert frames == [(-0.5, -0.5, 2), (1.5, 1.5, 1)]
    with pytest.raises(ExperimentError, match="a row and a column for each"):
        plot.confusion(shown[:2])


# --- the circuit ---
def test_the_circuit_of_a_network_has_its_layers_and_their_sizes():
    net = Network((7, 6, 5, 4, 3), lookup.rule("fa"), target="numpy")
    words = [text.get_text() for text in plot.circuit(net).texts]
    assert {"input\n7", "hidden1\n6", "hidden2\n5", "hidden3\n4", "output\n3", "B4: delta"} <= set(
        words
    )
    assert {"hidden2", "B3: delta"} <= {text.get_text() for text in plot.circuit(net.rule).texts}


# --- the figure ---
def test_figure_shapes_and_sizes():
    made, axes = plot.figure(1)
    assert hasattr(axes, "plot") and made.get_figwidth() == plot.COLUMN
    made, axes = plot.figure(2, 3, height=4)
    assert axes.shape == (2, 3) and tuple(made.get_size_inches()) == (plot.PAGE, 4)
    assert not axes[0, 0].spines["top"].get_visible() and axes[0, 0].xaxis.label.get_size() == 8


def test_global_settings_are_untouched():
    before = dict(matplotlib.rcParams)
    plot.learning(curves(), plot.figure(2)[1][0])
    plot.traces(recording(), "output.r", target="output.setpoint")
    plot.residuals(recording())
    with pytest.raises(NetworkError):
        plot.traces(recording(), "nothing.r")
    assert dict(matplotlib.rcParams) == before


def test_a_figure_saves_itself_without_pyplot(tmp_path):
    axes = plot.learning(curves())
    for suffix in ("png", "pdf"):
        axes.get_figure().savefig(tmp_path / f"figure.{suffix}")
        assert (tmp_path / f"figure.{suffix}").stat().st_size > 1000
    assert not pyplot.get_fignums()
