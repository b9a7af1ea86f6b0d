"""Is the text of a rule what its author meant? Names, units, locality: asked when the rule is made, in its own words."""

import keyword
import re
from math import isfinite, pi

import numpy as np
from brian2 import Equations, Function, Quantity, hertz, second
from brian2.codegen.optimisation import ArithmeticSimplifier
from brian2.core.variables import Constant, Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION
from brian2.parsing.bast import brian_ast
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.rendering import NodeRenderer
from brian2.parsing.sympytools import str_to_sympy
from brian2.units import allunits, stdunits
from brian2.units.fundamentalunits import DIMENSIONLESS, Unit, get_dimensions, get_unit_for_display
from brian2.utils.stringtools import get_identifiers

from .arguments import shown
from .errors import RuleError, choices, suggestion
from .limits import check_expression, check_folded, check_text, in_words
from .noise import check_noise, noises
from .pathways.synapses import check_synapses
from .plasticity import kinds_reached, split
from .text import (FUNCTIONS, PLACES, REACH, SOURCES, assignments, equations_of, kinds_of, names_used, own_equations_of,
                   parse, place_kinds, source_kinds, target_kinds, variables_of)
from .words import reserved, why

ACTIVATION = Function(lambda x: x, arg_units=[1], return_unit=1)
UNITS = {name for module in (allunits, stdunits) for name, unit in vars(module).items() if isinstance(unit, Unit)}
SUPPLIED = ("phi", "dphi", "t", "dt", "pi")


def check_rule(rule):
    """Raise RuleError where the rule's text is not what its author can have meant."""
    _check_names(rule)
    for kind in kinds_of(rule):
        _check_equations(rule, kind)
    _check_pathways(rule)
    _check_links(rule)
    _check_starts(rule)
    for line in rule.plasticity:
        _check_plasticity(rule, line)
    for name in set(rule.parameters) - names_used(rule):
        raise RuleError(f"{rule.name}: parameter '{name}' is used nowhere. Remove it, or correct the name where it should stand.")


def namespace(rule, variables):
    """Return the names that may stand in an expression, as Brian2 variables with dimensions."""
    names = {name: Variable(name, dimensions=dim) for name, dim in variables.items()}
    names |= {name: Variable(name, dimensions=get_dimensions(value)) for name, value in rule.all_parameters.items()}
    names |= {gate: Variable(gate) for gate in rule.gates}
    names |= {"t": Variable("t", dimensions=second.dim), "dt": Variable("dt", dimensions=second.dim)}
    return names | FUNCTIONS | {"pi": Constant("pi", value=pi), "phi": ACTIVATION, "dphi": ACTIVATION}


# names -------------------------------------------------------------------------------------------------------------------

def _check_names(rule):
    """Check what every part of the rule is called, before any text is read."""
    _once(rule, "phase", [p.name for p in rule.phases])
    _once(rule, "population", [p.name for p in rule.populations])
    for p in rule.phases:
        if not p.name.isidentifier() or keyword.iskeyword(p.name):
            raise RuleError(f"{rule.name}: a phase is called {p.name!r}. Its name is made of letters, digits and _, as in Trial(free=20*ms).")
        if not isinstance(p.on, tuple) or not all(isinstance(gate, str) for gate in p.on):
            raise RuleError(f"{rule.name}: the gates of phase {p.name}, {shown(p.on)}, must be a tuple of names; with one, write "
                            "('feedback_on',) with the comma.")
    for p in rule.populations:
        where = f"{rule.name}: population {p.name}"
        if not re.fullmatch(r"[A-Za-z][A-Za-z_]*", p.name) or p.name in ("input", "hidden", "output", "clock", *(
                q.name for q in rule.all_pathways)):
            raise RuleError(f"{where}: choose another name, of letters only, that no layer and no pathway has.")
        if p.along not in (None, "hidden"):
            raise RuleError(f"{where} is along '{p.along}'. " + choices(p.along, ("hidden",), "value") + " Or leave it out.")
        if p.size not in ("output", "same", "above", "below") and not (type(p.size) is int and p.size > 0):
            raise RuleError(f"{where} has the size {p.size!r}: give a whole number of units, or as many as one of these has. "
                            + choices(p.size, ("output", "same", "above", "below"), "place"))
    for gate in rule.gates:
        _check_identifier(rule, f"{rule.name}: gate", gate)
    for name, value in rule.parameters.items():
        where = f"{rule.name}: parameter"
        _check_identifier(rule, where, name)
        if name in rule.gates:
            raise RuleError(f"{where} '{name}' is a gate too. Rename one of them.")
        try:
            number = float(Quantity(value))
        except (TypeError, ValueError):
            raise RuleError(f"{where} '{name}' = {value!r} is not a number with a unit, such as 10*ms.") from None
        if not isfinite(number):
            raise RuleError(f"{where} '{name}' is {'NaN' if number != number else 'infinite'}.")
        if get_dimensions(value) is second.dim and number <= 0:
            raise RuleError(f"{where} '{name}' = {value} is no time constant: give a time larger than 0.")


