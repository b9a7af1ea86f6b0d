"""What there is to know of every array of a circuit, in one place: its Slot.

What an array is does not lie in its name. Resetting, saving, recording, and what may be set are
choices by role and lifetime.
"""

from dataclasses import dataclass
from enum import StrEnum

from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, get_unit


class Role(StrEnum):
    """What an array is for."""

    CLOCK = "clock"  # the time of the trial, and the time step
    STATE = "state"  # what a differential equation moves
    SIGNAL = "signal"  # an expression that other units read: renewed at every step
    # another one: evaluated where it is used, and into its array when somebody looks
    EXPRESSION = "expression"
    DRIVE = "drive"  # what a synapse group brings
    NOTED = "noted"  # what a phase notes as it begins
    STIMULUS = "stimulus"  # what the input is clamped to
    TARGET = "target"  # what the output should do
    LINK = "link"  # a variable of other units, under a name of its own
    PARAMETER = "parameter"  # one number for all units
    UNIT_PARAMETER = "unit parameter"  # a parameter of every unit, which the user sets
    GATE = "gate"  # what phases switch between 0 and 1
    COST = "cost"  # 1 for the cost that was chosen, 0 for the others
    NOISE = "noise"  # the standard normal number of the last step
    SOFTMAX = "softmax"  # of a population's rates
    SUM = "sum"  # a postsynaptic factor of plasticity, summed over the phase
    PRODUCT = "product"  # what a line sums up over the phase and the trials, per synapse
    ELIGIBILITY = "eligibility"  # the name under which a sum or a product can be looked at
    TRACE = "trace"  # a variable that every synapse has of its own, in every trial
    RESIDUAL = "residual"  # how far a population is from rest
    WEIGHT = "weight"
    BIAS = "bias"
    MOMENT = "moment"  # what an optimiser keeps of every synapse


class Lifetime(StrEnum):
    """When an array starts anew."""

    PHASE = "phase"
    TRIAL = "trial"
    TRAINING = "training"


_LASTING = {Role.PARAMETER, Role.UNIT_PARAMETER, Role.COST, Role.WEIGHT, Role.BIAS, Role.MOMENT}
_OF_A_PHASE = {Role.SUM, Role.PRODUCT, Role.ELIGIBILITY}
_INSIDE = {Role.CLOCK, Role.PARAMETER, Role.GATE, Role.COST, Role.SOFTMAX, Role.SUM, Role.PRODUCT}


@dataclass(frozen=True)
class Slot:
    """One array: to whom it belongs, what it is called there, what it is for, and what its axes
    are."""

    owner: str  # a population, or a synapse group
    name: str
    role: Role
    dims: tuple[str, ...]  # of "trial", "unit", "post", "pre"
    sizes: tuple[int, ...]  # of all axes but "trial"
    unit: Dimension = DIMENSIONLESS

    @property
    def label(self) -> str:
        """What it is called in a network: "hidden1.v"."""
        return f"{self.owner}.{self.name}"

    @property
    def lifetime(self) -> Lifetime:
        """When it starts anew."""
        if self.role in _LASTING:
            return Lifetime.TRAINING
        return Lifetime.PHASE if self.role in _OF_A_PHASE else Lifetime.TRIAL

    @property
    def probeable(self) -> bool:
        """Whether it is of use to others: what `net.set` knows, and what the simulator needs for
        itself, is not."""
        return self.role not in _INSIDE

    @property
    def of_synapses(self) -> bool:
        """Whether its axes are those of a synapse group."""
        return "post" in self.dims

    @property
    def unit_text(self) -> str:
        """The unit as text: "1" if there is none."""
        return "1" if self.unit is DIMENSIONLESS else str(get_unit(self.unit))

    def shape(self, trials: int) -> tuple[int, ...]:
        """Return the shape of the array for so many trials."""
        return ((trials,) if "trial" in self.dims else ()) + self.sizes or (1,)
