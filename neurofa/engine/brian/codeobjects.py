"""How Brian2 turns our objects into code: its own generators, with templates of ours in front of its templates."""

import numpy as np
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from scipy.special import exprel


class StandaloneCode(CPPStandaloneCodeObject):
    """C++ in a user's own standalone script."""

    templater = CPPStandaloneCodeObject.templater.derive("neurofa.engine.brian")


class LibraryCode(CPPStandaloneCodeObject):
    """C++ in the shared library of a network: functions of a range of trials."""

    templater = CPPStandaloneCodeObject.templater.derive("neurofa.engine.brian", templates_dir="library")


class NumpyCode(NumpyCodeObject):
    """NumPy, for a user's runtime script and for machines without a compiler."""

    templater = NumpyCodeObject.templater.derive("neurofa.engine.brian")


# Functions that Brian2 has in C++ alone. They are added for our code, and for nobody else's.
for _name, _function in dict(exprel=exprel, expm1=np.expm1, log1p=np.log1p).items():
    DEFAULT_FUNCTIONS[_name].implementations.add_implementation(NumpyCode, _function)
