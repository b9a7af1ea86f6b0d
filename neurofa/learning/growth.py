"""Costs that grow without end, although they are still finite."""

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

    def __init__(self, net: Network):
        self.net, self.first, self.found, self.said = net, None, None, False
        self.highest, self.before = 0.0, 0.0  # of this epoch, and of the one before

    def look(self, cost: float, y: np.ndarray, when: str) -> None:
        """Look at a mean `cost` of answers to the targets `y`."""
        self.first = cost if self.first is None else self.first
        self.highest = max(cost, self.highest)
        if self.found is not None or not cost > RUNAWAY * self.first >= 0:
            return
        silent = float(self.net.cost.value(np.zeros_like(y), y).mean())
        if cost > RUNAWAY * max(silent, self.first) > 0:
            self.found = (
                f"The cost rose from {self.first:.2g} to {cost:.2g} {when}, where an output that stays at 0 costs {silent:.2g}. "
                f"Weights overshoot: use a smaller learning rate{self._rates()}, or inputs on a smaller scale."
            )

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
