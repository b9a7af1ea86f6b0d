"""A circuit that runs: populations and synapse groups of a rule, for K trials in parallel."""

from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from types import MappingProxyType

import brian2
import numpy as np
from brian2 import Quantity
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.stringtools import get_identifiers

from . import stored
from .activations import activation as activation_named, alike, as_given, check_twins, of_layers
from .arguments import (LARGEST, able, batch, check_parameter, choose_target, choose_threads, kind, not_of_brian2, numbers, one_of, seed_of,
                        whole)
from .brian.compiled import CompiledEngine
from .brian.interpreted import NumpyEngine
from .brian.toolchain import key
from .build import Builder, broken
from .circuit import plan
from .costs import CHOICES, CHOOSABLE, cost as cost_named
from .errors import TWO_NETWORKS, CompileError, NetworkError, choices, warn
from .fixed import Fixed
from .noise import warn_of_dt
from .phases import length_of, run_phase
from .probes import eligibility, hidden
from .rule import LearningRule
from .settling import PhaseResult, judge, overflowed
from .state import RESTORED, loaded_network, made, saved_network
from .synapses import Weights
from .text import evaluate
from .trial import Trial


class Network:
    """A circuit of rate neurons under a learning rule.

    `net["W1"]` is the weight matrix (post, pre) of a synapse group, `net["W1.bias"]` its bias, `net["hidden1.v"]` a variable
    of all trials and units (trials, units). They are views of the simulator's memory; assigning to them sets it.

    A line without a right-hand side, `I_ext : 1` or `tau_i : second`, is a parameter of every unit: `net["hidden1.I_ext"] = values`,
    one number, (units,) or (trials, units), with a unit where it has one. It is 0 until it is set, and then stays, as the rule's
    parameters do; states, rates and drives start anew with every trial. `net.unit_parameters` lists these parameters.

    Parameters
    ----------
    sizes : units per layer, input first.
    rule : LearningRule
    trials : K, how many trials run in parallel and share the weights.
    activation, output_activation : names in neurofa.activations, or an Activation of your own; of the hidden layers (a list: one for
        each, first one first, with the populations that stand beside that layer), and of the output.
    cost : "squared", "cross_entropy" or "binary_cross_entropy": what `dcost` is the gradient of. By default, that of the task that
        the network is trained on, and squared until then.
    dtype : "float64" or "float32".
    seed : of the initial weights.
    target : "cpp", or "numpy", which needs no compiler and is slow. By default the first if there is a compiler.
    threads : how many threads share the trials; no more than this process has cores.

    Raises
    ------
    NetworkError, RuleError, CompileError
    """

    def __new__(cls, *given, **options):
        not_of_brian2(given)
        return super().__new__(cls)

    def __iter__(self):
        raise NetworkError(f"A network is no sequence; what it holds is listed by `probeable`. {TWO_NETWORKS}")

    def __init__(self, sizes, rule, trials=1, *, activation="tanh", output_activation="linear", cost=None,
                 dtype="float64", seed=0, target=None, threads=1):
        self.rule = kind("rule", rule, LearningRule, "a LearningRule: the RULE of a model, such as neurofa.models.fa.RULE")
        self.trials, self.threads = whole("trials", trials), choose_threads(threads)
        self.cost, self._told_cost = cost_named("squared" if cost is None else cost), cost is not None
        self.dtype = np.dtype(one_of("dtype", dtype, ("float64", "float32"), noun="type"))
        self.target = choose_target(target)
        self.circuit = plan(sizes, rule)
        self.sizes = self.circuit.sizes
        self._choose_activations(activation, output_activation)
        self._active = self.trials
        self._last, self._anew, self._learned = None, False, False      # which phase ran last, whether it had just run, and what came of it
        if self.cost.name == "cross_entropy" and self.sizes[-1] == 1:
            raise NetworkError("cost = 'cross_entropy': the softmax of a single output is always 1. Use 'binary_cross_entropy'.")
        try:
            self._build()
        except CompileError as problem:
            if target is not None:
                raise
            warn(f"{problem} The circuit is interpreted by NumPy, which is correct but many times slower.")
            self.target = "numpy"
            self._build()
        self._arrays = self.engine.arrays | eligibility(self.circuit, self.engine.arrays)
        self._attached, self._noise_on, self._hearing, self._warned = {}, True, None, set()
        self._taus = {f"{name}.{state}": tau for name, text in self._texts.items()
                      for state, (_, tau) in text.time_constants.items()}
        self._parameters, self._pace = {}, {}
        self.set(**rule.all_parameters)
        self._choose_cost()
        self.given = self._activations_given | dict(cost=cost, target=target)
        self.synapses = Weights(self)
        if seed is not RESTORED:
            self.randomise(seed)

    def _choose_activations(self, activation, output_activation):
        """Find the activation of every population: of its layer, or, where it stands beside none, the one that hidden layers have in common."""
        hidden, output = of_layers(activation, len(self.sizes) - 2), activation_named(output_activation)
        common = hidden[0] if hidden else output if isinstance(activation, (list, tuple)) else activation_named(activation)
        self.activations = Fixed({units.name: output if units.kind == "output" else hidden[units.layer - 1] if units.layer else common
                                  for units in self.circuit.units})      # they are compiled
        self._alike = alike(hidden)
        self._activations_given = dict(activation=as_given(hidden or [common]), output_activation=as_given([output]))

    def _check_activations(self):
        """Raise NetworkError where a population that stands beside no layer uses an activation, and hidden layers have several."""
        for name, text in self._texts.items():
            if not self._alike and not self.circuit.unit(name).layer and text.uses_activation:
                each = ", ".join(f"{units.name} {self.activations[units.name]}" for units in self.circuit.units if units.kind == "hidden")
                raise NetworkError(f"{self.rule.name}: '{name}' uses phi or dphi and stands beside no layer, so that it is not known which is meant "
                                   f"({each}). Give all hidden layers one activation, or write the function itself in the rule's text.")

    def _build(self):
        widest = max(units.size for units in self.circuit.units)
        if widest * self.trials > LARGEST:
            raise NetworkError(f"A layer of {widest} units in {self.trials} trials is more than {LARGEST} units, and Brian2 counts no further. "
                               "Use fewer trials.")
        cost = self.cost if self._told_cost else CHOOSABLE
        builder = Builder(self.circuit, self.rule, self.trials, self.activations, cost, self.target)
        self._texts = builder.texts
        self._check_activations()
        try:
            if self.target == "numpy":
                self.engine = NumpyEngine(builder.parts, self.dtype)
            else:
                self.engine = CompiledEngine(key(f"{brian2.__version__} {self.dtype} {builder.description()}"), builder.parts, self.dtype)
                for number, own in enumerate(builder.to_compare):
                    check_twins(own, lambda what, x: self.engine.twin(f"{what} {number}", x), self.dtype)
        except CompileError:
            for own in builder.to_compare:
                if complaint := broken(own):
                    raise NetworkError(f"Activation {own}: its C++ cannot be compiled. {complaint}. Mend it, or give the activation as one text in "
                                       "x, from which its C++ follows.") from None
            raise
        except MemoryError:
            raise NetworkError(f"There is not enough memory for layers of {', '.join(map(str, self.sizes))} units and {self.trials} "
                               "trials. Use fewer trials or smaller layers.") from None
        if self.threads > 1 and not self.engine.parallel:
            warn(f"threads = {self.threads}, but one does all the work: {self.engine.alone}.")
            self.threads = 1

    # what there is ---------------------------------------------------------------------------------------------------

    @property
    def populations(self):
        """The names of all populations, input first."""
        return tuple(u.name for u in self.circuit.units)

    @property
    def groups(self):
        """The names of all synapse groups."""
        return tuple(g.name for g in self.circuit.groups)

    @property
    def probeable(self):
        """The names of everything that can be read or recorded, as neurofa/probes.py explains them."""
        own = {*self._parameters, *self.rule.gates}
        return tuple(n for n in self._arrays if not hidden(n) and n.split(".")[1] not in own)

    @property
    def noisy_phases(self):
        """The names of the phases in which noise reaches a state, so that the circuit does not settle."""
        return tuple(phase for phase, reached in self.noisy_states.items() if reached) if self._noise_on else ()

    @cached_property
    def noisy_states(self):
        """The states that noise reaches in a phase: `{phase: {state: noises}}`, names as in "hidden1.z" and "hidden1.xi"."""
        return {p.name: {f"{name}.{state}": tuple(f"{name}.{noise}" for noise in found)
                         for name, text in self._texts.items() for state, found in text.noisy(p.on).items()} for p in self.rule.phases}

    @property
    def silent_noise(self):
        """The noises that need not be drawn in a phase, because the gates keep them out: `{phase: names}`."""
        return self._silent_noise[self._noise_on]

    @cached_property
    def _silent_noise(self):
        every = tuple(f"{name}.{noise}" for name, text in self._texts.items() for noise in text.noises)
        gated = {phase: tuple(noise for noise in every if not any(noise in found for found in reached.values()))
                 for phase, reached in self.noisy_states.items()}
        return {True: gated, False: dict.fromkeys(gated, every)}

    def warn_of_noise(self, phase, dt):
        """Warn, once, if `dt` is near the time constant of a noise in a phase."""
        if phase not in self.noisy_phases or (phase, dt) in self._warned:
            return
        constants, paces = self.time_constants(), {}
        for place in self.noisy_states[phase]:
            population, _, state = place.partition(".")
            heard = [f"{population}.{n}" for n in self._texts[population].pace(state)]
            if heard:
                paces[place] = place in self.exact_states, heard != [place], *min((constants[n] for n in heard), key=lambda pace: pace[1])
        if warn_of_dt(phase, dt, paces, learns=any(line.phase == phase for line in self.rule.plasticity)):
            self._warned.add((phase, dt))

    @contextmanager
    def noise_of(self, trials, since):
        """Let trials hear, one by one, the noise that these `trials` of a batch heard, within a `with` statement.

        `since` is what `net.noise` was before that batch. It may have run in another network of the same rule, sizes and seed, or in
        this one. The sequence of the noise stays as it was. Raises NetworkError.
        """
        keys = [whole("trials", trial, least=0, most=2**32 - 1) for trial in trials]
        if not 0 < len(keys) <= self.trials:
            raise NetworkError(f"The noise of {len(keys)} trials is asked for; this network runs 1 to {self.trials}.")
        now, own = self.noise, self.engine.keys.copy()
        self.noise, self.engine.keys[:len(keys)], self._hearing = since, keys, len(keys)
        try:
            yield self
        finally:
            self.noise, self.engine.keys[...], self._hearing = now, own, None

    @contextmanager
    def without_noise(self):
        """Let phases run as if no noise were there, within a `with` statement: they settle, or not, and are judged as others are.

        White noise is zero, and noise that has a state of its own fades from where it is. The sequence of the noise stays as it was.
        """
        self._noise_on, drawn = False, self.noise
        try:
            yield self
        finally:
            self._noise_on, self.noise = True, drawn

    def kink(self, population):
        """Return the name of the activation whose slope jumps at 0, where the equations of a population use that slope; or None."""
        activation = self.activation_of(population)
        below, above = activation.dphi(np.array([-1e-9, 1e-9]))
        used = any("dphi" in e.identifiers for e in self._texts[population].equations.values())
        return activation.name if used and abs(above - below) > 1e-3 else None

    def unit(self, name):
        """Return the unit of a variable as text, "1" if it has none."""
        population, _, variable = name.partition(".")
        return self._texts[population].unit(variable) if population in self._texts else "1"

    @property
    def arrays(self):
        """All arrays of the simulation by name, those that are not probeable too."""
        return self._arrays

    def attach(self, arrays):
        """Make further arrays probeable, `{name: array}`, in place of those attached before: what a Learner keeps."""
        self._arrays = {n: a for n, a in self._arrays.items() if n not in self._attached} | arrays
        self._attached = arrays

    def variables(self, population):
        """Return `{name: array (active trials, units)}` of one population, and its `phi` and `dphi`."""
        activation = self.activation_of(population)
        own = {name: array[:self._active] for name, array in self._variables[population]}
        return own | {"phi": activation.phi, "dphi": activation.dphi}

    def activation_of(self, population):
        """Return the Activation of a population: that of the layer that it is, or stands beside."""
        return self.activations[population]

    @cached_property
    def _variables(self):
        """The arrays (trials, units) of every population: `{population: [(variable, array)]}`."""
        return {p: [(n.split(".")[1], a) for n, a in self._arrays.items() if n.startswith(f"{p}.") and a.ndim == 2]
                for p in self.populations}

    @property
    def noise(self):
        """(seed, time steps drawn so far) of all white noise; assigning it repeats, or resumes, a sequence."""
        return self.engine.noise

    @noise.setter
    def noise(self, state):
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise NetworkError(f"noise = {state!r}: give (seed, time steps drawn so far), as net.noise was.")
        self.engine.noise = seed_of("noise: seed", state[0]), whole("noise: steps", state[1], least=0, most=2**62)

    @property
    def equations(self):
        """The rule's text as its author wrote it, with parameters and reference."""
        of_rule = {n: v for n, v in self._parameters.items() if n in self.rule.parameters}
        of_pathways = [f"{n} = {v}" for n, v in self._parameters.items() if n not in of_rule]
        return "\n".join([str(self.rule.but(parameters=of_rule)), *of_pathways])

    @property
    def parameters(self):
        """The present value of every parameter."""
        return MappingProxyType(self._parameters)

    @property
    def active(self):
        """How many of the K trials take part, as the last stimulus says."""
        return self._active

    @cached_property
    def unit_parameters(self):
        """The names of the parameters that every unit and trial has of its own, lines such as "I_ext : 1" of the rule's text."""
        return tuple(f"{population}.{name}" for population, text in self._texts.items() for name in text.given)

    def __getitem__(self, name):
        return self._arrays[self._full_name(name)]

    def __setitem__(self, name, values):
        values, (group, _, variable) = self._fitting(name, values), self._full_name(name).partition(".")
        if variable == "w":
            self.synapses.check(group, np.broadcast_to(values, self[name].shape))
        self[name][...] = values
        if variable == "w":
            self.synapses.assigned(group)

    def put(self, name, values):
        """Set an array as `net[name] = values` does, whatever structure the synapses have: for what knows it, or brings it along."""
        self[name][...] = self._fitting(name, values)

    def _fitting(self, name, values):
        array, (population, _, variable) = self[name], self._full_name(name).partition(".")
        if variable in {*self._parameters, *self.rule.gates}:
            what = f"a parameter of the rule: write net.set({variable}=...)" if variable in self._parameters else "a gate: phases open it"
            raise NetworkError(f"'{name}' is {what}.")
        units = self._texts[population].variables.get(variable, DIMENSIONLESS) if population in self._texts else DIMENSIONLESS
        values = numbers(f"'{name}'", values, array.dtype, unit=Quantity(1.0, dim=units))
        if values.shape not in ((), array.shape, array.shape[1:] if population in self._texts else ()):
            raise NetworkError(f"'{name}' has the shape {array.shape}; an array of shape {values.shape} does not fit.")
        return values

    def _full_name(self, name):
        if not isinstance(name, str):
            raise NetworkError(f"{name!r} is no name. Write net['W1'] or net['hidden1.v'].")
        full = name if "." in name else f"{name}.w"
        if full in self._arrays:
            return full
        groups = {g.name: g for g in self.circuit.groups}
        if full.endswith(".w") and name.removesuffix(".w") in groups:
            group = groups[name.removesuffix(".w")]
            raise NetworkError(f"{group.name} has no weights of its own: it uses those of {group.owner}"
                               f"{', transposed' if group.transposed else ''}.")
        valid = [n.removesuffix(".w") if "." not in name else n for n in self.probeable]
        raise NetworkError(f"This network has no '{name}'. " + choices(name, valid))

    # what can be set -------------------------------------------------------------------------------------------------

    def set(self, **parameters):
        """Set parameters of the rule, with their units, in all populations. Raises NetworkError for an unknown one."""
        for name, value in parameters.items():
            check_parameter(self.rule, name, value, self.dtype)
        for name, value in parameters.items():
            self._parameters[name] = value
            self._everywhere(name, float(value))
        self._seconds = None

    def take_cost(self, name):
        """Learn with this cost from now on, that of a task, if the network was told none; return whether its cost is this one."""
        if not self._told_cost:
            self.cost = cost_named(name)
            self._choose_cost()
        return self.cost.name == name

    def _choose_cost(self):
        for name in CHOICES:
            self._everywhere(name, float(name == f"dcost_{self.cost.name}"))

    def _everywhere(self, name, value):
        for array in self._shared.get(name, ()):
            array[...] = value

    @cached_property
    def _shared(self):
        """The arrays of parameters, gates and the choice of a cost, one per population that has them: `{name: arrays}`."""
        names = (*self.rule.all_parameters, *self.rule.gates, *CHOICES)
        return {n: [self._arrays[f"{p}.{n}"] for p in self.populations if f"{p}.{n}" in self._arrays] for n in names}

    @cached_property
    def exact_states(self):
        """The states whose steps are exact at every dt."""
        return {f"{name}.{state}" for name, text in self._texts.items() for state in text.exact}

    @cached_property
    def _gating_input(self):
        """The gates that what the input sends depends on."""
        used = {name for equation in self._texts["input"].equations.values() for name in equation.identifiers}
        return [gate for gate in self.rule.gates if gate in used]

    @cached_property
    def _passing(self):
        """The arrays that a trial starts without: time, states, drives; what the user gave stays."""
        kept = {f"{u}.{n}" for u in self.populations for n in (*self._parameters, *CHOICES)} | {*self.unit_parameters}
        return [array for name, array in self._arrays.items()
                if name.split(".")[0] in (*self.populations, "clock") and name not in kept]

    @cached_property
    def _summed(self):
        """The arrays that a phase sums up what is plastic in."""
        return [array for name, array in self._arrays.items() if "sum_post_" in name or name.endswith(".g")]

    def randomise(self, seed):
        """Draw all weights anew from `seed`, set biases to zero, and start the noise anew."""
        self.seed = seed_of("seed", seed)
        self.noise = (self.seed, 0)
        self.synapses.draw(self.seed)

    def reset(self):
        """Put the circuit to rest: time, states and drives are zero, rates are phi(0). Weights stay."""
        self.synapses.cut(seconds=0.0)
        self._last, self._anew, self._learned = None, False, False
        for array in self._passing:
            array[...] = 0
        for population in self.populations:
            self.engine.refresh(population, self.trials)
        for line in self.engine.lines.values():
            line.reset()

    def stimulus(self, x):
        """Clamp the input's rates to `x`, shape (trials, units). Fewer than K trials may be given."""
        x = batch("stimulus", x, self.sizes[0], self.trials, self.dtype)
        if self._hearing not in (None, len(x)):
            raise NetworkError(f"The stimulus has {len(x)} trials, and noise_of was given {self._hearing}. Give one row per trial whose noise "
                               "is to be heard.")
        self._active, self._last = len(x), None
        self._arrays["input.r"][:len(x)] = x

    def target_rates(self, y):
        """Set what the output should do to `y`, shape (trials, units), as many trials as the stimulus has."""
        y = batch("target", y, self.sizes[-1], self.trials, self.dtype)
        if len(y) != self._active:
            raise NetworkError(f"The target has {len(y)} trials, the stimulus {self._active}.")
        self._arrays["output.target"][:len(y)] = y

    # phases ----------------------------------------------------------------------------------------------------------

    def run(self, phase, length, record=None, held=False, go_on=False):
        """Run one phase of the rule, and return its PhaseResult.

        `length` is a Length or a time, `record` a neurofa.recording.Recorder, or None. `held` says that neither stimulus nor weights
        have changed since the phase before, so that the input's drive need not be computed again. `go_on` continues the phase that ran
        last: what it noted when it began stays, and so does what it has integrated, until that was learned. Warns NotSettled where a trial did not
        settle though the length asks for it; raises Diverged, NetworkError (a time step that is too large), KeyboardInterrupt.
        """
        description = self.rule.phase(phase)
        if record is not None:
            able("record", record, "begin", "a Recorder, or None")
        if go_on and self._last != phase:
            what = f"the phase {self._last} ran last" if self._last else "nothing has run since the reset or the last stimulus"
            raise NetworkError(f"The phase {phase} cannot go on: {what}. Leave go_on out where a phase begins.")
        length = length_of(self, phase, Trial(default=length)[phase])
        dt = float(length.dt)
        self._arrays["clock.dt"][...] = dt
        held = held and all(self._arrays[f"input.{gate}"][0] == (gate in description.on) for gate in self._gating_input)
        for gate in self.rule.gates:
            self._everywhere(gate, float(gate in description.on))
        self._begin(description, go_on)
        drawn = self.noise
        with np.errstate(over="ignore", invalid="ignore"):      # an interpreted circuit that diverges: `judge` says so
            request, outcome = run_phase(self, phase, length, record, held)
        if not self.noisy_states[phase]:
            self.noise = drawn      # however long it took to settle, noise goes on where it was
        result = self._result(phase, dt, request, outcome)
        if record is not None:
            record.end(result)
            if outcome.interrupted or outcome.diverged or outcome.overflowed:
                record.flush()
        if outcome.interrupted:
            raise KeyboardInterrupt
        if outcome.overflowed and not outcome.diverged:
            overflowed(result, outcome.overflowed, self[outcome.overflowed][:self._active], self.rule.advice)
        judge(self, result, outcome.diverged, {n: array[:self._active] for n, array in self._residuals.items()})
        return result

    def _begin(self, phase, go_on):
        """Begin a phase, or go on with it: sums, what is noted as it begins, and what is known of its end."""
        if not go_on or self._learned:
            for array in self._summed:
                array[...] = 0
        for array in self._residuals.values():
            array[...] = np.nan     # not measured yet
        for kind in self.rule.starts(phase) if not go_on else ():
            for units in (u for u in self.circuit.units if u.kind == kind):
                self.engine.call(f"start:{phase.name}:{units.name}", self._active)
        if not go_on:
            self._anew = phase.name == self._last
        self._last, self._learned = phase.name, False

    def learned(self, phase):
        """Take note that what `phase` has integrated so far is learned.

        Raises NetworkError where the phase lost some of it, because it was begun anew in the same trial.
        """
        matters = self.rule.starts(self.rule.phase(phase)) or any(line.during == phase for line in self.rule.plasticity)
        if self._anew and self._last == phase and matters:
            raise NetworkError(f"The phase {phase} was begun anew, and what it had noted or integrated before is lost: in pieces, it would "
                               f"teach something else. Run its pieces with net.run('{phase}', ..., go_on=True); a new trial begins "
                               "with net.reset() or net.stimulus(x).")
        self._learned = True

    @contextmanager
    def paced(self, taus):
        """Within this context the circuit has these time constants, `{parameter: seconds}`; `parameters` does not change."""
        if not taus:
            yield
            return
        self._pace, self._seconds = taus, None
        try:
            for name, tau in taus.items():
                self._everywhere(name, tau)
            yield
        finally:
            self._pace, self._seconds = {}, None
            for name in taus:
                self._everywhere(name, float(self._parameters[name]))

    def time_constants(self, of_units=np.min):
        """Return `{population.state: (name of the constant, seconds)}` with the present parameters, or those of a phase that runs.

        Where every unit has its own, `of_units` says which of them counts. Raises NetworkError where one is no positive time.
        """
        if self._seconds is None:
            values = {n: float(v) for n, v in self._parameters.items()} | {"second": 1.0, **self._pace}
            self._seconds = {state: (tau, float(evaluate(tau, values))) for state, tau in self._taus.items()
                             if state not in self._own_taus}
        own = {state: self._of_units(state, names, of_units) for state, names in self._own_taus.items()}
        return self._seconds | {state: (self._taus[state], seconds) for state, seconds in own.items()}

    @cached_property
    def _own_taus(self):
        """`{population.state: names}` of states whose time constant depends on these parameters of every unit."""
        found = {}
        for state, tau in self._taus.items():
            population = state.split(".")[0]
            found[state] = sorted({f"{population}.{name}" for name in get_identifiers(tau)} & {*self.unit_parameters})
        return {state: names for state, names in found.items() if names}

    def _of_units(self, state, names, of_units):
        values = {n: float(v) for n, v in self._parameters.items()} | {"second": 1.0, **self._pace}
        with np.errstate(divide="ignore", invalid="ignore"):
            seconds = evaluate(self._taus[state], values | {name.split(".")[1]: self._arrays[name] for name in names})
        if not (np.isfinite(seconds) & (seconds > 0)).all():
            raise NetworkError(f"The time constant of {state}, {self._taus[state]}, must be larger than 0 in every unit. Set it before the "
                               f"circuit runs: net['{names[0]}'] = 10*ms, or an array with its unit.")
        return float(of_units(seconds))

    def _result(self, phase, dt, request, outcome):
        residual = np.max([array[:self._active] for array in self._residuals.values()], axis=0)
        settled = np.where(outcome.settled_at >= 0, outcome.settled_at * dt, np.nan)
        return PhaseResult(phase, dt, outcome.steps, residual.astype(float), settled,
                           self._arrays["output.r"][:self._active].copy(),
                           None if request.tolerance < 0 else
                           request.tolerance if request.largest is None else request.tolerance * request.largest)

    @cached_property
    def _residuals(self):
        return {name: array for name, array in self._arrays.items() if name.endswith(".residual")}

    # files and copies ------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write all there is to the network to one file, as neurofa/stored.py lays it out: `net.save("net.h5")`.

        Of functions of your own that weights start from, it holds the name alone. Raises ExperimentError if it cannot be written.
        """
        stored.write(path, "network", saved_network(self))

    @classmethod
    def load(cls, path, *, rule=None, trials=None, activation=None, output_activation=None, target=None, threads=None):
        """Return the network in a file that `save` wrote, or a Learner, or a Checkpoint; it goes on where that one was.

        What is given stands in place of what is saved: another number of trials in parallel, or a rule and activations of your own,
        where a file cannot hold them. Raises ExperimentError if the file cannot be read, or does not hold all that is needed.
        """
        given = dict(rule=rule, trials=trials, activation=activation, output_activation=output_activation, target=target, threads=threads)
        return loaded_network(cls, path, stored.read(path, "network", "learner", "checkpoint"), given)

    def __reduce__(self):
        tree = saved_network(self)
        return made, (type(self), tree["description"], tree["network"], self._activations_given)      # a file would not hold every one

    def __deepcopy__(self, memo):
        tree = saved_network(self)
        return made(type(self), tree["description"], tree["network"], self.given | dict(rule=self.rule))

    def __copy__(self):
        return deepcopy(self)      # two networks that share weights would not be two

    def _repr_html_(self):
        from .notebook import of_network
        return of_network(self)

    def __repr__(self):
        sizes = "-".join(map(str, self.sizes))
        return f"Network({sizes}, {self.rule.name}, trials={self.trials}, {self.dtype.name}, {self.target})"
