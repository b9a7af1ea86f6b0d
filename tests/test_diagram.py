"""The drawing of a rule's circuit: everything that is there is shown, once."""

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch
from neurofa.models import fa

from neurofa import Pathway, lookup
from neurofa.figures import diagram


def overlapping(axes):
    """Return the pairs of names that lie over each other."""
    axes.apply_aspect()
    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    names = [text for text in axes.texts if text.get_text() and "\n" not in text.get_text()]
    boxes = {text.get_text(): text.get_window_extent(renderer).padded(-1) for text in names}
    return [pair for pair in combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])]


@pytest.mark.parametrize("model", lookup.model_names())
def test_populations_synapse_groups_and_phases_are_shown(model):
    rule = lookup.rule(model)
    axes, layout = diagram.circuit(rule), diagram.example(rule)
    words = [text.get_text() for text in axes.texts]
    assert sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches) == len(layout.units)
    for units in layout.units:
        assert words.count(units.name) == 1
    for group in layout.groups:
        assert words.count(f"{group.name}: {group.pathway.signal}") == 1
    assert not overlapping(axes)
    explained = next(text for text in words if text.startswith("phases"))
    assert all(f"  {phase.name}:" in explained for phase in rule.phases)
    assert rule.name in axes.get_title(loc="left")


def test_arrows_tell_what_learns_what_is_fixed_and_what_is_shared():
    def styles(model):
        layout = diagram.example(lookup.rule(model))
        arrows = [
            text.arrow_patch
            for text in diagram.circuit(lookup.rule(model)).texts
            if getattr(text, "arrow_patch", None)
        ]
        return {group.name: arrow.get_linestyle() for group, arrow in zip(layout.groups, arrows)}

    assert {styles("fa")[name] for name in ("W1", "W2", "W3")} == {"-"} and styles("fa")[
        "B2"
    ] == "--"
    assert styles("bp")["B2"] == ":" and styles("frozen")["W1"] == "-"


def test_boxes_do_not_overlap():
    for model in lookup.model_names():
        places = list(diagram._places(diagram.example(lookup.rule(model))).values())
        assert len(set(places)) == len(places)


def test_a_rule_is_drawn_with_the_layers_that_it_names():
    skip = Pathway("S", source="hidden1", signal="r", into="skip", to="hidden4")
    rule = fa.RULE.but(pathways=(*fa.RULE.pathways, skip))
    words = [text.get_text() for text in diagram.circuit(rule).texts]
    assert "hidden4" in words and "hidden5" not in words and "S4: r" in words
    assert "hidden3" not in [text.get_text() for text in diagram.circuit(fa.RULE).texts]


def test_loops_are_beside_their_box_and_what_climbs_passes_them():
    lateral = [Pathway(name, "same", "r", into=f"v_{name}", to="layers") for name in "CE"]
    skip = Pathway("S", source="hidden1", signal="r", into="skip", to="hidden3")
    axes = diagram.circuit(fa.RULE.but(pathways=(*fa.RULE.pathways, *lateral, skip)))
    places = {text.get_text(): text.get_position() for text in axes.texts}
    for layer in ("1", "2", "3", "4"):
        (x, y), (_, other) = places[f"C{layer}: r"], places[f"E{layer}: r"]
        assert diagram.WIDTH / 2 < x < diagram.WIDTH and 0.15 < other - y < diagram.HEIGHT
        assert (y + other) / 2 == pytest.approx(float(layer))
    assert places["S3: r"][0] > diagram.WIDTH / 2 + diagram.LOOPS
