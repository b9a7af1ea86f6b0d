"""How a recording and a network show themselves in a notebook."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc

from neurofa import History, Learner, Network, Recorder, Trial, lookup, present
from neurofa.figures import notebook, plot

NAMES = ("hidden1.v", "controller.u", "hidden1.residual", "W1.w", "W2.bias", "W3.w[0, :2]")


def shown(names=NAMES, rounds=1, net=None, **options):
    net, recorder = (
        net or Network((4, 3, 5, 2), dfc.RULE, trials=3, target="numpy"),
        Recorder(names, **options),
    )
    learner, rng = (
        Learner(net, Trial(dt=1 * ms, free=12 * ms, feedback=9 * ms)),
        np.random.default_rng(0),
    )
    for _ in range(rounds):
        present(learner, rng.normal(size=(3, 4)), rng.normal(size=(3, 2)), record=recorder)
    return recorder.recording()


class Balanced(HTMLParser):
    """Reads HTML, and keeps its text. Every element must be closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open += [tag] * (tag != "img")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


def pictures(html):
    found = [
        base64.b64decode(data) for data in re.findall('src="data:image/png;base64,([^"]*)"', html)
    ]
    assert all(picture.startswith(b"\x89PNG") for picture in found)
    return found


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn: (variable, trial, phases, samples)."""
    calls, traces = [], plot.traces

    def noting(recording, name, axes=None, trial=0, **options):
        calls.append((name, trial, recording.phases, recording.dataset.sizes["time"]))
        return traces(recording, name, axes, trial=trial, **options)

    monkeypatch.setattr(plot, "traces", noting)
    return calls


def test_a_recording(drawn):
    recording = shown()
    html = recording._repr_html_()
    text = Balanced(html).text
    assert (
        all(name in text for name in recording.names)
        and "trial 3, time 21, hidden1_unit 3" in text
        and "2 phases, 21 ms" in text
    )
    assert len(pictures(html)) == 1
    assert [call[0] for call in drawn] == [
        "hidden1.v",
        "controller.u",
        "W1.w",
        "W2.bias",
    ] and drawn[0][1] == 0


def test_a_recording_of_other_trials_draws_the_first_of_them(drawn):
    shown(["hidden1.v"], trials=[2])._repr_html_()
    assert drawn[0][1] == 2


@pytest.mark.parametrize(
    "names, pictured", [(["hidden1.residual"], 0), (["W1.w"], 1), (["hidden1.v"], 1)], ids=str
)
def test_recordings_of_one_variable(names, pictured):
    assert len(pictures(shown(names)._repr_html_())) == pictured


def test_a_recording_without_samples():
    html = shown(["hidden1.v"], every=100)._repr_html_()
    assert Balanced(html).text and not pictures(html)


def test_of_a_long_recording_the_beginning_is_drawn(drawn, monkeypatch):
    recording = shown(["hidden1.v"], rounds=15)
    recording._repr_html_()
    assert len(drawn[0][2]) == notebook.MOST_PHASES and drawn[0][3] == 210
    monkeypatch.setattr(notebook, "MOST_BYTES", recording.dataset.nbytes / 15)
    recording._repr_html_()
    assert drawn[1][2] == [("free", 0, 12), ("feedback", 12, 21)] and drawn[1][3] == 21


@pytest.mark.parametrize("model", ["dfc", "fa", "ifa", "weight_mirror", "dendritic_microcircuit"])
def test_a_network(model):
    net = Network((4, 3, 5, 2), lookup.rule(model), trials=3, target="numpy")
    html = net._repr_html_()
    text = Balanced(html).text
    assert (
        repr(net) in text
        and net.equations in text
        and all(name in text for name in (*net.populations, *net.groups))
    )
    assert len(pictures(html)) == 1
    assert "plastic" in text


def test_what_is_written_in_a_rule_is_no_html():
    rule = dfc.RULE.but(name="<b>mine</b>", reference="A & B")
    html = Network((4, 3, 2), rule, target="numpy")._repr_html_()
    assert "<b>mine" not in html and "A &amp; B" in Balanced(html).text.replace("&", "&amp;")
    assert (
        "<b>mine"
        not in shown(
            ["hidden1.v"], net=Network((4, 3, 5, 2), rule, trials=3, target="numpy")
        )._repr_html_()
    )


@pytest.mark.parametrize(
    "model",
    ["fa", "dfc", "kolen_pollack", "dendritic_microcircuit", "difference_target_propagation"],
)
def test_a_rule_shows_tables_equations_and_its_circuit(model):
    rule = lookup.rule(model)
    page = Balanced(rule._repr_html_())
    assert rule.name in page.text and rule.reference in page.text
    for word in (
        *rule.parameters,
        *(p.name for p in rule.all_pathways),
        *(p.name for p in rule.phases),
        *(p.equation for p in rule.plasticity),
        *(line.strip() for line in rule.neuron.strip().splitlines()),
    ):
        assert word in page.text
    assert rule._repr_html_().count("<img") == 1


def test_a_history_is_a_table_of_its_epochs():
    history = History(
        epoch=[0, 1],
        train_cost=[float("nan"), 0.5],
        test_cost=[2.0, 0.25],
        test_accuracy=[0.1, 0.875],
        unsettled=[float("nan"), 0.0],
        interrupted=True,
    )
    page = Balanced(history._repr_html_())
    assert (
        "1 epochs, interrupted" in page.text
        and "87.5" in page.text
        and "0.25" in page.text
        and "nan" not in page.text
    )
    assert "measured" not in page.text and page.text.count("-") >= 2
    assert "History" in Balanced(History()._repr_html_()).text


def test_axes_are_shown_as_their_figure():
    """What functions that draw return is what a notebook shows, with no `.figure`."""
    axes = plot.traces(shown(), "hidden1.v")
    figure, panels = plot.figure(2)
    for shows in (axes, figure, panels[1]):
        assert shows._repr_png_()[:4] == b"\x89PNG"


def test_progress_is_the_notebook_s_where_there_is_one():
    import tqdm.auto

    from neurofa.learning import training
    from neurofa.runs import cells

    assert training.tqdm is cells.tqdm is tqdm.auto.tqdm
