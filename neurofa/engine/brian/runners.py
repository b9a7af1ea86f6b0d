"""The objects that a step consists of, beside Brian2's state updaters: dense synapses, softmax,
residual, accumulation.

Each is a Brian2 `CodeRunner`: it has a place in Brian2's schedule (`when`, `order`), and Brian2
generates its code from a template of ours.
"""

import zlib

import numpy as np
import scipy_openblas32
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.preferences import prefs
from brian2.core.variables import ArrayVariable, Variables
from brian2.devices import get_device
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.groups.group import CodeRunner
from brian2.groups.subgroup import Subgroup

from ...base.errors import NetworkError, choices
from .codeobjects import NumpyCode, StandaloneCode
from .toolchain import INCLUDES


class DenseSynapses(CodeRunner):
    """All-to-all synapses of rate units, evaluated as one matrix product per time step.

    `into` of the target becomes the weighted sum of `signal` over the source (plus a bias, if asked
    for). A group of N units and K parallel trials is a `NeuronGroup` of N*K neurons, trial-major:
    neuron `trial*N + unit`; all trials share the weights, which take 8 bytes a synapse (4 in single
    precision). It works in a script of your own, at run time and in C++ standalone mode, and takes
    the place of `Synapses` with a summed variable:

        S = DenseSynapses(P, Q, signal="r", into="v_basal", weights=w, trials=1)

    Parameters
    ----------
    source, target : NeuronGroup
    signal, into : names of an array variable of the source and of the target.
    weights : array (post, pre), or None for zeros.
    trials : number of parallel trials K in both groups.
    bias : array (post,), True for zeros, or None for no bias.
    shares : another DenseSynapses whose weights are used; with `transposed`, their transpose.
    order : place within the step, by default just before the target's state update, as Brian2 does for summed variables.
    line : a Delay that the source's signal comes through.

    Raises
    ------
    NetworkError : group sizes are no multiples of `trials`, a variable is no array, or `weights` has another shape.
    """

    def __init__(
        self,
        source,
        target,
        signal,
        into,
        weights=None,
        trials=1,
        bias=None,
        shares=None,
        transposed=False,
        order=None,
        line=None,
        name="dense*",
        codeobj_class=None,
    ):
        if codeobj_class is None:
            codeobj_class = _class_for_scripts()
        n_pre, n_post = _units(source, signal, trials), _units(target, into, trials)
        if transposed and shares is None:
            raise NetworkError(
                "transposed=True goes with shares=: it says how another group's weights are used."
            )
        CodeRunner.__init__(
            self,
            target,
            "dense",
            clock=target.clock,
            when="groups",
            name=name,
            check_units=False,
            order=target.order - 1 if order is None else order,
            codeobj_class=codeobj_class,
        )
        self.shape, self.transposed = (n_post, n_pre), transposed
        dtype = prefs.core.default_float_dtype
        self.variables = Variables(self)
        if shares is None:
            self.variables.add_array("w", size=n_post * n_pre, dtype=dtype)
        else:
            _expect(
                "the shared weights",
                shares.shape,
                (n_pre, n_post) if transposed else (n_post, n_pre),
            )
            self.variables.add_reference("w", shares, "w")
        if bias is not None:
            self.variables.add_array("bias", size=n_post, dtype=dtype)
        self.variables.add_reference(
            "_signal", *((source, signal) if line is None else (line, "delayed"))
        )
        self.variables.add_reference("_into", target, into)
        # Brian2 passes the names of the arrays to the template, under the names of the variables.
        self.needed_variables = list(self.variables)
        self.template_kwds = dict(
            trials=trials,
            n_pre=n_pre,
            n_post=n_post,
            transposed="true" if transposed else "false",
            has_bias=bias is not None,
            real=c_data_type(dtype),
        )
        if weights is not None:
            self.set_weights(weights)
        if bias is not None and bias is not True:
            self.variables["bias"].set_value(_array("bias", bias, (n_post,)))

    def set_weights(self, weights):
        """Set the weights from an array of shape (post, pre)."""
        weights = _array("weights", weights, self.shape)
        self.variables["w"].set_value((weights.T if self.transposed else weights).ravel())

    @property
    def weights(self):
        """The weights, shape (post, pre); in a runtime script, a view that can be written to."""
        w = self.variables["w"].get_value()
        return w.reshape(self.shape[::-1]).T if self.transposed else w.reshape(self.shape)


