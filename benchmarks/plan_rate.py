"""One plan, in parts, as a line of JSON: processor seconds after imports, and those of an empty loop.

python -m benchmarks.plan_rate CLIENTS ROUNDS FIDELITY
"""

from __future__ import annotations

import json
import sys

from benchmarks.plan_speed import empty_loop_s, overrides, plan_in_parts, warm_up


def main() -> None:
    """Plan once to warm up, then the scenario that is asked for."""
    clients, rounds, fidelity = sys.argv[1:]
    warm_up(fidelity)
    laps, _ = plan_in_parts(overrides(int(clients), int(rounds), fidelity))
    print(json.dumps({"plan_s": laps.total_s, "parts_s": laps.parts_s, "loop_s": empty_loop_s()}))


if __name__ == "__main__":
    main()
