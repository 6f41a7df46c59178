"""Reports: pure functions of a run directory, read through :mod:`pwffsim.runs`.

``reports.html.write(run, path)`` writes the one self-contained page of a run.
"""
