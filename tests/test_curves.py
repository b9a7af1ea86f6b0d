"""Curves from snapshots, against the same measures of the network itself at that update, and
against matrices that are known."""

import json

import numpy as np
import pytest
import xarray
from brian2 import ms

from neurofa import (
    ExperimentError,
    Learner,
    Network,
    Snapshots,
    Trial,
    analysis,
    curves,
    lookup,
    present,
    reference,
    settle,
)
from neurofa.learning.schedules import every

SIZES, K = (4, 5, 6, 3), 4
LENGTHS = Trial(dt=10 * ms, default=settle(1e-12))
X, Y = np.random.default_rng(0).normal(size=(2, 20, 4))
Y = Y[:, :3]
PROBE = X[12:], Y[12:]


def learned(model, path=None, activation="tanh", cost="squared"):
    """Let a network learn for three updates; return the snapshots' Dataset, and its weights at each
    of them."""
    y = Y if cost == "squared" else np.eye(3)[Y.argmax(axis=1)]
    net = Network(
        SIZES,
        lookup.rule(model).but(eta=0.5),
        trials=K,
        target="numpy",
        seed=2,
        activation=activation,
        cost=cost,
    )
    for layer in (1, 2, 3):
        net[f"W{layer}.bias"] = np.linspace(-0.5, 0.5, SIZES[layer])
    learner, seen = Learner(net, LENGTHS), []
    with Snapshots(every(1), probe=(PROBE[0], y[12:]), to=path) as snapshots:
        for k in range(4):
            snapshots.take(learner)
            seen.append(
                {
                    n.removesuffix(".w"): net[n].copy()
                    for n in net.probeable
                    if n.endswith((".w", ".bias"))
                }
            )
            present(learner, X[K * k : K * k + K], y[K * k : K * k + K])
    return snapshots.dataset, seen


@pytest.fixture(scope="module")
def fa():
    return learned("fa")


@pytest.fixture(scope="module")
def dfa():
    return learned("dfa")


def made_up(**groups):
    """Return snapshots of the given weights, {name: (update, post, pre)}."""
    data = xarray.Dataset(
        coords=dict(update=np.arange(len(next(iter(groups.values()))))),
        attrs=dict(schedule="every(n=1)", feedforward="W", sizes=json.dumps([2, 2])),
    )
    return data.assign(
        {
            f"{name}.w": (("update", f"{name}_post", f"{name}_pre"), np.asarray(w))
            for name, w in groups.items()
        }
    )


# --- against the network at that update ---
def test_norms(fa):
    data, seen = fa
    found = curves.norms(data)
    assert found.dims == ("update", "group") and found.group.values.tolist() == [
        "W1",
        "W2",
        "W3",
        "B2",
        "B3",
    ]
    for k, weights in enumerate(seen):
        for name in found.group.values:
            assert float(found.sel(group=name)[k]) == pytest.approx(
                np.sqrt((weights[name] ** 2).sum())
            )
    assert found.attrs["units"] == "1" and found.trials.values.tolist() == [0, 4, 8, 12]


def test_layerwise_feedback_is_compared_with_the_transpose(fa):
    data, seen = fa
    angles, signs = curves.alignment(data), curves.sign_agreement(data)
    assert angles.group.values.tolist() == ["B2", "B3"] and angles.dimension.values.tolist() == [
        30,
        18,
    ]
    assert angles.attrs["units"] == "degrees"
    for k, w in enumerate(seen):
        for layer in (2, 3):
            W, B = w[f"W{layer}"], w[f"B{layer}"]
            cosine = (W.T * B).sum() / np.linalg.norm(W) / np.linalg.norm(B)
            assert float(angles.sel(group=f"B{layer}")[k]) == pytest.approx(
                np.degrees(np.arccos(cosine))
            )
            assert float(signs.sel(group=f"B{layer}")[k]) == np.mean(np.sign(W.T) == np.sign(B))


def test_direct_feedback_is_compared_with_the_product_of_transposes(dfa):
    data, seen = dfa
    found = curves.alignment(data)
    for k, w in enumerate(seen):
        linear = np.linalg.multi_dot([w["W3"], w["W2"]])  # d r_3 / d r_1 of a linear network
        assert float(found.sel(group="B1")[k]) == pytest.approx(analysis.angle(w["B1"], linear.T))
        assert float(found.sel(group="B2")[k]) == pytest.approx(analysis.angle(w["B2"], w["W3"].T))


def test_feedback_that_starts_as_the_transposed_jacobian_starts_at_0():
    data, _ = learned("dfc_ss")
    found = curves.alignment(data)
    np.testing.assert_allclose(found[0], 0, atol=1e-5)
    assert (
        found.group.values.tolist() == ["Q1", "Q2", "Q3"]
        and (found[1:, :2] > 1e-3).all()
        and (found.sel(group="Q3") == 0).all()
    )


