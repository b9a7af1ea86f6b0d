"""Batches that a compiled network is presented with in one call, for as long as nobody has to look
between them.

Where something out of the ordinary happens (a trial does not settle, a number is not finite, a layer
is silent, Ctrl-C), the call ends with the phase in which it did, and Python goes on from there: it
says what there is to say, and learns from that batch as `present` does.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..base.files import uninterrupted
from ..engine.brian.compiled import ctrl_c_is_ours
from ..engine.brian.looping import Block, Loop, Setting, Stage, State, Type
from ..simulate.network import Network
from ..simulate.pacing import TRIALS
from ..simulate.phases import carried_on, length_of, request_of, windows
from ..simulate.progress import Progress
from ..simulate.settling import PhaseResult
from ..simulate.trial import Trial
from .learner import Learner, present

if TYPE_CHECKING:
    from ..data.recorder import Recorder

TYPES = {"float64": Type.DOUBLE, "float32": Type.FLOAT, "uint8": Type.BYTE}
SECONDS = 0.1  # that a call should last at most: progress is shown, and Ctrl-C heard, in between
FIRST = 4  # batches of the first call, of which it is not known how long they last


@dataclass(frozen=True)
class Answer:
    """What came of a batch."""

    output: np.ndarray  # (trials, units): its rates when the first phase has ended
    unsettled: np.ndarray | None  # (trials,): in some phase; None, where none was to settle
    steps: int  # of all phases


def answer_of(results: Sequence[PhaseResult]) -> Answer:
    """Return the Answer that the results of all phases are."""
    judged = any(result.judged for result in results)
    unsettled = np.any([result.unsettled for result in results], axis=0)
    steps = sum(result.steps for result in results)
    return Answer(results[0].output, unsettled if judged else None, steps)


def needs_python(net: Network) -> str | None:
    """Return why no batch of a network can be presented without Python, or None."""
    if net.target != "cpp":
        return "it is interpreted"
    if net.engine.lines:
        return "the rings of delayed signals are laid out anew in every phase"
    if windows(net):
        return "a phase with a window is run in parts"
    if net.synapses.times():
        return "a lesion comes and goes with the time of every trial"
    return None


def needs_numpy(net: Network) -> str | None:
    """Return why weights cannot be learned without NumPy, or None."""
    if net.synapses.keeps() is None:
        return "weights are drawn, rounded or projected by NumPy after every update"
    return None


class Batches:
    """The samples `x` (samples, inputs), and targets `y` (samples, outputs) or None, that a learner
    is presented with, batch after batch.

    With a `y` it learns; without, only the first phase is run.
    """

    def __init__(self, learner: Learner, x: np.ndarray, y: np.ndarray | None = None):
        self.learner, self.net, self.x, self.y = learner, learner.net, x, y
        self.phases = [phase.name for phase in self.net.rule.phases][: None if y is not None else 1]
        self._seconds = SECONDS / FIRST  # that a batch lasts
        given = [x] if y is None else [x, y]
        self.possible = needs_python(self.net) is None and all(map(self._fits, given))

    def _fits(self, data):
        """Whether the loop can read data: other types, and what the precision does not hold, are
        the business of `Network.stimulus`."""
        if data.dtype.name not in TYPES or not data.flags.c_contiguous:
            return False
        return data.dtype.itemsize <= self.net.dtype.itemsize or bool(
            np.abs(data).max(initial=0) < np.finfo(self.net.dtype).max
        )

    def many(self, batches: Sequence[np.ndarray]) -> int:
        """Return how many of the `batches` can be presented before Python must look, 0 if it must
        during the first."""
        if not self.possible or not self.net.noise_is_its_own:
            return 0
        if self.y is None and not self.learner.has_taught:
            return 0  # to compile for a test alone would take longer
        n = min(len(batches), self.learner.trial.known(self.phases))
        if self.y is not None and n:
            if needs_numpy(self.net):
                return 0
            updates = sum(bool(self.learner.plastic[phase]) for phase in self.phases)
            n = min(n, self.net.synapses.until_a_lesion(updates, len(batches[0])))
        return min(n, max(1, int(SECONDS / self._seconds)))

    def all(self, batches: Iterable[np.ndarray]) -> Iterator[Answer]:
        """Present batches, each the numbers of its samples, and yield their Answers."""
        left = [*batches]
        while left:
            found = self.answers(left)
            yield from found
            left = left[len(found) :]

    def answers(
        self, batches: Sequence[np.ndarray], record: Recorder | None = None
    ) -> list[Answer]:
        """Present the first of these batches, as many as can be in one call, and return their
        Answers: at least one."""
        n = self.many(batches) if record is None else 0
        return self.present(batches[:n]) if n else [self.by_python(batches[0], record)]

    def by_python(self, batch: np.ndarray, record: Recorder | None = None) -> Answer:
        """Present one batch, phase by phase."""
        if self.y is not None:
            return answer_of(present(self.learner, self.x[batch], self.y[batch], record=record))
        self.net.reset()
        self.net.stimulus(self.x[batch])
        [first] = self.phases
        return answer_of([self.net.run(first, self.learner.trial.length(self.net, first))])

    def present(self, batches: Sequence[np.ndarray]) -> list[Answer]:
        """Present batches, each the numbers of its samples, no more of them than `many` says; return
        their Answers, fewer where the loop ended early."""
        began = time.perf_counter()
        call = _Call(self, batches)
        with uninterrupted():
            stopped = call.run()
            answers = call.answers()
        if stopped:
            answers.append(call.python())
        self._seconds = (time.perf_counter() - began) / len(answers)
        return answers


class _Call:
    """One call of the loop: the structures that it works on."""

    def __init__(self, batches, rows):
        self.batches, self.net, self.learner = batches, batches.net, batches.learner
        self.learns = batches.y is not None
        self.rows = np.concatenate(rows).astype(np.int64)
        self.ends = np.cumsum([len(one) for one in rows]).astype(np.int64)
        net, self.keep = batches.net, []
        net.active = len(rows[0])
        self.settled_at = np.zeros(net.trials, np.int64)
        self.largest, self.floor = np.zeros(net.trials), np.zeros(net.trials)
        self.taught = self.learner.taught()
        if self.learns:
            self.learner.lesion()
            for phase in batches.phases:
                self.taught.lessons[phase].update()
        lengths = {phase: self.learner.trial.length(net, phase) for phase in batches.phases}
        self.lengths = {
            phase: length_of(net, phase, Trial(default=length)[phase])
            for phase, length in lengths.items()
        }
        self.begun = {
            state: np.empty((min(TRIALS, net.trials), net.arrays[state].shape[1]), net.dtype)
            for state in net.time_constants()
        }
        self.requests, stages = {}, []
        for phase in batches.phases:
            stages.append(self._stage(phase, stages))
        self.stages = (Stage * len(stages))(*stages)
        self.loop = self._loop()

    # structures ------------------------------------------------------------------------------------

    def _array(self, kind, values):
        """Return (number, address) of an array of structures that lives as long as this call."""
        self.keep.append((kind * len(values))(*values))
        return len(values), ctypes.addressof(self.keep[-1])

    def _numbers(self, values):
        return self._array(ctypes.c_int32, values)

    def _blocks(self, arrays):
        return self._array(Block, [Block(array.ctypes.data, array.nbytes) for array in arrays])

    def _settings(self, values):
        """Return parameters and gates, `{name: value}`, as settings of all arrays that hold
        them."""
        return self._array(
            Setting,
            [
                Setting(array.ctypes.data, float(value))
                for name, value in values.items()
                for array in self.net.pace.places.get(name, ())
            ],
        )

    def _states(self, labels, begun=None):
        arrays = {label: self.net.arrays[label] for label in labels}
        return self._array(
            State,
            [
                State(
                    array.ctypes.data, array.shape[1], begun[label].ctypes.data if begun else None
                )
                for label, array in arrays.items()
            ],
        )

    def _stage(self, phase, before):
        net, engine, length = self.net, self.net.engine, self.lengths[phase]
        on = net.rule.phase(phase).on
        with net.pace.paced(length.taus):
            request = request_of(net, phase, length)
        if request.largest is not None:
            request = replace(request, largest=self.largest, floor=self.floor)
        self.requests[phase] = request
        job, keep = engine.job(
            request, settled_at=self.settled_at.ctypes.data, interruptible=ctrl_c_is_ours()
        )
        self.keep.append(keep)
        once = engine.drives(request.once)
        gates = {gate: gate in on for gate in net.rule.gates}
        last = self.batches.phases[len(before) - 1] if before else None
        lesson = self.taught.lessons[phase] if self.learns and self.learner.plastic[phase] else None
        stage = Stage(
            job=job,
            dt=request.dt,
            holds=last is not None
            and all((gate in on) == (gate in net.rule.phase(last).on) for gate in net.gating_input),
            noisy=phase in net.phases_with_noise,
            most_steps=self.learner.trial.most_steps(phase) if self.learns else -1.0,
            looks=self.learns and self.learner.looks_for_silence(phase),
            lesson=ctypes.addressof(lesson.structure) if lesson else None,
        )
        own = {name: net.parameters[name] for name in length.taus}
        stage.n_gates, stage.gates = self._settings(gates)
        stage.n_taus, stage.taus = self._settings(length.taus)
        stage.n_taus, stage.own = self._settings(own)
        stage.n_starts, stage.starts = self._numbers(engine.starts(phase))
        stage.n_once, stage.once = self._numbers(
            [*engine.refreshes("input"), *once] if once else []
        )
        stage.n_silent, stage.silent = self._blocks([net.arrays[name] for name in request.silent])
        return stage

    def _loop(self):
        net, memory = self.net, self.net.memory
        output = net.arrays["output.r"]
        self.output = np.empty((len(self.rows), net.sizes[-1]), net.dtype)
        self.steps = np.zeros(len(self.ends), np.int64)
        hidden = [f"{u.name}.r" for u in net.circuit.units if u.kind == "hidden"]
        y = self.batches.y
        loop = Loop(
            **net.engine.addresses,
            seed=net.noise[0],
            dt=net.arrays["clock.dt"].ctypes.data,
            trials=net.trials,
            first_trials=min(TRIALS, net.trials),
            n_stages=len(self.stages),
            stages=ctypes.addressof(self.stages),
            input=net.arrays["input.r"].ctypes.data,
            target=net.arrays["output.target"].ctypes.data
            if "output.target" in net.arrays
            else None,
            n_in=net.sizes[0],
            n_out=net.sizes[-1],
            x=self.batches.x.ctypes.data,
            x_type=TYPES[self.batches.x.dtype.name],
            y=None if y is None else y.ctypes.data,
            y_type=0 if y is None else TYPES[y.dtype.name],
            rows=self.rows.ctypes.data,
            ends=self.ends.ctypes.data,
            updates=len(self.ends),
            output=output.ctypes.data,
            answers=self.output.ctypes.data,
            steps=self.steps.ctypes.data,
            floor=self.floor.ctypes.data,
        )
        loop.n_passing, loop.passing = self._blocks(memory.passing)
        loop.n_refresh, loop.refresh = self._numbers(net.engine.refreshes(*net.populations))
        loop.n_summed, loop.summed = self._blocks(memory.summed)
        loop.n_residuals, loop.residuals = self._blocks([*memory.residuals.values()])
        loop.n_states, loop.states = self._states(net.time_constants(), self.begun)
        loop.n_hidden, loop.hidden = self._states([r for r in hidden if r in net.arrays])
        return loop

    # what comes of it -----------------------------------------------------------------------------

    def run(self) -> bool:
        """Run the loop, take note of what it did, and return whether it ended early."""
        stopped = bool(self.taught.library.loop(ctypes.byref(self.loop)))
        done, phases = self.loop.done, self.batches.phases
        trials = np.diff([0, *self.ends]).tolist()
        for k in range(done):
            self._note(phases, trials[k], first=k == 0)
        self.net.active = trials[done if stopped else -1]
        self.net.progress = Progress()
        self.net.progress.begin(phases[self.loop.stage if stopped else -1], False)
        if stopped:
            self._note(phases[: self.loop.stage], 0, first=done == 0)
        elif self.learns and self.learner.plastic[phases[-1]]:
            self.net.learned(phases[-1])
        self.net.synapses.unchanged = False
        return stopped

    def _note(self, phases, trials, first):
        """Take note that these phases of a batch have run, and taught."""
        learner = self.learner
        if not self.learns:
            return
        if not first:
            learner.lesion()  # as it begins: what is cut stays so, its counts move on
        for phase in phases:
            learner.trial.passed(phase)
            if learner.plastic[phase]:
                learner.updates += 1
                self.taught.lessons[phase].learned(0)
        learner.trials += trials
        if trials:
            learner.heard_all()

    def answers(self) -> list[Answer]:
        """Return the Answers of the batches that are complete."""
        judged = any(request.tolerance >= 0 for request in self.requests.values())
        starts = [0, *self.ends]
        return [
            Answer(self.output[start:end], np.zeros(end - start, bool) if judged else None, steps)
            for start, end, steps in zip(starts[: self.loop.done], starts[1:], self.steps.tolist())
        ]

    def python(self) -> Answer:
        """Go on with the batch in which the loop ended, and return its Answer."""
        net, learner, stage = self.net, self.learner, self.loop.stage
        phase = self.batches.phases[stage]
        results = [self._fine(one) for one in self.batches.phases[:stage]]
        request = self.requests[phase]
        if request.largest is not None:
            largest, floor = self.largest[: net.active].copy(), self.floor[: net.active].copy()
            request = replace(request, largest=largest, floor=floor)
        request = replace(request, trials=net.active)
        outcome = net.engine.outcome(self.loop.job, self.loop.overflowed)
        if self.stages[stage].most_steps >= 0:
            learner.trial.came_from(
                {name: array[: net.active].astype(float) for name, array in self.begun.items()}
            )
        with net.synapses.undisturbed():
            ended = carried_on(net, phase, self.lengths[phase], request, outcome)
            results.append(net.ended(phase, *ended))
        if self.learns:
            learner.go_on(results)
            learner.trials += net.active
        found = answer_of(results)
        earlier = int(self.steps[self.loop.done]) - self.loop.job.done
        return replace(found, steps=found.steps + earlier)

    def _fine(self, phase):
        """Return what matters of the PhaseResult of a phase that ended as it should."""
        trials, request = self.net.active, self.requests[phase]
        first = self.ends[self.loop.done] - trials
        judged = request.tolerance >= 0
        return PhaseResult(
            phase,
            request.dt,
            0,  # those of the batch are counted
            np.zeros(trials),
            np.full(trials, 0.0 if judged else np.nan),
            self.output[first : first + trials],
            request.tolerance if judged else None,
        )
