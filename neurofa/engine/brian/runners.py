"""The objects that a step consists of, beside Brian2's state updaters and dense synapses (dense.py):
softmax, noise, delay, residual, accumulation.

Each is a Brian2 `CodeRunner`: it has a place in Brian2's schedule (`when`, `order`), and Brian2
generates its code from a template of ours.
"""

import zlib
from collections.abc import Sequence

from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.preferences import prefs
from brian2.core.variables import Variables
from brian2.groups.group import CodeRunner, Group

from .dense import DenseSynapses, units_of
from .engine import TRIALS


class Softmax(CodeRunner):
    r"""`result` becomes the softmax of `source` over the units of each trial: divisive normalisation
    of a population.

    Examples
    --------
    Two trials of three units:

    >>> import brian2
    >>> from neurofa.brian.runners import Softmax
    >>> from neurofa.engine.brian.codeobjects import NumpyCode
    >>> group = brian2.NeuronGroup(2 * 3, "x : 1\np : 1")
    >>> group.x = [0, 0, 0, 1000, 0, 0]
    >>> softmax = Softmax(group, "x", "p", trials=2, order=0, codeobj_class=NumpyCode)
    >>> brian2.Network(group, softmax).run(0.1*ms)
    >>> np.round(group.p, 3)
    array([0.333, 0.333, 0.333, 1.   , 0.   , 0.   ])
    """

    def __init__(
        self, group: Group, source: str, result: str, trials: int, order: int, codeobj_class: type
    ):
        CodeRunner.__init__(
            self,
            group,
            "softmax",
            clock=group.clock,
            when="groups",
            order=order,
            check_units=False,
            name=f"{group.name}_softmax",
            codeobj_class=codeobj_class,
            needed_variables=[source, result],
            template_kwds=dict(
                trials=trials,
                softmax_of=group.variables[source],
                softmax_into=group.variables[result],
            ),
        )


class Noise(CodeRunner):
    """`into` becomes a fresh standard normal number for every unit and trial, from a stream of its
    own.

    All units of a trial share the number if it is `shared`.

    Examples
    --------
    A network makes one for every noise in its equations. Here all units of a trial hear the same:

    >>> net = Network([4, 3, 2], fa.RULE.through(noisy(0.1, 10*ms, shared=True)), trials=2, seed=1)
    >>> result = net.run("free", Length(10*ms, dt=1*ms))
    >>> [len(np.unique(trial)) for trial in net["hidden1.noise_B"]]
    [1, 1]
    """

    def __init__(
        self, group: Group, into: str, trials: int, order: int, shared: bool, codeobj_class: type
    ):
        CodeRunner.__init__(
            self,
            group,
            "noise",
            clock=group.clock,
            when="groups",
            order=order,
            check_units=False,
            name=f"{group.name}_{into}",
            codeobj_class=codeobj_class,
            needed_variables=[into],
            template_kwds=dict(
                trials=trials,
                noise_into=group.variables[into],
                shared=shared,
                stream=zlib.crc32(f"{group.name}.{into}".encode()),
            ),
        )


class Delay(CodeRunner):
    """`delayed` becomes what `signal` of the source was some time ago: delay line `number` of
    the circuit.

    Examples
    --------
    A network makes one for every synapse group whose pathway is `delayed`. Here the cells hear
    of the output's error 20 ms later:

    >>> net = Network([4, 3, 2], fa.RULE.through(delayed(20*ms)), seed=1)
    >>> recorder = Recorder(["output.delta", "hidden1.v_apical"])
    >>> learner = Learner(net, Trial(dt=1*ms))
    >>> phases = present(learner, np.ones((1, 4)), np.eye(2)[:1], learn=False, record=recorder)
    >>> recording = recorder.recording()
    >>> sent, heard = (recording[name][0, :, 0].values for name in recorder.names)
    >>> int((heard != 0).argmax() - (sent != 0).argmax())  # the delay, and one time step of 1 ms
    21
    """

    def __init__(
        self,
        source: Group,
        signal: str,
        trials: int,
        number: int,
        order: int,
        name: str,
        codeobj_class: type,
    ):
        CodeRunner.__init__(
            self,
            source,
            "delay",
            clock=source.clock,
            when="groups",
            order=order,
            check_units=False,
            name=name,
            codeobj_class=codeobj_class,
        )
        self.variables = Variables(self)
        self.variables.add_array("delayed", size=len(source), dtype=prefs.core.default_float_dtype)
        self.variables.add_reference("_signal", source, signal)
        self.needed_variables = ["delayed", "_signal"]
        units_of(source, signal, trials)  # there is one value per unit
        self.axes = dict(delayed=(TRIALS, source.name))
        self.template_kwds = dict(number=number)


