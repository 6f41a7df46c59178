"""Measurements of pwffsim: one command prints a table of ratios (``python -m benchmarks``)."""
