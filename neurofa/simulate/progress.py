"""Which phase of a trial ran last, and whether what it integrated has been learned."""

from dataclasses import astuple, dataclass

from ..base.errors import NetworkError
from ..rules.rule import LearningRule


@dataclass
class Progress:
    """How far a trial is. A phase may go on in pieces; begun anew, it forgets what it has noted and
    integrated."""

    last: str | None = None  # the phase that ran last
    anew: bool = False  # whether it had run just before, in the same trial
    learned: bool = False  # whether what it integrated so far was learned
    seconds: float = 0.0  # since the phase began
    # whether the input moved while nobody told apart what was integrated
    mixed: bool = False
    pending: bool = False  # whether it went on with sums from which nothing was learned

    def check(self, phase: str) -> None:
        """Raise NetworkError if `phase` is not the one that can go on."""
        if self.last != phase:
            what = (
                f"the phase {self.last} ran last"
                if self.last
                else "nothing has run since the reset or the last stimulus"
            )
            raise NetworkError(
                f"The phase {phase} cannot go on: {what}. Leave go_on out where a phase begins."
            )

    def begin(self, phase: str, go_on: bool) -> bool:
        """Take note that `phase` begins or goes on; return whether its sums start from zero."""
        anew = not go_on or self.learned
        if not go_on:
            self.anew, self.seconds, self.mixed = phase == self.last, 0.0, False
        self.last, self.learned, self.pending = phase, False, not anew
        return anew

    def learn(self, rule: LearningRule, phase: str, gathers: bool = False) -> None:
        """Take note that what `phase` has integrated so far is learned; `gathers`: by lines to which
        it matters what the input sent.

        Raises NetworkError where the phase lost some of it, because it was begun anew in the same
        trial, or because the input moved.
        """
        if self.mixed and self.last == phase and gathers:
            raise NetworkError(
                f"The input moved in the phase {phase}, and what was integrated while it sent one thing and another is mixed up, "
                "or in part not there, because the network was saved or copied meanwhile. Present the trial with `present`; or let "
                f"the phase know who learns, net.run('{phase}', ..., meanwhile=learner.meanwhile('{phase}'))."
            )
        matters = rule.starts(rule.phase(phase)) or any(
            line.during == phase for line in rule.plasticity
        )
        if self.anew and self.last == phase and matters:
            raise NetworkError(
                f"The phase {phase} was begun anew, and what it had noted or integrated before is lost: in pieces, it would "
                f"teach something else. Run its pieces with net.run('{phase}', ..., go_on=True); a new trial begins "
                "with net.reset() or net.stimulus(x)."
            )
        self.learned = True

    @property
    def state(self) -> list:
        """All of it, as plain values."""
        return list(astuple(self))
