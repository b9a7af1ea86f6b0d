"""The same phases, interpreted: for machines without a compiler, and to check the compiled loop."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ...base.files import ctrl_c_noted
from .delay import DelayLine
from .denormals import flushed
from .engine import TRIALS, Outcome, Parts, Request, rows
from .keeping import kept_kind
from .noise import normals
from .plain import Piece


class NumpyEngine:
    """The same phases, interpreted: for machines without a compiler, and to check the compiled
    loop.

    Circuits of one kind share their code; every network has memory, and activations, of its own.
    """

    arrays: Mapping[str, np.ndarray]
    lines: Mapping[str, DelayLine]
    parallel, alone = False, "NumPy interprets the circuit"

    def __init__(
        self,
        name: str,
        make: Callable[[], Parts],
        dtype: npt.DTypeLike,
        trials: int,
        units: Mapping[str, int],
        functions: Mapping[str, Mapping[str, Callable]],
    ):
        kind, lengths = kept_kind(name, make, dtype), {TRIALS: trials, **units}
        self.parts, self.steps, own = kind.parts, kind.steps, kind.memory(lengths)
        self._namespaces = {
            piece: piece.namespace(own, lengths, functions[piece.population])
            for piece in kind.pieces
        }
        self.arrays = {
            name: own[number].reshape([lengths[axis] for axis in axes] or [1])
            for name, (number, axes) in self.parts.arrays.items()
        }
        self._trials, self.late = trials, None
        self.noise = (0, 0)  # seed, time steps drawn so far
        # which trial's noise every trial hears
        self.keys = np.arange(self._trials, dtype=np.uint32)
        self.lines = {
            name: DelayLine(self.arrays[signal]) for name, signal in self.parts.lines.items()
        }
        self.residuals = [own[number] for number in kind.residuals]

    def start(self, phase: str, population: str, trials: int) -> None:
        """Make the assignments with which a phase begins in a population."""
        self.evaluate(*self.parts.starts[phase, population])

    def refresh(self, population: str, trials: int) -> None:
        """Make the signals of a population those of its present state."""
        self.evaluate(*self.parts.refresh[population])

    def read(self, trials: int) -> None:
        """Evaluate the variables that no step needs."""
        self.evaluate(*(piece for piece, _ in self.parts.readouts))

    def evaluate(self, *pieces: Piece) -> None:
        """Run the code of some of the circuit's pieces, one after the other."""
        seed, now = self.noise
        given = dict(
            dt=self.arrays["clock.dt"].item(),  # Brian2 took it for constant
            _trials=self._trials,
            _normals=normals,
            _keys=self.keys,
            _seed=seed,
            _now=now,
            _late=self.late,
        )
        with np.errstate(all="ignore"):
            for piece in pieces:
                if piece.code is not None:
                    namespace = self._namespaces[piece]
                    namespace.update(given)
                    exec(piece.code, namespace)

    @flushed()
    def run(self, request: Request) -> Outcome:
        """Run a phase and return its Outcome."""
        self._trials = request.trials
        self.arrays["clock.dt"][:] = request.dt
        phase = _Phase(self, request)
        with ctrl_c_noted() as ctrl_c:
            try:
                while not phase.ended and not ctrl_c.pressed:
                    phase.step()
                phase.interrupted = bool(ctrl_c.pressed)
            except KeyboardInterrupt:  # of somebody who takes what is recorded
                phase.interrupted = True
        return phase.end()


class _Phase:
    """A phase that an engine runs, step by step."""

    def __init__(self, engine, request):
        self.engine, self.request, parts = engine, request, engine.parts
        self.lines = list(engine.lines.values())
        self.late = [
            line.begin(request.delays[name], request.dt, request.begin)
            for name, line in engine.lines.items()
        ]
        self._drives = [*parts.refresh["input"], *(parts.once[name] for name in request.once)]
        shows = request.frames is not None and request.frames.x is not None
        for name in request.once if not (request.held or shows) else ():
            engine.evaluate(parts.once[name])
        self.begin = request.begin + 1
        idle = {*request.once, *request.silent, *request.idle}
        self.steps = [s for s in engine.steps if parts.label(s) not in idle]
        residuals = parts.residuals
        # a residual is that before its step
        self.measured = [
            one for s in self.steps for one in (residuals.get(s.name), s) if one is not None
        ]
        self.accumulators = [
            a for name, a in parts.accumulators.items() if name in request.accumulate
        ]
        self.settled_at, self.samples = request.settled_since(), []
        self.done, self.ended = request.begin, request.steps <= request.begin
        self.diverged = self.interrupted = self.settled = False

    def step(self):
        """Make one time step, and look whether it was the last."""
        engine, request = self.engine, self.request
        self.done += 1
        self._show()
        engine.late = lambda number: self.lines[number].pass_through(self.done, *self.late[number])
        engine.noise = (engine.noise[0], engine.noise[1] + 1)
        measure = (
            self.done % request.measure_every == 0
            or self.done == (request.last or request.steps)
            or (request.largest is not None and self.done == 1)
        )
        engine.evaluate(*(self.measured if measure else self.steps), *self.accumulators)
        engine.arrays["clock.t"] += request.dt
        if request.frames is not None:
            request.frames.note(engine.arrays, self.done)
        if request.record_every and self.done % request.record_every == 0:
            self._sample()
        self.ended = self.done >= request.steps
        if measure:
            self.diverged, self.settled = self._judge()
            self.ended = self.ended or self.diverged or self.settled

    def _show(self):
        """Show input and target what they see in this step, and what the input drives."""
        frames, engine = self.request.frames, self.engine
        if frames is not None and frames.show(engine.arrays, self.done, self.done == self.begin):
            engine.evaluate(*self._drives)

    def end(self):
        """End the phase, and return its Outcome."""
        for line in self.lines:
            line.end(self.done)
        self.engine.read(self.request.trials)
        self._hand_over()
        signals = {name: self.engine.arrays[name] for name in self.engine.parts.signals}
        trials = self.request.trials
        bad = (name for name, a in signals.items() if not np.isfinite(a[:trials]).all())
        return Outcome(
            self.done,
            self.settled_at,
            self.diverged,
            self.interrupted,
            next(bad, None),
            self.settled,
        )

    def _sample(self):
        self.engine.read(self.request.trials)
        self.samples.append([array.ravel()[index].copy() for array, index in self.request.record])
        if len(self.samples) == rows(self.request):
            self._hand_over()

    def _hand_over(self):
        if self.samples:
            piece, self.samples = self.samples, []
            self.request.take([np.array(column) for column in zip(*piece)])

    def _judge(self):
        """Note which trials have settled, and return whether any has diverged and whether all have
        settled."""
        request, done = self.request, self.done
        worst = np.max(self.engine.residuals, axis=0)[: request.trials]
        tolerance = request.tolerance
        if request.largest is not None:
            np.maximum(request.largest, worst, out=request.largest)
            tolerance = np.maximum(tolerance * request.largest, request.floor)
        frames = request.frames
        changed = 0 if frames is None else max(frames.until - frames.before, 0)
        moves = done <= changed + request.unheard
        settled = (worst <= tolerance) & (not moves)
        self.settled_at[~settled] = -1
        self.settled_at[settled & (self.settled_at < 0)] = done
        quiet = settled & (done - self.settled_at >= request.quiet)
        return not np.isfinite(worst).all(), bool(quiet.all())
