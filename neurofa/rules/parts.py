"""What a learning rule is made of: pathways, populations, phases, lines of plasticity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from brian2 import Quantity
from brian2.utils.stringtools import get_identifiers

from ..base.description import described
from .kinds import check_kinds, texts
from .pathways import Manipulation, Start


@described
@dataclass(frozen=True)
class Pathway:
    """A synapse group: `into` of the target receives the sum over `source` of weight times
    `signal`.

    One pathway is as many synapse groups as there are layers that it goes to. They are named after
    the pathway and the layer: `W1` enters layer 1; `B2` leaves layer 2 and enters layer 1, so that
    it has the shape of the transpose of `W2`. A pathway between layers that it names, "hidden1" and
    "hidden3", skips those between, up or down; its group is numbered after the layer that it enters.
    A step visits the layers from the first to the output, so that what comes from below is heard at
    once, and what comes from the same layer, or from above, is that of the step before.

    Examples
    --------
    >>> Pathway("B", source="above", signal="delta", into="v_apical").to
    'hidden'
    >>> (Pathway("B", source="above", signal="delta", into="v_apical") | delayed(20*ms)).delayed
    ('delay_B',)
    """

    name: str
    source: str  # one of places.SOURCES, "hidden2", or a population of the rule
    signal: str  # the variable of the source that is transmitted
    into: str  # the variable of the target that receives it; one pathway, one target variable
    to: str = "hidden"  # one of places.REACH, "hidden2", or a population of the rule
    # a value of neurofa.pathways; None is normal, variance 1/(number of inputs)
    init: Start | Callable | None = None
    # a learned constant drive, as from one more source unit whose signal is always 1
    bias: bool = False
    # "W": uses the synapses of W between the same layers; "W.T": tied to the transpose of those the
    # other way round, which is not local
    weights: str | None = None
    # the source's signal of this time step ("new"), of the one before ("old"), or as this one ends
    # ("end"): what then only plasticity hears, and the target's own step in the next one
    reads: str = "new"
    # what is done to it, in this order: `pathway | sparse(0.5) | delayed(20*ms)`
    through: tuple[Manipulation, ...] = ()

    def __post_init__(self):
        check_kinds("pathway", self)

    def __or__(self, other: Manipulation | Start) -> Self:
        """Return this pathway with a manipulation added; or, with a value for `init`, starting from
        that."""
        if isinstance(other, Start):
            return replace(self, init=other)
        if isinstance(other, Manipulation):
            return replace(self, through=(*self.through, other))
        return NotImplemented

    @property
    def tracks(self) -> bool:
        """Whether its weights are made anew by `init` after every update of others: not local
        either."""
        return getattr(self.init, "tracked", False)

    @property
    def lent_by(self) -> str | None:
        """The name of the pathway whose synapses it uses, or None; with `transposed`, their
        transpose."""
        return self.weights and self.weights.removesuffix(".T")

    @property
    def transposed(self) -> bool:
        """Whether it uses the transpose of another pathway's synapses."""
        return self.weights is not None and self.weights.endswith(".T")

    @property
    def named_manipulations(self) -> list[tuple[str, Manipulation]]:
        """The manipulations as [(key, manipulation)]: the pathway's name, numbered where one kind
        stands there again."""
        kinds = [type(m) for m in self.through]
        return [
            (self.name if (n := kinds[:k].count(type(m)) + 1) == 1 else f"{self.name}_{n}", m)
            for k, m in enumerate(self.through)
        ]

    @property
    def parameters(self) -> dict[str, Quantity | float]:
        """`{name: value with its unit}` of its manipulations."""
        return {
            name: value
            for key, m in self.named_manipulations
            for name, value in m.parameters(key).items()
        }

    @property
    def transmission(self) -> str:
        """Equations of the target that make `into` of what the synapses bring, as text; empty if
        they bring `into` itself."""
        lines, received = [], self.drive
        for key, m in self.named_manipulations:
            more, received = m.transmitted(received, key)
            lines += [more] * bool(more)
        return (
            "\n".join([*lines, f"{self.into} = {received} : 1"]) if received != self.drive else ""
        )

    @property
    def drive(self) -> str:
        """The variable of the target that the synapses bring, before transmission."""
        return f"drive_{self.name}"

    @property
    def wiring(self) -> tuple[str, str, bool, bool, str]:
        """What the code of its synapses depends on: not on what they start from, nor on how strong
        anything is."""
        return self.signal, self.lands, bool(self.delayed), self.bias, self.reads

    @property
    def lands(self) -> str:
        """The variable of the target that the synapses write into: `into`, or, before transmission,
        `drive`."""
        return self.drive if self.transmission else self.into

    @property
    def delayed(self) -> tuple[str, ...]:
        """The names of the parameters that say how late its signal comes."""
        return tuple(name for key, m in self.named_manipulations if (name := m.delay(key)))

    @property
    def windows(self) -> tuple[str, ...]:
        """The names of the parameters that say when, within a phase, it transmits."""
        return tuple(name for key, m in self.named_manipulations for name in m.window(key))


