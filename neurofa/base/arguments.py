"""What the user gives, checked where it is given: one validator per kind of value, for every public
function, all in this file.

Each is told what the value is called and which class of error to raise, and returns the value in
the form that is used inside.
"""

import operator
from collections.abc import Collection, Iterable
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from brian2 import BrianObject, Quantity, get_dimensions, second
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, get_unit

from .errors import TWO_NETWORKS, NetworkError, choices

LARGEST = 2**31 - 1  # of a count: it meets 32-bit integers of C


# single values ------------------------------------------------------------------------------------


def shown(value: object) -> str:
    """Return what a message shows of a value: its repr, shortened."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = "something"  # a message about a value must not fail because of whose value it is
    return text if len(text) <= 80 else f"{text[:60]}... ({type(value).__name__})"


def whole(
    what: str,
    value: Any,
    error: type[Exception] = NetworkError,
    least: int = 1,
    most: int = LARGEST,
) -> int:
    """Return `value` as an int. Raises `error` unless it is a whole number from `least` to `most`;
    truth values are none."""
    try:
        found = None if isinstance(value, (bool, np.bool_, Quantity)) else operator.index(value)
    except TypeError:
        found = None
    if found is None or not least <= found <= most:
        limit = f" and at most {most}" if found is not None and found > most else ""
        raise error(
            f"{what} = {shown(value)}: give a whole number of at least {least}{limit}, such as {least + 2}."
        )
    return found


def seed_of(what: str, value: Any, error: type[Exception] = NetworkError) -> int:
    """Return `value` as an int. Raises `error` unless it is a seed: a whole number from 0 to 2**32
    - 1."""
    return whole(what, value, error, least=0, most=2**32 - 1)


def number(
    what: str,
    value: Any,
    error: type[Exception] = NetworkError,
    least: float = -np.inf,
    most: float = np.inf,
    open_at: Collection[float] = (),
    example: str = "0.5",
) -> float:
    """Return `value` as a float. Raises `error` unless it is a finite number from `least` to
    `most`, but none of `open_at`."""
    found = _real(value)
    if not (np.isfinite(found) and least <= found <= most and found not in open_at):
        if {least, most} <= {*open_at}:
            limits = f" between {least:g} and {most:g}"
        else:
            bounds = [f"{'larger than' if least in open_at else 'of at least'} {least:g}"] * bool(
                np.isfinite(least)
            )
            bounds += [f"{'smaller than' if most in open_at else 'at most'} {most:g}"] * bool(
                np.isfinite(most)
            )
            limits = f" {' and '.join(bounds)}" if bounds else ""
        raise error(f"{what} = {shown(value)}: give a finite number{limits}, such as {example}.")
    return found


def fraction(
    what: str, value: Any, error: type[Exception] = NetworkError, least_open: bool = True
) -> float:
    """Return `value` as a float if it is a fraction: larger than 0 (or 0 too), at most 1. Raises
    `error`."""
    found = _real(value)
    if 0 < found <= 1 or found == 0 and not least_open:
        return found
    raise error(
        f"{what} = {shown(value)}: give a number {'larger than' if least_open else 'from'} 0 and at most 1, such as 0.5."
    )


def _real(value):
    """Return a real number as a float; NaN for what is none, has a unit, or is a truth value."""
    if (
        not isinstance(value, (Real, np.ndarray))
        or isinstance(value, (bool, np.bool_))
        or np.ma.is_masked(value)
    ):
        return np.nan
    if (
        np.ndim(value)
        or np.asarray(value).dtype.kind not in "iuf"
        or not same_dim(get_dimensions(value), DIMENSIONLESS)
    ):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf


def quantity(
    what: str,
    value: Any,
    unit: Quantity | float,
    example: str,
    error: type[Exception] = NetworkError,
    zero: bool = False,
    noun: str = "value",
) -> Quantity | float:
    """Return `value` if it has the dimensions of `unit`, and is finite and not negative. Raises
    `error` with an `example`."""
    if has_unit(value, unit) and 0 <= float(value) < np.inf and (zero or float(value) > 0):
        return value
    raise error(
        f"{what} = {shown(value)}: give a {'non-negative' if zero else 'positive'}, finite {noun} such as {example}."
    )


def several(
    what: str, value: Any, noun: str, error: type[Exception] = NetworkError, least: int = 0
) -> tuple[int, ...]:
    """Return a tuple of whole numbers from one, or from a list of them. Raises `error`, where
    `noun` is what they number."""
    try:
        found = tuple(
            whole(what, one, error, least)
            for one in (value if isinstance(value, (tuple, list, range)) else [value])
        )
    except error:
        found = ()
    if not found:
        raise error(
            f"{what}={shown(value)}): give the number of a {noun}, such as {least}, or several, such as ({least}, {least + 1})."
        )
    return found


def same_dim(one: Dimension, other: Dimension) -> bool:
    """Whether two dimensions are the same: mostly one object, but for those that came from another
    process."""
    return one is other or one == other


def has_unit(value: Any, unit: Quantity | float) -> bool:
    """Whether `value` is one real number with the dimensions of `unit`; of 1, a number without
    any."""
    wanted = get_dimensions(unit)
    if isinstance(value, Quantity):
        return value.ndim == 0 and value.dtype.kind in "iuf" and same_dim(value.dim, wanted)
    return same_dim(wanted, DIMENSIONLESS) and not np.isnan(_real(value))


def one_of(
    what: str,
    value: Any,
    valid: Collection[str],
    error: type[Exception] = NetworkError,
    noun: str = "name",
) -> str:
    """Return `value` if it is one of the `valid` names. Raises `error` that lists them."""
    if isinstance(value, str) and value in valid:
        return value
    raise error(f"{what} = {shown(value)}. {choices(value, valid, noun)}")


def path_of(what: str, value: Any, error: type[Exception] = NetworkError) -> Path:
    """Return `value` as a Path if it is text, or a path. Raises `error`."""
    if isinstance(value, (str, Path)) and str(value).strip() and "\0" not in str(value):
        return Path(value)
    raise error(f"{what} = {shown(value)}: give the path of a file or folder, such as 'runs/one'.")


def kind(
    what: str,
    value: Any,
    kinds: type | tuple[type, ...],
    give: str,
    error: type[Exception] = NetworkError,
) -> Any:
    """Return `value` if it is one of the class or classes `kinds`. Raises `error`, which says what
    to `give`: "a Learner"."""
    if isinstance(value, kinds):
        return value
    raise error(f"{what} = {shown(value)}: give {give}.")


def sequence(what: str, values: Any, give: str, error: type[Exception] = NetworkError) -> tuple:
    """Return a list, a tuple, a range, or the rows of an array as a tuple. Raises `error` for
    others, which says what to `give`."""
    if isinstance(values, (list, tuple, range)) or type(values) is np.ndarray and values.ndim:
        return tuple(values)
    raise error(f"{what} = {shown(values)}: give {give}.")


def able(
    what: str, value: Any, method: str, give: str, error: type[Exception] = NetworkError
) -> Any:
    """Return `value` if it has a `method` ("__call__": if it can be called). Raises `error`, which
    says what to `give`."""
    if callable(getattr(value, method, None)) and not isinstance(value, type):
        return value
    raise error(f"{what} = {shown(value)}: give {give}.")


# arrays -------------------------------------------------------------------------------------------


def numbers(
    what: str,
    values: npt.ArrayLike,
    dtype: npt.DTypeLike | None = None,
    error: type[Exception] = NetworkError,
    axes: tuple[str, ...] = (),
    unit: Quantity | float = 1,
    ndim: int | None = None,
    finite: bool = True,
) -> np.ndarray:
    """Return `values` as an array of real numbers of type `dtype`, `finite` or not; `axes` are what
    a message calls its axes.

    Without a `dtype`, float32 stays and all else becomes float64. It has `ndim` axes, or any number
    of them.

    Raises `error` for masked entries, a unit other than `unit`, what is no real number, and what
    `dtype` cannot hold.
    """
    if _any_inside(values, np.ma.is_masked):
        raise error(f"{what} has masked entries. Leave those rows out, or fill the values in.")
    dim = get_dimensions(unit)
    if _any_inside(
        values,
        lambda one: not same_dim(one.dim if isinstance(one, Quantity) else DIMENSIONLESS, dim),
    ):
        wanted = (
            "plain numbers: divide by the unit that you mean"
            if same_dim(dim, DIMENSIONLESS)
            else f"values in {get_unit(dim)!r}"
        )
        raise error(f"{what} has a unit that does not fit. Give {wanted}.")
    try:
        array = np.asarray(values)
    except Exception as problem:  # other libraries' arrays may raise anything here
        raise error(f"{what} is no array ({problem}). Give rows of one length.") from None
    if array.dtype.kind not in "buif":
        raise error(
            f"{what} holds {array.dtype} where real numbers are needed. Convert it to float."
        )
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float32 else np.float64
    with np.errstate(over="ignore"):
        found = array.astype(dtype, copy=False)
    if ndim is not None and found.ndim != ndim:
        raise error(f"{what} has the shape {found.shape}: give an array with {ndim} axes.")
    if finite and not np.isfinite(found).all():
        _refuse_infinite(what, array, found, error, axes)
    return found


def _refuse_infinite(what, array, found, error, axes):
    bad = ~np.isfinite(found)
    first = np.argwhere(bad)[0]
    where = (
        ", ".join(f"{axis} {n}" for axis, n in zip(axes, first)) or f"place {tuple(first.tolist())}"
    )
    if np.isfinite(array).all():
        raise error(
            f"{what}: {found.dtype.name} cannot hold {array[bad][0]:g}, in {where}; its largest number is "
            f"{np.finfo(found.dtype).max:.1g}."
        )
    nans = int(np.isnan(found).sum())
    raise error(
        f"{what} is NaN or infinite in {where}, and in {bad.sum()} places in all ({nans} NaN, {bad.sum() - nans} inf), counted "
        "from 0. Leave those rows out, or fill the values in."
    )


def _any_inside(values, condition):
    """Whether a condition holds for `values`, or for anything in these lists."""
    if isinstance(values, (list, tuple)):
        return any(_any_inside(one, condition) for one in values)
    return condition(values)


def batch(
    what: str, values: npt.ArrayLike, width: int, trials: int, dtype: npt.DTypeLike
) -> np.ndarray:
    """Return `values` as an array (trials, width) of finite numbers. Raises NetworkError if they
    are not."""
    values = numbers(f"The {what}", values, dtype, axes=("trial", "unit"))
    if values.ndim != 2 or values.shape[1] != width or not 1 <= len(values) <= trials:
        raise NetworkError(
            f"The {what} must have the shape (trials, {width}) with at most {trials} trials, not {values.shape}."
        )
    return values


def samples(
    what: str,
    values: npt.ArrayLike,
    width: int,
    count: int | None = None,
    error: type[Exception] = NetworkError,
    frames: bool = False,
) -> np.ndarray:
    """Return `values` as an array (samples, width) of finite numbers, with `count` samples; or, where
    there may be `frames`, (samples, frames, width). Raises `error`."""
    axes = ("sample", "frame", "unit") if getattr(values, "ndim", 2) == 3 else ("sample", "unit")
    found = numbers(f"The {what}", values, error=error, axes=axes)
    if (
        found.ndim not in ((2, 3) if frames else (2,))
        or found.shape[-1] != width
        or 0 in found.shape
        or count not in (None, len(found))
    ):
        n = count or "samples"
        either = f"({n}, {width}), or ({n}, frames, {width})" if frames else f"({n}, {width})"
        moving = " Say how long each frame is shown, frame=5*ms." * (found.ndim == 3 and not frames)
        raise error(f"The {what} must have the shape {either}, not {found.shape}.{moving}")
    return found


# of a network -------------------------------------------------------------------------------------


def not_of_brian2(given: Iterable) -> None:
    """Raise NetworkError if what was given to a Network, or a list in it, holds objects of
    Brian2."""
    if _any_inside(list(given), lambda one: isinstance(one, BrianObject)):
        raise NetworkError(
            f"This Network is neurofa's, and was given objects of Brian2. {TWO_NETWORKS}"
        )


def check_parameter(
    rule, name: str, value: Any, dtype: type[np.floating] | np.dtype[np.floating] = np.float64
) -> None:
    """Raise NetworkError if `value` cannot be the parameter `name` of `rule` in a network of that
    precision."""
    if name not in rule.all_parameters:
        raise NetworkError(
            f"{rule.name} has no parameter '{name}'. "
            + choices(name, rule.all_parameters, "parameter")
        )
    example = rule.all_parameters[name]
    is_time = same_dim(get_dimensions(example), second.dim)
    fits = has_unit(value, example) and np.isfinite(float(value))
    # of a time: a delay may be nothing
    lowest = ", larger than 0" if name in rule.parameters else ", 0 or larger"
    if not fits or is_time and (float(value) < 0 or float(value) == 0 and name in rule.parameters):
        raise NetworkError(
            f"Parameter '{name}' has the unit of {example}; it cannot be {shown(value)}. Give one finite number with that "
            f"unit{lowest if is_time else ''}."
        )
    least, most, given = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max), abs(float(value))
    if given > most or 0 < given < least:
        raise NetworkError(
            f"Parameter '{name}' = {shown(value)} is too {'large' if given > 1 else 'small'} for {np.dtype(dtype).name}, which "
            f"holds numbers from {least:.1g} to {most:.1g}. Give another value, or use dtype='float64'."
        )
