"""A learning rule as data: text that Brian2 integrates, and the numbers in it.

The rule says *what* happens. When it happens is the trial's business, with what input the task's, how big the circuit is
the network's. Another hypothesis is another rule: a new file, or `rule.but(...)` for a changed parameter or pathway.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import SimpleNamespace

from .arguments import kind
from .check import check_rule
from .errors import TWO_NETWORKS, RuleError, choices
from .fixed import Fixed
from .kinds import check_kinds, entries, texts
from .pathways import Manipulation, Start
from .text import names_used, target_kinds

PARAMETERS = "a dict, such as dict(eta=0.1)"


@dataclass(frozen=True)
class Pathway:
    """A synapse group: `into` of the target receives the sum over `source` of weight times `signal`.

    One pathway is as many synapse groups as there are layers that it goes to. They are named after the pathway and the layer:
    `W1` enters layer 1; `B2` leaves layer 2 and enters layer 1, so that it has the shape of the transpose of `W2`.
    """

    name: str
    source: str              # one of text.SOURCES, or a population of the rule
    signal: str              # the variable of the source that is transmitted
    into: str                # the variable of the target that receives it; one pathway, one target variable
    to: str = "hidden"       # one of text.REACH, or a population of the rule
    init: Callable | None = None   # a value of neurofa.pathways; None is normal, variance 1/(number of inputs)
    bias: bool = False       # a learned constant drive, as from one more source unit whose signal is always 1
    weights: str | None = None     # "W": uses the synapses of W; "W.T": tied to their transpose, which is not local
    reads: str = "new"       # the source's signal of this time step ("new"), or of the one before ("old")
    through: tuple[Manipulation, ...] = ()     # what is done to it, in this order: `pathway | sparse(0.5) | delayed(20*ms)`

    def __post_init__(self):
        check_kinds("pathway", self)

    def __or__(self, other):
        """Return this pathway with a manipulation added; or, with a value for `init`, starting from that."""
        if isinstance(other, Start):
            return replace(self, init=other)
        if isinstance(other, Manipulation):
            return replace(self, through=(*self.through, other))
        return NotImplemented

    @property
    def tracks(self):
        """Whether its weights are made anew by `init` after every update of others: not local either."""
        return getattr(self.init, "tracked", False)

    @property
    def keyed(self):
        """The manipulations as [(key, manipulation)]: the pathway's name, numbered where one kind stands there again."""
        kinds = [type(m) for m in self.through]
        return [(self.name if (n := kinds[:k].count(type(m)) + 1) == 1 else f"{self.name}_{n}", m) for k, m in enumerate(self.through)]

    @property
    def parameters(self):
        """`{name: value with its unit}` of its manipulations."""
        return {name: value for key, m in self.keyed for name, value in m.parameters(key).items()}

    @property
    def transmission(self):
        """Equations of the target that make `into` of what the synapses bring, as text; empty if they bring `into` itself."""
        lines, received = [], self.drive
        for key, m in self.keyed:
            more, received = m.transmitted(received, key)
            lines += [more] * bool(more)
        return "\n".join([*lines, f"{self.into} = {received} : 1"]) if received != self.drive else ""

    @property
    def drive(self):
        """The variable of the target that the synapses bring, before transmission."""
        return f"drive_{self.name}"

    @property
    def delayed(self):
        """The names of the parameters that say how late its signal comes."""
        return tuple(name for name in self.parameters if name.startswith("delay_"))


FEEDFORWARD = Pathway("W", source="below", signal="r", into="v_basal", to="layers", bias=True)


@dataclass(frozen=True)
class Population:
    """Units beside the neurons: a controller, interneurons, a local readout.

    `links` gives names to variables of other units, one to one: `{"r_out": "output.r"}`.
    """

    name: str
    equations: str
    size: str | int = "output"     # as many units as "output", "same", "above" or "below" has; or a number
    along: str | None = None       # "hidden": one such population beside every hidden layer
    links: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        check_kinds("population", self)
        object.__setattr__(self, "links", texts(f"population {self.name}: links", self.links))


@dataclass(frozen=True)
class Phase:
    """A part of the trial: which gates are open, and what is noted when it starts.

    `start` maps a population ("hidden", "output", or one of the rule's) to assignments that are made once, as the phase begins.
    """

    name: str
    on: tuple[str, ...] = ()
    start: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        check_kinds("phase", self)
        object.__setattr__(self, "start", texts(f"phase {self.name}: start", self.start))


