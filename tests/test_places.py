"""Pathways between named layers: skips forward and backward against a loop in NumPy, gradients
through them against finite differences, and what is said of layers that are not there."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import (
    Learner,
    LearningRule,
    Network,
    Pathway,
    Phase,
    Plasticity,
    Population,
    Recorder,
    RuleError,
    Trial,
    analysis,
    present,
    settle,
)
from neurofa.circuit.topology import topology
from neurofa.rules.places import meet, named
from neurofa.theory import reference

SIZES, K = (4, 6, 5, 4, 3), 3
FORWARD = Pathway("S", source="hidden1", signal="r", into="v_skip", to="hidden3")
BACKWARD = Pathway("D", source="output", signal="r", into="v_down", to="hidden1")
SKIPS = LearningRule(
    name="skips",
    reference="a loop in NumPy",
    neuron="dv/dt = (-v + v_basal + v_skip + v_down) / tau_v : 1\nr = phi(v) : 1",
    output="v_skip = 0 : 1\nv_down = 0 : 1",
    pathways=(FORWARD, BACKWARD),
    phases=(Phase("free"),),
    plasticity=(
        Plasticity("W", after="free", equation="w += eta * r_post * r_pre"),
        Plasticity("S", during="free", equation="dw/dt = eta * r_post * r_pre / tau_v"),
        Plasticity("D", during="free", equation="dw/dt = eta * v_post * r_pre / tau_v"),
    ),
    parameters=dict(tau_v=10 * ms, eta=0.1),
)


def sample():
    rng = np.random.default_rng(0)
    return rng.normal(size=(K, SIZES[0])), rng.normal(size=(K, SIZES[-1]))


def with_pathways(*pathways, **changes):
    return fa.RULE.but(pathways=(*fa.RULE.pathways, *pathways), **changes)


# --- what there is ---
def test_groups_are_numbered_after_the_layer_that_they_enter():
    groups = {g.name: (g.source, g.target, g.shape) for g in topology(SIZES, SKIPS).groups}
    assert groups.pop("S3") == ("hidden1", "hidden3", (4, 6))
    assert groups.pop("D1") == ("output", "hidden1", (6, 3))
    assert set(groups) == {"W1", "W2", "W3", "W4"}


@pytest.mark.parametrize(
    "source, to, wanted",
    [
        ("hidden2", "hidden2", {"C2": ("hidden2", "hidden2")}),
        ("hidden3", "hidden1", {"C1": ("hidden3", "hidden1")}),
        ("hidden1", "output", {"C4": ("hidden1", "output")}),
        ("hidden2", "input", {"C0": ("hidden2", "input")}),
        ("input", "hidden3", {"C3": ("input", "hidden3")}),
        ("below", "hidden1", {"C1": ("input", "hidden1")}),
        ("above", "hidden2", {"C3": ("hidden3", "hidden2")}),
        ("same", "hidden2", {"C2": ("hidden2", "hidden2")}),
        ("hidden1", "later", {"C2": ("hidden1", "hidden2"), "C3": ("hidden1", "hidden3")}),
        ("hidden3", "cells", {"C1": ("hidden3", "cells1"), "C2": ("hidden3", "cells2")}),
        ("cells", "hidden2", {"C2": ("cells2", "hidden2")}),
    ],
)
def test_where_a_named_layer_leads(source, to, wanted):
    cells = Population("cells", "du/dt = -u / tau_v : 1\nr = u : 1", along="hidden", size=2)
    rule = with_pathways(
        Pathway("C", source=source, signal="r", into="c", to=to), populations=(cells,)
    )
    groups = [g for g in topology(SIZES, rule).groups if g.pathway.name == "C"]
    assert {g.name: (g.source, g.target) for g in groups}.items() >= wanted.items()
    assert len(groups) == len(wanted) + (to == "cells")  # which stand beside three layers


def test_a_group_uses_the_synapses_between_the_same_layers():
    back = Pathway("T", "hidden3", "delta", into="back", to="hidden1", weights="S.T")
    twin = Pathway("U", "hidden1", "v", into="twin", to="hidden3", weights="S")
    tied = Pathway("D", "output", "delta", into="direct", to="hidden3", weights="W.T")
    circuit = topology(SIZES, with_pathways(FORWARD, back, twin, tied))
    owners = {name: circuit.group(name) for name in ("T1", "U3", "D3")}
    assert [g.owner for g in owners.values()] == ["S3", "S3", "W4"]
    assert [g.transposed for g in owners.values()] == [True, False, True]
    with pytest.raises(RuleError, match="T1 would use the synapses of S1, which this network"):
        topology(SIZES, with_pathways(FORWARD, replace(back, source="hidden2")))
    with pytest.raises(
        RuleError,
        match="D1 goes from output to hidden1, and cannot use the synapses of W1, transposed, which go from input to hidden1",
    ):
        topology((4, 4, 4, 4), with_pathways(replace(tied, to="hidden")))


def test_a_population_has_the_size_of_a_named_layer_and_hears_it():
    cells = Population(
        "cells", "du/dt = (x - u) / tau_v : 1", size="hidden2", links={"x": "hidden2.r"}
    )
    circuit = topology(SIZES, fa.RULE.but(populations=(cells,)))
    assert circuit.unit("cells").size == 5
    assert circuit.links == (("cells", "x", "hidden2", "r"),)
    with pytest.raises(RuleError, match="link 'x' of cells .6 units.* leads to hidden2.r"):
        topology(SIZES, fa.RULE.but(populations=(replace(cells, size="hidden1"),)))


def test_words_for_layers():
    assert [named(word) for word in ("hidden1", "hidden12", "hidden", "hidden0", "hidden01")] == [
        *(1, 12, None, None, None)
    ]
    assert named("hidden" + "9" * 5000) is named(3) is named("output") is None
    pairs = [("hidden1", "first"), ("hidden2", "later"), ("hidden3", "layers"), ("hidden2",) * 2]
    apart = [("hidden1", "later"), ("hidden2", "first"), ("hidden2", "hidden3"), ("hidden1", "x")]
    assert all(meet(*pair) and meet(*pair[::-1]) for pair in pairs)
    assert not any(meet(*pair) or meet(*pair[::-1]) for pair in apart)


# --- what runs ---
def loop(net, before, x, steps, dt, reads):
    """Return the potentials of all layers along the way, [(steps, K, n)], and the changes of S and D:
    a step visits one layer after the other."""
    W, b = ([before[f"W{k}.{part}"] for k in range(1, 5)] for part in ("w", "bias"))
    S, D = before["S3.w"], before["D1.w"]
    v = [np.zeros((K, n)) for n in SIZES[1:]]
    r = [x, *(np.zeros((K, n)) for n in SIZES[1:])]
    traces, dS, dD = [[] for _ in v], 0.0, 0.0
    for _ in range(steps):
        old = [rate.copy() for rate in r]
        for i in range(4):
            drive = r[i] @ W[i].T + b[i]
            if i == 0:
                drive = drive + r[4] @ D.T  # the output has not been visited yet
            if i == 2:
                drive = drive + (r if reads == "new" else old)[1] @ S.T
            v[i] = v[i] + dt / 10 * (drive - v[i])
            r[i + 1] = v[i] if i == 3 else np.tanh(v[i])
            traces[i].append(v[i])
        dS = dS + dt / 10 * 0.1 * r[3].T @ r[1] / K
        dD = dD + dt / 10 * 0.1 * v[0].T @ r[4] / K
    return [np.array(trace) for trace in traces], dS, dD, r


@pytest.mark.parametrize("reads", ["new", "old", "end"])
def test_a_circuit_with_skips_is_that_of_a_loop(target, reads):
    x, y = sample()
    rule = SKIPS.but(pathways=(replace(FORWARD, reads=reads), BACKWARD))
    net = Network(SIZES, rule, trials=K, seed=2, target=target)
    before = {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}
    names = ["hidden1.v", "hidden2.v", "hidden3.v", "output.v"]
    recorder = Recorder(names)
    present(Learner(net, Trial(dt=2 * ms, free=100 * ms)), x, y, record=recorder)
    recording = recorder.recording()
    traces, dS, dD, r = loop(net, before, x, 50, 2.0, reads)
    for name, trace in zip(names, traces):
        np.testing.assert_allclose(
            recording[name].values.swapaxes(0, 1), trace, rtol=1e-12, atol=1e-14, err_msg=name
        )
    np.testing.assert_allclose(net["S3"] - before["S3.w"], dS, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(net["D1"] - before["D1.w"], dD, rtol=1e-11, atol=1e-14)
    for k in range(1, 5):
        dW = 0.1 * r[k].T @ r[k - 1] / K
        np.testing.assert_allclose(net[f"W{k}"] - before[f"W{k}.w"], dW, rtol=1e-11, atol=1e-14)
    assert min(np.abs(dS).max(), np.abs(dD).max()) > 0.1


def test_gradients_through_a_skip_are_those_of_finite_differences(target):
    rule = LearningRule(
        name="BP with a skip",
        reference="finite differences",
        neuron="""
        dv/dt = (-v + v_basal + v_skip) / tau_v : 1
        ddelta/dt = (-delta + dphi(v) * (v_apical + v_back)) / tau_v : 1
        r = phi(v) : 1
        """,
        output="v_apical = feedback_on * dcost : 1\nv_skip = 0 : 1\nv_back = 0 : 1",
        pathways=(
            Pathway("B", "above", "delta", into="v_apical", weights="W.T"),
            FORWARD,
            Pathway("T", "hidden3", "delta", into="v_back", to="hidden1", weights="S.T"),
        ),
        plasticity=tuple(
            Plasticity(name, after="feedback", equation="w += -eta * delta_post * r_pre")
            for name in "WS"
        ),
        parameters=dict(tau_v=10 * ms, eta=1.0),
    )
    x, y = sample()
    net = Network(SIZES, rule, trials=K, seed=2, target=target)
    before = {name: net[name].copy() for name in net.groups if name[0] in "WS"}
    present(Learner(net, Trial(dt=10 * ms, default=settle(1e-14, 200 * ms))), x, y)

    def cost(name, w):
        W = before | {name: w}
        r1 = np.tanh(x @ W["W1"].T)
        r3 = np.tanh(np.tanh(r1 @ W["W2"].T) @ W["W3"].T + r1 @ W["S3"].T)
        return 0.5 * ((r3 @ W["W4"].T - y) ** 2).sum() / K

    for name, w in before.items():
        slope = reference.numerical_gradient(lambda w: cost(name, w), w)
        np.testing.assert_allclose(net[name] - w, -slope, rtol=1e-6, atol=1e-8, err_msg=name)


def test_the_jacobian_of_a_circuit_with_skips_is_that_of_finite_differences():
    x, _ = sample()
    net = Network(SIZES, SKIPS, trials=K, seed=2, target="numpy")
    net["D1"] *= 0.5
    s, ends = analysis.stability(net, x), np.cumsum(SIZES[1:])

    def rate(flat):
        v1, v2, v3, v4 = np.split(flat, ends[:-1])
        r1, r2, r3 = np.tanh(v1), np.tanh(v2), np.tanh(v3)
        drives = [
            x[0] @ net["W1"].T + v4 @ net["D1"].T,
            r1 @ net["W2"].T,
            r2 @ net["W3"].T + r1 @ net["S3"].T,
            r3 @ net["W4"].T,
        ]
        return (np.concatenate(drives) - flat) / 0.01

    np.testing.assert_allclose(rate(s.x[0]), 0, atol=1e-9)
    np.testing.assert_allclose(
        s.A[0], reference.numerical_gradient(rate, s.x[0]).T, rtol=1e-6, atol=1e-6
    )
    assert np.isfinite(s.critical_gain("D")[0]) and s.critical_gain("D")[0] > 1
    assert s.critical_delay("S3")[0] > 0  # the skip is a part of the loop through D


# --- what is refused ---
@pytest.mark.parametrize(
    "rule, sentence",
    [
        (
            with_pathways(replace(FORWARD, to="hidden4")),
            "pathway S goes to 'hidden4', and this network has 3 hidden layers. Give it more, or name another layer.",
        ),
        (with_pathways(replace(FORWARD, source="hidden7")), "pathway S comes from 'hidden7', and"),
        (
            fa.RULE.but(populations=(Population("cells", "u : 1", size="hidden4"),)),
            "population cells has the size 'hidden4', and",
        ),
        (
            fa.RULE.but(
                populations=(
                    Population("cells", "y = x : 1", links={"x": "hidden5.r"}, along="hidden"),
                )
            ),
            "link 'x' of cells leads to 'hidden5', and",
        ),
    ],
)
def test_a_layer_that_is_not_there(rule, sentence):
    with pytest.raises(RuleError, match=f"^FA: {sentence}"):
        Network(SIZES, rule, target="numpy")
    with pytest.raises(RuleError, match="this network has 1 hidden layer. Give it more"):
        topology((3, 2, 2), with_pathways(FORWARD))


@pytest.mark.parametrize(
    "source, to, sentence",
    [
        ("below", "input", "C comes from 'below', and there is nothing below input"),
        ("below", "cells", "C comes from 'below', and cells stands beside no layer"),
        ("same", "cells", "C comes from 'same', and cells stands beside no layer"),
        ("above", "output", "C comes from 'above', and there is nothing above output"),
    ],
)
def test_an_order_that_cannot_be(source, to, sentence):
    cells = Population("cells", "du/dt = -u / tau_v : 1")
    rule = with_pathways(
        Pathway("C", source=source, signal="r", into="c", to=to), populations=(cells,)
    )
    with pytest.raises(RuleError, match=sentence):
        topology(SIZES, rule)
