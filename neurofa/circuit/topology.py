"""From a rule and layer sizes to the parts of a circuit: which units, which synapse groups, in
which order. Plain data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from brian2.equations.equations import PARAMETER, SUBEXPRESSION

from ..base.errors import NetworkError, RuleError
from ..rules.lines import kinds_reached, split
from ..rules.places import population_at, populations_at, target_kinds
from ..rules.rule import LearningRule, Pathway, Plasticity
from ..rules.text import equations_of, variables_of


@dataclass(frozen=True)
class Units:
    """One population: `size` units per trial."""

    name: str  # "hidden1", "output", "controller", "readout2"
    kind: str  # "input", "hidden", "output", or the name of a population of the rule
    layer: int | None  # the layer that it belongs to
    size: int


@dataclass(frozen=True)
class Group:
    """One synapse group: the part of a pathway that enters one population."""

    name: str
    pathway: Pathway
    source: str
    target: str
    kind: str  # of the target's units
    layer: int | None  # the layer that its target belongs to
    shape: tuple[int, int]  # (post, pre)
    owner: str  # the group whose synapses these are: its own name, or another's
    transposed: bool
    # its source stands still during a phase, so that one evaluation serves all of it
    static: bool

    def delay(self, parameters: Mapping) -> float:
        """Return by how many seconds what it carries is late, with these `parameters` of the
        rule."""
        manipulations = [
            m.delay(key) for key, m in self.pathway.named_manipulations if m.concerns(self)
        ]
        return float(sum(float(parameters[name]) for name in manipulations if name))


@dataclass(frozen=True)
class Factor:
    """One product of a line that is integrated during its phase: names of arrays of the two
    populations."""

    group: str
    line: Plasticity
    post: str
    pre: str  # the presynaptic expression, the name of a stored signal in most rules
    code: str  # what `post` is, in the variables of the postsynaptic population
    # `pre` stands still during a phase, so that the sum over time of `post` is enough
    steady: bool

    @property
    def name(self) -> str:
        """The name under which the product is accumulated."""
        return f"{self.group}:{self.post}"

    @property
    def sum(self) -> str:
        """The name of the sum of `post` over the phase."""
        return f"sum_{self.post}"


@dataclass(frozen=True)
class Topology:
    """Populations in the order in which a step visits them, synapse groups, and what joins them."""

    sizes: tuple[int, ...]
    units: tuple[Units, ...]
    groups: tuple[Group, ...]
    # population -> variables kept as arrays because another population reads them
    stored: dict
    integrated: tuple[Factor, ...]
    links: tuple  # (population, name, source population, source variable)

    def unit(self, name: str) -> Units:
        """Return the population called `name`."""
        return next(u for u in self.units if u.name == name)

    def group(self, name: str) -> Group:
        """Return the synapse group called `name`."""
        return next(g for g in self.groups if g.name == name)


def topology(sizes: Iterable[int], rule: LearningRule) -> Topology:
    """Return the Topology of `rule` in a network of the given layer sizes, input first.

    Raises NetworkError if the sizes are not at least an input and an output of one unit.
    """
    sizes = _checked(sizes)
    units = _units(sizes, rule)
    groups = tuple(
        group for pathway in rule.all_pathways for group in _groups(pathway, units, rule)
    )
    _check_groups(rule, groups)
    integrated = tuple(
        f
        for number, line in enumerate(rule.plasticity)
        if line.during
        for f in _factors(number, line, rule, groups, units)
    )
    linked = tuple(_links(units, rule))
    sources = {g.name: g.source for g in groups}
    read = [(g.source, g.pathway.signal) for g in groups] + [link[2:] for link in linked]
    read += [(sources[f.group], f.pre) for f in integrated if f.pre != "1"]
    stored = {
        u.name: [variable for name, variable in dict.fromkeys(read) if name == u.name]
        for u in units
    }
    return Topology(sizes, units, groups, stored, integrated, linked)


def _check_groups(rule, groups):
    shapes = {g.name: g.shape for g in groups}
    for g in groups:
        if [h.name for h in groups].count(g.name) > 1:
            raise RuleError(
                f"{rule.name}: two synapse groups would be called {g.name}. "
                f"Rename one of the pathways {g.pathway.name}."
            )
        if g.owner not in shapes:
            raise RuleError(
                f"{rule.name}: {g.name} would use the synapses of {g.owner}, which this network does not have."
            )
        if shapes[g.owner] != (g.shape[::-1] if g.transposed else g.shape):
            raise RuleError(
                f"{rule.name}: {g.name} goes from {g.shape[1]} to {g.shape[0]} units, and cannot use the synapses of "
                f"{g.owner}{', transposed' if g.transposed else ''}, which go from {shapes[g.owner][1]} to "
                f"{shapes[g.owner][0]}."
            )


def _checked(sizes):
    try:
        whole = tuple(int(n) for n in sizes)
    except (TypeError, ValueError):
        whole = ()
    if len(whole) < 2 or any(n < 1 for n in whole) or list(whole) != list(sizes):
        raise NetworkError(
            f"sizes = {sizes!r}: give the number of units of every layer, input first, such as [64, 30, 10]."
        )
    return whole


def _units(sizes, rule):
    """Return all populations: the input, the rule's own (which lead a step), then the layers from
    first to output."""
    last = len(sizes) - 1
    layers = [Units(f"hidden{k}", "hidden", k, sizes[k]) for k in range(1, last)] + [
        Units("output", "output", last, sizes[last])
    ]
    extra = []
    for p in rule.populations:
        for layer in range(1, last) if p.along else [None]:
            near = {"output": sizes[-1]} | (
                {"same": sizes[layer], "above": sizes[layer + 1], "below": sizes[layer - 1]}
                if p.along
                else {}
            )
            size = p.size if isinstance(p.size, int) else near.get(p.size)
            if size is None:
                raise RuleError(
                    f"{rule.name}: population {p.name} has the size '{p.size}', which needs along='hidden'."
                )
            extra.append(Units(f"{p.name}{layer}" if p.along else p.name, p.name, layer, size))
    return (Units("input", "input", 0, sizes[0]), *extra, *layers)


def _groups(pathway, units, rule):
    for target in populations_at(pathway.to, units):
        source = population_at(pathway.source, target.layer, units)
        if source is None:
            raise RuleError(
                f"{rule.name}: pathway {pathway.name} comes from '{pathway.source}', "
                f"and there is nothing {pathway.source} {target.name}."
            )
        index = "" if target.layer is None else target.layer + (pathway.source == "above")
        owner = f"{pathway.lent_by or pathway.name}{index}"
        yield Group(
            f"{pathway.name}{index}",
            pathway,
            source.name,
            target.name,
            target.kind,
            target.layer,
            (target.size, source.size),
            owner,
            transposed=pathway.transposed,
            static=not pathway.delayed
            and source.kind == "input"
            and _stands_still(rule, pathway.signal),
        )


def _stands_still(rule, name):
    """Return whether a variable of the input stands still during a phase: the stimulus, or what
    gates and parameters make of it."""
    if name in rule.gates or name in rule.all_parameters:
        return True
    if name not in (own := equations_of(rule, "input")):
        return False  # the time, or what a pathway brings
    arrives = any(
        "input" in target_kinds(p) and name in (p.into, p.drive) for p in rule.all_pathways
    )
    return (
        own[name].type == PARAMETER
        and not arrives
        or own[name].type == SUBEXPRESSION
        and all(_stands_still(rule, n) for n in own[name].identifiers)
    )


def _links(units, rule):
    for population in rule.populations:
        for here in (u for u in units if u.kind == population.name):
            for name, (place, variable) in population.linked.items():
                there = population_at(place, here.layer, units)
                if there is None or variable not in variables_of(rule, there.kind):
                    raise RuleError(
                        f"{rule.name}: link '{name}' of {here.name} leads to {place}.{variable}; "
                        + (
                            f"the units of {there.name} have no '{variable}'."
                            if there
                            else f"there are no units {place} {here.name}."
                        )
                    )
                if there.size != here.size:
                    raise RuleError(
                        f"{rule.name}: link '{name}' of {here.name} ({here.size} units) leads to {place}.{variable}, "
                        "which has not as many units."
                    )
                yield here.name, name, there.name, variable


def _factors(number, line, rule, groups, units):
    where = f"{rule.name}: plasticity of {line.pathway}"
    for group in plastic_groups(line, groups):
        for k, term in enumerate(split(line, where).terms):
            kind = next(u.kind for u in units if u.name == group.source)
            if term.pre != "1" and term.pre not in variables_of(rule, kind):
                raise RuleError(
                    f"{where}: '{term.pre}' is an expression. During a phase the presynaptic factor must be one "
                    f"variable; give the expression a name in the equations of {kind}."
                )
            steady = term.pre == "1" or kind == "input" and _stands_still(rule, term.pre)
            yield Factor(
                group.name, line, factor_name(group, number, k), term.pre, term.post, steady
            )


# plasticity ---------------------------------------------------------------------------------------


def factor_name(group: Group, number: int, k: int) -> str:
    """Return the name of the postsynaptic factor of the k-th term of a line that is integrated
    during its phase."""
    return f"post_{group.name}_{number}_{k}"


def plastic_groups(line: Plasticity, groups: Iterable[Group]) -> list[Group]:
    """Return the synapse groups that a plasticity line changes."""
    return [g for g in groups if g.pathway.name == line.pathway and _reaches(line, g)]


def _reaches(line, group):
    """Whether a line changes a synapse group: all of the pathway, those that enter units of a kind,
    or those of one layer."""
    if line.to is None or line.to == group.target:
        return True
    return line.to in ("hidden", "layers") and group.kind in kinds_reached(line)
