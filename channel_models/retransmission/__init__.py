"""Retransmission: what is sent again when packets are lost. One scheme a file."""

from channel_models.retransmission.scheme import RETRANSMISSION, PassLog, Retransmission

__all__ = ["RETRANSMISSION", "PassLog", "Retransmission"]