def _once(rule, what, names):
    for name in names:
        if names.count(name) > 1:
            raise RuleError(f"{rule.name}: there are two {what}s called '{name}'. Rename one of them.")


def _check_identifier(rule, where, name):
    """Raise RuleError if `name` cannot be a variable, a parameter or a gate."""
    if not isinstance(name, str):
        raise RuleError(f"{where} {shown(name)}: its name must be text.")
    try:
        Equations.check_identifier(name)
    except (ValueError, SyntaxError) as problem:
        raise RuleError(f"{where} '{name}': {problem}") from None
    if reserved(name):
        raise RuleError(f"{where} '{name}': {why(name)}")


# equations ---------------------------------------------------------------------------------------------------------------

def _check_expression(rule, where, code, variables, dim, noise=()):
    check_expression(code, where)
    names = namespace(rule, variables) | {name: Variable(name, dimensions=(second**-0.5).dim) for name in noise}
    for name in sorted(get_identifiers(code)):
        if name not in names and name in UNITS:
            raise RuleError(f"{where} uses the unit '{name}': equations hold names and plain numbers. Give the value a name, such as "
                            f"parameters=dict(tau_x=10*{name}), and write tau_x.")
        if name not in names:
            supplied = SUPPLIED + rule.gates
            raise RuleError(f"{where} uses '{name}', which is no variable ({', '.join(sorted(variables))}), "
                            f"parameter ({', '.join(sorted(rule.parameters))}) or supplied name ({', '.join(supplied)})."
                            + suggestion(name, [*variables, *rule.parameters, *supplied]))
    with in_words(where), np.errstate(all="ignore"):
        found = parse_expression_dimensions(code, names)
        check_folded(str_to_sympy(code), code, where)
        simplified = NodeRenderer().render_node(ArithmeticSimplifier(names).render_node(brian_ast(code, names)))
    check_expression(simplified, where)      # as code is generated of it: r - r has become 0, by which nothing can be divided
    if found is not dim:
        raise RuleError(f"{where} should have the unit {_unit(dim)}, but '{code.strip()}' has the unit {_unit(found)}.")


def _unit(dim):
    return "1 (none)" if dim is DIMENSIONLESS else str(get_unit_for_display(dim))


def _check_equations(rule, kind):
    equations, variables = equations_of(rule, kind), variables_of(rule, kind)
    for name, equation in equations.items():
        where = f"{rule.name}: {kind}: the line of '{name}'"
        if name in rule.parameters or name in rule.gates:
            raise RuleError(f"{where}: '{name}' is a parameter or a gate too. Rename one of them.")
        if equation.type != PARAMETER:
            dim = equation.dim / second.dim if equation.type == DIFFERENTIAL_EQUATION else equation.dim
            _check_expression(rule, where, equation.expr.code, variables, dim, noises([equation]))
            with in_words(where):
                check_noise(where, equation)
    if kind in ("hidden", "output") and not any(e.type == DIFFERENTIAL_EQUATION for e in equations.values()):
        raise RuleError(f"{rule.name}: {kind} has no differential equation, so that there is nothing to integrate. "
                        "Write one, such as dv/dt = (-v + v_basal) / tau_v : 1.")


# pathways, links, phases -------------------------------------------------------------------------------------------------