class Residual(CodeRunner):
    """The largest |tau dx/dt| over the states and units of each trial, from the right-hand sides
    that the step uses.

    With `steps` it makes the step, too, in one pass: then it takes the state updater's place where
    something is measured.

    Examples
    --------
    Two trials of three units, of which one has not settled at v = 1:

    >>> import brian2
    >>> from neurofa.brian.runners import Residual
    >>> from neurofa.engine.brian.codeobjects import NumpyCode
    >>> group = brian2.NeuronGroup(2 * 3, "v : 1")
    >>> group.v = [1, 1, 0.5, 1, 1, 1]
    >>> residual = Residual(group, ["1 - v"], trials=2, order=0, codeobj_class=NumpyCode)
    >>> brian2.Network(group, residual).run(0.1*ms)
    >>> residual.variables["residual"].get_value()
    array([0.5, 0. ])
    """

    def __init__(
        self,
        group: Group,
        expressions: Sequence[str],
        trials: int,
        order: int,
        codeobj_class: type,
        steps: bool = False,
    ):
        names = [f"_residual_{k}" for k in range(len(expressions))]
        code = "\n".join(
            f"{name} = abs({expression})" for name, expression in zip(names, expressions)
        )
        self._measured, self._steps = code, steps
        CodeRunner.__init__(
            self,
            group,
            "residual",
            code=code,
            clock=group.clock,
            when="groups",
            order=order,
            check_units=False,
            name=f"{group.name}_residual",
            codeobj_class=codeobj_class,
        )
        self.variables = Variables(self)
        self.variables.add_array("residual", size=trials, dtype=prefs.core.default_float_dtype)
        self.axes = dict(residual=(TRIALS,))
        self.needed_variables = ["residual"]
        self.template_kwds = dict(
            trials=trials, names=names, real=c_data_type(prefs.core.default_float_dtype)
        )

    def update_abstract_code(self, run_namespace: dict | None) -> None:
        """Make the code those of both, once Brian2 knows what the step is."""
        if self._steps:
            updater = self.group.state_updater
            updater.update_abstract_code(run_namespace)
            self.abstract_code = f"{self._measured}\n{updater.abstract_code}"


class Accumulate(CodeRunner):
    """`g` of a synapse group grows by dt times the sum over trials of (post factor) x (pre
    factor).

    Examples
    --------
    A network makes one for every product of plasticity during a phase. It can be read where the phase
    has ended:

    >>> from neurofa.models import dfc
    >>> net = Network([4, 3, 2], dfc.RULE, seed=1)
    >>> learner = Learner(net, Trial(dt=1*ms))
    >>> phases = present(learner, np.ones((1, 4)), np.eye(2)[:1], learn=False)
    >>> net["W2.g"].shape, bool(net["W2.g"].any())
    ((2, 3), True)
    """

    def __init__(
        self,
        synapses: DenseSynapses,
        source: Group,
        target: Group,
        post: str,
        pre: str,
        trials: int,
        name: str,
        codeobj_class: type,
    ):
        CodeRunner.__init__(
            self,
            target,
            "accumulate",
            clock=target.clock,
            when="end",
            check_units=False,
            name=name,
            codeobj_class=codeobj_class,
        )
        n_post, n_pre = synapses.shape
        self.variables = Variables(self)
        self.variables.add_array("g", size=n_post * n_pre, dtype=prefs.core.default_float_dtype)
        self.variables.add_reference("_pre_factor", source, pre)
        self.variables.add_reference("_post_factor", target, post)
        self.needed_variables = ["g", "_pre_factor", "_post_factor", "dt"]
        self.axes = dict(g=(target.name, source.name))
        self.template_kwds = dict(
            trials=trials, n_post=n_post, n_pre=n_pre, post=target.name, pre=source.name
        )
