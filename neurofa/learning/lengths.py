"""How long the phases of a learner's next trial are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..simulate.phases import length_of
from ..simulate.trial import Length, Trial

if TYPE_CHECKING:
    from .learner import Learner


def lengths_of(learner: Learner, phases: Sequence[str]) -> dict[str, Length]:
    """Return `{phase: Length}` of the learner's next trial, with time steps."""
    net, trial = learner.net, learner.trial
    return {
        phase: length_of(net, phase, Trial(default=trial.length(net, phase))[phase])
        for phase in phases
    }
