"""How an editable install is found: by a folder on Python's path. All else is said in
pyproject.toml."""

from setuptools import setup
from setuptools.command.editable_wheel import editable_wheel


class OnThePath(editable_wheel):
    """Puts the folder editable/ on the path, where setuptools would install an import hook for
    packages out of several folders.

    Python asks hooks last: after it has taken a mere folder of the name `neurofa` for the package,
    such as the clone beside which a script stands.
    """

    def finalize_options(self):
        """Let the package be where it is found, and not where it is built from."""
        super().finalize_options()
        self.package_dir = {"": "editable"}


setup(cmdclass={"editable_wheel": OnThePath})
