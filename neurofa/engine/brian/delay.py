"""What a source sent in the past: a ring of time steps per delayed synapse group, kept from phase
to phase."""

import os

import numpy as np

from ...base.errors import NetworkError


class DelayLine:
    """The recent past of one signal, shape (trials, units), for one synapse group.

    In memory it is a ring: step s of a phase (1, 2, ...) is written to slot s modulo the number of
    slots. Between phases, which may have other time steps, row a of the ring is the signal a steps
    ago.
    """

    dt: float | None  # of the phase before

    def __init__(self, signal: np.ndarray):
        self.signal = signal  # a view of the source's variable
        self.reset()

    def reset(self) -> None:
        """Forget the past: the signal has always been what it is now."""
        self.ring, self.dt = self.signal[None].copy(), None

    def begin(self, delay: float, dt: float, step: int = 0) -> tuple[int, float]:
        """Prepare for a phase, or for its part after `step`; return (whole steps, part of a step)
        that the signal is late.

        Times are in seconds.
        """
        late = delay / dt
        # 32: what it takes to order one time step
        _check_memory(delay, dt, late * max(self.signal.nbytes, 32))
        whole = int(late + 1e-9)
        part = late - whole if late - whole > 1e-9 else 0.0
        ages = np.arange(whole + 2) * (dt / self.dt if self.dt else 1.0)
        old, weight = np.floor(ages + 1e-9).astype(int), np.remainder(ages + 1e-9, 1.0) - 1e-9
        last = len(self.ring) - 1
        past = self.ring[np.minimum(old, last)]
        if (weight > 1e-9).any():
            weight = weight.clip(0)[:, None, None]
            past = ((1 - weight) * past + weight * self.ring[np.minimum(old + 1, last)]).astype(
                self.ring.dtype
            )
        # slot s is the signal step - s ago
        self.ring = np.ascontiguousarray(past[(step - np.arange(len(past))) % len(past)])
        self.dt = dt
        return whole, part

    def went_on(self, ring: np.ndarray, dt: float, steps: int) -> None:
        """Take over a ring that went through so many steps of one length since the past was
        forgotten."""
        self.ring, self.dt = ring, dt
        self.end(steps)

    def end(self, steps: int) -> None:
        """Put the ring in the order of age after a phase of so many steps."""
        self.ring = self.ring[(steps - np.arange(len(self.ring))) % len(self.ring)]

    def pass_through(self, step: int, whole: int, part: float) -> np.ndarray:
        """Take in the signal of `step`, and return what arrives then: the NumPy twin of delay.h."""
        slots = len(self.ring)
        self.ring[step % slots] = self.signal
        now, before = self.ring[(step - whole) % slots], self.ring[(step - whole - 1) % slots]
        return now if part == 0 else (1 - part) * now + part * before


def _check_memory(delay, dt, needed):
    """Raise NetworkError if a delay line needs more bytes than this machine has."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise NetworkError(
            f"A delay of {delay * 1e3:g} ms is {delay / dt:.3g} time steps of {dt * 1e3:g} ms: to remember what was sent takes "
            f"{needed / 1e9:.3g} GB, and this machine has {there / 1e9:.3g} GB. Use a longer dt, a shorter delay, or fewer "
            "trials."
        )
