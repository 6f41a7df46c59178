"""How closely a transfer is simulated, by the name that links use. One fidelity a file.

per_packet_event: packet by packet in plain Python: slow, and the measure of the others.
packet: the same outcomes, as vectors: exact to the packet.
fluid: the expected losses of every stretch of the channel, and no chance beside the channel's own.
analytic: one normal number for the whole transfer, by renewal theory; the channel is never drawn.
"""

from channel_models.transfer.fidelity.analytic import Analytic
from channel_models.transfer.fidelity.fidelity import Fidelity
from channel_models.transfer.fidelity.flow import Flow
from channel_models.transfer.fidelity.packet import Packet
from channel_models.transfer.fidelity.per_packet_event import PerPacketEvent

FIDELITIES: dict[str, Fidelity] = {
    "analytic": Analytic(),
    "fluid": Flow(),
    "packet": Packet(),
    "per_packet_event": PerPacketEvent(),
}

__all__ = ["FIDELITIES", "Analytic", "Fidelity", "Flow", "Packet", "PerPacketEvent"]
