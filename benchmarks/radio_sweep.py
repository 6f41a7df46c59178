"""Runs of one scenario at several mean SNRs over one store, in one process, as JSON.

python -m benchmarks.radio_sweep SCENARIO FOLDER '["KEY=VALUE", ...]' SNR_DB ...
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.one_run import figures


def main() -> None:
    """Run them one after another, print the figures of each."""
    scenario, folder, settings, *points = sys.argv[1:]
    runs = [_run(Path(scenario), Path(folder), [*json.loads(settings), f"radio.mean_snr_db={p}"], p) for p in points]
    print(json.dumps({"runs": runs}), flush=True)


def _run(scenario: Path, folder: Path, settings: list[str], point: str) -> dict[str, object]:
    place = folder / f"at{point}"
    place.mkdir()
    given = argparse.Namespace(
        scenario=scenario, set=settings, store=folder / "store", workers=1, executor=None, threads=1, device="auto"
    )
    return figures(given, place)


if __name__ == "__main__":
    main()
