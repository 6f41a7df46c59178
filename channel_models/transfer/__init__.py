"""Transfers: payloads carried exactly over links whose rate changes from block to block."""