def _class_for_scripts():
    """Return the code object class for a user's own script, and tell a standalone device where BLAS
    is."""
    device = get_device()
    if not isinstance(device, CPPStandaloneDevice):
        return NumpyCode
    if '"product.h"' not in device.headers:
        device.headers.append('"product.h"')
        device.include_dirs += INCLUDES
        device.libraries.append(scipy_openblas32.get_library())
        device.library_dirs.append(scipy_openblas32.get_lib_dir())
        device.runtime_library_dirs.append(scipy_openblas32.get_lib_dir())
    return StandaloneCode


def _units(group, name, trials):
    """Return the number of units of a group, and make sure that `name` is one value per neuron in a
    row of memory."""
    if isinstance(group, Subgroup):
        raise NetworkError(
            f"{group.name} is a part of a group. Give the whole group, or make one of its own for these neurons."
        )
    if name not in group.variables:
        raise NetworkError(
            f"{group.name} has no variable '{name}'. " + choices(name, group.variables, "variable")
        )
    var = group.variables[name]
    own = (
        isinstance(var, ArrayVariable)
        and group.variables.indices[name] == group.variables.default_index
    )
    if not own or var.scalar or var.size != len(group):
        raise NetworkError(
            f"'{name}' of {group.name} is no array with one value per neuron, but an expression, a shared or a "
            "linked variable. Declare it as a variable ('x : 1') and assign the value to it."
        )
    if not isinstance(trials, (int, np.integer)) or trials < 1:
        raise NetworkError(f"trials = {trials!r}: give a whole number of at least 1.")
    if len(group) % trials:
        raise NetworkError(
            f"{group.name} has {len(group)} neurons, which is no multiple of {trials} trials."
        )
    return len(group) // trials


def _expect(what, shape, wanted):
    if tuple(shape) != tuple(wanted):
        raise NetworkError(f"{what} must have the shape {tuple(wanted)}, not {tuple(shape)}.")


def _array(what, values, shape):
    values = np.asarray(values, dtype=prefs.core.default_float_dtype)
    _expect(what, values.shape, shape)
    return values


class Softmax(CodeRunner):
    """`result` becomes the softmax of `source` over the units of each trial: divisive normalisation
    of a population."""

    def __init__(self, group, source, result, trials, order, codeobj_class):
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
    """

    def __init__(self, group, into, trials, order, shared, codeobj_class):
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
    """`delayed` becomes what `signal` of the source was some time ago: the `number`th delay line of
    the circuit."""

    def __init__(self, source, signal, trials, number, order, name, codeobj_class):
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
        self.template_kwds = dict(units=_units(source, signal, trials), number=number)


class Residual(CodeRunner):
    """The largest |tau dx/dt| over the states and units of each trial, from the right-hand sides
    that the step uses."""

    def __init__(self, group, expressions, trials, order, codeobj_class):
        names = [f"_residual_{k}" for k in range(len(expressions))]
        code = "\n".join(
            f"{name} = abs({expression})" for name, expression in zip(names, expressions)
        )
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
        self.needed_variables = ["residual"]
        self.template_kwds = dict(
            trials=trials, names=names, real=c_data_type(prefs.core.default_float_dtype)
        )


class Accumulate(CodeRunner):
    """`g` of a synapse group grows by dt times the sum over trials of (post factor) x (pre
    factor)."""

    def __init__(self, synapses, source, target, post, pre, trials, name, codeobj_class):
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
        self.template_kwds = dict(trials=trials, n_post=n_post, n_pre=n_pre)
