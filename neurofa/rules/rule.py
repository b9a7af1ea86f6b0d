"""A learning rule as data: text that Brian2 integrates, and the numbers in it.

The rule says *what* happens. When it happens is the trial's business, with what input the task's,
how big the circuit is the network's. Another hypothesis is another rule: a new file, or
`rule.but(...)` for a changed parameter or pathway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import SimpleNamespace
from typing import Any, NoReturn, Self

from brian2 import Quantity

from ..base.arguments import kind
from ..base.description import described
from ..base.errors import TWO_NETWORKS, RuleError, choices
from ..base.fixed import Fixed
from .check import check_rule
from .kinds import check_kinds, entries
from .parts import (
    FEEDFORWARD,
    FREE_THEN_FEEDBACK,
    Pathway,
    Phase,
    Plasticity,
    Population,
)
from .pathways import Manipulation, Start
from .places import target_kinds
from .printed import printed
from .text import names_used

PARAMETERS = "a dict, such as dict(eta=0.1)"


@described
@dataclass(frozen=True)
class LearningRule:
    """A hypothesis about feedback and plasticity, checked when it is made.

    Parameters
    ----------
    name, reference
        What the rule is called, and the paper it is from.
    neuron
        Equations of every hidden and output unit, in Brian2's notation with units.
    output
        Lines that output units have in addition, or instead of the neuron's line of the same name;
        without a differential equation, as in `r = v_basal`, they follow at once.
    input
        Lines that input units have beside their rate `r`, which is the stimulus.
    pathways
        The feedback (and lateral) synapse groups; `feedforward` is given apart because every rule has it.
    populations
        Units beside the neurons.
    plasticity
        One line per plastic pathway.
    phases
        In the order of the trial.
    parameters
        Numbers with units that the text uses.
    advice
        What to change when the circuit does not settle; it is added to the message.

    Raises
    ------
    RuleError
        A name is unknown or reserved, units do not fit, or a plasticity line is not local.

    Notes
    -----
    The text may also use `phi` and `dphi` (the population's activation and its derivative), `dcost`
    and `target` (output: the cost's gradient dC/dr and the desired output), `t`, `dt`, and Brian2's
    elementary functions; differential equations also white noise, `xi`, `xi_1`, ..., of unit
    second**-0.5, one of its own for every unit and trial (neurofa/engine/brian/noise.py: which
    steps are exact; where a state multiplies it, it is Ito's). All numbers are real, however large.
    What is true or false becomes one with `int(v > 0)`; for `a // b`, write `floor(a / b)`.

    Examples
    --------
    >>> fa.RULE.name, [phase.name for phase in fa.RULE.phases]
    ('FA', ['free', 'feedback'])
    >>> slower = fa.RULE.but(eta=0.01)
    >>> slower.parameters["eta"]
    0.01
    """

    name: str
    reference: str
    neuron: str
    plasticity: tuple[Plasticity, ...]
    parameters: Mapping[str, Quantity | float]
    output: str = ""
    input: str = ""
    pathways: tuple[Pathway, ...] = ()
    feedforward: Pathway = FEEDFORWARD
    populations: tuple[Population, ...] = ()
    phases: tuple[Phase, ...] = FREE_THEN_FEEDBACK
    advice: str = ""

    def __post_init__(self):
        check_kinds("rule", self)
        object.__setattr__(
            self,
            "parameters",
            Fixed(
                kind(f"{self.name}: parameters", self.parameters, Mapping, PARAMETERS, RuleError)
            ),
        )
        for name, kinds in dict(
            plasticity=Plasticity, pathways=Pathway, populations=Population, phases=Phase
        ).items():
            entries(self, name, kinds)
        kind(f"{self.name}: feedforward", self.feedforward, Pathway, "a Pathway", RuleError)
        check_rule(self)

    def but(self, **changes: Any) -> Self:
        """Return this rule with other fields or parameters: `rule.but(alpha=0.1)`,
        `rule.but(name="FA, no bias", ...)`.

        `parameters=dict(...)` adds to the parameters; those that no text uses any more are dropped.
        Raises RuleError if a name is neither a field nor a parameter.
        """
        own = {f.name for f in fields(self)}
        new = dict(
            kind("parameters", changes.pop("parameters", {}), Mapping, PARAMETERS, RuleError)
        )
        used = names_used(
            SimpleNamespace(**{name: changes.get(name, getattr(self, name)) for name in own})
        )
        parameters = {name: value for name, value in self.parameters.items() if name in used} | new
        for name in [n for n in changes if n not in own]:
            if name not in parameters:
                raise RuleError(
                    f"{self.name} has no parameter or field '{name}'. "
                    + choices(name, own | set(parameters))
                )
            parameters[name] = changes.pop(name)
        try:
            return replace(self, parameters=parameters, **changes)
        except RuleError:  # a name that is mistyped now left its parameter without a use: with it, the message can suggest it
            replace(self, parameters=dict(self.parameters) | parameters, **changes)
            raise

    def only(self, *phases: str) -> Self:
        """Return this rule with these of its phases alone, and with what is plastic in them:
        `rule.only("free", "sleep")`.

        Raises RuleError if there is no such phase.
        """
        wanted = tuple(map(self.phase, phases))
        return self.but(
            phases=wanted, plasticity=tuple(p for p in self.plasticity if p.phase in phases)
        )

    def through(self, manipulation: Manipulation | Start, *pathways: str) -> Self:
        """Return this rule with something done to the `pathways` named, or to all but the
        feedforward one.

        `rule.through(sparse(0.5))`, `rule.through(at_angle(60*deg), "B")`. What changes weights is
        done to pathways with synapses of their own. Raises RuleError if there is no such pathway,
        or where the manipulation does not make sense.
        """
        known = [p.name for p in self.all_pathways]
        for name in pathways:
            if not isinstance(name, str) or name not in known:
                raise RuleError(
                    f"{self.name} has no pathway '{name}'. " + choices(name, known, "pathway")
                )
        if not isinstance(manipulation, (Manipulation, Start)):
            raise RuleError(
                f"{manipulation!r} is nothing that can be done to a pathway. Give a value of neurofa.pathways, such as "
                "sparse(0.5) or delayed(20*ms)."
            )
        weights = isinstance(manipulation, Start) or manipulation.synaptic
        wanted = pathways or [p.name for p in self.pathways if not (weights and p.weights)]
        if not wanted:
            raise RuleError(
                f"{self.name} has no feedback pathway with synapses of its own. "
                f"Name a pathway. {choices('', known, 'pathway')}"
            )
        changed = [p | manipulation if p.name in wanted else p for p in self.all_pathways]
        return replace(self, feedforward=changed[0], pathways=tuple(changed[1:]))

    @property
    def all_parameters(self) -> dict[str, Quantity | float]:
        """The parameters of the rule's text, then those of its pathways' manipulations."""
        return dict(self.parameters) | {
            name: value for p in self.all_pathways for name, value in p.parameters.items()
        }

    def starts(self, phase: Phase) -> dict[str, str]:
        """Return `{population: assignments}` that a phase begins with: its own, and those of
        pathways that count its time."""
        found = {kind: [text] for kind, text in phase.start.items()}
        for p in self.all_pathways:
            for target in target_kinds(p):
                found.setdefault(target, []).extend(
                    text for key, m in p.named_manipulations if (text := m.starts(key))
                )
        return {kind: "; ".join(texts) for kind, texts in found.items() if texts}

    @property
    def gates(self) -> tuple[str, ...]:
        """The names that phases switch between 0 and 1, in order of appearance."""
        return tuple(dict.fromkeys(gate for phase in self.phases for gate in phase.on))

    @property
    def not_local(self) -> tuple[str, ...]:
        """The names of the pathways whose weights no synapse could know: tied to a transpose, or
        made from other weights."""
        return tuple(
            p.name
            for p in self.pathways
            if p.transposed or p.tracks and getattr(p.init, "of_others", True)
        )

    @property
    def all_pathways(self) -> tuple[Pathway, ...]:
        """The feedforward pathway, then the others."""
        return (self.feedforward, *self.pathways)

    def phase(self, name: str) -> Phase:
        """Return the phase called `name`. Raises RuleError if there is none."""
        for phase in self.phases:
            if isinstance(name, str) and phase.name == name:
                return phase
        raise RuleError(
            f"{self.name} has no phase '{name}'. "
            + choices(name, [p.name for p in self.phases], "phase")
        )

    def __iter__(self) -> NoReturn:
        raise RuleError(f"{self.name} is a rule, and no sequence. {TWO_NETWORKS}")

    def __str__(self):
        return printed(self)
