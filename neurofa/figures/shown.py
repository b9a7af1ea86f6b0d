"""Lets a notebook show rules, networks, recordings and what training found, without their classes
knowing of figures."""

from ..data.recording import Recording
from ..learning.history import History
from ..rules.rule import LearningRule
from ..simulate.network import Network


def _drawn_by(name):
    def _repr_html_(self):
        from . import notebook  # and Matplotlib with it, once something is shown

        return getattr(notebook, name)(self)

    return _repr_html_


for _kind, _name in (
    (LearningRule, "of_rule"),
    (Network, "of_network"),
    (Recording, "of_recording"),
    (History, "of_history"),
):
    setattr(_kind, "_repr_html_", _drawn_by(_name))
