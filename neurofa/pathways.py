"""What a pathway's weights start from: values for `Pathway(..., init=...)`.

Each is a function of (network, synapse group, random generator) that returns an array (post, pre). A group draws from a
stream of its own, which depends on the network's seed and the group's name only: two rules with the same seed start from the
same `W`.
"""

import numpy as np

from .errors import RuleError


def normal(std=None):
    """Independent normal weights with standard deviation `std`; by default 1/sqrt(number of inputs)."""
    def init(net, group, rng):
        return rng.normal(0.0, group.shape[1] ** -0.5 if std is None else std, group.shape)
    return init


def uniform(bound):
    """Independent weights, uniform between -bound and bound."""
    def init(net, group, rng):
        return rng.uniform(-bound, bound, group.shape)
    return init


def identity():
    """One to one: every unit of the source drives the unit of the same number. Raises RuleError if the sizes differ."""
    def init(net, group, rng):
        if group.shape[0] != group.shape[1]:
            raise RuleError(f"{group.name} cannot be the identity: it goes from {group.shape[1]} to {group.shape[0]} units.")
        return np.eye(group.shape[0])
    return init


def product_of_transposes(name="W"):
    """The transposed weights of pathway `name` on the way from the output down to the target, multiplied: W_{l+1}^T ... W_L^T.

    With this, the feedback pathway starts as the transposed Jacobian of a linear network; into the output it is the identity.
    """
    def init(net, group, rng):
        layer, last = net.circuit.unit(group.target).layer, len(net.sizes) - 1
        product = np.eye(net.sizes[layer])
        for k in range(layer + 1, last + 1):
            product = product @ net[f"{name}{k}"].T
        return product
    return init
