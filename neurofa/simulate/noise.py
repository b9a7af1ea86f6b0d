"""White noise in a circuit that runs: in which phases it is heard, which of its sequence, and where
it is left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

from ..base.arguments import seed_of, whole
from ..base.errors import NetworkError
from ..circuit.plan import Plan
from ..circuit.slots import Role
from ..engine.brian.engine import Engine
from ..rules.noise import warn_of_dt


class Noise:
    """What a network hears: the noise of its engine, phase by phase."""

    def __init__(self, plan: Plan, engine: Engine):
        self.plan, self.engine = plan, engine
        # how many trials hear noise of their choice
        self.hearing: int | None = None
        self.on = True
        self._warned: set[tuple[str, float]] = set()

    @property
    def phases(self) -> tuple[str, ...]:
        """The names of the phases in which noise reaches a state, so that the circuit does not
        settle."""
        return tuple(phase for phase, reached in self.states.items() if reached) if self.on else ()

    @cached_property
    def states(self) -> dict[str, dict[tuple[str, str], tuple[str, ...]]]:
        """The states that noise reaches in a phase: `{phase: {(population, state): labels of
        noises}}`."""
        return {
            p.name: {
                (population, state): tuple(f"{population}.{noise}" for noise in found)
                for population, text in self.plan.texts.items()
                for state, found in text.noisy(p.on).items()
            }
            for p in self.plan.rule.phases
        }

    @property
    def silent(self) -> dict[str, tuple[str, ...]]:
        """The noises that need not be drawn in a phase, because the gates keep them out: `{phase:
        labels}`."""
        return self._silent if self.on else dict.fromkeys(self._silent, self._every)

    @cached_property
    def _every(self):
        return tuple(label for label, slot in self.plan.slots.items() if slot.role == Role.NOISE)

    @cached_property
    def _silent(self):
        return {
            phase: tuple(
                noise
                for noise in self._every
                if not any(noise in found for found in reached.values())
            )
            for phase, reached in self.states.items()
        }

    @property
    def position(self) -> tuple[int, int]:
        """(seed, time steps drawn so far) of all white noise; assigning it repeats, or resumes, a
        sequence."""
        return self.engine.noise

    @position.setter
    def position(self, state: Sequence[int]) -> None:
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise NetworkError(
                f"noise = {state!r}: give (seed, time steps drawn so far), as net.noise was."
            )
        self.engine.noise = (
            seed_of("noise: seed", state[0]),
            whole("noise: steps", state[1], least=0, most=2**62),
        )

    @contextmanager
    def of(self, trials: Iterable[int], since: tuple[int, int], most: int) -> Iterator[None]:
        """Let trials hear, one by one, the noise that these `trials` heard after `since`, at `most`
        so many of them."""
        keys = [whole("trials", trial, least=0, most=2**32 - 1) for trial in trials]
        if not 0 < len(keys) <= most:
            raise NetworkError(
                f"The noise of {len(keys)} trials is asked for; this network runs 1 to {most}."
            )
        now, own = self.position, self.engine.keys.copy()
        self.position, self.engine.keys[: len(keys)], self.hearing = since, keys, len(keys)
        try:
            yield
        finally:
            self.position, self.engine.keys[...], self.hearing = now, own, None

    @contextmanager
    def off(self) -> Iterator[None]:
        """Let phases run as if no noise were there; the sequence of the noise stays as it was."""
        self.on, drawn = False, self.position
        try:
            yield
        finally:
            self.on, self.position = True, drawn

    def warn_of_dt(self, phase: str, dt: float, constants: Mapping[str, tuple[str, float]]) -> None:
        """Warn, once, if `dt` is near the time constant of a noise in a phase; `constants` are
        those of all states."""
        if phase not in self.phases or (phase, dt) in self._warned:
            return
        paces = {}
        for population, state in self.states[phase]:
            text = self.plan.texts[population]
            heard = [f"{population}.{n}" for n in text.pace(state)]
            if heard:
                place = f"{population}.{state}"
                paces[place] = (
                    state in text.exact,
                    heard != [place],
                    *min((constants[n] for n in heard), key=lambda pace: pace[1]),
                )
        if warn_of_dt(
            phase, dt, paces, learns=any(line.phase == phase for line in self.plan.rule.plasticity)
        ):
            self._warned.add((phase, dt))
