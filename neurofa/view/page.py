"""The page: what is where, what is in it from the start, and what it says of itself."""

from __future__ import annotations

import json
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    Div,
    Range1d,
    Select,
    Slider,
    TextInput,
)

from ..base.errors import NeurofaError
from . import charts
from .blocks import Blocks
from .contents import KINDS

SCRIPTS = ("charts.mjs", "over_time.mjs", "synapses.mjs", "page.mjs")  # one after the other
# what is shown, and what of a file's contents is shown there
SECTIONS = dict(traces="traces", synapses="matrices", results="curves")
WIDE: dict[str, Any] = dict(sizing_mode="stretch_width")
BESIDE: dict[str, Any] = dict(styles={"flex-wrap": "wrap"}, **WIDE)  # or below, if it is narrow
TITLE = "font-size: 1.1em; font-weight: bold; border-top: 1px solid #999; padding-top: 6px"
KEYS = (
    "<b>Keys</b>: ← → move the cursor by a sample, with Shift by ten; , and . move the slider; j and "
    "k choose the unit before and after. <b>Clicks</b>: on a trace, the unit and the time; on a "
    "matrix, the synapse."
)
NOTHING = "This file holds neither traces, nor weights over training, nor curves."


class Page:
    """A page on the files of a run.

    `about` is HTML about the run, `served` whether there is a server that answers what the page
    asks for. Without one, all that the page can show is in it, as `blocks` has it.
    """

    def __init__(self, blocks: Blocks, title: str, about: str, served: bool):
        self.blocks, self.title, self.about, self.served = blocks, title, about, served
        kinds = {name: KINDS.index(found["kind"]) for name, found in blocks.contents.items()}
        self.files = sorted(kinds, key=lambda name: (kinds[name], name))

    def fill(self, document: Document) -> None:
        """Put everything into a Bokeh Document."""
        requests = _first(self.blocks, self.files) if self.served else _all(self.blocks)
        self.answer = ColumnDataSource(self._answers(requests))
        # the document follows what is in its layout: so `answer` is a tag there
        self.wanted = TextInput(visible=False, tags=[self.answer])
        if self.served:
            self.wanted.on_change("value", self._on_wanted)
        found = self.blocks.contents.values()
        needed = [name for name, what in SECTIONS.items() if any(one[what] for one in found)]
        drawn, widgets, texts = _drawn(needed), _widgets(self.files), _texts()
        sections = _sections(needed, drawn["charts"], widgets, texts)
        first = self.blocks.contents[self.files[0]]
        # those of the file that is looked at: page.mjs changes them
        shown = [sections[name] for name in needed if first[SECTIONS[name]]]
        body = column(*shown or [Div(text=NOTHING, **WIDE)], **WIDE)
        given = dict(
            about={name: self._about(name) for name in self.files},
            answer=self.answer,
            wanted=self.wanted,
            served=self.served,
            widgets=widgets,
            texts=texts,
            sections=sections,
            body=body,
            looks=charts.looks(),
        )
        script = CustomJS(code=_script(), args=given | drawn, module=True)
        document.title = self.title
        document.js_on_event("document_ready", script)
        document.add_root(self._layout(widgets, texts, body))
        for model in {*document.models, *script.references()}:
            model.syncable = model is self.wanted  # what the script draws, Python need not know

    def _layout(self, widgets, texts, body):
        """Return all parts below each other."""
        head, keys = (Div(text=text, **WIDE) for text in (self.about, KEYS))
        parts = widgets["file"], body, texts["note"], texts["hint"], keys
        return column(head, *parts, self.wanted, margin=10, **WIDE)

    def _about(self, file):
        """Return what there is in a file, as page.mjs is told."""
        found = self.blocks.contents[file]
        return found | (self.blocks.moments(file) if found["matrices"] else {})

    def _answers(self, requests):
        """Return what is asked for as the script takes it."""
        blocks = [self._block(request) for request in requests]
        return dict(request=[_key(request) for request in requests], block=blocks)

    def _block(self, request):
        try:
            return self.blocks.block(request)
        except NeurofaError as problem:
            if not self.served:
                raise
            return dict(problem=str(problem))  # where it is looked at; others may be whole

    def _on_wanted(self, attribute, old, new):
        self.answer.data = self._answers([json.loads(new)["request"]])


