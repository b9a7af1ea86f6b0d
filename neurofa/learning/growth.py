"""Costs that grow without end, although they are still finite."""

from functools import cached_property

import numpy as np

from ..base.errors import warn
from ..simulate.network import Network

# times what an output that stays at 0 costs, or the first costs, if these are more
RUNAWAY = 1e3


class Growth:
    """Warns, once per training, of finite costs that are many times larger than any with which
    learning begins.

    Costs that rise and rise will be an error, Diverged, which is enough. So it is said where they
    have stopped rising, or training ends.
    """

    first: float | None
    found: str | None  # what there is to say

    def __init__(self, net: Network, targets: np.ndarray):
        # all targets: those of a small batch may cost nothing
        self.net, self.targets = net, targets
        self.first, self.found, self.said = None, None, False
        self.highest, self.before = 0.0, 0.0  # of this epoch, and of the one before

    def look(self, cost: float, when: str) -> None:
        """Look at a mean `cost` of answers."""
        self.first = cost if self.first is None else self.first
        self.highest = max(cost, self.highest)
        if self.found is not None or not cost > RUNAWAY * self.first >= 0:
            return
        if cost > RUNAWAY * max(self.silent, self.first) > 0:
            self.found = (
                f"The cost rose from {self.first:.2g} to {cost:.2g} {when}, where an output that stays at 0 costs {self.silent:.2g}. "
                f"Weights overshoot: use a smaller learning rate{self._rates()}, or inputs on a smaller scale."
            )

    @cached_property
    def silent(self) -> float:
        """What an output that stays at 0 costs, the mean over all targets."""
        return float(self.net.cost.value(np.zeros_like(self.targets), self.targets).mean())

    def epoch_is_over(self) -> None:
        """Say what was found, unless costs still rise."""
        if self.highest <= self.before:
            self.say()
        self.highest, self.before = 0.0, self.highest

    def say(self) -> None:
        """Say what was found, if anything was."""
        if self.found and not self.said:
            self.said = True
            warn(self.found)

    def _rates(self):
        lines, parameters = self.net.rule.plasticity, self.net.parameters
        rates = dict.fromkeys(line.rate for line in lines if line.rate in parameters)
        return (
            f" (now {', '.join(f'{name} = {float(parameters[name]):g}' for name in rates)})"
            if rates
            else ""
        )
