"""Golden checks: what every rule of the shelf computes, against answers that share no code with it.

`neurofa run steady_state` prints them all, and the tests demand that they hold. One module per
subject; a new rule enters by naming itself in a `@golden(...)` there, and in the table of
models/__init__.py.

    for check in golden.checks():
        print(check.rule, check.what, check.difference, check.limit)
"""

from neurofa import lookup

from . import (
    blocks,
    bursts,
    contrasts,
    control,
    dales_law,
    disinhibition,
    equilibria,
    errors,
    least_control,
    local,
    microcircuits,
    mirrors,
    noise,
    online,
    perturbation,
    projections,
    recurrent,
    signs,
    targets,
)
from .common import COMPARISONS, Check, Comparison, golden  # noqa: F401 (golden: for checks elsewhere)


def comparisons(quick=False):
    """Return all comparisons, of rules of other packages too; with `quick`, the first one of every
    subject that is not slow."""
    for name in lookup.other_names():
        lookup.module(name)  # where checks stand in it, they are known now
    first = {c.compare.__module__: c for c in reversed(COMPARISONS) if not c.slow}
    return tuple(c for c in COMPARISONS if not quick or c in first.values())


def checks(quick=False, target=None):
    """Yield every Check, as it is made. `target` is what circuits are built for: "cpp", "numpy", or
    None for what there is."""
    for comparison in comparisons(quick):
        yield from comparison.checks(target)
