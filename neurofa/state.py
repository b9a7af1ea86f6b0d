"""All there is to a network, or a learner, as plain values and arrays: what copies, pickles, files and checkpoints are made of.

    description    what it was made of: rule, sizes, trials, activations, cost, dtype, target
    state          what has become of it: weights, biases, all variables, parameters, structure and lesions of synapses, signals
                   on their way, seed and position of the noise
"""

from contextlib import contextmanager

import numpy as np

from .description import as_data, from_data, lost_in
from .errors import ExperimentError, NetworkError, RuleError
from .probes import numbered

RESTORED = object()        # in place of a seed: nothing is drawn, because a state follows

PASSED = ("activation", "output_activation", "cost", "target")     # to Network, as they were given


def description(net):
    """Return what Network(...) is to be given for one like `net`, as data that JSON can hold."""
    return dict(rule=as_data(net.rule), sizes=list(net.sizes), trials=net.trials, dtype=net.dtype.name,
                **{name: as_data(net.given[name]) for name in PASSED})


def own_arrays(net):
    """Return `{name: array}` of all memory of a network, each piece once, though several names may lead to it."""
    found = {}
    for name, array in net.engine.arrays.items():
        found.setdefault(array.__array_interface__["data"][0], (name, array))
    return dict(found.values())


def lasting(net):
    """Return `{name: array}` of what a trial starts with as it is: weights, biases, parameters, what a user has set."""
    passing = {id(array) for array in (*net._passing, *net._summed)}
    return {name: array for name, array in own_arrays(net).items() if id(array) not in passing}


def state(net):
    """Return the state of a network; its arrays are the network's own, not copies."""
    delays = {name: dict(ring=line.ring, dt=line.dt) for name, line in net.engine.lines.items()}
    return dict(arrays=own_arrays(net), parameters={name: as_data(value) for name, value in net.parameters.items()},
                synapses=net.synapses.state, delays=delays, seed=net.seed, noise=list(net.noise), active=net.active,
                threads=net.threads, cost=net.cost.name, phase=[net._last, net._anew, net._learned])


def restore(net, state):
    """Bring a network to a `state`. Of another number of trials, it keeps all but what passes with a trial.

    Raises NetworkError if the state is that of a network of another rule or other sizes.
    """
    net.set(**{name: from_data(value) for name, value in state["parameters"].items()})
    if state["cost"] != net.cost.name:       # it was told none, and has learned with that of a task
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
    net._active = min(state["active"], net.trials)
    net._last, net._anew, net._learned = state["phase"] if net.trials == len(state["arrays"]["input.r"]) else (None, False, False)
    for name, line in net.engine.lines.items():
        past = state["delays"][name]
        if past["ring"].shape[1:] == line.ring.shape[1:]:
            line.ring, line.dt = np.array(past["ring"], dtype=line.ring.dtype), past["dt"]


def _of_other_trials(name, values, array):
    """Return what all trials of `values` have in common, for the trials of `array`."""
    if values.ndim != 2 or values.shape[1:] != array.shape[1:] or (values != values[0]).any():
        raise NetworkError(f"'{name}' has the shape {values.shape} in what was saved and {array.shape} here, and cannot be taken over. "
                           "Load with as many trials as it was saved with, or give the sizes and the rule that it had.")
    return values[0]


def made(kind, description, state, given=()):
    """Return the network of class `kind` that a description and a state are of; `given` are arguments in place of its own."""
    wanted = {name: from_data(value) for name, value in description.items() if name not in given} | dict(given)
    for name, value in wanted.items():
        if lost := lost_in(value):
            raise ExperimentError(f"The {name} was '{', '.join(lost)}', of which a file holds no more than the name. Give it: "
                                  f"Network.load(path, {name}=...).")
    net = kind(**wanted, seed=RESTORED)
    restore(net, state)
    net.threads = dict(given).get("threads", net.threads) if net.engine.parallel else 1
    return net


def saved_network(net):
    """Return description and state of a network, as a file has them."""
    return dict(description=description(net), network=state(net))


def loaded_network(kind, path, tree, given):
    """Return the network of a file's `tree`; `given` are arguments of Network in place of its own, None where there are none."""
    with of_file(path):
        return made(kind, tree["description"], tree["network"], {name: value for name, value in given.items() if value is not None})


@contextmanager
def of_file(path):
    """Name the file in what is said of its contents. Raises ExperimentError, whatever is wrong with them."""
    try:
        yield
    except (ExperimentError, NetworkError, RuleError) as problem:
        raise ExperimentError(f"{path}: {problem}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ExperimentError(f"{path} does not hold what this version of neurofa expects ({type(problem).__name__}: {problem}). It was "
                              "changed, or written by another version.") from None


# learners ----------------------------------------------------------------------------------------------------------------


def learner_state(learner):
    """Return the state of a learner, beside that of its network: optimisers and their moments, counts, what its trial found out."""
    plastic = {label: dict(updates=one.updates, optimiser=as_data(one.optimiser), moments=_moments(one))
               for label, one in _plastic(learner).items()}
    return dict(trial=as_data(learner.trial), optimiser={name: as_data(one) for name, one in learner.optimisers.items()},
                counts=[learner.updates, learner.trials, learner.epochs], found=learner.trial.state, plastic=plastic)


def restore_learner(learner, state, optimisers=True):
    """Bring a learner to a `state`, but for its network: with the `optimisers` that it had at last, or its own."""
    for label, one in _plastic(learner).items() if optimisers else ():
        one.optimiser = from_data(state["plastic"][label]["optimiser"])
    learner.updates, learner.trials, learner.epochs = state["counts"]
    learner.trial.state = state["found"]
    take_moments(learner, state)


def take_moments(learner, state):
    """Take the moments of a learner's `state`, and how many updates made them, where synapses and optimiser are the same."""
    for label, one in _plastic(learner).items():
        saved, mine = state["plastic"].get(label, {}), _moments(one)
        theirs = saved.get("moments", {})
        shapes = [{name: array.shape for name, array in moments.items()} for moments in (theirs, mine)]
        if saved.get("optimiser", {}).get("text") == one.optimiser.text and shapes[0] == shapes[1]:
            one.updates = saved["updates"]
            for name, array in mine.items():
                array[...] = theirs[name]


def made_learner(kind, net, trial, optimisers, state, own=True):
    """Return a learner of class `kind` in a `state`, whose optimisers are its `own`, or others."""
    learner = kind(net, trial, optimisers)
    restore_learner(learner, state, own)
    return learner


def loaded_learner(kind, path, tree, net, given):
    """Return the learner of a file's `tree` for its network; `given` are a trial and optimisers in place of its own."""
    with of_file(path):
        saved = tree["learner"]
        trial, optimisers = (given[name] if name in given else from_data(saved[name]) for name in ("trial", "optimiser"))
        found = given["trial"].state if "trial" in given else saved["found"]
        return made_learner(kind, net, trial, optimisers, saved | dict(found=found), "optimiser" not in given)


def _plastic(learner):
    """Return `{label: Plastic}` of all that learns."""
    found = {}
    for one in (one for lines in learner.plastic.values() for one in lines):
        found[numbered(f"{one.group.name} {one.line.phase} ", found)] = one
    return found


def _moments(plastic):
    return {f"{name}.{moment}": array for name, arrays in plastic.states.items()
            for moment, array in arrays.items() if moment != "w"}
