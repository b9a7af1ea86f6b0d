"""What a phase asks of the engine: its steps, how late signals come, when silence means that it is
over, what is cut meanwhile."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from brian2 import second

from ..base.errors import NetworkError
from ..circuit.plan import summing
from ..engine.brian.engine import Outcome, Request
from .settling import check_dt, rounding
from .trial import Length

if TYPE_CHECKING:
    from .network import Network

COUNTABLE = 2**53  # time steps: beyond, a float counts no single ones
FADED = 10
"""After so many of the longest time constants, less than 1e-4 of how a phase began is left in a
leaky circuit."""


class Meanwhile(Protocol):
    """What is done at some steps of a phase, while it runs."""

    def begin(self, request: Request) -> Request:
        """Take note of the phase that begins, and return its Request as it is with such stops."""

    def next(self, done: int) -> int:
        """Return the step of the next stop after the one called `done`."""

    def at(self, done: int) -> None:
        """Do what is to be done after the step called `done`."""


def run_phase(
    net: Network,
    phase: str,
    length: Length,
    record=None,
    held: bool = False,
    meanwhile: Meanwhile | None = None,
) -> tuple[Request, Outcome]:
    """Run a phase whose gates are set, for a Length with its time step; return the Request of its
    engine, and the Outcome. `meanwhile` is what is done at some of its steps, or None.

    Where trials have not settled when it has ended, it goes on with the Length that comes `then`.
    Raises NetworkError for a time step that is too long.
    """
    with net.pace.paced(length.taus):
        request = request_of(net, phase, length, record, held)
        if meanwhile is not None:
            request = meanwhile.begin(request)
        if request.once and not request.held:
            # what is evaluated once must know the gates
            net.engine.refresh("input", net.active)
        for name in request.silent:
            net.arrays[name][...] = 0  # noise that is not drawn
        outcome = run_in_parts(net, request, meanwhile)
    return carried_on(net, phase, length, request, outcome)


def carried_on(
    net: Network, phase: str, length: Length, request: Request, outcome: Outcome
) -> tuple[Request, Outcome]:
    """Go on with a phase whose Length says what comes `then`, where trials have not settled; return
    the Request of its engine, and the Outcome."""
    ended = outcome.diverged or outcome.interrupted or (outcome.settled_at >= 0).all()
    if length.then is None or ended:
        return request, outcome
    with net.pace.paced(length.then.taus):
        request = replace(
            request,
            begin=outcome.steps,
            steps=outcome.steps + _steps(phase, length.then),
            held=True,
            tolerance=length.then.tolerance,  # type: ignore[arg-type]  # it is to settle
            measure_every=_measured_every(net, request.dt),
        )
        return request, run_in_parts(net, request)


def request_of(
    net: Network, phase: str, length: Length, record=None, held: bool = False
) -> Request:
    """Return what the engine is asked for: one phase of a network, for a Length with its time step,
    and what is recorded. The network has the Length's time constants.

    `held`: what the input sends and the feedforward weights are those of the phase before, so that
    the input's drive stands. Raises NetworkError for a time step that is too long.
    """
    _check_time_step(net, phase, float(length.dt))  # type: ignore[arg-type]  # it is filled in
    dt, steps, relative = (
        float(length.dt),  # type: ignore[arg-type]  # the trial has filled it in
        _steps(phase, length),
        length.relative and length.tolerance is not None,
    )
    frames = net.movie.shown(net, phase, dt, net.progress.seconds)
    return Request(
        steps=steps,
        trials=net.active,
        dt=dt,
        threads=net.threads,
        tolerance=-1.0 if length.tolerance is None else length.tolerance,
        largest=np.zeros(net.active) if relative else None,
        floor=rounding(net) if relative else None,
        frames=frames,
        rest=length.relative
        and not (frames and frames.until)
        and not net.engine.lines
        and not windows(net)
        and all(p.during != phase for p in net.rule.plasticity),
        measure_every=min(_measured_every(net, dt), steps),
        once=tuple(g.name for g in net.circuit.groups if g.static),
        held=held and not net.synapses.times(),
        silent=net.silent_noise[phase],
        # what a gate lets through may be seen one step later
        delays=delays(net),
        quiet=max(quiet_steps(net, dt), int(length.relative)),
        unheard=net.circuit.unheard.begin,
        accumulate=tuple(f.name for f in net.circuit.integrated if f.line.during == phase),
        idle=tuple(summing(other.name) for other in net.rule.phases if other.name != phase),
        **(record.begin(net, phase, dt) if record is not None else {}),
    )


def _check_time_step(net, phase, dt):
    exact = {
        f"{population}.{state}"
        for population, text in net.circuit.texts.items()
        for state in text.exact
    }
    constants = net.time_constants().items()
    check_dt(dt, {state: tau for state, tau in constants if state not in exact})
    net.warn_of_noise(phase, dt)


def _measured_every(net, dt):
    """Return after how many steps residuals are measured again: about once in the shortest time
    constant."""
    shortest = min(tau for _, tau in net.time_constants().values())
    return max(1, round(min(shortest / dt, COUNTABLE)))


def _steps(phase, length):
    """Return how many time steps a Length is. Raises NetworkError if nobody could count them."""
    steps = float(length.duration) / float(length.dt)
    if steps > COUNTABLE:
        raise NetworkError(
            f"{phase} phase: {float(length.duration):g} s are {steps:.3g} time steps of {float(length.dt):g} s, more than can be counted. "
            "Give a shorter time, or a longer dt."
        )
    return max(1, math.ceil(steps - 1e-9))


def length_of(net: Network, phase: str, length: Length) -> Length:
    """Return the Length that a phase gets: where noise keeps it from settling, FADED times the
    longest time constant.

    But no longer than the `length` allows. A Length without a tolerance is taken as it is.
    """
    if length.tolerance is None or phase not in net.noisy_phases:
        return length
    longest = max(tau for _, tau in net.time_constants(np.max).values()) + max(
        [0.0, *delays(net).values()]
    )
    duration = (
        max([0.0, *(time for time in windows(net) if time < float(length.duration))])
        + FADED * longest
    )
    return Length(min(float(length.duration), duration) * second, None, length.dt)


def delays(net: Network) -> dict[str, float]:
    """Return `{synapse group: seconds}` of the delayed groups."""
    late = (g for g in net.circuit.groups if g.name in net.engine.lines)
    return {group.name: group.delay(net.parameters) for group in late}


def windows(net: Network) -> list[float]:
    """Return the times within every phase, in seconds, at which a pathway begins or ceases to
    transmit."""
    return [float(net.parameters[name]) for p in net.rule.all_pathways for name in p.windows]


def quiet_steps(net: Network, dt: float) -> int:
    """Return for how many steps a settled circuit must stay so, because what reaches a unit may
    still be on its way."""
    longest = max([0.0, *delays(net).values()])
    return (math.ceil(longest / dt - 1e-9) + 1 if longest else 0) + net.circuit.unheard.between


def run_in_parts(net: Network, request: Request, meanwhile: Meanwhile | None = None) -> Outcome:
    """Run a phase and return the last Outcome.

    Synapses are cut and restored at the times of the trial that the lesions name. A circuit that is
    to settle does so after the last window of a pathway has opened and closed. What is done
    `meanwhile` may change weights.
    """
    start, total = float(net["clock.t"][0]), request.steps
    cuts = [_nearest(time - start, request.dt) for time in net.synapses.times()]
    turns = [_nearest(time, request.dt) for time in windows(net)]
    last = max((s for s in turns if s < total), default=0)
    stops = sorted({s for s in (*cuts, last) if 0 < s < total})
    while True:
        stop = next((s for s in stops if s > request.begin), total)
        stop = min(stop, total if meanwhile is None else meanwhile.next(request.begin))
        # whatever is nearest to this step
        net.synapses.cut(seconds=start + (request.begin + 0.5) * request.dt)
        outcome = net.engine.run(
            replace(
                request,
                steps=stop,
                last=total,
                tolerance=request.tolerance if stop > last else -1.0,
            )
        )
        if outcome.settled or outcome.diverged or outcome.interrupted or stop == total:
            break
        request = replace(
            request, begin=stop, settled_at=None if stop in stops else outcome.settled_at
        )
        if meanwhile is not None:
            request = replace(request, held=False)
            meanwhile.at(stop)
    settled_at = np.where(
        outcome.steps - outcome.settled_at < request.quiet, -1, outcome.settled_at
    )
    return replace(outcome, settled_at=settled_at)


def _nearest(time, dt):
    return math.floor(time / dt + 0.5)
