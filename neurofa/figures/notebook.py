"""What a notebook shows of a recording, a network, a rule, and what training found: tables,
equations, and pictures."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from typing import TYPE_CHECKING

from ..circuit.slots import Role
from ..data.labels import with_role
from . import diagram, plot

if TYPE_CHECKING:
    from ..data.recording import Recording
    from ..learning.history import History
    from ..rules.rule import LearningRule
    from ..simulate.network import Network

# of a recording that are drawn; the last, that are read for it
MOST_PANELS, MOST_PHASES, MOST_BYTES = 4, 20, 50e6


def of_recording(recording: Recording) -> str:
    """Return a Recording as HTML: its variables, and the first of them over time in the first
    recorded trial."""
    rows = [
        (
            name,
            ", ".join(f"{dim} {size}" for dim, size in array.sizes.items()),
            array.dtype,
            array.attrs.get("units", "1"),
        )
        for name, array in recording.dataset.data_vars.items()
    ]
    phases = len(recording.phases)
    end = f"{recording.phases[-1][2]:g} ms" if phases else "nothing simulated"
    parts = [
        f"<b>Recording</b> of {phases} phase{'s' * (phases != 1)}, {end}",
        _table(("variable", "axes", "type", "unit"), rows),
    ]
    measured = with_role(recording.dataset, Role.RESIDUAL).values()
    names = [name for name in recording.names if name not in measured][:MOST_PANELS]
    if names and recording.dataset.sizes["time"]:
        parts.append(_traces(recording, names))
    return "\n".join(parts)


def of_network(net: Network) -> str:
    """Return a Network as HTML: populations, synapse groups, equations, and its circuit."""
    units = [
        (u.name, u.size, net.activation_of(u.name) if text.uses_activation else "")
        for u in net.circuit.units
        for text in (net.circuit.texts[u.name],)
    ]
    plastic = {line.pathway for line in net.rule.plasticity}
    groups = [
        (
            g.name,
            f"{g.source} → {g.target}",
            f"{g.shape[0]} × {g.shape[1]}",
            g.pathway.signal,
            g.pathway.into,
            f"those of {g.owner}"
            if g.owner != g.name
            else "plastic"
            if g.pathway.name in plastic
            else "fixed",
        )
        for g in net.circuit.groups
    ]
    return "\n".join(
        (
            f"<b>{escape(repr(net))}</b>",
            _table(("population", "units", "activation"), units),
            _table(("synapses", "from, to", "post × pre", "signal", "into", "weights"), groups),
            f"<pre>{escape(net.equations)}</pre>",
            _image(diagram.circuit(net.rule).figure),
        )
    )


def of_rule(rule: LearningRule) -> str:
    """Return a LearningRule as HTML: its pathways, phases, plasticity and parameters as tables, its
    equations, and its circuit."""
    pathways = [
        (
            p.name,
            f"{p.signal} of {p.source}",
            f"{p.into} of {p.to}",
            str(p.init or p.weights or ""),
            " | ".join(map(str, p.through)),
        )
        for p in rule.all_pathways
    ]
    phases = [(p.name, ", ".join(p.on) or "all gates closed") for p in rule.phases]
    plasticity = [
        (p.pathway, f"{'after' if p.after else 'during'} {p.phase}", p.equation)
        for p in rule.plasticity
    ]
    texts = (
        ("neuron", rule.neuron),
        ("output", rule.output),
        ("input", rule.input),
        *((p.name, p.equations) for p in rule.populations),
    )
    equations = "\n\n".join("{}\n{}".format(name, text.strip("\n")) for name, text in texts if text)
    return "\n".join(
        (
            f"<b>{escape(rule.name)}</b> ({escape(rule.reference)})",
            f"<pre>{escape(equations)}</pre>",
            _table(("pathway", "signal", "into", "weights", "through"), pathways),
            _table(("phase", "gates that are open"), phases),
            _table(("plasticity of", "when", "equation"), plasticity),
            _table(("parameter", "value"), rule.parameters.items()),
            _image(diagram.circuit(rule).figure),
        )
    )


def of_history(history: History) -> str:
    """Return a History as HTML: a row per epoch, and what ended it early."""
    columns: dict[str, list] = {
        "epoch": history.epoch,
        "training cost": history.train_cost,
        "held-out cost": history.test_cost,
        "held-out accuracy (%)": [100 * a for a in history.test_accuracy],
        "not settled (%)": [100 * u for u in history.unsettled],
        "measured": history.measured,
    }
    columns = {name: values for name, values in columns.items() if len(values)}
    rows = [[_number(value) for value in row] for row in zip(*columns.values())]
    end = "interrupted" if history.interrupted else "stopped" if history.stopped else ""
    return f"<b>History</b> of {max(len(history.epoch) - 1, 0)} epochs{', ' + end if end else ''}\n{_table(columns, rows)}"


def _number(value):
    return ("-" if value != value else f"{value:.4g}") if isinstance(value, float) else value


def _traces(recording, names):
    """Return a picture of the named variables in the first recorded trial."""
    recording = _beginning(recording)
    trials = recording.dataset.trial.values.tolist() if "trial" in recording.dataset.dims else [0]
    figure, axes = plot.figure(
        len(names), height=0.4 + 1.4 * len(names), width=plot.PAGE, share_x=True
    )
    for name, panel in zip(names, axes if len(names) > 1 else [axes]):
        plot.traces(recording, name, panel, trial=trials[0])
    return _image(figure)


def _beginning(recording):
    """Return as much of a Recording as is drawn quickly."""
    dataset, phases = recording.dataset, recording.phases[:MOST_PHASES]
    samples = max(1, int(MOST_BYTES * dataset.sizes["time"] / max(dataset.nbytes, 1)))
    dataset = dataset.isel(time=slice(samples))
    end = (
        min(phases[-1][2], dataset.time.values[-1])
        if samples < recording.dataset.sizes["time"]
        else phases[-1][2]
    )
    phases = [(name, start, min(until, end)) for name, start, until in phases if start < end]
    return type(recording)(
        dataset.sel(time=slice(None, end * (1 + 1e-9))).assign_attrs(phases=json.dumps(phases))
    )


def _table(titles, rows):
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _image(figure):
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100, bbox_inches="tight")
    return f'<img src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}">'