@dataclass(frozen=True)
class Plasticity:
    """How the weights of a pathway change: `w += ...` after a phase, or `dw/dt = ...` during it.

    The line may use `w`, parameters, and variables of the two cells that the synapse connects (`*_pre`, `*_post`): it is local.
    It is averaged over the trials in parallel. During a phase, the change is integrated along the phase and made at its end:
    the limit in which weights are much slower than neurons.
    """

    pathway: str
    equation: str
    after: str | None = None
    during: str | None = None
    to: str | None = None          # only the groups that enter "hidden", "output", or one layer, "hidden2": the others are frozen
    rate: str = "eta"              # the parameter that is the line's learning rate, for optimisers that need to know it

    def __post_init__(self):
        check_kinds("plasticity", self)

    @property
    def phase(self):
        """The phase that the line belongs to."""
        return self.after or self.during


FREE_THEN_FEEDBACK = (Phase("free"), Phase("feedback", on=("feedback_on",)))


@dataclass(frozen=True)
class LearningRule:
    """A hypothesis about feedback and plasticity, checked when it is made.

    Parameters
    ----------
    name, reference : what the rule is called, and the paper it is from.
    neuron : equations of every hidden and output unit, in Brian2's notation with units.
    output : lines that output units have in addition, or instead of the neuron's line of the same name.
    input : lines that input units have beside their rate `r`, which is the stimulus.
    pathways : the feedback (and lateral) synapse groups; `feedforward` is given apart because every rule has it.
    populations : units beside the neurons.
    plasticity : one line per plastic pathway.
    phases : in the order of the trial.
    parameters : numbers with units that the text uses.
    advice : what to change when the circuit does not settle; it is added to the message.

    The text may also use `phi` and `dphi` (the population's activation and its derivative), `dcost` and `target` (output:
    the cost's gradient dC/dr and the desired output), `t`, `dt`, and Brian2's elementary functions; differential equations also
    white noise, `xi`, `xi_1`, ..., of unit second**-0.5, one of its own for every unit and trial (neurofa/noise.py: which steps are
    exact; where a state multiplies it, it is Ito's).
    All numbers are real, however large. What is true or false becomes one with `int(v > 0)`; for `a // b`, write `floor(a / b)`.

    Raises
    ------
    RuleError : a name is unknown or reserved, units do not fit, or a plasticity line is not local.
    """

    name: str
    reference: str
    neuron: str
    plasticity: tuple[Plasticity, ...]
    parameters: Mapping[str, object]
    output: str = ""
    input: str = ""
    pathways: tuple[Pathway, ...] = ()
    feedforward: Pathway = FEEDFORWARD
    populations: tuple[Population, ...] = ()
    phases: tuple[Phase, ...] = FREE_THEN_FEEDBACK
    advice: str = ""

    def __post_init__(self):
        check_kinds("rule", self)
        object.__setattr__(self, "parameters", Fixed(kind(f"{self.name}: parameters", self.parameters, Mapping, PARAMETERS, RuleError)))
        for name, kinds in dict(plasticity=Plasticity, pathways=Pathway, populations=Population, phases=Phase).items():
            entries(self, name, kinds)
        kind(f"{self.name}: feedforward", self.feedforward, Pathway, "a Pathway", RuleError)
        check_rule(self)

    def but(self, **changes):
        """Return this rule with other fields or parameters: `rule.but(alpha=0.1)`, `rule.but(name="FA, no bias", ...)`.

        `parameters=dict(...)` adds to the parameters; those that no text uses any more are dropped. Raises RuleError if a name
        is neither a field nor a parameter.
        """
        own = {f.name for f in fields(self)}
        new = dict(kind("parameters", changes.pop("parameters", {}), Mapping, PARAMETERS, RuleError))
        used = names_used(SimpleNamespace(**{name: changes.get(name, getattr(self, name)) for name in own}))
        parameters = {name: value for name, value in self.parameters.items() if name in used} | new
        for name in [n for n in changes if n not in own]:
            if name not in parameters:
                raise RuleError(f"{self.name} has no parameter or field '{name}'. "
                                + choices(name, own | set(parameters)))
            parameters[name] = changes.pop(name)
        try:
            return replace(self, parameters=parameters, **changes)
        except RuleError:     # a name that is mistyped now left its parameter without a use: with it, the message can suggest it
            replace(self, parameters=dict(self.parameters) | parameters, **changes)
            raise

    def only(self, *phases):
        """Return this rule with these of its phases alone, and with what is plastic in them: `rule.only("free", "sleep")`.

        Raises RuleError if there is no such phase.
        """
        wanted = tuple(map(self.phase, phases))
        return self.but(phases=wanted, plasticity=tuple(p for p in self.plasticity if p.phase in phases))

    def through(self, manipulation, *pathways):
        """Return this rule with something done to the `pathways` named, or to all but the feedforward one.

        `rule.through(sparse(0.5))`, `rule.through(at_angle(60*deg), "B")`. What changes weights is done to pathways with synapses of
        their own. Raises RuleError if there is no such pathway, or where the manipulation does not make sense.
        """
        known = [p.name for p in self.all_pathways]
        for name in pathways:
            if not isinstance(name, str) or name not in known:
                raise RuleError(f"{self.name} has no pathway '{name}'. " + choices(name, known, "pathway"))
        if not isinstance(manipulation, (Manipulation, Start)):
            raise RuleError(f"{manipulation!r} is nothing that can be done to a pathway. Give a value of neurofa.pathways, such as "
                            "sparse(0.5) or delayed(20*ms).")
        weights = isinstance(manipulation, Start) or manipulation.synaptic
        wanted = pathways or [p.name for p in self.pathways if not (weights and p.weights)]
        if not wanted:
            raise RuleError(f"{self.name} has no feedback pathway with synapses of its own. "
                            f"Name a pathway. {choices('', known, 'pathway')}")
        changed = [p | manipulation if p.name in wanted else p for p in self.all_pathways]
        return replace(self, feedforward=changed[0], pathways=tuple(changed[1:]))

    @property
    def all_parameters(self):
        """The parameters of the rule's text, then those of its pathways' manipulations."""
        return dict(self.parameters) | {name: value for p in self.all_pathways for name, value in p.parameters.items()}

    def starts(self, phase):
        """Return `{population: assignments}` that a phase begins with: its own, and those of pathways that count its time."""
        found = {kind: [text] for kind, text in phase.start.items()}
        for p in self.all_pathways:
            for kind in target_kinds(p):
                found.setdefault(kind, []).extend(text for key, m in p.keyed if (text := m.starts(key)))
        return {kind: "; ".join(texts) for kind, texts in found.items() if texts}

    @property
    def gates(self):
        """The names that phases switch between 0 and 1, in order of appearance."""
        return tuple(dict.fromkeys(gate for phase in self.phases for gate in phase.on))

    @property
    def not_local(self):
        """The names of the pathways whose weights no synapse could know: tied to a transpose, or made from other weights."""
        return tuple(p.name for p in self.pathways if p.tracks or (p.weights or "").endswith(".T"))

    @property
    def all_pathways(self):
        """The feedforward pathway, then the others."""
        return (self.feedforward, *self.pathways)

    def phase(self, name):
        """Return the phase called `name`. Raises RuleError if there is none."""
        for phase in self.phases:
            if isinstance(name, str) and phase.name == name:
                return phase
        raise RuleError(f"{self.name} has no phase '{name}'. " + choices(name, [p.name for p in self.phases], "phase"))

    def __iter__(self):
        raise RuleError(f"{self.name} is a rule, and no sequence. {TWO_NETWORKS}")

    def _repr_html_(self):
        from .notebook import of_rule
        return of_rule(self)

    def __str__(self):
        parts = [f"{self.name} ({self.reference})", "", "neuron", self.neuron.strip("\n")]
        for kind, text in (("output", self.output), ("input", self.input)):
            parts += ["", kind, text.strip("\n")] if text else []
        for p in self.populations:
            size = f"size {p.size}" + (f", one beside every layer of {p.along}" if p.along else "")
            parts += ["", f"{p.name}: {size}", p.equations.strip("\n")]
            parts += [f"{name} = {source}    # linked" for name, source in p.links.items()]
        parts += ["", "pathways"] + [_pathway_text(p) for p in self.all_pathways] + ["", "phases"]
        for p in self.phases:
            start = "; ".join(f"{population}: {text}" for population, text in p.start.items())
            parts.append(f"{p.name}: {', '.join(p.on) or 'all gates closed'}" + (f"; at its start, {start}" if start else ""))
        parts += ["", "plasticity"]
        for p in self.plasticity:
            to = f" into {p.to}" if p.to else ""
            parts.append(f"{p.pathway}{to}, {'after' if p.after else 'during'} {p.phase}: {p.equation}")
        return "\n".join([*parts, "", "parameters", *(f"{name} = {value}" for name, value in self.parameters.items())])


def _pathway_text(p):
    """Return one line about a pathway."""
    more = [f"weights {p.weights}"] * bool(p.weights) + [f"starts as {p.init}"] * bool(p.init) + ["with bias"] * p.bias
    more += ["of the step before"] * (p.reads == "old") + ["made anew after every update"] * p.tracks
    through = "".join(f" | {m}" for m in p.through)
    return f"{p.name}: {', '.join([f'{p.signal} of {p.source} -> {p.into} of {p.to}', *more])}{through}"
