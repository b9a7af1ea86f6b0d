"""Batches that a compiled network is presented with in one call, for as long as nobody has to look
between them.

Where something out of the ordinary happens (a trial does not settle, a number is not finite, a layer
is silent, Ctrl-C), the call ends with the phase in which it did, and Python goes on from there: it
says what there is to say, and learns from that batch as `present` does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..data.coded import Coded
from ..engine.brian.compiled import ctrl_c_is_ours
from ..engine.brian.engine import Request
from ..engine.brian.looping import Line, Loop, Stage
from ..simulate.movie import Movie
from ..simulate.pacing import TRIALS
from ..simulate.phases import carried_on, request_of
from ..simulate.progress import Progress
from ..simulate.settling import PhaseResult
from .answer import Answer, answer_of
from .lengths import lengths_of
from .meanwhile import paced, paces_of
from .presenting import go_on
from .structures import Structures

if TYPE_CHECKING:
    from .learner import Learner


class Call:
    """One call of the loop: the structures that it works on."""

    def __init__(
        self,
        learner: Learner,
        x: np.ndarray | Coded,
        y: np.ndarray | Coded | None,
        phases: Sequence[str],
        rows: Sequence[np.ndarray],
        movie: Movie | None = None,
    ):
        self.learner, self.net, self.x, self.y, self.phases = learner, learner.net, x, y, phases
        self.movie = movie or Movie()  # room for the frames of a batch, where data move
        self.learns = y is not None
        self.rows = np.concatenate(rows).astype(np.int64)
        self.ends = np.cumsum([len(one) for one in rows]).astype(np.int64)
        net = self.net
        self.made = Structures(net)
        net.active, net.movie, net.progress = net.trials, self.movie, Progress()
        self.settled_at = np.zeros(net.trials, np.int64)
        self.largest, self.floor = np.zeros(net.trials), np.zeros(net.trials)
        self.taught = self.learner.taught()
        if self.learns:
            self.learner.lesion()
            for phase in phases:
                if self.movie.x is not None:
                    self.taught.lessons[phase].room()
                for lesson in (self.taught.lessons[phase], *self.taught.paced[phase].values()):
                    lesson.update()
        self.lengths = lengths_of(learner, phases)
        self.begun = {
            state: np.empty((min(TRIALS, net.trials), net.arrays[state].shape[1]), net.dtype)
            for state in net.time_constants()
        }
        self.requests: dict[str, Request] = {}
        self.paces: dict = {}
        self.intervals: dict[str, dict] = {}  # in time steps, of what is learned while phases run
        stages: list = []
        for phase in phases:
            stages.append(self._stage(phase, stages))
        self.stages = (Stage * len(stages))(*stages)
        self.loop = self._loop()

    def _lines(self):
        """Return delayed signals, whose rings are of the time step that all phases have."""
        self.rings, made = {}, []
        request = self.requests[self.phases[0]]
        for name, line in self.net.engine.lines.items():
            line.reset()
            whole, part = line.begin(request.delays[name], request.dt)
            ring = self.rings[name] = line.ring
            size = line.signal.size
            made.append(
                Line(line.signal.ctypes.data, ring.ctypes.data, len(ring), size, whole, part)
            )
        return self.made.array(Line, made)

    def _request(self, phase):
        length = self.lengths[phase]
        with self.net.pace.paced(length.taus):
            request = request_of(self.net, phase, length)
        self.intervals[phase] = {}
        if self.learns:
            self.learner.forget(phase)
            self.intervals[phase] = paces_of(self.learner, phase, request.dt)
            request = paced(request, self.intervals[phase])
        if request.largest is not None:
            request = replace(request, largest=self.largest, floor=self.floor)
        return request

    def _stage(self, phase, before):
        net, engine, length = self.net, self.net.engine, self.lengths[phase]
        on = net.rule.phase(phase).on
        request = self.requests[phase] = self._request(phase)
        job, keep = engine.job(
            request, settled_at=self.settled_at.ctypes.data, interruptible=ctrl_c_is_ours()
        )
        self.made.keep.append(keep)
        once = engine.drives(request.once)
        gates = {gate: gate in on for gate in net.rule.gates}
        last = self.phases[len(before) - 1] if before else None
        lesson = self.taught.lessons[phase] if self.learns and self.learner.plastic[phase] else None
        stage = Stage(
            job=job,
            dt=request.dt,
            holds=last is not None
            and all((gate in on) == (gate in net.rule.phase(last).on) for gate in net.gating_input),
            noisy=phase in net.phases_with_noise,
            most_steps=self.learner.trial.most_steps(phase) if self.learns else -1.0,
            looks=self.learns and self.learner.silence.looks_after(phase),
            lesson=ctypes.addressof(lesson.structure) if lesson else None,
            gathers=bool(lesson) and lesson.gathers and self.movie.x is not None,
            frames=job.frames,
        )
        stage.n_paces, stage.paces = self._paces(phase)
        own = {name: net.parameters[name] for name in length.taus}
        stage.n_gates, stage.gates = self.made.settings(gates)
        stage.n_taus, stage.taus = self.made.settings(length.taus)
        stage.n_taus, stage.own = self.made.settings(own)
        stage.n_starts, stage.starts = self.made.numbers(engine.starts(phase))
        stage.n_once, stage.once = self.made.numbers(
            [*engine.refreshes("input"), *once] if once else []
        )
        stage.n_silent, stage.silent = self.made.blocks(
            [net.arrays[name] for name in request.silent]
        )
        return stage

    def _paces(self, phase):
        """Return what is learned while a phase runs."""
        if not (paces := self.intervals[phase]):
            return 0, None
        self.paces[phase] = self.made.paces(self.taught.paced[phase], paces)
        return len(paces), ctypes.addressof(self.paces[phase])

    def _shown(self, label, frames):
        """Return where what a batch is shown goes, and how many numbers that are per trial."""
        if frames is not None:
            return frames.ctypes.data, frames[0].size
        array = self.net.arrays.get(label)
        return (None, 0) if array is None else (array.ctypes.data, array.shape[1])

    def _loop(self):
        net, memory = self.net, self.net.memory
        shown = self.requests[self.phases[0]].frames
        answer = net.arrays["output.r"] if shown is None else shown.answers
        self.output = np.empty((len(self.rows), *answer.shape[1:]), net.dtype)
        self.steps, self.paced = (np.zeros(len(self.ends), np.int64) for _ in range(2))
        hidden = [f"{u.name}.r" for u in net.circuit.units if u.kind == "hidden"]
        loop = Loop(
            **net.engine.addresses,
            seed=net.noise[0],
            dt=net.arrays["clock.dt"].ctypes.data,
            trials=net.trials,
            first_trials=min(TRIALS, net.trials),
            n_stages=len(self.stages),
            stages=ctypes.addressof(self.stages),
            x=self.made.data(self.x),
            y=self.made.data(self.y),
            rows=self.rows.ctypes.data,
            ends=self.ends.ctypes.data,
            updates=len(self.ends),
            answer=answer.ctypes.data,
            answer_size=answer[0].size,
            answers=self.output.ctypes.data,
            steps=self.steps.ctypes.data,
            paced=self.paced.ctypes.data,
            floor=self.floor.ctypes.data,
        )
        loop.input, loop.n_in = self._shown("input.r", self.movie.x)
        loop.target, loop.n_out = self._shown("output.target", self.movie.y)
        loop.n_lines, loop.lines = self._lines()
        loop.n_passing, loop.passing = self.made.blocks(memory.passing)
        loop.n_refresh, loop.refresh = self.made.numbers(net.engine.refreshes(*net.populations))
        loop.n_summed, loop.summed = self.made.blocks(memory.summed)
        loop.n_residuals, loop.residuals = self.made.blocks([*memory.residuals.values()])
        loop.n_states, loop.states = self.made.states(net.time_constants(), self.begun)
        loop.n_hidden, loop.hidden = self.made.states([r for r in hidden if r in net.arrays])
        return loop

    # what comes of it -----------------------------------------------------------------------------

    def run(self) -> bool:
        """Run the loop, take note of what it did, and return whether it ended early."""
        stopped = bool(self.taught.library.loop(ctypes.byref(self.loop)))
        done, phases = self.loop.done, self.phases
        for name, ring in self.rings.items():
            dt = self.requests[phases[0]].dt
            self.net.engine.lines[name].went_on(ring, dt, self.loop.sent)
        trials = np.diff([0, *self.ends]).tolist()
        for k in range(done):
            self._note(phases, trials[k], k)
        self.net.active = n = trials[done if stopped else -1]
        self.net.movie = self.movie.of_first(n)
        self._note_paces()
        progress = self.net.progress = Progress()
        progress.begin(phases[self.loop.stage if stopped else -1], False)
        progress.mixed = not self.learns and self.net.movie.input_moves
        if stopped:
            self._note(phases[: self.loop.stage], 0, done)
        elif self.learns and self.learner.plastic[phases[-1]]:
            self.net.learned(phases[-1])
        if not stopped:
            progress.seconds = self.loop.job.done * self.requests[phases[-1]].dt
        self.net.synapses.unchanged = False
        return stopped

    def _note_paces(self):
        """Take note of what was learned while phases ran."""
        for phase, paces in self.paces.items():
            for pace, lesson in zip(paces, self.taught.paced[phase].values()):
                lesson.learned(0, pace.times)

    def _note(self, phases, trials, batch):
        """Take note that these phases of a batch have run, and taught."""
        learner = self.learner
        if not self.learns:
            return
        if batch:
            learner.lesion()  # as it begins: what is cut stays so, its counts move on
        learner.updates += int(self.paced[batch])
        for phase in phases:
            learner.trial.passed(phase)
            if learner.plastic[phase]:
                learner.updates += 1
                self.taught.lessons[phase].learned(0)
        learner.trials += trials
        if trials:
            learner.silence.heard_all()

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
        phase = self.phases[stage]
        results = [self._fine(one) for one in self.phases[:stage]]
        request = self.requests[phase].of_first(net.active)
        outcome = net.engine.outcome(self.loop.job, self.loop.overflowed)
        if self.stages[stage].most_steps >= 0:
            learner.trial.came_from(
                {name: array[: net.active].astype(float) for name, array in self.begun.items()}
            )
        with net.synapses.undisturbed():
            drawn = net.noise
            ended = carried_on(net, phase, self.lengths[phase], request, outcome)
            if phase not in net.phases_with_noise:
                net.noise = drawn
            results.append(net.ended(phase, *ended))
        if self.learns:
            go_on(learner, results)
            learner.trials += net.active
        found = answer_of(results)
        earlier = int(self.steps[self.loop.done]) - self.loop.job.done
        return replace(found, steps=found.steps + earlier)

    def _fine(self, phase):
        """Return what matters of the PhaseResult of a phase that ended as it should."""
        trials, request = self.net.active, self.requests[phase]
        first = self.ends[self.loop.done] - trials
        judged = request.tolerance >= 0
        output = self.output[first : first + trials]
        return PhaseResult(
            phase,
            request.dt,
            0,  # those of the batch are counted
            np.zeros(trials),
            np.full(trials, 0.0 if judged else np.nan),
            output if request.frames is None else output[:, -1],
            request.tolerance if judged else None,
            None if request.frames is None else output,
        )
