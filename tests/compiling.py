"""What the tests of compilers, and of where compiled circuits lie, share."""

import warnings

import numpy as np
from brian2 import ms
from neurofa.models import fa

from neurofa import Length, Network


def made(**options):
    """Return a small network, and the texts of the warnings that making it gave; it computes the
    right thing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)
        net = Network([2, 2], fa.RULE, **options)
    assert all(w.filename == __file__ for w in caught), [w.filename for w in caught]
    net.stimulus(np.array([[1.0, -1.0]] * net.trials))
    net.run("free", Length(300 * ms, dt=1 * ms))
    np.testing.assert_allclose(net["output.r"][0], net["W1"] @ [1, -1], atol=1e-12)
    return net, [str(w.message) for w in caught]
