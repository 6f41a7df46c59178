"""Who computes: this process, worker processes on this machine, or workers on several machines."""
