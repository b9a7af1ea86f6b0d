"""The same phases, interpreted: for machines without a compiler, and to check the compiled loop."""

import numpy as np
from brian2.devices.device import RuntimeDevice

from .delay import DelayLine
from .denormals import flushed
from .engine import Outcome, rows
from .isolation import building, generated
from .noise import normals


class NumpyEngine:
    """The same phases, interpreted: for machines without a compiler, and to check the compiled
    loop."""

    parallel, alone = False, "NumPy interprets the circuit"

    def __init__(self, make, dtype):
        with building(RuntimeDevice(), dtype), np.errstate(over="ignore"):
            self.parts = make()
            in_step = set(map(id, self.parts.steps))
            self._steps = [obj for obj in generated(self.parts.objects) if id(obj) in in_step]
        self.arrays = {
            name: var.get_value().reshape(shape) for name, (var, shape) in self.parts.arrays.items()
        }
        self._trials, self._late = self.parts.trials, None
        self.noise = (0, 0)  # seed, time steps drawn so far
        # which trial's noise every trial hears
        self.keys = np.arange(self._trials, dtype=np.uint32)
        self.lines = {
            name: DelayLine(self.arrays[signal]) for name, signal in self.parts.lines.items()
        }
        self._residuals = [
            r.variables["residual"].get_value() for r in self.parts.residuals.values()
        ]

    def start(self, phase, population, trials):
        """Make the assignments with which a phase begins in a population."""
        self._run(self.parts.starts[phase, population])

    def refresh(self, population, trials):
        """Make the signals of a population those of its present state."""
        for runner in self.parts.refresh[population]:
            self._run(runner)

    def read(self, trials):
        """Evaluate the variables that no step needs."""
        for runner, _ in self.parts.readouts:
            self._run(runner)

    def _run(self, runner):
        seed, now = self.noise
        # Brian2 took dt for constant
        runner.codeobj.namespace.update(
            dt=self.arrays["clock.dt"].item(),
            _trials=self._trials,
            _normals=normals,
            _keys=self.keys,
            _seed=seed,
            _now=now,
            _late=self._late,
        )
        with np.errstate(all="ignore"):
            runner.codeobj()

    @flushed()
    def run(self, request):
        """Run a phase and return its Outcome."""
        self._trials = request.trials
        self.arrays["clock.dt"][:] = request.dt
        lines = list(self.lines.values())
        late = [
            line.begin(request.delays[name], request.dt, request.begin)
            for name, line in self.lines.items()
        ]
        for name in request.once if not request.held else ():
            self._run(self.parts.once[name])
        idle = {*request.once, *request.silent}
        steps = [
            (s, self.parts.residuals.get(s.name))
            for s in self._steps
            if self.parts.label(s) not in idle
        ]
        accumulators = [
            a for name, a in self.parts.accumulators.items() if name in request.accumulate
        ]
        settled_at, samples = np.full(request.trials, -1, np.int64), []
        done, diverged, over, interrupted = (
            request.begin,
            False,
            request.steps <= request.begin,
            False,
        )
        t = self.arrays["clock.t"]
        try:
            while not over:
                done += 1
                self._late = lambda number: lines[number].pass_through(done, *late[number])
                self.noise = (self.noise[0], self.noise[1] + 1)
                measure = (
                    done % request.measure_every == 0
                    or done == request.steps
                    or (request.largest is not None and done == 1)
                )
                for step, residual in steps:
                    if measure and residual is not None:
                        self._run(residual)
                    self._run(step)
                for accumulator in accumulators:
                    self._run(accumulator)
                t += request.dt
                if request.record_every and done % request.record_every == 0:
                    self.read(request.trials)
                    samples.append([array.ravel()[index].copy() for array, index in request.record])
                    if len(samples) == rows(request):
                        piece, samples = samples, []
                        request.take([np.array(column) for column in zip(*piece)])
                over = done >= request.steps
                if measure:
                    diverged, settled = self._judge(request, done, settled_at)
                    over = over or diverged or settled
        except KeyboardInterrupt:
            interrupted = True
        for line in lines:
            line.end(done)
        self.read(request.trials)
        if samples:
            request.take([np.array(column) for column in zip(*samples)])
        bad = (
            name
            for name in self.parts.signals
            if not np.isfinite(self.arrays[name][: request.trials]).all()
        )
        return Outcome(done, settled_at, diverged, interrupted, next(bad, None))

    def _judge(self, request, done, settled_at):
        """Note in `settled_at` which trials have settled, and return whether any has diverged and
        whether all have settled."""
        worst = np.max(self._residuals, axis=0)[: request.trials]
        tolerance = request.tolerance
        if request.largest is not None:
            np.maximum(request.largest, worst, out=request.largest)
            tolerance = np.maximum(tolerance * request.largest, request.floor)
        settled = worst <= tolerance
        settled_at[~settled] = -1
        settled_at[settled & (settled_at < 0)] = done
        return not np.isfinite(worst).all(), bool(
            (settled & (done - settled_at >= request.quiet)).all()
        )
