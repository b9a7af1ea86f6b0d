"""The plan of a circuit: which populations and synapse groups a rule has in a network of given
sizes."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import bp, dfa, dfc, fa

from neurofa import (
    Learner,
    Network,
    NetworkError,
    Pathway,
    Plasticity,
    Population,
    RuleError,
    Trial,
    lookup,
    present,
)
from neurofa.circuit.topology import topology

SIZES = (7, 6, 5, 4, 3)
FEEDFORWARD = {
    "W1": ("input", "hidden1", (6, 7)),
    "W2": ("hidden1", "hidden2", (5, 6)),
    "W3": ("hidden2", "hidden3", (4, 5)),
    "W4": ("hidden3", "output", (3, 4)),
}
LAYERWISE = {
    "B2": ("hidden2", "hidden1", (6, 5)),
    "B3": ("hidden3", "hidden2", (5, 4)),
    "B4": ("output", "hidden3", (4, 3)),
}
BROADCAST = {
    "B1": ("output", "hidden1", (6, 3)),
    "B2": ("output", "hidden2", (5, 3)),
    "B3": ("output", "hidden3", (4, 3)),
}
CONTROL = {
    "Q1": ("controller", "hidden1", (6, 3)),
    "Q2": ("controller", "hidden2", (5, 3)),
    "Q3": ("controller", "hidden3", (4, 3)),
    "Q4": ("controller", "output", (3, 3)),
}
IFA = fa.RULE.but(
    name="IFA",
    pathways=(
        Pathway("B", source="output", signal="delta", into="v_apical", to="first"),
        Pathway("relay", source="below", signal="delta", into="v_apical", to="later", weights="W"),
    ),
)
INDIRECT = {
    "B1": ("output", "hidden1", (6, 3)),
    "relay2": ("hidden1", "hidden2", (5, 6)),
    "relay3": ("hidden2", "hidden3", (4, 5)),
}


def planned(circuit):
    return {g.name: (g.source, g.target, g.shape) for g in circuit.groups}


def with_cells(sizes=SIZES, **options):
    """The plan of FA with a population of cells; their one link is called x."""
    text = "du/dt = (x - u) / tau_v : 1" if options.get("links") else "du/dt = -u / tau_v : 1"
    return topology(sizes, replace(fa.RULE, populations=(Population("cells", text, **options),)))


def sizes_of(circuit):
    return {u.name: u.size for u in circuit.units if u.kind == "cells"}


# --- synapse groups ---
@pytest.mark.parametrize(
    "rule, feedback",
    [
        (fa.RULE, LAYERWISE),
        (bp.RULE, LAYERWISE),
        (dfa.RULE, BROADCAST),
        (dfc.RULE, CONTROL),
        (IFA, INDIRECT),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_groups_of_a_rule(rule, feedback):
    assert planned(topology(SIZES, rule)) == FEEDFORWARD | feedback


def test_groups_without_synapses_of_their_own():
    for rule, owners, transposed in (
        (bp.RULE, {"B2": "W2", "B3": "W3", "B4": "W4"}, True),
        (IFA, {"relay2": "W2", "relay3": "W3"}, False),
    ):
        circuit = topology(SIZES, rule)
        assert {g.name: g.owner for g in circuit.groups if g.owner != g.name} == owners
        for name, owner in owners.items():
            group, shape = circuit.group(name), circuit.group(owner).shape
            assert group.transposed is transposed
            assert group.shape == (shape[::-1] if transposed else shape)


@pytest.mark.parametrize(
    "to, targets",
    [
        ("hidden", ["C1", "C2", "C3"]),
        ("first", ["C1"]),
        ("later", ["C2", "C3"]),
        ("output", ["C4"]),
        ("layers", ["C1", "C2", "C3", "C4"]),
    ],
)
def test_where_a_pathway_can_go(to, targets):
    circuit = topology(
        SIZES,
        fa.RULE.but(
            pathways=(
                *fa.RULE.pathways,
                Pathway("C", source="input", signal="r", into="skip", to=to),
            )
        ),
    )
    assert [g.name for g in circuit.groups if g.pathway.name == "C"] == targets
    assert all(
        g.source == "input" and g.shape == (SIZES[int(g.name[1:])], 7)
        for g in circuit.groups
        if g.pathway.name == "C"
    )


def test_lateral_synapses_stay_in_their_layer():
    circuit = topology(
        SIZES,
        fa.RULE.but(
            pathways=(
                *fa.RULE.pathways,
                Pathway("C", source="same", signal="r", into="lateral", to="layers"),
            )
        ),
    )
    assert {n: p for n, p in planned(circuit).items() if n.startswith("C")} == {
        "C1": ("hidden1", "hidden1", (6, 6)),
        "C2": ("hidden2", "hidden2", (5, 5)),
        "C3": ("hidden3", "hidden3", (4, 4)),
        "C4": ("output", "output", (3, 3)),
    }


@pytest.mark.parametrize("model", lookup.model_names())
def test_what_leaves_the_input_is_static_unless_something_arrives_there(model):
    groups = topology(SIZES, lookup.rule(model)).groups
    # what B or F brings to the input climbs through it
    moving = {"bfa": ["relay1"], "pepita": ["W1"]}.get(model, [])
    assert [g.name for g in groups if not g.static] == [
        g.name for g in groups if g.source != "input" or g.name in moving
    ]


@pytest.mark.parametrize(
    "sent, static",
    [
        ("r : 1", True),
        ("gain * (1 - feedback_on) * r : 1", True),
        ("r * int(t > tau_v) : 1", False),
        ("x : 1\ndx/dt = (r - x) / tau_v : 1", False),
    ],
)
def test_what_gates_and_parameters_make_of_the_stimulus_is_static(sent, static):
    rule = fa.RULE.but(
        input=f"sent = {sent}",
        neuron=fa.NEURON + "sent = r : 1",
        feedforward=replace(fa.RULE.feedforward, signal="sent"),
        parameters=dict(gain=2.0) if "gain" in sent else {},
    )
    assert topology(SIZES, rule).group("W1").static is static


def test_a_trace_of_the_input_is_summed_up_along_the_phase(target):
    """The synapses are static, since they carry r; what is plastic follows a trace x of r, here
    dx/dt = (r - x) / tau_v from 0."""
    line = Plasticity("W", during="free", equation="dw/dt = eta * x_pre / tau_v", to="hidden")
    rule = fa.RULE.but(
        input="dx/dt = (r - x) / tau_v : 1",
        plasticity=(line,),
        neuron=fa.NEURON + "x = 0 : 1",
        parameters=dict(eta=0.5),
    )
    net, steps, r = (
        Network((3, 2, 2), rule, trials=2, target=target),
        20,
        np.array([[1.0, -2, 3], [0.5, 0, 1]]),
    )
    before = net["W1"].copy()
    present(Learner(net, Trial(dt=1 * ms, free=steps * ms, feedback=1 * ms)), r, np.zeros((2, 2)))
    expected = 0.5 * 0.1 * sum(1 - 0.9**n for n in range(1, steps + 1)) * r.mean(axis=0)
    np.testing.assert_allclose(net["W1"] - before, np.broadcast_to(expected, (2, 3)), rtol=1e-12)


@pytest.mark.parametrize("model", lookup.model_names())
def test_without_hidden_layers_there_is_the_output(model):
    circuit = topology((4, 2), lookup.rule(model))
    assert planned(circuit)["W1"] == ("input", "output", (2, 4))
    assert not any(u.kind == "hidden" for u in circuit.units)


def test_a_step_visits_controller_then_layers_from_first_to_output():
    names = [u.name for u in topology(SIZES, dfc.RULE).units]
    assert names == ["input", "controller", "hidden1", "hidden2", "hidden3", "output"]


# --- populations and links ---
@pytest.mark.parametrize(
    "size, wanted",
    [
        ("same", (6, 5, 4)),
        ("above", (5, 4, 3)),
        ("below", (7, 6, 5)),
        ("output", (3, 3, 3)),
        (2, (2, 2, 2)),
    ],
)
def test_sizes_of_a_population_beside_every_hidden_layer(size, wanted):
    assert sizes_of(with_cells(along="hidden", size=size)) == dict(
        zip(("cells1", "cells2", "cells3"), wanted)
    )


@pytest.mark.parametrize("size, wanted", [("output", 3), (11, 11)])
def test_size_of_a_single_population(size, wanted):
    assert sizes_of(with_cells(size=size)) == {"cells": wanted}


@pytest.mark.parametrize(
    "size, source, ends",
    [
        ("same", "same.v", ["hidden1.v", "hidden2.v", "hidden3.v"]),
        ("below", "below.r", ["input.r", "hidden1.r", "hidden2.r"]),
        ("above", "above.v", ["hidden2.v", "hidden3.v", "output.v"]),
        ("output", "output.target", ["output.target"] * 3),
    ],
)
def test_links_lead_to_the_neighbour(size, source, ends):
    circuit = with_cells(along="hidden", size=size, links={"x": source})
    assert [(here, name) for here, name, *_ in circuit.links] == [
        ("cells1", "x"),
        ("cells2", "x"),
        ("cells3", "x"),
    ]
    assert [f"{place}.{variable}" for _, _, place, variable in circuit.links] == ends


def test_links_of_a_single_population_and_of_one_population_to_another():
    rule = replace(
        fa.RULE,
        populations=(
            Population("one", "du/dt = (x - u) / tau_v : 1", links={"x": "output.r"}),
            Population("two", "du/dt = (y - u) / tau_v : 1", links={"y": "one.u"}),
        ),
    )
    assert topology(SIZES, rule).links == (("one", "x", "output", "r"), ("two", "y", "one", "u"))


# --- errors ---
@pytest.mark.parametrize(
    "sizes",
    [(5,), (), (5, 0, 2), (5, -1, 2), (5, 2.5, 2), "52", None, 5, ("5", "2"), (5, float("nan"))],
    ids=str,
)
def test_sizes_that_are_none(sizes):
    with pytest.raises(NetworkError, match=r"^sizes = .*such as \[64, 30, 10\]\.$"):
        topology(sizes, fa.RULE)


@pytest.mark.parametrize(
    "sizes", [[4, 3], (4.0, 3), np.array([4, 3])], ids=["list", "whole floats", "array"]
)
def test_sizes_in_any_form(sizes):
    assert topology(sizes, fa.RULE).sizes == (4, 3)


@pytest.mark.parametrize(
    "options",
    [
        dict(size=7, links={"x": "output.r"}),
        dict(links={"x": "same.r"}),
        dict(along="hidden", size="above", links={"x": "same.r"}),
    ],
    ids=str,
)
def test_links_of_other_sizes(options):
    with pytest.raises(RuleError, match="FA: link 'x' of cells"):
        with_cells(**options)


@pytest.mark.parametrize("source", ["below.v", "above.only"])
def test_links_to_a_neighbour_that_lacks_the_variable(source):
    size, variable = source.split(".")
    rule = replace(
        fa.RULE,
        output=fa.OUTPUT + "only = v : 1",
        populations=(
            Population(
                "cells",
                "du/dt = (x - u) / tau_v : 1",
                size=size,
                along="hidden",
                links={"x": source},
            ),
        ),
    )
    with pytest.raises(RuleError, match=f"link 'x'.*'?{variable}"):
        Network(SIZES, rule, target="numpy")


@pytest.mark.parametrize("size", ["same", "above", "below"])
def test_sizes_that_need_a_layer(size):
    with pytest.raises(RuleError, match="FA: population cells .*along='hidden'"):
        with_cells(size=size)


def test_nothing_above_the_output():
    with pytest.raises(RuleError, match="FA: pathway C .*nothing above output"):
        topology(
            SIZES,
            fa.RULE.but(
                pathways=(
                    *fa.RULE.pathways,
                    Pathway("C", source="above", signal="r", into="c", to="layers"),
                )
            ),
        )


def test_synapses_that_this_network_does_not_have():
    rule = fa.RULE.but(
        pathways=(
            *fa.RULE.pathways,
            Pathway("C", source="same", signal="r", into="c", to="first", weights="B"),
        )
    )
    with pytest.raises(RuleError, match="FA: C1 would use the synapses of B1"):
        topology(SIZES, rule)


@pytest.mark.parametrize("source, weights", [("output", "W"), ("same", "W.T"), ("above", "W")])
def test_synapses_of_another_shape_are_named(source, weights):
    rule = fa.RULE.but(pathways=(replace(fa.RULE.pathways[0], source=source, weights=weights),))
    with pytest.raises((RuleError, NetworkError), match="B.*W"):
        Network(SIZES, rule, target="numpy")


def test_synapses_shared_through_a_pathway_that_shares_them():
    """C uses the synapses of B, which are those of W, transposed: C is the transpose of W too, or
    it is refused."""
    feedback = Pathway("B", source="above", signal="delta", into="v_apical", weights="W.T")
    copy = replace(feedback, name="C", into="copy", weights="B")
    try:
        net = Network((4, 3, 2), fa.RULE.but(pathways=(feedback, copy)), target="numpy")
    except (RuleError, NetworkError):
        return
    present(
        Learner(net, Trial(dt=1 * ms, free=20 * ms, feedback=20 * ms)),
        np.ones((1, 4)),
        np.ones((1, 2)),
        learn=False,
    )
    assert np.abs(net["hidden1.v_apical"]).min() > 1e-3
    np.testing.assert_allclose(net["hidden1.copy"], net["hidden1.v_apical"], rtol=1e-12)
