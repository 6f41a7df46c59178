"""Ways in which a run can end that are not its plan."""

from __future__ import annotations

from pwffsim.kernel.faults import SimFault


class Diverged(SimFault):
    """Training has left the finite numbers; the message names client, update, stage, round and remedy."""
