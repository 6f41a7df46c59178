"""Run one script: ``python -m benchmarks.peers NAME TASK STATE [--numerics stock|tuned] [--freeze]``.

A script runs as a module of its own name, so that worker processes can import what it sends them.
"""

import sys
from importlib import import_module

import_module(f"benchmarks.peers.{sys.argv.pop(1)}").main()
