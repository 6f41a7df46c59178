"""Discrete events with integer nanoseconds: SimPy with its traps closed.

Import from the modules: ``clock`` (Kernel, ns, seconds), ``order`` (Order), ``mailbox``, ``race``, ``resource``,
``faults``, ``fingerprint``. This file imports nothing, so that ``fingerprint`` can be had without SimPy.
"""
