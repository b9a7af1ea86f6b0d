"""Activations by name: rate `phi` and its derivative `dphi`, both as functions of the potential.

Each is given twice: as C++ for the compiled loop, and in NumPy for the interpreted one and for
plasticity between phases; one of a user's own may be one text, from which both follow
(formula.py). The second derivative, `ddphi`, is in NumPy only: rules do not use it, but the
linearised circuit of one that uses `dphi` does.
"""

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from ..base.arguments import shown
from ..base.description import described
from ..base.errors import NetworkError, choices
from .formula import Formula, formula
from .own_activations import check_own, fingerprint


@dataclass(frozen=True)
class Activation:
    """A pointwise nonlinearity. One of your own is given to a Network in place of a name.

    One text in `x` is enough, written as a rule's expressions are: `Activation("leaky", "x*int(x >
    0) + 0.1*x*int(x <= 0)")`. Its derivatives follow from it, and so does the C++; it can be saved,
    pickled and copied. Potentials may become large: a form such as "log1p(exp(-abs(x))) + clip(x,
    0, 1e9)" does not overflow where "log(1 + exp(x))" does.

    What no such text says is given as functions and C++: `phi`, `dphi` and `ddphi` take and return
    arrays of one shape; `cpp_phi` and `cpp_dphi` are the first two as C++ expressions in `x` of the
    type `T` (double or float), such as "x > T(0) ? x : T(0.1) * x". They are compared when a
    network is compiled. A file holds no functions, so that they are given again where a network is
    loaded.

    Raises NetworkError if a text is no expression in x.

    Examples
    --------
    >>> from neurofa.activations import Activation
    >>> leaky = Activation("leaky", "x*int(x > 0) + 0.1*x*int(x <= 0)")
    >>> leaky.phi(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    name: str
    phi: Any  # text, or a function of an array; once it is made, the function
    dphi: Any = None
    ddphi: Any = None
    cpp_phi: str | None = None
    cpp_dphi: str | None = None

    def __post_init__(self):
        if isinstance(self.phi, str):
            if any(one is not None for one in (self.dphi, self.ddphi, self.cpp_phi, self.cpp_dphi)):
                raise NetworkError(
                    f"Activation {shown(self.name)}: its derivatives and C++ follow from its text. Leave them out."
                )
            phi = formula(self.phi, f"Activation {shown(self.name)}")
            made = dict(
                phi=phi,
                dphi=phi.derivative,
                ddphi=phi.derivative.derivative,
                cpp_phi=phi.cpp,
                cpp_dphi=phi.derivative.cpp,
            )
            for name, value in made.items():
                object.__setattr__(self, name, value)

    @property
    def text(self) -> str | None:
        """The one text that all of it follows from, or None."""
        return (
            self.phi.code
            if isinstance(self.phi, Formula) and self == Activation(self.name, self.phi.code)
            else None
        )

    @property
    def built_in(self) -> bool:
        """Whether it is one of those that have a name here."""
        return isinstance(self.name, str) and ACTIVATIONS.get(self.name) == self

    def __reduce__(self):
        if self.built_in:
            return activation, (self.name,)
        functions = dict(phi=self.phi, dphi=self.dphi, ddphi=self.ddphi)
        hidden = [what for what, function in functions.items() if not _importable(function)]
        if hidden:
            raise NetworkError(
                f"Activation {shown(self.name)} cannot be pickled: {', '.join(hidden)} cannot be imported by name, as a lambda "
                "cannot. Define them with def in a module, or give the activation as one text: Activation(name, 'tanh(x) + 0.1*x')."
            )
        return Activation, (self.name, *functions.values(), self.cpp_phi, self.cpp_dphi)

    def __deepcopy__(self, memo):
        return self  # it is frozen

    def __str__(self):
        return self.name


Activations = str | Activation | list | tuple
"""What a Network takes: one for all hidden layers, or a list of one for each."""


def _importable(function):
    """Whether another process gets a function, by its name or by what it consists of."""
    try:
        pickle.dumps(function)
    except Exception:  # which one depends on what the function is
        return False
    return True


_TANH = "neurofa::tanh(x)"
_EXP = "neurofa::exp"

ACTIVATIONS = {
    a.name: a
    for a in (
        Activation(
            "linear",
            lambda x: x + 0.0,
            lambda x: np.ones_like(x),
            lambda x: np.zeros_like(x),
            "x",
            "T(1)",
        ),
        Activation(
            "tanh",
            np.tanh,
            lambda x: 1 - np.tanh(x) ** 2,
            lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
            _TANH,
            f"T(1) - {_TANH} * {_TANH}",
        ),
        Activation(
            "logistic",
            expit,
            lambda x: expit(x) * expit(-x),
            lambda x: expit(x) * expit(-x) * (expit(-x) - expit(x)),
            f"T(1) / (T(1) + {_EXP}(-x))",
            f"T(1) / ((T(1) + {_EXP}(-x)) * (T(1) + {_EXP}(x)))",
        ),
        Activation(
            "relu",
            lambda x: np.maximum(x, 0),
            lambda x: (x > 0).astype(np.asarray(x).dtype),
            lambda x: np.zeros_like(x),  # but at the kink
            "x < T(0) ? T(0) : x",
            "x > T(0) ? T(1) : T(0)",
        ),
        Activation(
            "softplus",
            lambda x: np.logaddexp(x, 0),
            expit,
            lambda x: expit(x) * expit(-x),
            f"(x > T(0) ? x : T(0)) + std::log1p({_EXP}(-std::fabs(x)))",
            f"T(1) / (T(1) + {_EXP}(-x))",
        ),
    )
}


OTHER_NAMES = dict(
    sigmoid="'logistic'",
    expit="'logistic'",
    identity="'linear'",
    none="'linear'",
    rectifier="'relu'",
    softmax="output_activation='linear' with cost='cross_entropy': the softmax is part of that cost",
)


def activation(name: str | Activation) -> Activation:
    """Return the activation called `name`, or `name` itself if it is an Activation that can be
    used.

    Raises NetworkError, with the valid names, if there is none, or with what is wrong with one of
    your own.

    Examples
    --------
    >>> from neurofa import activations
    >>> float(activations.activation("tanh").phi(0.0))
    0.0
    """
    if isinstance(name, Activation):
        if not name.built_in:
            check_own(name, ACTIVATIONS)
        return name
    if not isinstance(name, str) or name not in ACTIVATIONS:
        meant = OTHER_NAMES.get(name.lower()) if isinstance(name, str) else None
        advice = (
            f"What is meant here is {meant}." if meant else choices(name, ACTIVATIONS, "activation")
        )
        raise NetworkError(
            f"There is no activation {shown(name)}. {advice} Or give a neurofa.activations.Activation of your own."
        )
    return ACTIVATIONS[name]


def of_layers(given: Activations, layers: int) -> tuple[Activation, ...]:
    """Return the Activation of each of so many hidden layers: the one that is `given` for all, or a
    list of one for each.

    Raises NetworkError for a list of another length, and as `activation` does.

    Examples
    --------
    >>> from neurofa import activations
    >>> [one.name for one in activations.of_layers(["relu", "tanh"], 2)]
    ['relu', 'tanh']
    """
    if not isinstance(given, (list, tuple)):
        return (activation(given),) * layers
    if len(given) != layers:
        raise NetworkError(
            f"activation = {shown(given)} names {len(given)}: this network has {layers} hidden layer{'s' * (layers != 1)}. Give "
            f"{layers}, the first hidden layer's first, or one for all without a list. The output has output_activation."
        )
    return tuple(map(activation, given))


def alike(several: Sequence) -> bool:
    """Whether several activations are all the same.

    Examples
    --------
    >>> from neurofa import activations
    >>> activations.alike(activations.of_layers("tanh", 3))
    True
    """
    return all(one == several[0] for one in several)


def as_given(several: Iterable[Activation]) -> str | Activation | tuple[str | Activation, ...]:
    """Return what to give to a Network for these activations: names where they have one, and one
    where they are alike.

    Examples
    --------
    >>> from neurofa import activations
    >>> activations.as_given(activations.of_layers("tanh", 3))
    'tanh'
    """
    several = tuple(one.name if one.built_in else one for one in several)
    return several[0] if alike(several) else several


def _data_of(own):
    """Return a name, a text, or what tells one apart that is functions and C++: code is never read
    from a file."""
    if own.built_in:
        return own.name
    if own.text is not None:
        return {"@": "Activation", "name": own.name, "phi": own.text}
    return {"@": "unknown", "text": own.name, **fingerprint(own)}


described(
    Activation, make=lambda name, phi, **more: Activation(str(name), str(phi)), data_of=_data_of
)
