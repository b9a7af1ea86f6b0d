"""The page of one rule of the shelf, made from the rule itself."""

import ast
import inspect
import re

import equations
from families import family
from markdown import block, code, linked, prose, section, table

from neurofa import lookup

SHORTHANDS = {
    r"\phi": r"$\phi$: the activation of the cells",
    r"\phi'": r"$\phi'$: its derivative",
    r"\partial C": r"$\partial C/\partial r$: gradient of the cost with respect to the output's rates",
    r"\xi": r"$\xi$: white noise",
    "[": r"$[x > 0]$: 1 where it is true, else 0",
    r"\Delta": r"$\Delta w$: what is added to the weight after the phase",
    r"\mathrm{on}": "gates, such as `feedback_on`: 1 in the phases that name them, else 0",
}  # fmt: skip


def parts(model: str) -> list[str]:
    """Return what a model's module says of it, as pieces of Markdown: from its title to what is not
    local in it."""
    rule, module = lookup.rule(model), lookup.module(model)
    lead, _, rest = inspect.getdoc(module).partition("\n\n")
    return [
        f"# {rule.name}",
        f"**{linked(lead)}**",
        linked(rest),
        f"Family: {family(model)}. Reference: {prose(rule.reference)}. In the terminal: `neurofa models {model}`; "
        f"in Python: `from neurofa.models import {model}`, then `{model}.RULE`.",
    ]


def circuit(rule) -> str:
    """Return the table of the synapse groups, and what is not local."""
    learns = {line.pathway for line in rule.plasticity}
    rows = [
        (
            code(p.name),
            f"{code(p.signal)} of {p.source}",
            f"{code(p.into)} of {p.to}",
            code(p.weights or p.init or "") or "normal, variance 1/inputs",
            "; ".join(map(code, p.through)),
            "yes" if p.name in learns else "no",
        )
        for p in rule.all_pathways
    ]
    local = (
        "**Not local:** "
        + ", ".join(map(code, rule.not_local))
        + ". No synapse could make these weights by itself: they are tied to others, or made from others."
        if rule.not_local
        else "Not local: nothing. No weights are tied to others, or made from others while it learns."
    )
    heads = ("pathway", "signal", "lands in", "weights are, or start as", "through", "learns")
    return table(heads, rows) + "\n\n" + local


def dynamics(rule) -> str:
    """Return the equations of every population, each line beside what its author says of it."""
    texts = [
        ("Hidden and output units", rule.neuron, {}),
        ("Output units, in addition or instead", rule.output, {}),
        ("Input units", rule.input, {}),
        *((_population(p), p.equations, p.links) for p in rule.populations),
        *(
            (f"Synapses of {code(p.pathway)}, each of its own", p.synapse, {})
            for p in rule.plasticity
        ),
    ]
    tables = [
        f"**{title}**\n\n" + _equations(text, links)
        for title, text, links in dict.fromkeys((a, b, tuple(c.items())) for a, b, c in texts)
        if text.strip()
    ]
    return "\n\n".join([*tables, _shorthands("".join(tables))])


def phases(rule) -> str:
    """Return the table of the phases, and that of what is plastic when."""
    when = [
        (
            f"{k}. {p.name}",
            ", ".join(map(code, p.on)) or "none",
            "<br>".join(
                f"{population}: {_math(part)}"
                for population, text in rule.starts(p).items()
                for part in text.split(";")
            ),
        )
        for k, p in enumerate(rule.phases, 1)
    ]
    lines = [
        (code(p.pathway) + (f" into {p.to}" if p.to else ""), _when(p), _math(p.equation))
        for p in rule.plasticity
    ]
    learns = table(("pathway", "when", "change of a weight"), lines)
    return "\n\n".join(
        (
            table(("phase", "gates that are open", "noted as it begins"), when),
            learns,
            _shorthands(learns),
        )
    )


def parameters(model: str) -> str:
    """Return the table of the parameters: symbol, name, value with unit, meaning."""
    meaning = _meanings(lookup.module(model))
    rows = [
        (f"${equations.symbol(name)}$", code(name), _value(value), prose(meaning.get(name, "")))
        for name, value in lookup.rule(model).all_parameters.items()
    ]
    return table(("symbol", "name", "value", "meaning"), rows)


def source(model: str) -> str:
    """Return the file of a model as a block of code."""
    return f"`models/{model}.py`\n\n" + block(inspect.getsource(lookup.module(model)), "python")


def whole(model: str, picture: str, *more: str) -> list[str]:
    """Return the page of a model as pieces of Markdown: with a picture of its circuit, and `more`
    before its code."""
    rule = lookup.rule(model)
    return [
        *parts(model),
        section("Circuit", picture, circuit(rule)),
        section("Equations", dynamics(rule)),
        section("Phases and plasticity", phases(rule)),
        section("Parameters", parameters(model)),
        *more,
        section("Code", source(model)),
    ]


def _population(p):
    along = f", one beside every {p.along} layer" if p.along else ""
    layer = f"the layer {p.size}" if p.size in ("above", "below") else f"the {p.size} layer"
    size = p.size if isinstance(p.size, int) else f"as many as {layer} has"
    phi = "" if p.activation == "same" else rf"; its $\phi$: {p.activation}"
    return f"Population {code(p.name)}{along} (units: {size}{phi})"


def _equations(text, links):
    rows = [(_math(row), prose(comment)) for row, comment in equations.lines(text)]
    rows += [(_math(f"{name} : 1"), f"linked one to one: {code(far)}") for name, far in links]
    return table(("equation", "meaning"), rows)


def _math(text):
    return f"${equations.line(text.strip())}$"


def _value(value):
    """Return a number with its unit; Brian2 writes whole ones with a point: 10. ms."""
    return re.sub(r"\.(?=\s|$)", "", str(value))


def _shorthands(written):
    """Return what of the notation is used and may need a word."""
    math = "".join(re.findall(r"\$(.*?)\$", written))
    used = [meaning for sign, meaning in SHORTHANDS.items() if sign in math]
    return f"{'; '.join(used)}." if used else ""


def _when(p):
    pace = {None: "", "dt": ", in every time step"}.get(p.every, f", every {p.every}")
    beside = f"; $w_\\mathrm{{beside}}$ is that of {code(p.beside)}" if p.beside else ""
    return f"{'after' if p.after else 'during'} {p.phase}{pace}{beside}"


def _meanings(module):
    """Return `{parameter: comment beside it}` of a module and of the models that it builds on."""
    found = {}
    for other in vars(module).values():
        if inspect.ismodule(other) and other.__name__.startswith("neurofa.models."):
            found |= _meanings(other)
    rows = inspect.getsource(module).splitlines()
    for node in ast.walk(ast.parse("\n".join(rows))):
        if isinstance(node, ast.keyword) and "#" in (row := rows[node.value.end_lineno - 1]):
            found[node.arg] = row.partition("#")[2].strip()
    return found