def _drawn(needed) -> dict[str, Any]:
    """Return all that is drawn on in the sections that are needed, by name, and what charts over
    time share."""
    phases = ColumnDataSource({name: [] for name in ("start", "end", "shade", "hatch")})
    time, chart = Range1d(0, 1), partial(partial, charts.chart)
    over_time = partial(charts.over_time, time, phases)
    makers: dict[str, dict] = dict(
        traces=dict(traces=over_time, inputs=over_time),
        synapses=dict(
            left=charts.matrix,
            right=charts.matrix,
            weights=chart("weight", "density"),
            spectrum=chart("number", "singular value"),
            synapse=chart("", "weight"),
            others=chart("", "share of its largest"),
            norms=chart("", "Frobenius norm"),
            angle=chart("", "angle (degrees)"),
            onto=chart("presynaptic unit", "weight"),
        ),
        results=dict(results=chart("", "", height=380)),
    )
    drawn = {name: make() for section in needed for name, make in makers[section].items()}
    for name, one in drawn.items():
        one["figure"].name = name
    return dict(charts=drawn, time=time, phases=phases)


def _texts():
    names = "traces", "cursor", "note", "synapse", "hint"
    return {name: Div(**WIDE) for name in names}


def _widgets(files):
    """Return the widgets by name; page.js says what they offer."""
    found = dict(
        file=Select(title="File", options=files, value=files[0], visible=len(files) > 1),
        variable=Select(title="Variable"),
        trial=Select(title="Trial", width=90),
        units=TextInput(title="Units, such as 0, 3, 10:15", width=220),
        left=Select(title="Left"),
        right=Select(title="Right"),
        moment=Slider(start=0, end=1, value=0, step=1, show_value=False, **charts.SIZES),
        result=Select(title="Result"),
    )
    for name, widget in found.items():
        widget.name = f"choice of {name}"
    return found


def _sections(needed, drawn, widgets, texts):
    """Return the sections that are needed, by name: columns."""
    fig = {name: one["figure"] for name, one in drawn.items()}
    makers = dict(
        traces=lambda: (
            _title("Over time"),
            row(widgets["variable"], widgets["trial"], widgets["units"], **BESIDE),
            texts["traces"],
            fig["traces"],
            fig["inputs"],
            texts["cursor"],
        ),
        synapses=lambda: (
            _title("Synapses over training"),
            row(widgets["left"], widgets["right"], widgets["moment"], **BESIDE),
            row(fig["left"], fig["right"], **BESIDE),
            texts["synapse"],
            row(fig["synapse"], fig["others"], **BESIDE),
            row(fig["norms"], fig["angle"], **BESIDE),
            row(fig["weights"], fig["spectrum"], **BESIDE),
            fig["onto"],
        ),
        results=lambda: (_title("Results"), widgets["result"], fig["results"]),
    )
    return {name: column(*makers[name](), **WIDE) for name in needed}


def _title(text):
    return Div(text=f'<div style="{TITLE}">{escape(text)}</div>', **WIDE)


def _script():
    """Return what the browser runs: the parts of it, one after the other."""
    folder = Path(__file__).parent
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)


def _key(request):
    return json.dumps(request, separators=(",", ":"), ensure_ascii=False)


def _first(blocks, files):
    """Return what is asked for as the page opens, so that its first picture need not wait."""
    found, file = blocks.contents[files[0]], files[0]
    names = list(found["traces"])[:1]
    asked = [["traces", file, n, _trials(found["traces"][n])[0], None, None] for n in names]
    return asked + [["curve", file, name] for name in found["curves"][:1]]


def _all(blocks):
    """Return all that can be asked for where nothing answers."""
    requests = []
    for file, found in blocks.contents.items():
        requests += [
            ["traces", file, name, trial, None, None]
            for name, about in found["traces"].items()
            for trial in _trials(about)
        ]
        requests += [["matrix", file, label] for label in found["matrices"]]
        requests += [["curve", file, name] for name in found["curves"]]
    return requests


def _trials(about):
    return about["trials"] or [None]
