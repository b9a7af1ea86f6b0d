"""Is the text of a rule what its author meant? Names, units, locality: asked when the rule is made, in its own words."""

import re
from contextlib import contextmanager

from brian2 import Equations, Function, Quantity, hertz, second
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.core.variables import Constant, Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION, EquationError
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.units.fundamentalunits import DIMENSIONLESS, DimensionMismatchError, get_dimensions, get_unit_for_display
from brian2.utils.stringtools import get_identifiers

from .errors import RuleError, choices
from .plasticity import split

LAYER_NAMES = ("hidden", "first", "later", "output", "layers")
"""What a pathway can be directed `to`, apart from a population of the rule: all hidden layers, the first, all but the first,
the output, or hidden layers and output together."""

SOURCE_NAMES = ("below", "same", "above", "input", "output")
"""Where a pathway can come from, seen from the layer that it goes to, apart from a population of the rule."""

FUNCTIONS = {name: f for name, f in DEFAULT_FUNCTIONS.items() if name not in ("rand", "randn", "poisson", "timestep")}
ACTIVATION = Function(lambda x: x, arg_units=[1], return_unit=1)
SUPPLIED = ("phi", "dphi", "t", "dt")
RESERVED = {*SUPPLIED, "dcost", "target", "w", "g", "xi", "i", "N"}


def parse(text, where):
    """Return `{variable: equation}` of Brian2 equations in `text`. Raises RuleError naming `where`."""
    try:
        equations = Equations(text)
    except (ValueError, SyntaxError, EquationError, TypeError) as problem:
        raise RuleError(f"{where}: {' '.join(str(problem).split())}") from None
    for name in equations:
        if name in RESERVED:
            raise RuleError(f"{where} defines '{name}', a name that neurofa supplies. Choose another name.")
        if "xi" in equations[name].identifiers:
            raise RuleError(f"{where}: '{name}' uses the white noise 'xi', which neurofa does not integrate.")
    return {name: equations[name] for name in equations}


def equations_of(rule, kind):
    """Return `{variable: equation}` of the units of one kind: "input", "hidden", "output" or a population of the rule."""
    if kind == "input":
        return parse("r : 1", "input") | parse(rule.input, f"{rule.name}: input")
    if kind == "hidden":
        return parse(rule.neuron, f"{rule.name}: neuron")
    if kind == "output":
        return parse(rule.neuron, f"{rule.name}: neuron") | parse(rule.output, f"{rule.name}: output")
    return parse(population_of(rule, kind).equations, f"{rule.name}: {kind}")


def population_of(rule, name):
    """Return the population of the rule called `name`; RuleError if there is none."""
    for population in rule.populations:
        if population.name == name:
            return population
    raise RuleError(f"{rule.name} has no population '{name}'. "
                    + choices(name, ["input", "hidden", "output", *(p.name for p in rule.populations)], "population"))


def target_kinds(pathway):
    """Return the kinds of unit that a pathway enters."""
    return {"hidden": ("hidden",), "first": ("hidden",), "later": ("hidden",), "output": ("output",),
            "layers": ("hidden", "output")}.get(pathway.to, (pathway.to,))


def source_kinds(pathway):
    """Return the kinds of unit that a pathway leaves."""
    return {"below": ("input",) if pathway.to == "first" else ("hidden",) if pathway.to == "later" else ("input", "hidden"),
            "above": ("hidden", "output"), "input": ("input",), "output": ("output",),
            "same": tuple(k for k in target_kinds(pathway) if k == "output") or ("hidden",)}.get(
                pathway.source, (pathway.source,))


def variables_of(rule, kind):
    """Return `{name: dimensions}` of all that units of one kind have: own variables, drives, links, and what is supplied."""
    names = {name: equation.dim for name, equation in equations_of(rule, kind).items()}
    for pathway in rule.all_pathways:
        if kind in target_kinds(pathway):
            names.setdefault(pathway.into, DIMENSIONLESS)
    if kind == "output":
        names["target"] = DIMENSIONLESS
    elif kind not in ("input", "hidden"):
        names |= {name: DIMENSIONLESS for name in population_of(rule, kind).links}
    if {"r", "target"} <= set(names):
        names["dcost"] = DIMENSIONLESS
    return names


def names_used(rule):
    """Return every name that some text of the rule uses."""
    texts = [rule.neuron, rule.output, rule.input, *(p.equations for p in rule.populations),
             *(text for phase in rule.phases for text in phase.start.values()), *(line.equation for line in rule.plasticity)]
    return set().union(*(get_identifiers(line.split("#")[0]) for text in texts for line in text.splitlines()))


