"""What every manipulation of a pathway has in common."""

from dataclasses import fields
from numbers import Integral, Real

from ..errors import RuleError


class Value:
    """Something that is written as a name with arguments, and shown so."""

    def __str__(self):
        given = [(k, f.name, getattr(self, f.name)) for k, f in enumerate(fields(self)) if getattr(self, f.name) is not f.default]
        return f"{type(self).__name__}({', '.join(str(value) if k == 0 else f'{name}={value}' for k, name, value in given)})"


class Manipulation(Value):
    """Something done to a pathway: `Pathway("B", ...) | sparse(0.5) | delayed(20*ms)`.

    It changes the synapses (`weights`), what arrives at the target (`transmitted`), or when (a delay, a lesion); each kind
    defines the methods that concern it. `key` is the name that its variables and parameters end with: that of the pathway,
    and a number if the pathway has the same kind of manipulation already.
    """

    synaptic = False        # whether it changes weights, so that the pathway needs synapses of its own
    turn = 0                # of several that change weights, those of a lower turn come first; then, as they are written

    def parameters(self, key):
        """Return `{name: value with its unit}` of what `Network.set` can change."""
        return {}

    def transmitted(self, drive, key):
        """Return (lines of equations, what the target receives) where the synapses bring `drive`."""
        return "", drive

    def starts(self, key):
        """Return the assignment that every phase begins with, as text."""
        return ""

    def weights(self, net, group, w, rng):
        """Return the changed weights (post, pre), and a function that puts later weights in order, in place, or None.

        That function is called as `keep(w, updates)` after every update of the weights.
        """
        return w, None

    def concerns(self, group):
        """Whether it concerns this synapse group: all groups of the pathway, or those that enter `layer`."""
        wanted = layers(self)
        return wanted is None or group.layer in wanted


def layers(manipulation):
    """Return the layers that a manipulation is restricted to, or None for all. Raises RuleError for what is no layer."""
    value = getattr(manipulation, "layer", None)
    if value is None:
        return None
    wanted = tuple(value) if isinstance(value, (tuple, list, range)) else (value,)
    if wanted and all(isinstance(k, Integral) and k >= 1 for k in wanted):
        return wanted
    raise RuleError(f"{type(manipulation).__name__}(layer={value!r}): give the number of a layer that the pathway enters, such as 1, or "
                    "several, such as (1, 2).")


def fraction(what, value, least_open=True):
    """Return `value` if it is a fraction: larger than 0 (or 0 too), at most 1. Raises RuleError."""
    if isinstance(value, Real) and (0 < value <= 1 or value == 0 and not least_open):
        return float(value)
    raise RuleError(f"{what} = {value!r}: give a number {'larger than' if least_open else 'from'} 0 and at most 1, such as 0.5.")


def whole(what, value):
    """Return `value` if it is a whole number of at least 1. Raises RuleError."""
    if isinstance(value, Integral) and not isinstance(value, bool) and value >= 1:
        return value
    raise RuleError(f"{what} = {value!r}: give a whole number of at least 1, such as 3.")


def quantity(what, value, unit, example, zero=False):
    """Return `value` if it has the dimensions of `unit`, and is finite and not negative. Raises RuleError with an `example`."""
    from brian2.units.fundamentalunits import have_same_dimensions
    try:
        if have_same_dimensions(value, unit) and 0 <= float(value) < float("inf") and (zero or float(value) > 0):
            return value
    except TypeError:
        pass
    raise RuleError(f"{what} = {value!r}: give a {'non-negative' if zero else 'positive'}, finite value such as {example}.")
