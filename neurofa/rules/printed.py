"""A learning rule as text to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .rule import LearningRule


def printed(rule: LearningRule) -> str:
    """Return a rule's text as its author wrote it: equations, pathways, phases, plasticity,
    parameters."""
    parts = [f"{rule.name} ({rule.reference})", "", "neuron", rule.neuron.strip("\n")]
    for where, text in (("output", rule.output), ("input", rule.input)):
        parts += ["", where, text.strip("\n")] if text else []
    for p in rule.populations:
        size = f"size {p.size}" + (f", one beside every layer of {p.along}" if p.along else "")
        phi = "" if p.activation == "same" else f", activation {p.activation}"
        parts += ["", f"{p.name}: {size}{phi}", p.equations.strip("\n")]
        parts += [f"{name} = {source}    # linked" for name, source in p.links.items()]
    parts += ["", "pathways"] + [_pathway_text(p) for p in rule.all_pathways] + ["", "phases"]
    for p in rule.phases:
        start = "; ".join(f"{population}: {text}" for population, text in p.start.items())
        parts.append(
            f"{p.name}: {', '.join(p.on) or 'all gates closed'}"
            + (f"; at its start, {start}" if start else "")
        )
    parts += ["", "plasticity"]
    for p in rule.plasticity:
        to = f" into {p.to}" if p.to else ""
        when = f"{'after' if p.after else 'during'} {p.phase}"
        pace = (
            "" if p.every is None else ", every step" if p.every == "dt" else f", every {p.every}"
        )
        parts += [line for line in p.synapse.strip("\n").splitlines() if line.strip()]
        beside = f", beside {p.beside}" if p.beside else ""
        parts.append(f"{p.pathway}{to}, {when}{pace}{beside}: {p.equation}")
    return "\n".join(
        [
            *parts,
            "",
            "parameters",
            *(f"{name} = {value}" for name, value in rule.parameters.items()),
        ]
    )


def _pathway_text(p):
    """Return one line about a pathway."""
    more = (
        [f"weights {p.weights}"] * bool(p.weights)
        + [f"starts as {p.init}"] * bool(p.init)
        + ["with bias"] * p.bias
    )
    more += dict(old=["of the step before"], end=["as a step ends"]).get(p.reads, [])
    more += ["made anew after every update"] * p.tracks
    through = "".join(f" | {m}" for m in p.through)
    return f"{p.name}: {', '.join([f'{p.signal} of {p.source} -> {p.into} of {p.to}', *more])}{through}"
