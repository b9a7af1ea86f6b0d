"""Dense synapses: all-to-all synapses of rate units, in a circuit of ours or in a script of a user's
own.

A Brian2 `CodeRunner`, as those of runners.py are.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy_openblas32
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.preferences import prefs
from brian2.core.variables import ArrayVariable, Variables
from brian2.devices import get_device
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.groups.group import CodeRunner, Group
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
    the place of `Synapses` with a summed variable.

    Parameters
    ----------
    source, target
        NeuronGroup
    signal, into
        Names of an array variable of the source and of the target.
    weights
        Array (post, pre), or None for zeros.
    trials
        Number of parallel trials K in both groups.
    bias
        Array (post,), True for zeros, or None for no bias.
    shares
        Another DenseSynapses whose weights are used; with `transposed`, their transpose.
    order
        Place within the step, by default just before the target's state update, as Brian2 does for summed variables.
    line
        A Delay that the source's signal comes through.
    number
        Of the group in a compiled circuit, which packs weights phase by phase (packed.h); None in scripts.

    Raises
    ------
    NetworkError
        Group sizes are no multiples of `trials`, a variable is no array, or `weights` has another shape.

    Examples
    --------
    >>> import brian2
    >>> from neurofa.brian.runners import DenseSynapses
    >>> P, Q = brian2.NeuronGroup(4, "r : 1"), brian2.NeuronGroup(3, "v_basal : 1")
    >>> P.r = [1, 2, 3, 4]
    >>> S = DenseSynapses(P, Q, signal="r", into="v_basal", weights=np.eye(3, 4))
    >>> brian2.Network(P, Q, S).run(0.1*ms)
    >>> Q.v_basal[:]
    array([1., 2., 3.])
    """

    def __init__(
        self,
        source: Group,
        target: Group,
        signal: str,
        into: str,
        weights: npt.ArrayLike | None = None,
        trials: int = 1,
        bias: npt.ArrayLike | None = None,
        shares: "DenseSynapses | None" = None,
        transposed: bool = False,
        order: int | None = None,
        line: Any = None,
        number: int | None = None,
        name: str = "dense*",
        codeobj_class: type | None = None,
    ):
        if codeobj_class is None:
            codeobj_class = _class_for_scripts()
        n_pre, n_post = units_of(source, signal, trials), units_of(target, into, trials)
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
        sender = (source, signal) if line is None else (line, "delayed")
        self._declare(sender, (target, into), bias, shares)
        ends = (target.name, source.name)
        self.axes = dict(w=ends, bias=ends[:1])
        self.template_kwds = dict(
            trials=trials,
            post=target.name,
            pre=source.name,
            n_pre=n_pre,
            n_post=n_post,
            transposed="true" if transposed else "false",
            has_bias=bias is not None,
            real=c_data_type(prefs.core.default_float_dtype),
            number=number,
        )
        if weights is not None:
            self.set_weights(weights)
        if bias is not None and bias is not True:
            self.variables["bias"].set_value(_array("bias", bias, (n_post,)))

    def _declare(self, sender, receiver, bias, shares):
        """Say which arrays the code uses: Brian2 passes their names to the template, under the
        names of the variables."""
        (n_post, n_pre), dtype = self.shape, prefs.core.default_float_dtype
        self.variables = Variables(self)
        if shares is None:
            self.variables.add_array("w", size=n_post * n_pre, dtype=dtype)
        else:
            wanted = (n_pre, n_post) if self.transposed else (n_post, n_pre)
            _expect("the shared weights", shares.shape, wanted)
            self.variables.add_reference("w", shares, "w")
        if bias is not None:
            self.variables.add_array("bias", size=n_post, dtype=dtype)
        self.variables.add_reference("_signal", *sender)
        self.variables.add_reference("_into", *receiver)
        self.needed_variables = list(self.variables)

    def set_weights(self, weights: npt.ArrayLike) -> None:
        """Set the weights from an array of shape (post, pre)."""
        weights = _array("weights", weights, self.shape)
        self.variables["w"].set_value((weights.T if self.transposed else weights).ravel())

    @property
    def weights(self) -> np.ndarray:
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


def units_of(group: Group, name: str, trials: int) -> int:
    """Return the number of units of a group, and make sure that `name` is one value per neuron in a
    row of memory.

    Examples
    --------
    >>> import brian2
    >>> from neurofa.brian.runners import units_of
    >>> units_of(brian2.NeuronGroup(20, "r : 1"), "r", trials=4)
    5
    """
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
