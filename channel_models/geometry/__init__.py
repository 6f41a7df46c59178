"""Where things are, and what follows: shadowing and sight correlated in space, cell layouts, backhaul, handover."""
