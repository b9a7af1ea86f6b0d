"""Scripts, each of which asks one question. README.md lists them."""

from neurofa import LearningRule  # noqa: F401 (first: it imports Brian2)
