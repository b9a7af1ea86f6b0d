"""Which activation every population has, and the engine that runs a plan with them."""

from collections.abc import Mapping
from typing import Any

import brian2
import numpy.typing as npt

from ..base.errors import CompileError, NetworkError
from ..base.fixed import Fixed
from ..circuit.plan import Plan
from ..engine.brian.compiled import CompiledEngine
from ..engine.brian.engine import Engine
from ..engine.brian.interpreted import NumpyEngine
from ..engine.brian.toolchain import key, python_key
from ..engine.build import Builder
from ..engine.functions import broken
from ..rules.activations import Activation, Activations, activation, alike, as_given, of_layers
from ..rules.own_activations import check_twins


def activations_of(
    plan: Plan, hidden: Activations, output: str | Activation
) -> tuple[Fixed, dict[str, Any]]:
    """Return `{population: Activation}` for what is given as those of the hidden layers and of the
    output; and both as Network takes them.

    A population has the activation of its layer, or what the rule says that it has; where it stands
    beside no layer, and the rule says nothing, the one that hidden layers have in common. Raises
    NetworkError where such a population uses it, and hidden layers have several.
    """
    each, last = of_layers(hidden, len(plan.sizes) - 2), activation(output)
    common = each[0] if each else last if isinstance(hidden, (list, tuple)) else activation(hidden)
    said = {p.name: p.activation for p in plan.rule.populations}
    layers, found = (common, *each, last), {}
    for units in plan.units:
        layer, own = units.layer or 0, said.get(units.kind, "same")
        where = {"same": layer, "above": layer + 1}.get(own)
        found[units.name] = activation(own) if where is None else layers[where]
        unknown = own == "same" and not units.layer and not alike(each)
        if unknown and plan.texts[units.name].uses_activation:
            names = ", ".join(f"hidden{k} {one}" for k, one in enumerate(each, 1))
            raise NetworkError(
                f"{plan.rule.name}: '{units.name}' uses phi or dphi and stands beside no layer, so that it is not known which is "
                f"meant ({names}). Give all hidden layers one activation, or say which in the rule: "
                "Population(..., activation='tanh')."
            )
    return Fixed(found), dict(
        activation=as_given(each or [common]), output_activation=as_given([last])
    )


def engine_of(
    plan: Plan,
    trials: int,
    activations: Mapping[str, Activation],
    target: str,
    dtype: npt.DTypeLike,
) -> Engine:
    """Return the engine of a plan for so many trials, in the precision `dtype`; its code is made if
    it is not in the cache.

    Raises CompileError; NetworkError for the C++ of an activation that is broken, or is another
    function than its NumPy, and where there is not enough memory.
    """
    builder = Builder(plan, trials, activations, target)
    units = {one.name: one.size for one in plan.units}
    try:
        description = f"{brian2.__version__} {dtype} {builder.description()}"
        if target == "numpy":
            functions = {
                name: dict(phi=one.phi, dphi=one.dphi) for name, one in activations.items()
            }
            made = python_key(description), builder.parts, dtype, trials, units
            return NumpyEngine(*made, functions)
        engine = CompiledEngine(key(description), builder.parts, dtype, trials, units)
        for number, own in enumerate(builder.to_compare):
            check_twins(own, lambda what, x: engine.twin(f"{what} {number}", x), dtype)
        return engine
    except CompileError:
        for own in builder.to_compare:
            if complaint := broken(own):
                raise NetworkError(
                    f"Activation {own}: its C++ cannot be compiled. {complaint}. Mend it, or give the activation as one text in "
                    "x, from which its C++ follows."
                ) from None
        raise
    except MemoryError:
        raise NetworkError(
            f"There is not enough memory for layers of {', '.join(map(str, plan.sizes))} units and {trials} "
            "trials. Use fewer trials or smaller layers."
        ) from None
