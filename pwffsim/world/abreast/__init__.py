"""Worlds whose clients never meet, told as vectors over clients.

Where every client has a band of its own, in both directions, and the server waits for all of them, what befalls a
client in a round depends on nobody else; the slowest one alone decides when the next round begins. Such a world needs
no events. It plays rounds one after another, for as much as the next one must know, and writes them down in batches: to
the bit and in order, the records that the world of events writes (``tests/world`` holds the two together). What it does
not cover is refused with a reason, and played event by event.
"""
