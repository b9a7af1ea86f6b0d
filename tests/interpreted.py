"""The other way to learn in a compiled network: as an interpreted one does."""

import numpy as np

from neurofa import Learner


class Interpreted(Learner):
    """A learner of a compiled network that learns as one of an interpreted network does."""

    def _compiled(self, phase, unsettled):
        teaching = slice(None) if unsettled is None else np.logical_not(unsettled)
        self._interpreted(phase, teaching, self.plastic[phase])
