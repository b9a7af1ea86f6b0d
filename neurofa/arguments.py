"""What a Network is given, checked where it is given."""

import warnings

import numpy as np
from brian2 import get_dimensions, second

from .brian.toolchain import compiler
from .errors import NetworkError, choices


def whole(what, value):
    """Return `value` as an int. Raises NetworkError if it is no whole number of at least 1."""
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise NetworkError(f"{what} = {value!r}: give a whole number of at least 1.")
    return int(value)


def choose_target(target):
    """Return "cpp" or "numpy": what was asked for, or what this machine can do.

    Warns where NumPy takes over for want of a compiler; raises NetworkError if "cpp" was asked for by name.
    """
    if target not in (None, "cpp", "numpy"):
        raise NetworkError(f"target = {target!r}. " + choices(target, ("cpp", "numpy"), "target"))
    if target == "numpy" or compiler():
        return target or "cpp"
    message = "No C++ compiler was found (g++, c++ or clang++ on the path, or the one that CXX names)."
    if target == "cpp":
        raise NetworkError(f"{message} Install one, for example the package 'g++', or leave out target='cpp'.")
    warnings.warn(f"{message} The circuit is interpreted by NumPy, which is correct but many times slower.", stacklevel=3)
    return "numpy"


def batch(what, values, width, trials, dtype):
    """Return `values` as an array (trials, width) of finite numbers. Raises NetworkError if they are not."""
    try:
        values = np.asarray(values, dtype=dtype)
    except (TypeError, ValueError):
        raise NetworkError(f"The {what} must be an array of numbers, of shape (trials, {width}).") from None
    if values.ndim != 2 or values.shape[1] != width or not 1 <= len(values) <= trials:
        raise NetworkError(f"The {what} must have the shape (trials, {width}) with at most {trials} trials, not {values.shape}.")
    if not np.isfinite(values).all():
        trial, unit = np.argwhere(~np.isfinite(values))[0]
        raise NetworkError(f"The {what} is NaN or infinite in trial {trial}, unit {unit}.")
    return values


def check_parameter(rule, name, value):
    """Raise NetworkError if `value` cannot be the parameter `name` of `rule`."""
    if name not in rule.all_parameters:
        raise NetworkError(f"{rule.name} has no parameter '{name}'. " + choices(name, rule.all_parameters, "parameter"))
    example = rule.all_parameters[name]
    unit = get_dimensions(example)
    try:
        fits = np.ndim(value) == 0 and np.isfinite(float(value)) and get_dimensions(value) is unit
    except (TypeError, ValueError):
        fits = False
    lowest = ", larger than 0" if name in rule.parameters else ", 0 or larger"      # of a time: a delay may be nothing
    if not fits or unit is second.dim and (float(value) < 0 or float(value) == 0 and name in rule.parameters):
        raise NetworkError(f"Parameter '{name}' has the unit of {example}; it cannot be {value!r}. Give one finite number with that "
                           f"unit{lowest if unit is second.dim else ''}.")