def _check_pathways(rule):
    kinds, taken = [p.name for p in rule.populations], []
    for p in rule.all_pathways:
        where = f"{rule.name}: pathway {p.name}"
        if not re.fullmatch(r"[A-Za-z][A-Za-z_]*", p.name):
            raise RuleError(f"{where}: a pathway's name is letters only; the layer's number is added to it.")
        if p.to not in (*REACH, *kinds):
            raise RuleError(f"{where} goes to '{p.to}', which is nowhere. " + choices(p.to, {*REACH, *kinds}, "target"))
        if p.source not in (*SOURCES, *kinds):
            raise RuleError(f"{where} comes from '{p.source}', which is nowhere. "
                            + choices(p.source, {*SOURCES, *kinds}, "source"))
        if p.reads not in ("new", "old"):
            raise RuleError(f"{where} reads '{p.reads}'. " + choices(p.reads, ("new", "old"), "value"))
        owner = next((q for q in rule.all_pathways if p.weights and q.name == p.weights.removesuffix(".T")), None)
        if p.weights and (owner is None or owner.weights):
            raise RuleError(f"{where} uses the weights of '{p.weights}', which has none of its own. "
                            + choices(p.weights, [q.name for q in rule.all_pathways if not q.weights], "pathway"))
        for kind in source_kinds(p):
            dim = variables_of(rule, kind).get(p.signal)
            if dim is not DIMENSIONLESS:
                raise RuleError(f"{where} transmits '{p.signal}', which {kind} does not have, or which has a unit. "
                                + choices(p.signal, _plain(rule, kind), "variable"))
        _check_target(rule, where, p)
        _check_manipulations(rule, where, p)
        reach = set(REACH.get(p.to, (p.to,)))
        for name, into, before in taken:
            if reach & before and (name == p.name or into == p.into):
                what = f"is called like another pathway to {p.to}" if name == p.name else \
                    f"goes into '{p.into}' of {p.to}, as another pathway does. One pathway, one target variable"
                raise RuleError(f"{where} {what}: give it its own, and add the two in an equation.")
        taken.append((p.name, p.into, reach))


def _plain(rule, kind):
    """Return the variables of one kind that have no unit."""
    return [name for name, dim in variables_of(rule, kind).items() if dim is DIMENSIONLESS]


def _check_target(rule, where, pathway):
    """Check that the variable that a pathway goes into is free."""
    into = pathway.into
    _check_identifier(rule, f"{where} goes into", into)
    for kind in target_kinds(pathway):
        links = next((p.links for p in rule.populations if p.name == kind), {})
        if into in own_equations_of(rule, kind) or into in rule.parameters or into in rule.gates or into in links:
            raise RuleError(f"{where} goes into '{into}' of {kind}, which {kind} defines itself, or which is a link, a parameter "
                            "or a gate. Remove the other, or let the pathway end elsewhere.")


def _check_manipulations(rule, where, pathway):
    """Check that what is done to a pathway makes sense there, and that its names are free."""
    for m in (*(m for m in pathway.through if m.synaptic), pathway.init):
        if m is not None and pathway.weights:
            raise RuleError(f"{where} uses the synapses of {pathway.weights}, so that {type(m).__name__} can only be done to those. "
                            "What a pathway transmits (gain, noisy, delayed, ...) can be changed without.")
    check_synapses(where, pathway.through)
    for name, value in pathway.parameters.items():
        others = [p.parameters[name] for p in rule.all_pathways if name in p.parameters]
        if any(get_dimensions(other) is not get_dimensions(value) or float(other) != float(value) for other in others):
            raise RuleError(f"{where}: '{name}' would have two values, because several pathways are called {pathway.name}. "
                            "Do the same to all of them, or rename one.")
    names = {*pathway.parameters, *(parse(pathway.transmission, where) if pathway.transmission else ()), pathway.drive} - {pathway.into}
    for kind in target_kinds(pathway) if pathway.through else ():
        for name in sorted(names & {*own_equations_of(rule, kind), *rule.parameters, *rule.gates}):
            raise RuleError(f"{where}: what is done to it needs the name '{name}', which the rule uses for something else. Rename that.")