def check_rule(rule):
    """Raise RuleError where the rule's text is not what its author can have meant."""
    _check_parameters(rule)
    kinds = ("input", "hidden", "output", *(p.name for p in rule.populations))
    for kind in kinds:
        _check_equations(rule, kind)
    _check_pathways(rule, kinds)
    _check_links(rule)
    _check_starts(rule)
    for line in rule.plasticity:
        _check_plasticity(rule, line)


def _check_parameters(rule):
    used = names_used(rule)
    for name, value in rule.parameters.items():
        where = f"{rule.name}: parameter '{name}'"
        if name in RESERVED or name in FUNCTIONS or name in ("e", "pi", "inf", "lambda") or name.endswith(("_pre", "_post")):
            raise RuleError(f"{where} has a reserved name. Choose another name.")
        try:
            number = float(Quantity(value))
        except (TypeError, ValueError):
            raise RuleError(f"{where} = {value!r} is not a number with a unit, such as 10*ms.") from None
        if number != number:
            raise RuleError(f"{where} is NaN.")
        if name not in used:
            raise RuleError(f"{where} is used nowhere. Remove it, or correct the name where it should stand.")


def namespace(rule, variables):
    """Return the names that may stand in an expression, as Brian2 variables with dimensions."""
    names = {name: Variable(name, dimensions=dim) for name, dim in variables.items()}
    names |= {name: Constant(name, value=float(Quantity(value)), dimensions=get_dimensions(value))
              for name, value in rule.parameters.items()}
    names |= {gate: Variable(gate) for gate in rule.gates}
    names |= {"t": Variable("t", dimensions=second.dim), "dt": Variable("dt", dimensions=second.dim)}
    return names | FUNCTIONS | {"phi": ACTIVATION, "dphi": ACTIVATION}


def _check_expression(rule, where, code, variables, dim):
    names = namespace(rule, variables)
    for name in sorted(get_identifiers(code)):
        if name not in names:
            supplied = [n for n in SUPPLIED + rule.gates]
            raise RuleError(f"{where} uses '{name}', which is no variable ({', '.join(sorted(variables))}), "
                            f"parameter ({', '.join(sorted(rule.parameters))}) or supplied name ({', '.join(supplied)}). "
                            + choices(name, [*variables, *rule.parameters, *supplied]).split(". ", 1)[-1])
    with _in_words(where):
        found = parse_expression_dimensions(code, names)
    if found is not dim:
        raise RuleError(f"{where} should have the unit {_unit(dim)}, but '{code.strip()}' has the unit {_unit(found)}.")


def _unit(dim):
    return "1 (none)" if dim is DIMENSIONLESS else str(get_unit_for_display(dim))


@contextmanager
def _in_words(where):
    try:
        yield
    except (DimensionMismatchError, SyntaxError, ValueError, TypeError, NotImplementedError) as problem:
        raise RuleError(f"{where}: {' '.join(str(problem).split())}") from None


def _check_equations(rule, kind):
    variables = variables_of(rule, kind)
    supplied = set(variables) - set(equations_of(rule, kind))
    for name, equation in equations_of(rule, kind).items():
        where = f"{rule.name}: {kind}: the line of '{name}'"
        if name in rule.parameters:
            raise RuleError(f"{where}: '{name}' is a parameter too. Rename one of them.")
        if equation.type == PARAMETER:
            continue
        dim = equation.dim / second.dim if equation.type == DIFFERENTIAL_EQUATION else equation.dim
        _check_expression(rule, where, equation.expr.code, variables, dim)
    if kind not in ("hidden", "output"):
        return
    if not any(equation.type == DIFFERENTIAL_EQUATION for equation in equations_of(rule, kind).values()):
        raise RuleError(f"{rule.name}: {kind} has no differential equation, so that there is nothing to integrate. "
                        "Write one, such as dv/dt = (-v + v_basal) / tau_v : 1.")
    for pathway in rule.all_pathways:
        equation = equations_of(rule, kind).get(pathway.into)
        if kind in target_kinds(pathway) and equation is not None and pathway.into not in supplied:
            raise RuleError(f"{rule.name}: pathway {pathway.name} goes into '{pathway.into}' of {kind}, "
                            f"which {kind} defines itself. Remove the line, or let the pathway end elsewhere.")


