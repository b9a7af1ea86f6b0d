"""Layers that are silent, so that neither input nor error passes and nothing will be learned."""

from ..base.errors import warn
from ..rules.rule import LearningRule
from ..simulate.network import Network

# so many stimuli that a layer is silent for all of them because of its weights
NO_ACCIDENT = 32


class Silence:
    """Warns, once, of hidden layers that were silent in so many trials in a row that neither input
    nor error will wake them."""

    phase: str | None  # after which it looks
    mentioned: bool

    def __init__(self, net: Network):
        self.net, self.phase, self.mentioned = net, first_lesson(net.rule), False
        self._silent: dict[str, int] = {}  # layers, and for how many trials in a row

    def looks_after(self, phase: str) -> bool:
        """Whether a layer that is silent when `phase` has ended matters."""
        return not self.mentioned and phase == self.phase

    def look(self) -> None:
        """Look at the trials that are presented now, and warn if it is time."""
        if self.mentioned:
            return
        found = silent_layers(self.net)
        self._silent = {name: self._silent.get(name, 0) + self.net.active for name in found}
        asleep = {
            name: found[name] for name, trials in self._silent.items() if trials >= NO_ACCIDENT
        }
        if asleep:
            self.mentioned = True
            warn(
                f"{', '.join(asleep)}: all rates are 0, in {min(self._silent[name] for name in asleep)} trials in a row, and so is the "
                "slope of the activation there, so that neither input nor error passes and nothing will be learned. "
                f"{' '.join(dict.fromkeys(asleep.values()))} Use an activation that is steep at 0, such as 'tanh' or 'logistic'."
            )

    def heard_all(self) -> None:
        """Take note of a batch in which no layer was silent."""
        self._silent = {}


def silent_layers(net: Network) -> dict[str, str]:
    """Return the hidden layers whose rates, and slopes of their activation, are 0 in all active
    trials: `{name: why}`."""
    found = {}
    for units in (u for u in net.circuit.units if u.kind == "hidden"):
        own = net.variables(units.name)
        if {"r", "v"} <= {*own} and not own["r"].any() and not own["dphi"](own["v"]).any():
            found[units.name] = (
                f"Potentials of {units.name} never left 0, where a trial starts."
                if not own["v"].any()
                else f"Potentials of {units.name} are all below 0: its weights or biases are too negative."
            )
    return found


def first_lesson(rule: LearningRule) -> str | None:
    """Return the phase in which weights change first: noise of later phases would hide a layer that
    is silent."""
    taught = {line.phase for line in rule.plasticity}
    return next((phase.name for phase in rule.phases if phase.name in taught), None)
