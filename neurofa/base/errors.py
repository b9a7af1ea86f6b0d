"""Errors that say what is wrong, where, what was allowed, and what to do."""

import difflib
import sys
import warnings
from collections.abc import Iterable
from typing import Any

TWO_NETWORKS = (
    "Brian2 and neurofa both have a Network, and 'import *' leaves the one that came last: write neurofa.Network(sizes, rule) "
    "or brian2.Network(objects) for the one that is meant."
)


class NeurofaError(Exception):
    """Base of every error that neurofa raises on purpose: one paragraph, whatever was quoted in
    it.

    Examples
    --------
    >>> try:
    ...     Network([4, 3, 2], fa.RULE, activation="thanh")
    ... except NeurofaError as problem:
    ...     print(type(problem).__name__)
    NetworkError
    """

    def __init__(self, message: object = ""):
        super().__init__(" ".join(str(message).split()))


class RuleError(NeurofaError):
    """The text of a learning rule cannot be what its author meant.

    Examples
    --------
    >>> try:
    ...     fa.RULE.but(etta=0.1)
    ... except RuleError as problem:
    ...     print("Did you mean" in str(problem))
    True
    """


class NetworkError(NeurofaError):
    """A network was asked for something it does not have, or given an array of the wrong shape.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> try:
    ...     net["W9"]
    ... except NetworkError as problem:
    ...     print("W9" in str(problem))
    True
    """


class TaskError(NeurofaError):
    """A data set is not usable as a task.

    Examples
    --------
    >>> try:
    ...     tasks.task("digit")
    ... except TaskError as problem:
    ...     print("digits" in str(problem))
    True
    """


class MeasureError(NeurofaError, ValueError):
    """A measure was asked of numbers that it cannot be taken of."""


class CompileError(NeurofaError):
    """The circuit could not be compiled, or its compiled library could not be used.

    Examples
    --------
    >>> try:
    ...     net = Network([4, 3, 2], fa.RULE)
    ... except CompileError:  # the compiler failed: let NumPy interpret the circuit
    ...     net = Network([4, 3, 2], fa.RULE, target="numpy")
    """


class Diverged(NeurofaError):
    """A state became NaN or infinite during a phase. Where training raised it, `history` is what
    had been learned.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE.but(eta=1e200), activation="linear", seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> try:
    ...     history = train(net, task, 5, trial=Trial(dt=10*ms), progress=False)
    ... except Diverged as problem:
    ...     print("Use a smaller learning rate" in str(problem))
    ...     print(problem.history.epoch)  # before the first epoch had ended
    True
    [0]
    """

    history: Any = None


class ExperimentError(NeurofaError):
    """An experiment or a run folder cannot be found or read.

    Examples
    --------
    >>> from neurofa import lookup
    >>> try:
    ...     lookup.experiment("digit")
    ... except ExperimentError as problem:
    ...     print("digits" in str(problem))
    True
    """


class NotSettled(UserWarning):
    """A phase ended before every trial had settled.

    Examples
    --------
    >>> import warnings
    >>> net = Network([4, 3, 2], fa.RULE, seed=1)
    >>> net.stimulus(np.ones((1, 4)))
    >>> with warnings.catch_warnings(record=True) as warned:
    ...     warnings.simplefilter("always", NotSettled)
    ...     result = net.run("free", settle(1e-6, at_most=5*ms, dt=1*ms))
    >>> print(warned[0].message)  # doctest: +ELLIPSIS
    free phase, trial 0: residual ... > 1e-06 in ... Lengthen the phase: ...
    """


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something where the user called this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in (
        "neurofa",
        "contextlib",
    ):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def choices(name: object, valid: Iterable, what: str = "name") -> str:
    """Return the sentence that lists the `valid` names and suggests the one nearest to `name`."""
    return f"Valid {what}s: {', '.join(sorted(valid)) or 'none'}.{suggestion(name, valid)}"


def suggestion(name: object, valid: Iterable) -> str:
    """Return " Did you mean ...?" with the valid name nearest to `name`, or nothing."""
    folded = {str(v).casefold(): v for v in sorted(valid, reverse=True)}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.5)
    return f" Did you mean '{folded[near[0]]}'?" if near else ""
