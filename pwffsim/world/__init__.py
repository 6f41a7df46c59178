"""What takes time: clients, the server, the cell. Processes that know seconds, bytes and joules, never tensors."""
