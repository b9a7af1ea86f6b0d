"""A circuit that runs: populations and synapse groups of a rule, for K trials in parallel.

One long class, since it is what users hold: what each method says is done in the modules beside.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self

import numpy as np
import numpy.typing as npt
from brian2 import Quantity

from ..base import stored
from ..base.arguments import (
    LARGEST,
    able,
    batch,
    kind,
    not_of_brian2,
    numbers,
    one_of,
    seed_of,
    whole,
)
from ..base.errors import TWO_NETWORKS, CompileError, NetworkError, warn
from ..base.frames import Frame
from ..circuit.plan import plan
from ..circuit.slots import Role, Slot
from ..engine.brian.engine import Outcome, Request
from ..engine.resources import check_memory, choose_target, choose_threads
from ..rules.activations import Activation, Activations
from ..rules.costs import CHOOSABLE, COSTS
from ..rules.costs import cost as cost_named
from ..rules.rule import LearningRule
from .engines import activations_of, engine_of
from .memory import Memory
from .movie import Movie
from .noise import Noise
from .pace import Pace
from .phases import Meanwhile, length_of, run_phase
from .progress import Progress
from .settling import PhaseResult, judge, overflowed
from .state import RESTORED, loaded_network, made, saved_network
from .synapses import Weights
from .trial import Length, Trial


class Network:
    """A circuit of rate neurons under a learning rule.

    `net["W1"]` is the weight matrix (post, pre) of a synapse group, `net["W1.bias"]` its bias,
    `net["hidden1.v"]` a variable of all trials and units (trials, units). They are views of the
    simulator's memory; assigning to them sets it.

    A line without a right-hand side, `I_ext : 1` or `tau_i : second`, is a parameter of every unit:
    `net["hidden1.I_ext"] = values`, one number, (units,) or (trials, units), with a unit where it
    has one. It is 0 until it is set, and then stays, as the rule's parameters do; states, rates and
    drives start anew with every trial. `net.unit_parameters` lists these parameters.

    Parameters
    ----------
    sizes
        Units per layer, input first.
    rule
        LearningRule
    trials
        K, how many trials run in parallel and share the weights.
    activation, output_activation
        Names in neurofa.activations, or an Activation of your own; of the hidden layers (a list: one for
        each, first one first, with the populations that stand beside that layer, unless the rule says which these have), and of
        the output.
    cost
        "squared", "cross_entropy" or "binary_cross_entropy": what `dcost` is the gradient of. By default, that of the task that
        the network is trained on, and squared until then.
    dtype
        "float64" or "float32".
    seed
        Of the initial weights.
    target
        "cpp", or "numpy", which needs no compiler and is slow. By default the first if there is a compiler.
    threads
        How many threads share the trials; no more than this process has cores.

    Raises
    ------
    NetworkError, RuleError, CompileError

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> net["W1"].shape, net["B2"].shape
    ((3, 4), (3, 2))
    >>> net.populations
    ('input', 'hidden1', 'output')
    >>> net.set(eta=0.3)
    >>> float(net.parameters["eta"])
    0.3
    """

    def __new__(cls, *given, **options):
        not_of_brian2(given)
        return super().__new__(cls)

    def __iter__(self) -> NoReturn:
        raise NetworkError(
            f"A network is no sequence; what it holds is listed by `probeable`. {TWO_NETWORKS}"
        )

    def __init__(
        self,
        sizes: Iterable[int],
        rule: LearningRule,
        trials: int = 1,
        *,
        activation: Activations = "tanh",
        output_activation: str | Activation = "linear",
        cost: str | None = None,
        dtype: str = "float64",
        seed: int = 0,
        target: str | None = None,
        threads: int = 1,
    ):
        self.rule = kind(
            "rule",
            rule,
            LearningRule,
            "a LearningRule: the RULE of a model, such as neurofa.models.fa.RULE",
        )
        self.trials, self.threads = whole("trials", trials), choose_threads(threads)
        self._told_cost = cost is not None
        self.cost = cost_named("squared" if cost is None else cost)
        self.dtype = np.dtype(one_of("dtype", dtype, ("float64", "float32"), noun="type"))
        self.target = choose_target(target)
        self.circuit = plan(sizes, rule, self.cost if self._told_cost else CHOOSABLE)
        self.sizes = self.circuit.sizes
        # they are compiled
        self.activations, given = activations_of(self.circuit, activation, output_activation)
        self.active, self.progress, self.movie = self.trials, Progress(), Movie()
        if self.cost.name == "cross_entropy" and self.sizes[-1] == 1:
            raise NetworkError(
                "cost = 'cross_entropy': the softmax of a single output is always 1. Use 'binary_cross_entropy'."
            )
        self._make_engine(or_numpy=target is None)
        self.memory = Memory(self.circuit, self.engine.arrays)
        self.pace = Pace(self.circuit, self.engine.arrays, self.dtype)
        self._noise = Noise(self.circuit, self.engine)
        self.set(**rule.all_parameters)
        self._choose_cost()
        self.given = given | dict(cost=cost, target=target)
        self.synapses = Weights(self)
        if seed is not RESTORED:
            self.randomise(seed)

    def _make_engine(self, or_numpy):
        """Make the engine, if need be another one than was hoped for."""
        try:
            self._build()
        except CompileError as problem:
            if not or_numpy:
                raise
            warn(
                f"{problem} The circuit is interpreted by NumPy, which is correct but many times slower."
            )
            self.target = "numpy"
            self._build()

    def _build(self):
        widest = max(units.size for units in self.circuit.units)
        if widest * self.trials > LARGEST:
            raise NetworkError(
                f"A layer of {widest} units in {self.trials} trials is more than {LARGEST} units, and Brian2 counts no further. "
                "Use fewer trials."
            )
        check_memory(self.circuit.slots.values(), self.trials, self.dtype.itemsize)
        self.engine = engine_of(
            self.circuit, self.trials, self.activations, self.target, self.dtype
        )
        if self.threads > 1 and not self.engine.parallel:
            warn(f"threads = {self.threads}, but one does all the work: {self.engine.alone}.")
            self.threads = 1

    # what there is --------------------------------------------------------------------------------

    @property
    def populations(self) -> tuple[str, ...]:
        """The names of all populations, input first."""
        return tuple(u.name for u in self.circuit.units)

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of all synapse groups."""
        return tuple(g.name for g in self.circuit.groups)

    @property
    def probeable(self) -> tuple[str, ...]:
        """The names of everything that can be read or recorded, as neurofa/simulate/probes.py
        explains them."""
        return tuple(label for label, slot in self.slots.items() if slot.probeable)

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """All arrays of the simulation by name, those that are not probeable too."""
        return self.memory.arrays

    @property
    def slots(self) -> Mapping[str, Slot]:
        """`{name: Slot}`: what there is to know of every array, those that living Learners keep
        among them."""
        return self.memory.slots

    @property
    def noisy_phases(self) -> tuple[str, ...]:
        """The names of the phases in which noise reaches a state, so that the circuit does not
        settle."""
        return self._noise.phases

    @property
    def phases_with_noise(self) -> tuple[str, ...]:
        """The same, whether noise is switched off at the moment or not."""
        return tuple(phase for phase, reached in self._noise.states.items() if reached)

    @property
    def noise_is_its_own(self) -> bool:
        """Whether every trial hears its own noise: no other's, and not none."""
        return self._noise.hearing is None and self._noise.on

    @property
    def silent_noise(self) -> dict[str, tuple[str, ...]]:
        """The noises that need not be drawn in a phase, because the gates keep them out: `{phase:
        names}`."""
        return self._noise.silent

    def warn_of_noise(self, phase: str, dt: float) -> None:
        """Warn, once, if `dt` is near the time constant of a noise in a phase."""
        self._noise.warn_of_dt(phase, dt, self.time_constants())

    @property
    def noise(self) -> tuple[int, int]:
        """(seed, time steps drawn so far) of all white noise; assigning it repeats, or resumes, a
        sequence."""
        return self._noise.position

    @noise.setter
    def noise(self, state: Sequence[int]) -> None:
        self._noise.position = state

    @contextmanager
    def noise_of(self, trials: Iterable[int], since: tuple[int, int]) -> Iterator[Self]:
        """Let trials hear, one by one, the noise that these `trials` of a batch heard, within a
        `with` statement.

        `since` is what `net.noise` was before that batch. It may have run in another network of the
        same rule, sizes and seed, or in this one. The sequence of the noise stays as it was. Raises
        NetworkError.
        """
        with self._noise.of(trials, since, self.trials):
            yield self

    @contextmanager
    def without_noise(self) -> Iterator[Self]:
        """Let phases run as if no noise were there, within a `with` statement: they settle, or not,
        and are judged as others are.

        White noise is zero, and noise that has a state of its own fades from where it is. The
        sequence of the noise stays as it was.
        """
        with self._noise.off():
            yield self

    def kink(self, population: str) -> str | None:
        """Return the name of the activation whose slope jumps at 0, where the equations of a
        population use that slope; or None."""
        activation = self.activation_of(population)
        below, above = activation.dphi(np.array([-1e-9, 1e-9]))
        used = any(
            "dphi" in e.identifiers for e in self.circuit.texts[population].equations.values()
        )
        return activation.name if used and abs(above - below) > 1e-3 else None

    def unit(self, name: str) -> str:
        """Return the unit of a variable as text, "1" if it has none."""
        return self.slots[name].unit_text

    def attach(self, keeper: object, arrays: list[tuple[Slot, np.ndarray]]) -> None:
        """Make what a `keeper` keeps of the synapses, [(Slot, array)], probeable for as long as it
        lives.

        Of several that keep the same, the one that came first has the name; the others' are
        numbered.
        """
        self.memory.attach(keeper, arrays)

    def variables(self, population: str) -> dict[str, Any]:
        """Return `{name: array (active trials, units)}` of one population, and its `phi` and
        `dphi`."""
        activation = self.activation_of(population)
        own = {name: array[: self.active] for name, array in self.memory.of_populations[population]}
        return own | {"phi": activation.phi, "dphi": activation.dphi}

    def activation_of(self, population: str) -> Activation:
        """Return the Activation of a population: that of the layer that it is, or stands beside, or
        what the rule says."""
        return self.activations[population]

    @property
    def equations(self) -> str:
        """The rule's text as its author wrote it, with parameters and reference."""
        of_rule = {n: v for n, v in self.parameters.items() if n in self.rule.parameters}
        of_pathways = [f"{n} = {v}" for n, v in self.parameters.items() if n not in of_rule]
        return "\n".join([str(self.rule.but(parameters=of_rule)), *of_pathways])

    @property
    def parameters(self) -> Mapping[str, Quantity | float]:
        """The present value of every parameter."""
        return MappingProxyType(self.pace.parameters)

    @cached_property
    def unit_parameters(self) -> tuple[str, ...]:
        """The names of the parameters that every unit and trial has of its own, lines such as
        "I_ext : 1" of the rule's text."""
        return self.memory.labels(Role.UNIT_PARAMETER)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.memory.found(name)[1]

    def __setitem__(self, name: str, values: npt.ArrayLike) -> None:
        slot, array = self.memory.found(name)
        values = self.memory.fitting(name, values)
        if slot.role == Role.WEIGHT:
            self.synapses.check(slot.owner, np.broadcast_to(values, array.shape))
        array[...] = values
        if slot.role == Role.WEIGHT:
            self.synapses.assigned(slot.owner)

    def put(self, name: str, values: npt.ArrayLike) -> None:
        """Set an array as `net[name] = values` does, whatever structure the synapses have: for what
        knows it, or brings it along."""
        self.memory.put(name, values)

    # what can be set ------------------------------------------------------------------------------

    def set(self, **parameters: Quantity | float) -> None:
        """Set parameters of the rule, with their units, in all populations. Raises NetworkError for
        an unknown one."""
        self.pace.set(parameters)

    def take_cost(self, name: str) -> bool:
        """Learn with this cost from now on, that of a task, if the network was told none; return
        whether its cost is this one."""
        if not self._told_cost:
            self.cost = cost_named(name)
            self._choose_cost()
        return self.cost.name == name

    def _choose_cost(self):
        for one in COSTS.values():
            self.pace.everywhere(one.choice, float(one.name == self.cost.name))

    @cached_property
    def gating_input(self) -> list[str]:
        """The gates that what the input sends depends on."""
        used = {
            name
            for equation in self.circuit.texts["input"].equations.values()
            for name in equation.identifiers
        }
        return [gate for gate in self.rule.gates if gate in used]

    def randomise(self, seed: int) -> None:
        """Draw all weights anew from `seed`, set biases to zero, and start the noise anew."""
        self.seed = seed_of("seed", seed)
        self.noise = (self.seed, 0)
        self.synapses.draw(self.seed)

    def reset(self) -> None:
        """Put the circuit to rest: time, states and drives are zero, rates are phi(0). Weights
        stay."""
        self.synapses.cut(seconds=0.0)
        self.progress = Progress()
        for array in self.memory.passing:
            array[...] = 0
        for population in self.populations:
            self.engine.refresh(population, self.trials)
        for line in self.engine.lines.values():
            line.reset()

    def stimulus(self, x: npt.ArrayLike, frame: Frame | Quantity | None = None) -> None:
        """Clamp the input's rates to `x`, shape (trials, units). Fewer than K trials may be given.

        With a `frame`, such as 5*ms, `x` may be (trials, frames, units): every phase shows them from
        the first on, each for so long, and stays at the last. Raises NetworkError.
        """
        movie = Movie()
        x = self._shown("stimulus", x, frame, movie)
        if self._noise.hearing not in (None, len(x)):
            raise NetworkError(
                f"The stimulus has {len(x)} trials, and noise_of was given {self._noise.hearing}. Give one row per trial whose noise "
                "is to be heard."
            )
        self.active, self.progress.last, self.movie = len(x), None, movie
        self.arrays["input.r"][: len(x)] = x

    def target_rates(self, y: npt.ArrayLike, frame: Frame | Quantity | None = None) -> None:
        """Set what the output should do to `y`, shape (trials, units), as many trials as the
        stimulus has; or (trials, frames, units), as for `stimulus`, with which it begins anew."""
        movie = self.movie.without_target()
        y = self._shown("target", y, frame, movie)
        if len(y) != self.active:
            raise NetworkError(f"The target has {len(y)} trials, the stimulus {self.active}.")
        self.movie = movie
        self.arrays["output.target"][: len(y)] = y

    def _shown(self, what, values, frame, movie):
        """Return what is shown first of a stimulus or a target, (trials, units); `movie` takes what
        follows."""
        values, frame = numbers(f"The {what}", values, finite=False), Frame.of(frame)
        if values.ndim == 3:
            return movie.take(what, values, frame, self)
        width = self.sizes[0 if what == "stimulus" else -1]
        return batch(what, values, width, self.trials, self.dtype)

    # phases ---------------------------------------------------------------------------------------

    def run(
        self,
        phase: str,
        length: Length | Quantity,
        record: Any = None,
        go_on: bool = False,
        meanwhile: Meanwhile | None = None,
    ) -> PhaseResult:
        """Run one phase of the rule, and return its PhaseResult.

        `length` is a Length or a time, `record` a neurofa.recording.Recorder, or None. `go_on`
        continues the phase that ran last: what it noted when it began stays, and so does what it
        has integrated, until that was learned. `meanwhile` is what is learned while it runs, as
        `present` has it. Warns NotSettled where a trial did not settle though
        the length asks for it; raises Diverged, NetworkError (a time step that is too large),
        KeyboardInterrupt.
        """
        description = self.rule.phase(phase)
        if record is not None:
            able("record", record, "begin", "a Recorder, or None")
        if go_on:
            self.progress.check(phase)
        length = length if isinstance(length, Length) else Length(length)
        length = length_of(self, phase, Trial(default=length)[phase])
        self.arrays["clock.dt"][...] = float(length.dt)  # type: ignore[arg-type]  # it is filled in
        # the input's drive need not be computed again
        held = self.synapses.unchanged and all(
            self.arrays[f"input.{gate}"][0] == (gate in description.on)
            for gate in self.gating_input
        )
        for gate in self.rule.gates:
            self.pace.everywhere(gate, float(gate in description.on))
        if not go_on:
            self.movie.rewind(self)
        self._begin(description, go_on)
        self.progress.mixed |= meanwhile is None and self.movie.input_moves
        drawn = self.noise
        # an interpreted circuit that diverges: `judge` says so
        with np.errstate(over="ignore", invalid="ignore"):
            request, outcome = run_phase(self, phase, length, record, held, meanwhile)
        if phase not in self.phases_with_noise:
            self.noise = drawn  # however long it took to settle, noise goes on where it was
        return self.ended(phase, request, outcome, record)

    def ended(
        self, phase: str, request: Request, outcome: Outcome, record: Any = None
    ) -> PhaseResult:
        """Return the PhaseResult of a phase that has just run; warn or raise, as `run` does, if it
        did not end as was asked."""
        self.synapses.used()
        result = self._result(phase, request.dt, request, outcome)
        self.progress.seconds += result.duration
        if record is not None:
            record.end(result)
            if outcome.interrupted or outcome.diverged or outcome.overflowed:
                record.flush()
        self._complain(result, outcome)
        return result

    def _complain(self, result, outcome):
        """Raise or warn if the phase did not end as was asked."""
        if outcome.interrupted:
            raise KeyboardInterrupt
        if outcome.overflowed and not outcome.diverged:
            values = self[outcome.overflowed][: self.active]
            overflowed(result, outcome.overflowed, values, self.rule.advice)
        residuals = {name: array[: self.active] for name, array in self.memory.residuals.items()}
        judge(self, result, outcome.diverged, residuals)

    def _begin(self, phase, go_on):
        """Begin a phase, or go on with it: sums, what is noted as it begins, and what is known of
        its end."""
        if self.progress.begin(phase.name, go_on):
            for array in self.memory.summed:
                array[...] = 0
        for array in self.memory.residuals.values():
            array[...] = np.nan  # not measured yet
        for begun in self.rule.starts(phase) if not go_on else ():
            for units in (u for u in self.circuit.units if u.kind == begun):
                self.engine.start(phase.name, units.name, self.active)

    def learned(self, phase: str, gathers: bool = False) -> None:
        """Take note that what `phase` has integrated so far is learned.

        Raises NetworkError where the phase lost some of it, because it was begun anew in the same
        trial; or where lines learn from it to which it matters (`gathers`) that the input moved.
        """
        self.progress.learn(self.rule, phase, gathers)

    def time_constants(
        self, of_units: Callable[[np.ndarray], float] = np.min
    ) -> dict[str, tuple[str, float]]:
        """Return `{population.state: (name of the constant, seconds)}` with the present parameters,
        or those of a phase that runs.

        Where every unit has its own, `of_units` says which of them counts. Raises NetworkError
        where one is no positive time.
        """
        return self.pace.time_constants(of_units)

    def _result(self, phase, dt, request, outcome):
        residual = np.max(
            [array[: self.active] for array in self.memory.residuals.values()], axis=0
        )
        settled = np.where(outcome.settled_at >= 0, outcome.settled_at * dt, np.nan)
        if outcome.settled and request.frames is not None:
            request.frames.rest(outcome.steps, self.arrays["output.r"])
        return PhaseResult(
            phase,
            dt,
            outcome.steps,
            residual.astype(float),
            settled,
            self.arrays["output.r"][: self.active].copy(),
            None
            if request.tolerance < 0
            else request.tolerance
            if request.largest is None
            else request.tolerance * request.largest,
            request.frames and request.frames.answers,
        )

    # files and copies -----------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write all there is to the network to one file, as neurofa/base/stored.py lays it out:
        `net.save("net.h5")`.

        Of functions of your own that weights start from, it holds the name alone. Raises
        ExperimentError if it cannot be written.
        """
        stored.write(path, "network", saved_network(self))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        rule: LearningRule | None = None,
        trials: int | None = None,
        activation: Activations | None = None,
        output_activation: str | Activation | None = None,
        target: str | None = None,
        threads: int | None = None,
    ) -> Self:
        """Return the network in a file that `save` wrote, or a Learner, or a Checkpoint; it goes on
        where that one was.

        What is given stands in place of what is saved: another number of trials in parallel, or a
        rule and activations of your own, where a file cannot hold them. Raises ExperimentError if
        the file cannot be read, or does not hold all that is needed.
        """
        given = dict(
            rule=rule,
            trials=trials,
            activation=activation,
            output_activation=output_activation,
            target=target,
            threads=threads,
        )
        return loaded_network(
            cls, path, stored.read(path, "network", "learner", "checkpoint"), given
        )

    def __reduce__(self):
        tree = saved_network(self)
        # a file would not hold every one
        activations = {name: self.given[name] for name in ("activation", "output_activation")}
        return made, (type(self), tree["description"], tree["network"], activations)

    def __deepcopy__(self, memo):
        tree = saved_network(self)
        return made(
            type(self), tree["description"], tree["network"], self.given | dict(rule=self.rule)
        )

    def __copy__(self):
        return deepcopy(self)  # two networks that share weights would not be two

    def __repr__(self):
        sizes = "-".join(map(str, self.sizes))
        return f"Network({sizes}, {self.rule.name}, trials={self.trials}, {self.dtype.name}, {self.target})"
