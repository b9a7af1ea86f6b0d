"""All there is to a network, or a learner, as plain values and arrays: what copies, pickles, files
and checkpoints are made of.

description    what it was made of: rule, sizes, trials, activations, cost, dtype, target
state          what has become of it: weights, biases, all variables, parameters, structure and lesions of synapses, signals
               on their way, seed and position of the noise
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..base.description import as_data, from_data, lost_in
from ..base.errors import ExperimentError, NetworkError, RuleError
from ..circuit.slots import Lifetime
from .movie import Movie
from .progress import Progress

if TYPE_CHECKING:
    from .network import Network

RESTORED: Any = object()  # in place of a seed: nothing is drawn, because a state follows

Made = TypeVar("Made", bound="Network")

# to Network, as they were given
PASSED = ("activation", "output_activation", "cost", "target")


def description(net: Network) -> dict[str, Any]:
    """Return what Network(...) is to be given for one like `net`, as data that JSON can hold."""
    return dict(
        rule=as_data(net.rule),
        sizes=list(net.sizes),
        trials=net.trials,
        dtype=net.dtype.name,
        **{name: as_data(net.given[name]) for name in PASSED},
    )


def own_arrays(net: Network) -> dict[str, np.ndarray]:
    """Return `{name: array}` of all memory of a network, each piece once, though several names may
    lead to it."""
    found: dict[int, tuple[str, np.ndarray]] = {}
    for name, array in net.engine.arrays.items():
        found.setdefault(array.__array_interface__["data"][0], (name, array))
    return dict(found.values())


def lasting(net: Network) -> dict[str, np.ndarray]:
    """Return `{name: array}` of what a trial starts with as it is: weights, biases, parameters,
    what a user has set."""
    return {
        name: array
        for name, array in own_arrays(net).items()
        if net.circuit.slots[name].lifetime == Lifetime.TRAINING
    }


def state(net: Network) -> dict[str, Any]:
    """Return the state of a network; its arrays are the network's own, not copies."""
    delays = {name: dict(ring=line.ring, dt=line.dt) for name, line in net.engine.lines.items()}
    return dict(
        arrays=own_arrays(net),
        parameters={name: as_data(value) for name, value in net.parameters.items()},
        synapses=net.synapses.state,
        delays=delays,
        seed=net.seed,
        noise=list(net.noise),
        active=net.active,
        threads=net.threads,
        cost=net.cost.name,
        phase=net.progress.state,
        movie=net.movie.state,
    )


def restore(net: Network, state: Mapping[str, Any]) -> None:
    """Bring a network to a `state`. Of another number of trials, it keeps all but what passes with
    a trial.

    Raises NetworkError if the state is that of a network of another rule or other sizes.
    """
    net.set(**{name: from_data(value) for name, value in state["parameters"].items()})
    if state["cost"] != net.cost.name:  # it was told none, and has learned with that of a task
        net.take_cost(state["cost"])
    net.synapses.state = state["synapses"]
    kept = lasting(net)
    for name, array in own_arrays(net).items():
        values = np.asarray(state["arrays"].get(name, np.nan))
        if values.shape == array.shape:
            array[...] = values
        elif name in kept:
            array[...] = _of_other_trials(name, values, array)
    net.seed, net.noise, net.threads = state["seed"], state["noise"], state["threads"]
    net.active = min(state["active"], net.trials)
    same, movie = net.trials == len(state["arrays"]["input.r"]), Movie.of(state["movie"])
    net.progress = Progress(*state["phase"]) if same else Progress()
    net.movie = movie if same else Movie()
    # what a learner has told apart of a phase that goes on is not in the state of a network
    unlearned = net.progress.seconds > 0 and not net.progress.learned
    net.progress.mixed |= unlearned and net.movie.input_moves
    for name, line in net.engine.lines.items():
        past = state["delays"][name]
        if past["ring"].shape[1:] == line.ring.shape[1:]:
            line.ring, line.dt = np.array(past["ring"], dtype=line.ring.dtype), past["dt"]


def _of_other_trials(name, values, array):
    """Return what all trials of `values` have in common, for the trials of `array`."""
    if values.ndim != 2 or values.shape[1:] != array.shape[1:] or (values != values[0]).any():
        raise NetworkError(
            f"'{name}' has the shape {values.shape} in what was saved and {array.shape} here, and cannot be taken over. "
            "Load with as many trials as it was saved with, or give the sizes and the rule that it had."
        )
    return values[0]


def made(
    kind: type[Made],
    description: Mapping[str, Any],
    state: Mapping[str, Any],
    given: Mapping[str, Any] | tuple = (),
) -> Made:
    """Return the network of class `kind` that a description and a state are of; `given` are
    arguments in place of its own."""
    wanted = {
        name: from_data(value) for name, value in description.items() if name not in given
    } | dict(given)
    for name, value in wanted.items():
        if lost := lost_in(value):
            raise ExperimentError(
                f"The {name} was '{', '.join(lost)}', of which a file holds no more than the name. Give it: "
                f"Network.load(path, {name}=...)."
            )
    net = kind(**wanted, seed=RESTORED)
    restore(net, state)
    net.threads = dict(given).get("threads", net.threads) if net.engine.parallel else 1
    return net


def saved_network(net: Network) -> dict[str, Any]:
    """Return description and state of a network, as a file has them."""
    return dict(description=description(net), network=state(net))


def loaded_network(
    kind: type[Made], path: str | Path, tree: Mapping[str, Any], given: Mapping[str, Any]
) -> Made:
    """Return the network of a file's `tree`; `given` are arguments of Network in place of its own,
    None where there are none."""
    with of_file(path):
        return made(
            kind,
            tree["description"],
            tree["network"],
            {name: value for name, value in given.items() if value is not None},
        )


@contextmanager
def of_file(path: str | Path) -> Iterator[None]:
    """Name the file in what is said of its contents. Raises ExperimentError, whatever is wrong with
    them."""
    try:
        yield
    except (ExperimentError, NetworkError, RuleError) as problem:
        raise ExperimentError(f"{path}: {problem}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ExperimentError(
            f"{path} does not hold what this version of neurofa expects ({type(problem).__name__}: {problem}). It was "
            "changed, or written by another version."
        ) from None
