"""Stop and wait: after each pass the sender falls silent until it knows what was lost."""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.model import parameter
from channel_models.retransmission.passes import Passes
from channel_models.retransmission.scheme import RETRANSMISSION


@RETRANSMISSION.register("stop_and_wait")
@dataclass(frozen=True, kw_only=True)
class StopAndWait(Passes):
    """Rounds: a pass over all that is still lost, then a round trip of silence if there is anything to repeat.

    Without a cap n packets take E[rounds] = sum over m of 1 - (1 - p^m)^n (``mean_passes``), and one wait less.
    While it waits a sender has its place on the medium, but radiates nothing.
    """

    retransmissions: int = parameter("Repeats of a packet at most.", default=4, least=0)
    feedback_s: float = parameter("Silence until the feedback of a round is there.", default=0.02, least=0)  # type: ignore[misc]

    @property
    def attempts(self) -> int:
        """M = 1 + retransmissions."""
        return 1 + self.retransmissions
