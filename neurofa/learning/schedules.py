"""After which updates a snapshot is taken.

Schedules are lower case, because they are read as values: Snapshots(every(100)).
"""

from dataclasses import dataclass
from math import log10

from ..base.arguments import whole


@dataclass(frozen=True)
class every:
    """A snapshot every `n` updates. Raises NetworkError if `n` is no whole number of at least 1.

    Examples
    --------
    >>> from neurofa.snapshots import every
    >>> snapshots = Snapshots(every(100))
    """

    n: int

    def __post_init__(self):
        whole("every(n): n", self.n)

    def after(self, update: int) -> int:
        """Return the next update that is due after `update`."""
        return (update // self.n + 1) * self.n


@dataclass(frozen=True)
class log_spaced:
    """So many snapshots between 1 and 10 updates, as many between 10 and 100, and so on. Raises
    NetworkError as `every`.

    Examples
    --------
    >>> from neurofa.snapshots import log_spaced
    >>> snapshots = Snapshots(log_spaced(10))
    """

    per_decade: int = 10

    def __post_init__(self):
        whole("log_spaced(per_decade): per_decade", self.per_decade)

    def after(self, update: int) -> int:
        """Return the next update that is due after `update`: a power of 10^(1/per_decade),
        rounded."""
        k = int(self.per_decade * log10(max(update, 1)))
        while (due := round(10 ** (k / self.per_decade))) <= update:
            k += 1
        return due
