"""Everything between a client and the server: links, shared air, cells, handover, backhaul."""
