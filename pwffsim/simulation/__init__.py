"""The wiring: a scenario becomes a world with a compute back-end and a recorder."""
