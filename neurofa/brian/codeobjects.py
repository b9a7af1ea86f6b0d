"""How Brian2 turns our objects into code: its own generators, with templates of ours in front of its templates."""

from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject


class StandaloneCode(CPPStandaloneCodeObject):
    """C++ in a user's own standalone script."""

    templater = CPPStandaloneCodeObject.templater.derive("neurofa.brian")


class LibraryCode(CPPStandaloneCodeObject):
    """C++ in the shared library of a network: functions of a range of trials."""

    templater = CPPStandaloneCodeObject.templater.derive("neurofa.brian", templates_dir="library")


class NumpyCode(NumpyCodeObject):
    """NumPy, for a user's runtime script and for machines without a compiler."""

    templater = NumpyCodeObject.templater.derive("neurofa.brian")
