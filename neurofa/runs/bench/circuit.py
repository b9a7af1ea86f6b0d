"""The circuit whose time steps are measured: deep feedback control, in the midst of its feedback
phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import lookup

if TYPE_CHECKING:
    from ...engine.brian.engine import Request
    from ...simulate.network import Network

MODEL = "dfc_ss"
SIZES = (784, 256, 256, 256, 10)
DT = 1e-3  # seconds
# steps between two measurements of the residual, as in a phase with this DT
MEASURE_EVERY = 10


def controlled(
    layers: Sequence[int], trials: int, dtype: str, threads: int
) -> tuple[Network, tuple[str, ...]]:
    """Return a network in the midst of its feedback phase, and the names of the synapse groups that
    come from the input."""
    from brian2 import ms, second

    from ...simulate.network import Network
    from ...simulate.trial import Length

    net = Network(
        layers,
        lookup.rule(MODEL),
        trials,
        cost="cross_entropy",
        dtype=dtype,
        threads=threads,
        target="cpp",
    )
    rng = np.random.default_rng(0)
    net.stimulus(rng.normal(0, 0.3, (net.trials, net.sizes[0])))
    net.target_rates(np.eye(net.sizes[-1])[rng.integers(net.sizes[-1], size=net.trials)])
    for phase in ("free", "feedback"):
        net.run(phase, Length(len(net.sizes) * DT * second, dt=1 * ms))
    return net, tuple(group.name for group in net.circuit.groups if group.static)


def steps_of(net: Network, n: int, drives: tuple[str, ...]) -> Request:
    """Return the request for n steps of the network, in which its input's `drives` stay as they
    are."""
    from ...circuit.plan import summing
    from ...engine.brian.engine import Request

    return Request(
        n,
        net.trials,
        DT,
        threads=net.threads,
        measure_every=MEASURE_EVERY,
        silent=drives,
        idle=tuple(summing(phase.name) for phase in net.rule.phases),
    )
