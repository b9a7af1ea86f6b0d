"""One activation for each hidden layer, against discrete rules in plain NumPy, and wherever else an
activation matters."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import bp, dfa, dfc, dfc_ss, fa, target_propagation
from scipy.special import expit

from neurofa import (
    ExperimentError,
    Learner,
    Network,
    NetworkError,
    Plasticity,
    Population,
    Snapshots,
    SteadyState,
    Trial,
    analysis,
    curves,
    directions,
    lookup,
    present,
    settle,
    tasks,
    train,
)
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.schedules import every
from neurofa.rules.activations import ACTIVATIONS, Activation
from neurofa.theory import reference

SIZES, K, DT = (4, 8, 6, 2), 5, 10.0
TRIAL = Trial(dt=10 * ms, default=120 * ms)
PHI = {
    "relu": (lambda v: v * (v > 0), lambda v: 1.0 * (v > 0)),
    "tanh": (np.tanh, lambda v: 1 / np.cosh(v) ** 2),
    "logistic": (expit, lambda v: expit(v) * (1 - expit(v))),
    "linear": (lambda v: v, np.ones_like),
}
MIXED = (["relu", "tanh"], ["tanh", "relu"], ("logistic", "relu"))


def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(K, SIZES[0])), rng.normal(size=(K, SIZES[-1]))


def learned(rule, activation, target="numpy", trial=TRIAL, **options):
    """Return the network after one update, its weights before, and the learner."""
    net = Network(
        SIZES, rule.but(eta=1.0), K, seed=3, activation=activation, target=target, **options
    )
    for layer in (1, 2, 3):
        net[f"W{layer}.bias"] = np.random.default_rng(layer).normal(size=SIZES[layer]) / 2
    before = {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}
    learner = Learner(net, trial)
    present(learner, *samples())
    return net, before, learner


@pytest.mark.parametrize(
    "rule", [fa.RULE, dfc.RULE, target_propagation.RULE], ids=["FA", "DFC", "TP"]
)
def test_a_list_of_equal_ones_is_one_for_all(rule, target):
    nets = [
        learned(rule, activation, target)[0]
        for activation in ("tanh", ["tanh", "tanh"], (ACTIVATIONS["tanh"], "tanh"))
    ]
    for name in nets[0].probeable:
        for other in nets[1:]:
            np.testing.assert_array_equal(nets[0][name], other[name])
    assert not np.array_equal(nets[0]["W1"], learned(rule, ["relu", "tanh"], target)[0]["W1"])


@pytest.mark.parametrize("activation", MIXED)
@pytest.mark.parametrize("rule", [fa.RULE, bp.RULE, dfa.RULE], ids=["FA", "BP", "DFA"])
def test_error_feedback_is_that_of_the_discrete_rule(rule, activation, target):
    net, before, _ = learned(rule, activation, target, output_activation="logistic")
    (x, y), phis = samples(), [PHI[name] for name in (*activation, "logistic")]
    r, v = [x], []
    for layer, (phi, _) in enumerate(phis, 1):
        v.append(r[-1] @ before[f"W{layer}.w"].T + before[f"W{layer}.bias"])
        r.append(phi(v[-1]))
    deltas = [phis[2][1](v[2]) * (r[3] - y)]
    for layer in (1, 0):
        back = (
            before[f"W{layer + 2}.w"].T
            if rule.name == "BP"
            else before[sorted(name for name in before if name[0] == "B")[layer]]
        )
        deltas.insert(
            0, phis[layer][1](v[layer]) * (deltas[-1 if rule.name == "DFA" else 0] @ back.T)
        )
    for layer in (1, 2, 3):
        np.testing.assert_allclose(
            net[f"W{layer}"] - before[f"W{layer}.w"],
            -deltas[layer - 1].T @ r[layer - 1] / K,
            rtol=1e-9,
            atol=1e-12,
        )
        np.testing.assert_allclose(
            net[f"W{layer}.bias"] - before[f"W{layer}.bias"],
            -deltas[layer - 1].mean(0),
            rtol=1e-9,
            atol=1e-12,
        )


@pytest.mark.parametrize("activation", MIXED)
def test_dfc_is_that_of_a_discrete_loop(activation, target):
    net, before, _ = learned(
        dfc.RULE, activation, target, Trial(dt=2 * ms, free=100 * ms, feedback=300 * ms)
    )
    (x, y), phis = samples(), [PHI[name][0] for name in (*activation, "linear")]
    W, b, Q = (
        [before.get(f"{name}{layer}.{part}") for layer in (1, 2, 3)]
        for name, part in (("W", "w"), ("W", "bias"), ("Q", "w"))
    )
    v, r, U = (
        [np.zeros((K, n)) for n in SIZES[1:]],
        [x, *(np.zeros((K, n)) for n in SIZES[1:])],
        np.zeros((K, 2)),
    )
    r[1:] = [phi(potential) for phi, potential in zip(phis, v)]
    dW = [np.zeros_like(w) for w in W]
    for step in range(50 + 150):
        if step == 50:
            goal = r[3] - 0.1 * (r[3] - y)
        if step >= 50:
            U = U + 2 / 50 * ((goal - r[3]) - U)
        for i in range(3):
            basal = r[i] @ W[i].T + b[i]
            v[i] = v[i] + 2 / 10 * (-v[i] + basal + U @ Q[i].T)
            r[i + 1] = phis[i](v[i])
            if step >= 50:
                dW[i] += 2 / 50 * (r[i + 1] - phis[i](basal)).T @ r[i] / K
    for layer in (1, 2, 3):
        np.testing.assert_allclose(
            net[f"W{layer}"] - before[f"W{layer}.w"], dW[layer - 1], rtol=1e-8, atol=1e-12
        )


@pytest.mark.parametrize(
    "model",
    sorted(
        {
            "fa",
            "dfc_ss",
            "predictive_coding",
            "difference_target_propagation",
            "equilibrium_propagation",
            "dendritic_microcircuit",
            "kolen_pollack",
            "weight_mirror",
            "local_losses",
        }
    ),
)
def test_both_targets_agree(model, needs_compiler):
    trial = Trial(dt=2 * ms, default=60 * ms)
    nets = [
        learned(lookup.rule(model), ["logistic", "tanh"], target, trial)[0]
        for target in ("numpy", "cpp")
    ]
    for name in nets[0].probeable:
        np.testing.assert_allclose(*(net[name] for net in nets), rtol=1e-7, atol=1e-9, err_msg=name)
    assert not np.allclose(
        nets[0]["W1"], learned(lookup.rule(model), "tanh", trial=trial)[0]["W1"], rtol=1e-3
    )


def test_a_second_population_of_a_layer_has_that_of_its_layer(target):
    rule = fa.RULE.but(
        populations=(
            Population(
                "twin",
                "here = phi(bottom_v) : 1\ndz/dt = (here - z) / tau_v : 1",
                along="hidden",
                size="same",
                links={"bottom_v": "same.v"},
            ),
        )
    )
    net, _, _ = learned(rule, ["relu", "logistic"], target)
    for layer, phi in ((1, "relu"), (2, "logistic")):
        assert (
            net.activation_of(f"twin{layer}").name
            == net.activation_of(f"hidden{layer}").name
            == phi
        )
        np.testing.assert_allclose(
            net[f"twin{layer}.here"], PHI[phi][0](net[f"hidden{layer}.v"]), rtol=1e-12
        )


@pytest.mark.parametrize(
    "whose, wanted",
    [
        ("same", ("relu", "logistic")),
        ("above", ("logistic", "tanh")),
        ("linear", ("linear", "linear")),
    ],
)
def test_a_rule_says_whose_activation_a_population_has(whose, wanted, target):
    rule = fa.RULE.but(
        populations=(
            Population(
                "cells",
                "here = phi(v_here) : 1\nslope = dphi(v_here) : 1\ndz/dt = (here - z) / tau_v : 1",
                along="hidden",
                size="same",
                links={"v_here": "same.v"},
                activation=whose,
            ),
        )
    )
    net, _, _ = learned(rule, ["relu", "logistic"], target, output_activation="tanh")
    assert (
        f"one beside every layer of hidden{f', activation {whose}' * (whose != 'same')}\n"
        in str(rule)
    )
    for layer, name in enumerate(wanted, 1):
        (phi, dphi), v = PHI[name], net[f"hidden{layer}.v"]
        assert net.activation_of(f"cells{layer}").name == name
        np.testing.assert_allclose(net[f"cells{layer}.here"], phi(v), rtol=1e-12)
        np.testing.assert_allclose(net[f"cells{layer}.slope"], dphi(v), rtol=1e-12)
        assert np.abs(v).max() > 0.1


def test_interneurons_imitate_the_layer_above_whatever_its_activation(target):
    """In the self-predicting state they cancel all that descends, with any phi of any layer."""
    trial = Trial(dt=1 * ms, free=settle(1e-13, 5000 * ms), feedback=1 * ms)
    rule = lookup.rule("dendritic_microcircuit")
    net = Network(
        SIZES, rule, K, activation=["relu", "logistic"], output_activation="tanh", target=target
    )
    present(Learner(net, trial), *samples(), learn=False)
    net.run("free", trial["free"])
    for layer, above in ((1, "hidden2"), (2, "output")):
        np.testing.assert_allclose(net[f"interneuron{layer}.r"], net[f"{above}.r"], atol=1e-9)
        assert np.abs(net[f"hidden{layer}.v_apical"]).max() < 1e-9
        assert np.abs(net[f"hidden{layer}.v_down"]).max() > 0.01


def test_a_population_beside_no_layer_may_say_what_it_has(target):
    text = "here = phi(v_out) : 1\ndz/dt = (here - z) / tau_v : 1"
    cells = Population("cells", text, links={"v_out": "output.v"}, activation="logistic")
    rule = fa.RULE.but(populations=(cells,))
    net, _, _ = learned(rule, ["relu", "tanh"], target)
    np.testing.assert_allclose(net["cells.here"], expit(net["output.v"]), rtol=1e-12)
    assert deepcopy(net).activation_of("cells").name == "logistic"


def test_a_population_beside_no_layer_cannot_guess():
    rule = dfc_ss.RULE.but(
        populations=tuple(
            Population(p.name, p.equations.replace("k_i*error", "k_i*phi(error)"), links=p.links)
            for p in dfc_ss.RULE.populations
        )
    )
    with pytest.raises(
        NetworkError,
        match="'controller' uses phi or dphi and stands beside no layer.*hidden1 relu, hidden2 tanh.*activation='tanh'",
    ):
        Network(SIZES, rule, activation=["relu", "tanh"], target="numpy")
    assert (
        Network(SIZES, rule, activation=["relu", "relu"], target="numpy")
        .activation_of("controller")
        .name
        == "relu"
    )
    assert (
        Network(SIZES, dfc_ss.RULE, activation=["relu", "tanh"], target="numpy")
        .activation_of("hidden2")
        .name
        == "tanh"
    )


def test_a_line_that_asks_a_presynaptic_controller_for_its_slope_cannot_guess():
    rule = dfc_ss.RULE.but(
        plasticity=(
            *dfc_ss.RULE.plasticity,
            Plasticity("Q", after="feedback", equation="w += -eta * r_post * phi(u_pre)"),
        )
    )
    with pytest.raises(NetworkError, match="'controller' uses phi or dphi"):
        Network(SIZES, rule, activation=["relu", "tanh"], target="numpy")


@pytest.mark.parametrize(
    "wrong, right",
    [
        (["relu"], "names 1: this network has 2 hidden layers. Give 2,"),
        ([], "names 0.*Give 2,"),
        (["relu"] * 3, "names 3.*Give 2,"),
        (["relu", "tahn"], "no activation 'tahn'.*Did you mean 'tanh'"),
        (["relu", None], "no activation None"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, right):
    with pytest.raises(NetworkError, match=right):
        Network(SIZES, fa.RULE, activation=wrong, target="numpy")
    with pytest.raises(NetworkError, match=r"no activation \['relu'\]"):
        Network(SIZES, fa.RULE, output_activation=["relu"], target="numpy")


def test_no_hidden_layer_needs_no_activation(target):
    nets = [
        Network((4, 2), fa.RULE, activation=activation, target=target)
        for activation in ([], "tanh")
    ]
    assert [net.activation_of("output").name for net in nets] == ["linear", "linear"]
    with pytest.raises(NetworkError, match="names 1: this network has 0 hidden layers"):
        Network((4, 2), fa.RULE, activation=["tanh"], target=target)
    assert deepcopy(nets[0]).sizes == (4, 2)


# theory -------------------------------------------------------------------------------------------


def test_the_reference_takes_one_for_each_layer():
    rng, (x, y) = np.random.default_rng(1), samples()
    W = [rng.normal(size=shape) for shape in zip(SIZES[1:], SIZES)]
    for given in (["relu", "tanh"], (ACTIVATIONS["relu"], "tanh")):
        deltas = reference.backprop_deltas(x, y, W, activation=given, output="logistic")
        dW, _ = reference.gradients(deltas, reference.forward(x, W, None, given, "logistic")[1])
        r = PHI["logistic"][0](PHI["tanh"][0](PHI["relu"][0](x @ W[0].T) @ W[1].T) @ W[2].T)
        np.testing.assert_allclose(reference.forward(x, W, None, given, "logistic")[1][-1], r)
        slopes = reference.numerical_gradient(
            lambda w: reference.cost(
                reference.forward(x, [w, *W[1:]], None, given, "logistic")[1][-1], y
            ).mean(),
            W[0],
        )
        np.testing.assert_allclose(dW[0], slopes, rtol=1e-5, atol=1e-9)
    with pytest.raises(ValueError, match="activation has 1 entries: wanted 2"):
        reference.forward(x, W, activation=["relu"])
    with pytest.raises(ValueError, match="No activation is called '3'"):
        reference.forward(x, W, activation=3)


OWN = Activation(
    "own",
    lambda x: np.sin(x) / 2 + x,
    lambda x: np.cos(x) / 2 + 1,
    lambda x: -np.sin(x) / 2,
    "std::sin(x) / 2 + x",
    "std::cos(x) / 2 + 1",
)
TEXT = Activation("text", "sin(x)/2 + x")


@pytest.mark.parametrize(
    "activation", [["relu", "tanh"], [OWN, "tanh"], ["logistic", TEXT], OWN, TEXT]
)
def test_directions_and_curves_use_what_the_network_uses(activation, tmp_path):
    (x, y), given = (
        samples(),
        dict(activation=activation) if activation == OWN or activation == [OWN, "tanh"] else {},
    )
    net, _, learner = learned(bp.RULE, activation)
    assert max(directions.to_backprop(learner, x, y)) < 1e-4
    assert (
        min(directions.angles(directions.minimum_norm(net, x, y), directions.backprop(net, x, y)))
        > 0.1
    )
    one, other = (
        Snapshots(every(1), to=tmp_path / f"{k}.nc" if k else None, probe=(x, y)) for k in range(2)
    )
    for snapshots in (one, other):
        train(deepcopy(net), tasks.Task(x, y), 2, trial=TRIAL, progress=False, snapshots=snapshots)
    import xarray

    for data in (one.dataset, xarray.open_dataset(tmp_path / "1.nc")):
        if given:
            with pytest.raises(
                ExperimentError,
                match="activation was 'own', of which snapshots hold no more.*activation=...",
            ):
                curves.angle_to_backprop(data)
        assert curves.angle_to_backprop(data, **given).max() < 1e-4
        data.close()


@pytest.mark.parametrize("activation", [["relu", "tanh"], ["logistic", "relu"], [TEXT, "tanh"]])
def test_the_spectrum_is_that_of_the_circuit(activation):
    net, _, _ = learned(dfc_ss.RULE.but(tau_v=20 * ms), activation)
    (x, _), alpha, tau_v, tau_u = samples(), 1.0, 0.02, 0.05
    found = np.sort_complex(analysis.stability(net, x[:1]).eigenvalues[0])
    W, b, Q = (
        [net[f"W{k}"] for k in (1, 2, 3)],
        [net[f"W{k}.bias"] for k in (1, 2, 3)],
        np.concatenate([net[f"Q{k}"] for k in (1, 2, 3)]),
    )
    functions = [
        reference._functions(W, [net.activation_of(f"hidden{k}") for k in (1, 2)], "linear")
    ][0]
    state = reference.dfc_steady_state(
        x[:1],
        reference.forward(x[:1], W, b, [net.activation_of(f"hidden{k}") for k in (1, 2)])[1][-1],
        W,
        b,
        list(np.split(Q, np.cumsum(SIZES[1:-1]))),
        alpha,
        [net.activation_of(f"hidden{k}") for k in (1, 2)],
    )
    n, ends = sum(SIZES[1:]), np.cumsum((0, *SIZES[1:]))
    M = np.zeros((n + 2, n + 2))
    M[:n, :n] = -np.eye(n) / tau_v
    for i in (1, 2):
        M[ends[i] : ends[i + 1], ends[i - 1] : ends[i]] = (
            W[i] * functions[i - 1][1](state.v[i - 1]) / tau_v
        )
    M[:n, n:], M[n:, ends[2] : n], M[n:, n:] = (
        Q / tau_v,
        -np.eye(2) / tau_u,
        -alpha * np.eye(2) / tau_u,
    )
    np.testing.assert_allclose(found, np.sort_complex(np.linalg.eigvals(M)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("model", ["dfc_ss", "dfc_integral_leak", "predictive_coding"])
def test_steady_states_are_planned_for_each_layer(model):
    updates = []
    for trial in (SteadyState(1e-7), Trial(dt=2 * ms, default=3000 * ms)):
        net, before, _ = learned(lookup.rule(model), ["logistic", "tanh"], trial=trial)
        updates.append(
            np.concatenate([(net[f"W{k}"] - before[f"W{k}.w"]).ravel() for k in (1, 2, 3)])
        )
    np.testing.assert_allclose(*updates, atol=1e-4 * abs(updates[1]).max())


# identity, files, copies --------------------------------------------------------------------------


def test_files_and_copies_keep_one_for_each_layer(tmp_path, target):
    net, _, _ = learned(fa.RULE, ["relu", "tanh"], target)
    net.save(tmp_path / "net.h5")
    every_one = (
        net,
        Network.load(tmp_path / "net.h5"),
        pickle.loads(pickle.dumps(net)),
        deepcopy(net),
    )
    for one in every_one:
        assert dict(one.activations) == dict(net.activations)
        present(Learner(one, TRIAL), *samples())
        np.testing.assert_array_equal(net["W1"], one["W1"])
    changed = Network.load(tmp_path / "net.h5", activation=["tanh", "relu"])
    assert [changed.activation_of(f"hidden{k}").name for k in (1, 2)] == ["tanh", "relu"]
    with pytest.raises(ExperimentError, match="names 1: this network has 2"):
        Network.load(tmp_path / "net.h5", activation=["tanh"])


def test_a_checkpoint_knows_the_activation_of_each_layer(tmp_path):
    task = tasks.Task(*samples())

    def run(activation):
        return train(
            Network(SIZES, fa.RULE, K, activation=activation, target="numpy"),
            task,
            1,
            trial=TRIAL,
            progress=False,
            checkpoint=Checkpoint(tmp_path / "c.h5"),
        )

    run(["relu", "tanh"])
    run(("relu", ACTIVATIONS["tanh"]))  # the same
    for other in (["tanh", "relu"], "relu", ["relu", TEXT]):
        with pytest.raises(
            ExperimentError, match="of another training: it differs in activations activation"
        ):
            run(other)
    (tmp_path / "c.h5").unlink()
    run("tanh")
    run(["tanh", "tanh"])  # has the same numbers


def test_what_is_shown_names_them():
    net = Network(SIZES, fa.RULE, activation=["relu", TEXT], target="numpy")
    assert (
        "<td>hidden1</td><td>8</td><td>relu</td>" in (table := net._repr_html_())
        and "<td>text</td>" in table
    )


@pytest.mark.parametrize(
    "text, hidden, found",
    [
        ("tanh", 2, "tanh"),
        ("relu, tanh", 2, ["relu", "tanh"]),
        ("relu,relu", 2, "relu"),
        ("tanh", 0, "tanh"),
    ],
)
def test_the_command_line_takes_names_with_commas(text, hidden, found):
    assert lookup.experiment("digits").by_layer(text, hidden) == found


def test_an_experiment_runs_with_them():
    experiment = lookup.experiment("digits")
    histories = [
        experiment.one("fa", 1, 1, progress=False, sizes=(64, 12, 9, 10), activation=given)[1]
        for given in (["relu", "tanh"], "tanh")
    ]
    assert (
        histories[0].test_cost[1] < histories[0].test_cost[0]
        and histories[0].test_cost != histories[1].test_cost
    )
