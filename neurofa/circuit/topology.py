"""From a rule and layer sizes to the parts of a circuit: which units, which synapse groups, in
which order. Plain data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from brian2.equations.equations import PARAMETER, SUBEXPRESSION

from ..base.errors import RuleError
from ..rules.lines import kinds_reached, split
from ..rules.places import population_at, populations_at, target_kinds
from ..rules.rule import LearningRule, Pathway, Plasticity
from ..rules.synapse import called, reads, traces
from ..rules.text import equations_of, variables_of
from .units import Units, checked, units_of


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
    # it is no product: every synapse has variables of its own
    of_traces: bool = False

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
    sizes = checked(sizes)
    units = units_of(sizes, rule)
    ends = [end for pathway in rule.all_pathways for end in _ends(pathway, units, rule)]
    groups = tuple(_group(end, ends, rule) for end in ends)
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
    read += [place for f in integrated if f.of_traces for place in _read_at_synapses(f, groups)]
    stored = {
        u.name: [variable for name, variable in dict.fromkeys(read) if name == u.name]
        for u in units
    }
    return Topology(sizes, units, groups, stored, integrated, linked)


def _check_groups(rule, groups):
    ends = {g.name: (g.source, g.target) for g in groups}
    for g in groups:
        if [h.name for h in groups].count(g.name) > 1:
            raise RuleError(
                f"{rule.name}: two synapse groups would be called {g.name}. "
                f"Rename one of the pathways {g.pathway.name}."
            )
        if g.owner not in ends:
            raise RuleError(
                f"{rule.name}: {g.name} would use the synapses of {g.owner}, which this network does not have."
            )
        source, target = ends[g.owner]
        if (source, target) != ((g.target, g.source) if g.transposed else (g.source, g.target)):
            raise RuleError(
                f"{rule.name}: {g.name} goes from {g.source} to {g.target}, and cannot use the synapses of "
                f"{g.owner}{', transposed' if g.transposed else ''}, which go from {source} to {target}."
            )


def _ends(pathway, units, rule):
    """Return [(pathway, number of the group or "", source, target)] of the groups of a pathway."""
    found = []
    for target in populations_at(pathway.to, units):
        source = population_at(pathway.source, target.layer, units)
        if source is None:
            raise RuleError(
                f"{rule.name}: pathway {pathway.name} comes from '{pathway.source}', and "
                + (
                    f"{target.name} stands beside no layer."
                    if target.layer is None
                    else f"there is nothing {pathway.source} {target.name}."
                )
            )
        number = "" if target.layer is None else target.layer + (pathway.source == "above")
        found.append((pathway, number, source, target))
    return found


def _group(end, ends, rule):
    pathway, number, source, target = end
    return Group(
        f"{pathway.name}{number}",
        pathway,
        source.name,
        target.name,
        target.kind,
        target.layer,
        (target.size, source.size),
        _owner(end, ends),
        transposed=pathway.transposed,
        static=not pathway.delayed
        and source.kind == "input"
        and _stands_still(rule, pathway.signal),
    )


def _owner(end, ends):
    """Return the group whose synapses a group uses: its own; or of the pathway that lends them, that
    between the same populations. If there is none, return that of the same number."""
    pathway, number, *places = end
    wanted = places[::-1] if pathway.transposed else places
    lent = (k for p, k, *there in ends if p.name == pathway.lent_by and there == wanted)
    return f"{pathway.lent_by or pathway.name}{next(lent, number)}"


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
            if line.synapse:
                name = factor_name(group, number, k)
                yield Factor(group.name, line, name, "1", "0", steady=False, of_traces=True)
                continue
            if term.pre != "1" and term.pre not in variables_of(rule, kind):
                raise RuleError(
                    f"{where}: '{term.pre}' is an expression. During a phase the presynaptic factor must be one "
                    f"variable; give the expression a name in the equations of {kind}."
                )
            steady = term.pre == "1" or kind == "input" and _stands_still(rule, term.pre)
            yield Factor(
                group.name, line, factor_name(group, number, k), term.pre, term.post, steady
            )


def _read_at_synapses(factor, groups):
    """Return (population, variable) of all that is read of two cells by synapses with variables of
    their own; what is inside phi(...) and dphi(...), the cells know themselves."""
    line, where = factor.line, factor.group
    group = next(g for g in groups if g.name == factor.group)
    ends = dict(pre=group.source, post=group.target)
    codes = [equation.expr.code for equation in traces(line, where).values()]
    for code in (*codes, split(line, where).code):
        code, calls = called(code, where)
        names = {call.name for call in calls}
        for _, end, variable in reads(code):
            if variable not in names:
                yield ends[end], variable


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