FEEDFORWARD = Pathway("W", source="below", signal="r", into="v_basal", to="layers", bias=True)


@described
@dataclass(frozen=True)
class Population:
    """Units beside the neurons: a controller, interneurons, a local readout.

    `links` gives names to variables of other units, one to one: `{"r_out": "output.r"}`; of layers,
    these are places.PLACES, or "hidden2".

    Examples
    --------
    >>> Population("interneuron", "dv/dt = (-v + v_above) / (10*ms) : 1", size="above", links={"v_above": "above.v"}).linked
    {'v_above': ('above', 'v')}
    """

    name: str
    equations: str
    # as many units as "output", "same", "above", "below" or "hidden2" has; or a number
    size: str | int = "output"
    along: str | None = None  # "hidden": one such population beside every hidden layer
    links: Mapping[str, str] = field(default_factory=dict)
    # what phi is: that of the layer that it stands beside ("same"), of the layer above that
    # ("above"), or the activation of a name, such as "linear"
    activation: str = "same"

    def __post_init__(self):
        check_kinds("population", self)
        object.__setattr__(self, "links", texts(f"population {self.name}: links", self.links))

    @property
    def linked(self) -> dict[str, tuple[str, str]]:
        """`{name: (place, variable)}` of its links."""
        return {name: source.partition(".")[::2] for name, source in self.links.items()}


@described
@dataclass(frozen=True)
class Phase:
    """A part of the trial: which gates are open, and what is noted when it starts.

    `start` maps a population ("hidden", "output", or one of the rule's) to assignments that are
    made once, as the phase begins.

    Examples
    --------
    >>> Phase("feedback", on=("feedback_on",)).on
    ('feedback_on',)
    """

    name: str
    on: tuple[str, ...] = ()
    start: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        check_kinds("phase", self)
        object.__setattr__(self, "start", texts(f"phase {self.name}: start", self.start))


@described
@dataclass(frozen=True)
class Plasticity:
    """How the weights of a pathway change: `w += ...` after a phase, or `dw/dt = ...` during it.

    The line may use `w`, parameters, and variables of the two cells that the synapse connects
    (`*_pre`, `*_post`): it is local. It is averaged over the trials in parallel. During a phase,
    the change is integrated along the phase and made at its end: the limit in which weights are
    much slower than neurons. With `every`, what has been integrated is made every so often, and
    what is left at the end of the phase: with "dt" after every time step, so that weights move while
    activity flows. A change that is integrated is that of the circuit at the end of each step.

    A line that is integrated may have variables of the `synapse`, one value per synapse and trial:
    `synapse="de/dt = (-e + dphi(v_post)*r_pre) / tau_e : 1", equation="dw/dt = -eta*delta_post*e"`.
    They start each trial at 0 and move in all its phases, just before the postsynaptic cell does, by
    the input that it receives in that step. Such a line need not be a product; it is no line of a
    bias. They take 8 bytes (4 in float32) per synapse and trial.

    With `beside`, another pathway between the same cells, a line after a phase may use `w_beside`, the
    weight of the synapse that this one has there beside it; it is no term of a bias.

    Examples
    --------
    >>> Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre").phase
    'feedback'
    """

    pathway: str
    equation: str
    after: str | None = None
    during: str | None = None
    # only the groups that enter "hidden", "output", or one layer, "hidden2": the others are frozen
    to: str | None = None
    # the parameter that is the line's learning rate, for optimisers that need to know it
    rate: str = "eta"
    # how often a line that is integrated is made: a time such as 10*ms, "dt", or at the phase's end
    every: Quantity | str | None = None
    # differential equations of variables that every synapse has of its own, in every trial
    synapse: str = ""
    # another pathway between the same cells, whose weights stand in the line as w_beside
    beside: str | None = None

    def __post_init__(self):
        check_kinds("plasticity", self)

    @property
    def uses_rate(self) -> bool:
        """Whether the parameter `rate` stands in the line."""
        return self.rate in get_identifiers(self.equation)

    @property
    def phase(self) -> str:
        """The phase that the line belongs to."""
        return self.after or self.during  # type: ignore[return-value]  # a rule's lines have one


FREE_THEN_FEEDBACK = (Phase("free"), Phase("feedback", on=("feedback_on",)))