def _check_links(rule):
    for population in rule.populations:
        for name, source in population.links.items():
            where = f"{rule.name}: {population.name}: link '{name}'"
            if name != "target":       # with a target of its own, a population has a cost of its own
                _check_identifier(rule, where, name)
            if name in equations_of(rule, population.name) or name in rule.parameters or name in rule.gates:
                raise RuleError(f"{where} has an equation, or is a parameter or a gate too. Rename one of them.")
            place, _, variable = source.partition(".")
            if place not in (*PLACES, *(p.name for p in rule.populations)):
                raise RuleError(f"{where} leads to '{source}'. " + choices(place, PLACES, "place"))
            plain = {name for kind in place_kinds(place) for name in _plain(rule, kind)}
            if variable not in plain:
                raise RuleError(f"{where} leads to '{source}', which does not exist or has a unit. "
                                + choices(variable, plain, "variable"))


def _check_starts(rule):
    for phase in rule.phases:
        for kind, text in phase.start.items():
            if kind not in kinds_of(rule):
                raise RuleError(f"{rule.name}: {phase.name} starts something in '{kind}'. "
                                + choices(kind, kinds_of(rule), "population"))
            variables, own = variables_of(rule, kind), equations_of(rule, kind)
            own = {name: equation for name, equation in own.items() if equation.type != SUBEXPRESSION}
            where = f"{rule.name}: {phase.name} starts with '{text}'"
            check_text(text, where)
            for pair in assignments(text):
                if len(pair) != 2:
                    raise RuleError(f"{where}, which is no assignment 'variable = expression'.")
                if pair[0] not in own:
                    raise RuleError(f"{where}; '{pair[0]}' cannot be set. " + choices(pair[0], own, "variable"))
                _check_expression(rule, where, pair[1], variables, own[pair[0]].dim)


# plasticity --------------------------------------------------------------------------------------------------------------

def _check_plasticity(rule, line):
    where = f"{rule.name}: plasticity of {line.pathway}: '{line.equation}'"
    pathways = [p for p in rule.all_pathways if p.name == line.pathway]
    if not pathways:
        raise RuleError(f"{where}: there is no such pathway. "
                        + choices(line.pathway, [p.name for p in rule.all_pathways], "pathway"))
    if (line.after is None) == (line.during is None):
        raise RuleError(f"{where}: say either after= or during= which phase.")
    rule.phase(line.phase)
    if line.to is not None and kinds_reached(line) == ():
        raise RuleError(f"{where}: to={line.to!r}. " + choices(line.to, ("hidden", "hidden1", "hidden2", "layers", "output"), "value"))
    if line.rate != "eta" and line.rate not in rule.parameters:
        raise RuleError(f"{where}: rate='{line.rate}' is no parameter. " + choices(line.rate, rule.parameters, "parameter"))
    found = split(line, where)
    for pathway in pathways:
        if pathway.weights:
            raise RuleError(f"{where}: {pathway.name} uses the synapses of {pathway.weights}; make those plastic.")
        if pathway.tracks:
            raise RuleError(f"{where}: {pathway.name} is made anew after every update, and cannot learn.")
        targets = [kind for kind in target_kinds(pathway) if line.to is None or kind in kinds_reached(line)]
        if targets:
            _check_local(rule, where, found.code, pathway, targets, DIMENSIONLESS if line.after else hertz.dim)
    if not any(line.to is None or kind in kinds_reached(line) for p in pathways for kind in target_kinds(p)):
        raise RuleError(f"{where}: {line.pathway} does not go to {line.to}.")


def _check_local(rule, where, code, pathway, targets, dim):
    local = {"w": DIMENSIONLESS}
    for suffix, kinds in (("_pre", source_kinds(pathway)), ("_post", targets)):
        every = [variables_of(rule, kind) for kind in kinds]
        local |= {name + suffix: dim for name, dim in every[0].items() if all(name in other for other in every[1:])}
    for name in sorted(get_identifiers(code)):
        if name not in {*local, *rule.parameters, *FUNCTIONS, "pi", "phi", "dphi"}:
            raise RuleError(f"{where} is not local: '{name}' is not at the synapse. A plasticity line may use w, parameters "
                            f"({', '.join(sorted(rule.parameters))}) and variables of the two cells: "
                            f"{', '.join(sorted(set(local) - {'w'}))}.")
    _check_expression(rule, where, code, local, dim)