@pytest.mark.parametrize(
    "options",
    [{}, dict(activation="logistic", cost="cross_entropy")],
    ids=["squared", "cross entropy"],
)
def test_backprop_is_at_no_angle_to_itself(options):
    data, _ = learned("bp", **options)
    found = curves.angle_to_backprop(data)
    assert found.group.values.tolist() == ["W1", "W2", "W3"]
    np.testing.assert_allclose(found, 0, atol=1e-4)


def test_angle_to_backprop_is_that_of_the_closed_forms(fa):
    data, seen = fa
    found = curves.angle_to_backprop(data)
    for k, w in enumerate(seen):
        W, b = [w[f"W{i}"] for i in (1, 2, 3)], [w[f"W{i}.bias"] for i in (1, 2, 3)]
        r = reference.forward(PROBE[0], W, b)[1]
        rule = reference.gradients(reference.fa_deltas(*PROBE, W, b, [w["B2"], w["B3"]]), r)[0]
        gradient = reference.gradients(reference.backprop_deltas(*PROBE, W, b), r)[0]
        np.testing.assert_allclose(found[k], analysis.angles(rule, gradient), atol=1e-5)
    assert float(found.sel(group="W3").max()) < 1e-4 < float(found.sel(group="W1").min())


def test_layers_that_do_not_learn_have_no_angle_to_backprop():
    found = curves.angle_to_backprop(learned("frozen")[0])
    assert found.group.values.tolist() == ["W3"]


def test_a_file_gives_what_memory_gives(fa, tmp_path):
    learned("fa", tmp_path / "weights.nc")
    with xarray.open_dataset(tmp_path / "weights.nc") as stored:
        for curve in (
            curves.norms,
            curves.alignment,
            curves.sign_agreement,
            curves.angle_to_backprop,
            curves.ranks,
        ):
            xarray.testing.assert_identical(curve(stored), curve(fa[0]))


# --- ranks of known matrices ---
def test_ranks():
    rng = np.random.default_rng(0)
    of_three = rng.normal(size=(9, 3)) @ rng.normal(size=(3, 7))
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    found = curves.ranks(
        made_up(
            W1=[of_three, np.zeros((9, 7))],
            W2=[rotation, 3 * rotation @ np.diag([1, 1, 0, 0, 0, 0, 0])],
        )
    )
    assert found["rank"].values.tolist() == [[3, 7], [0, 2]]
    np.testing.assert_allclose(found.effective_rank.sel(group="W2"), [7, 2])
    assert 1 < float(found.effective_rank[0, 0]) < 3 and np.isnan(found.effective_rank[1, 0])


def test_the_effective_rank_is_the_exponential_of_the_entropy():
    found = curves.ranks(made_up(W1=[np.diag([4.0, 2.0, 1.0, 1.0])])).effective_rank
    assert float(found[0, 0]) == pytest.approx(
        np.exp(np.log(2) / 2 + np.log(4) / 4 + 2 * np.log(8) / 8)
    )


def test_the_rank_of_single_precision_is_not_that_of_its_round_off():
    rng = np.random.default_rng(0)
    w = (rng.normal(size=(30, 2)) @ rng.normal(size=(2, 30))).astype(np.float32)
    assert curves.ranks(made_up(W1=[w]))["rank"].values.tolist() == [[2]]


# --- what is missing ---
@pytest.mark.parametrize(
    "curve", [curves.norms, curves.alignment, curves.sign_agreement, curves.ranks]
)
def test_other_data_are_refused(curve):
    with pytest.raises(ExperimentError, match="no snapshots of weights.*It holds accuracy"):
        curve(xarray.Dataset({"accuracy": ("epoch", np.ones(3))}))


def test_what_the_snapshots_lack_is_named(fa):
    data = fa[0]
    with pytest.raises(
        ExperimentError,
        match=r"To compare B3 with W3\^T, the snapshots must hold W3, and they hold W1, W2, B2, B3 only",
    ):
        curves.alignment(data.drop_vars("W3.w"))
    with pytest.raises(ExperimentError, match="For the gradient, the snapshots must hold W2"):
        curves.angle_to_backprop(data.drop_vars("W2.w"))
    with pytest.raises(ExperimentError, match=r"no change that the rule asked for.*probe=\(x, y\)"):
        curves.angle_to_backprop(data.drop_vars([f"W{k}.change" for k in (1, 2, 3)]))
    with pytest.raises(
        ExperimentError,
        match="hold no angle to the transpose: among W1, W2 no group has a counterpart",
    ):
        curves.alignment(data[["W1.w", "W2.w"]])
