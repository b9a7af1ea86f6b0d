"""The state of a learner, beside that of its network: optimisers and their moments, counts, what
its trial found out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.description import as_data, from_data
from ..base.names import numbered
from ..simulate.state import of_file

if TYPE_CHECKING:
    from ..simulate.network import Network
    from ..simulate.trial import Trial
    from .learner import Learner
    from .optimisers import Optimiser

Made = TypeVar("Made", bound="Learner")


def learner_state(learner: Learner) -> dict[str, Any]:
    """Return the state of a learner, beside that of its network: optimisers and their moments,
    counts, what its trial found out."""
    plastic = {
        label: dict(updates=one.updates, optimiser=as_data(one.optimiser), moments=_moments(one))
        for label, one in _plastic(learner).items()
    }
    return dict(
        trial=as_data(learner.trial),
        optimiser={name: as_data(one) for name, one in learner.optimisers.items()},
        counts=[learner.updates, learner.trials, learner.epochs],
        found=learner.trial.state,
        plastic=plastic,
    )


def restore_learner(learner: Learner, state: Mapping[str, Any], optimisers: bool = True) -> None:
    """Bring a learner to a `state`, but for its network: with the `optimisers` that it had at last,
    or its own."""
    for label, one in _plastic(learner).items() if optimisers else ():
        one.optimiser = from_data(state["plastic"][label]["optimiser"])
    learner.updates, learner.trials, learner.epochs = state["counts"]
    learner.trial.state = state["found"]
    take_moments(learner, state)


def take_moments(learner: Learner, state: Mapping[str, Any]) -> None:
    """Take the moments of a learner's `state`, and how many updates made them, where synapses and
    optimiser are the same."""
    for label, one in _plastic(learner).items():
        saved, mine = state["plastic"].get(label, {}), _moments(one)
        theirs = saved.get("moments", {})
        shapes = [
            {name: array.shape for name, array in moments.items()} for moments in (theirs, mine)
        ]
        if saved.get("optimiser", {}).get("text") == one.optimiser.text and shapes[0] == shapes[1]:
            one.updates = saved["updates"]
            for name, array in mine.items():
                array[...] = theirs[name]


def made_learner(
    kind: type[Made],
    net: Network,
    trial: Trial,
    optimisers: str | Optimiser | Mapping[str, str | Optimiser],
    state: Mapping[str, Any],
    own: bool = True,
) -> Made:
    """Return a learner of class `kind` in a `state`, whose optimisers are its `own`, or others."""
    learner = kind(net, trial, optimisers)
    restore_learner(learner, state, own)
    return learner


def loaded_learner(
    kind: type[Made],
    path: str | Path,
    tree: Mapping[str, Any],
    net: Network,
    given: Mapping[str, Any],
) -> Made:
    """Return the learner of a file's `tree` for its network; `given` are a trial and optimisers in
    place of its own."""
    with of_file(path):
        saved = tree["learner"]
        trial, optimisers = (
            given[name] if name in given else from_data(saved[name])
            for name in ("trial", "optimiser")
        )
        found = given["trial"].state if "trial" in given else saved["found"]
        return made_learner(
            kind, net, trial, optimisers, saved | dict(found=found), "optimiser" not in given
        )


def _plastic(learner):
    """Return `{label: Plastic}` of all that learns."""
    found = {}
    for one in (one for lines in learner.plastic.values() for one in lines):
        found[numbered(f"{one.group.name} {one.line.phase} ", found)] = one
    return found


def _moments(plastic):
    return {
        f"{name}.{moment}": array
        for name, arrays in plastic.states.items()
        for moment, array in arrays.items()
        if moment != "w"
    }