def _check_pathways(rule, kinds):
    names = [p.name for p in rule.all_pathways]
    taken = set()
    for p in rule.all_pathways:
        where = f"{rule.name}: pathway {p.name}"
        if not re.fullmatch(r"[A-Za-z][A-Za-z_]*", p.name):
            raise RuleError(f"{where}: a pathway's name is letters only; the layer's number is added to it.")
        if p.to not in (*LAYER_NAMES, *kinds[3:]):
            raise RuleError(f"{where} goes to '{p.to}', which is nowhere. " + choices(p.to, {*LAYER_NAMES, *kinds[3:]}, "target"))
        if p.source not in (*SOURCE_NAMES, *kinds[3:]):
            raise RuleError(f"{where} comes from '{p.source}', which is nowhere. "
                            + choices(p.source, {*SOURCE_NAMES, *kinds[3:]}, "source"))
        if p.reads not in ("new", "old"):
            raise RuleError(f"{where} reads '{p.reads}'. " + choices(p.reads, ("new", "old"), "value"))
        if p.weights and p.weights.removesuffix(".T") not in names:
            raise RuleError(f"{where} uses the weights of '{p.weights}'. " + choices(p.weights, names, "pathway"))
        for kind in source_kinds(p):
            if p.signal not in variables_of(rule, kind):
                raise RuleError(f"{where} transmits '{p.signal}', which {kind} does not have. "
                                + choices(p.signal, variables_of(rule, kind), "variable"))
        for kind in target_kinds(p):
            if p.to not in ("first", "later") and (kind, p.into) in taken:
                raise RuleError(f"{where} goes into '{p.into}' of {kind}, as another pathway does. "
                                "One pathway, one target variable: give it its own and add the two in an equation.")
            taken.add((kind, p.into))


def _check_links(rule):
    for population in rule.populations:
        for name, source in population.links.items():
            where = f"{rule.name}: {population.name}: link '{name}'"
            place, _, variable = source.partition(".")
            kinds = {"output": "output", "same": "hidden", "below": "hidden", "above": "output"}
            if place not in kinds and place not in {p.name for p in rule.populations}:
                raise RuleError(f"{where} leads to '{source}'. " + choices(place, kinds, "place"))
            if variable not in variables_of(rule, kinds.get(place, place)):
                raise RuleError(f"{where} leads to '{source}', which has no such variable. "
                                + choices(variable, variables_of(rule, kinds.get(place, place)), "variable"))


def assignments(text):
    """Return `[(variable, expression)]` of assignments separated by semicolons or line ends."""
    lines = [line.split("#")[0].strip() for line in re.split(r"[;\n]", text)]
    return [tuple(part.strip() for part in line.split("=", 1)) for line in lines if line]


def _check_starts(rule):
    for phase in rule.phases:
        for kind, text in phase.start.items():
            variables = variables_of(rule, kind)
            where = f"{rule.name}: {phase.name} starts with '{text}'"
            for pair in assignments(text):
                if len(pair) != 2:
                    raise RuleError(f"{where}, which is no assignment 'variable = expression'.")
                own = {n: e for n, e in equations_of(rule, kind).items() if e.type != SUBEXPRESSION}
                if pair[0] not in own:
                    raise RuleError(f"{where}; '{pair[0]}' cannot be set. " + choices(pair[0], own, "variable"))
                _check_expression(rule, where, pair[1], variables, own[pair[0]].dim)


def _check_plasticity(rule, line):
    where = f"{rule.name}: plasticity of {line.pathway}: '{line.equation}'"
    pathways = {p.name: p for p in rule.all_pathways}
    if line.pathway not in pathways:
        raise RuleError(f"{where}: there is no such pathway. " + choices(line.pathway, pathways, "pathway"))
    if (line.after is None) == (line.during is None):
        raise RuleError(f"{where}: say either after= or during= which phase.")
    rule.phase(line.phase)
    pathway = pathways[line.pathway]
    if pathway.weights:
        raise RuleError(f"{where}: {pathway.name} uses the synapses of {pathway.weights}; make those plastic.")
    local = {"w": DIMENSIONLESS}
    if line.to not in (None, "hidden", "output"):
        raise RuleError(f"{where}: to='{line.to}'. " + choices(line.to, ("hidden", "output"), "value"))
    targets = [kind for kind in target_kinds(pathway) if line.to in (None, kind)]
    for suffix, kinds in (("_pre", source_kinds(pathway)), ("_post", targets)):
        every = [variables_of(rule, kind) for kind in kinds]
        local |= {name + suffix: dim for name, dim in every[0].items() if all(name in other for other in every[1:])}
    names = get_identifiers(line.equation) - {"dw", "dt"} if line.during else get_identifiers(line.equation)
    for name in sorted(names):
        if name not in {*local, *rule.parameters, *FUNCTIONS, "phi", "dphi"}:
            raise RuleError(f"{where} is not local: '{name}' is not at the synapse. A plasticity line may use w, parameters "
                            f"({', '.join(sorted(rule.parameters))}) and variables of the two cells: "
                            f"{', '.join(sorted(set(local) - {'w'}))}.")
    code = split(line, where).code
    _check_expression(rule, where, code, local, DIMENSIONLESS if line.after else hertz.dim)
