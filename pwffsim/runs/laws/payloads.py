"""Laws of what a message carries: bytes, tensors and packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.laws import declared
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.views import uploads

if TYPE_CHECKING:
    from pwffsim.runs.load import Run


def bytes_kept(run: Run) -> int:
    """Each payload's bytes were delivered or lost, and a message is complete if and only if nothing was lost."""
    messages = run.messages
    split = messages.delivered_bytes + messages.lost_bytes
    negative = (messages.delivered_bytes < 0) | (messages.lost_bytes < 0)
    refuse("bytes_kept", messages, negative | (split != messages.payload_bytes), "payload is not delivered + lost")
    wrong = messages.complete != (messages.lost_bytes == 0)
    refuse("bytes_kept", messages, wrong, "complete does not say whether bytes were lost")
    return len(messages)


def tensors_declared(run: Run) -> int:
    """Each payload's bytes are the sum of its tensors' bytes."""
    sums = {digest: sum(size for _, size in tensors) for digest, tensors in run.payloads.items()}
    messages = run.messages
    own, met = messages.payload.factorize()
    unknown = np.array([digest not in sums for digest in met], dtype=np.bool_)[own]
    refuse("tensors_declared", messages, unknown, "its payload is not in payloads.json")
    expected = np.array([sums[digest] for digest in met], dtype=np.int64)[own]
    refuse("tensors_declared", messages, expected != messages.payload_bytes, "payload is not the sum of its tensors")
    return len(messages)


def packets_counted(run: Run) -> int:
    """A payload that is not empty has packets, and a complete message has sent each of them at least once."""
    messages = run.messages
    negative = (messages.packets < 0) | (messages.transmissions < 0)
    unsent = messages.complete & (messages.transmissions < messages.packets)
    refuse("packets_counted", messages, negative | unsent, "complete with fewer transmissions than packets")
    bare = (messages.payload_bytes > 0) & (messages.packets < 1)
    refuse("packets_counted", messages, bare, "a payload without packets")
    return len(messages)


def transmissions(run: Run) -> int:
    """Each packet of an upload was sent at least once, and repeated at most as often as the manifest allows:
    packets <= transmissions <= packets x (1 + ``retransmissions``)."""
    up, limit = uploads(run), declared.retransmissions(run.manifest)
    refuse("transmissions", up, up.transmissions < up.packets, "fewer transmissions than packets")
    if limit is not None:
        most = up.packets * (1 + limit)
        refuse("transmissions", up, up.transmissions > most, f"packets repeated more than {limit} times each")
    return len(up)
