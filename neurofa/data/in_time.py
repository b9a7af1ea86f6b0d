"""Functions of time as frames: `in_time("sin(2*pi*5*Hz*t)", 1*second, 5*ms)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from brian2 import Quantity, ms, second
from brian2.core.variables import Constant, Variable
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.units import allunits, stdunits
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit_for_display
from brian2.utils.stringtools import get_identifiers

from ..base.arguments import numbers, quantity, shown, whole
from ..base.errors import RuleError, TaskError, suggestion
from ..base.frames import Frame
from ..rules.expressions import UNITS
from ..rules.limits import check_expression, check_text, in_words
from ..rules.text import FUNCTIONS, evaluate

PI = Constant("pi", value=np.pi)
GIVE = (
    "give text in t, such as 'sin(2*pi*5*Hz*t)'; a list of such texts, one per unit; or a Python function of the time "
    "in seconds."
)


def in_time(
    function: str | Sequence[str] | Callable,
    duration: Quantity,
    frame: Frame | Quantity,
    samples: int = 1,
) -> np.ndarray:
    """Return what a function of time is at the beginning of every frame, shape (samples, frames,
    units), the same in all samples.

    The function is text in `t`, of one unit, with Brian2's units and elementary functions; a list
    of such texts, one per unit; or a Python function of the time in seconds. That is called frame by
    frame with a number, and returns a number or an array (units,); one that does not take a number is
    called once with all times (frames,), and returns an array (frames, units).

    Raises TaskError for what is no such function, or not finite, and for a `duration` that is no
    whole number of frames.

    Examples
    --------
    >>> tasks.in_time("t / (10*ms)", duration=30*ms, frame=10*ms)[0, :, 0]
    array([0., 1., 2.])
    """
    times = _times(duration, frame)
    samples = whole("in_time: samples", samples, TaskError)
    if callable(function) and not isinstance(function, type):
        found = _called(function, times)
    else:
        texts = [function] if isinstance(function, str) else function
        if not isinstance(texts, (list, tuple)) or not texts:
            raise TaskError(f"in_time: function = {shown(function)}: {GIVE}")
        found = np.stack([_evaluated(text, times) for text in texts], axis=1)
    found = numbers("in_time: the function", found, error=TaskError, axes=("frame", "unit"))
    return np.repeat(found[None], samples, axis=0)


def _times(duration, frame):
    """Return when each frame begins, in seconds, (frames,)."""
    quantity("in_time: duration", duration, second, "1*second", TaskError, noun="time")
    frame = Frame.of(frame, TaskError)
    if frame is None:
        raise TaskError("in_time: frame = None: give how long every frame is shown, such as 5*ms.")
    frames = float(duration / frame.length)
    if round(frames) < 1 or abs(frames - round(frames)) > 1e-6:
        raise TaskError(
            f"in_time: duration = {duration} is {frames:g} frames of {frame.length}. Give a whole number of them, such "
            f"as {max(1, round(frames)) * frame.length}."
        )
    count = whole("in_time: the number of frames", round(frames), TaskError)
    # as text says it: 35*ms, which is a little more than 7 * 5*ms in double precision
    return np.round(np.arange(count) * float(frame.length / ms), 9) * float(ms)


def _called(function, times):
    """Return the values of a user's function, (frames, units)."""
    try:
        found = [function(float(t)) for t in times]
    except Exception as problem:  # whatever a user's function raises
        try:
            found = function(times)
        except Exception:
            raise TaskError(
                f"in_time: the function cannot be evaluated for {times[0]:g}, a time in seconds: {problem}"
            ) from None
    found = numbers("in_time: what the function returns", found, error=TaskError, finite=False)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or len(found) != len(times) or not found.size:
        raise TaskError(
            f"in_time: the function returns arrays of shape {found.shape[1:]} for a number, or {found.shape} in all: "
            f"return a number, or an array (units,), for a number; or an array ({len(times)}, units) for all times."
        )
    return found


def _evaluated(text, times):
    """Return the values of a text, (frames,)."""
    where = f"in_time: the text {shown(text)}"
    try:
        check_text(text, where)
        text = text.strip()
        check_expression(text, where)
        values = _values(text, where)
    except RuleError as error:
        raise TaskError(str(error)) from None
    with np.errstate(all="ignore"):  # what is not finite is refused
        found = evaluate(text, values | {"t": times})
    return np.broadcast_to(np.asarray(found, float), times.shape)


def _values(text, where):
    """Return {name: value in base units} of the units in a text. Raises RuleError unless it is an
    expression in t that has no unit itself."""
    names, values = FUNCTIONS | {"t": Variable("t", dimensions=second.dim), "pi": PI}, {}
    for name in sorted(get_identifiers(text)):
        if name in UNITS:
            unit = getattr(allunits, name, None) or getattr(stdunits, name)
            values[name] = float(unit)
            names[name] = Constant(name, value=float(unit), dimensions=unit.dim)
        if name not in names:
            raise RuleError(
                f"{where} uses '{name}', which is neither t nor pi, a unit or a function.{suggestion(name, names)}"
            )
    with in_words(where), np.errstate(all="ignore"):
        dim = parse_expression_dimensions(text, names)
    if dim is not DIMENSIONLESS:
        raise RuleError(
            f"{where} has the unit {get_unit_for_display(dim)}, and inputs and targets have none: divide by the unit "
            "that you mean."
        )
    return values
