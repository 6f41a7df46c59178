"""Recorded runs: what happened (``records``), written (``recorder``, ``directory``), read (``load``), checked
(``laws``) and summed up (``summary``). Imports neither torch nor SimPy; pyarrow and pandas when first needed."""
