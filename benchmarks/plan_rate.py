"""One plan, in parts, as a line of JSON: processor seconds after imports, and those of an empty loop.

python -m benchmarks.plan_rate CLIENTS ROUNDS FIDELITY|paper
"""

from __future__ import annotations

import json
import sys

from benchmarks.plan_speed import PAPER, SCENARIO, empty_loop_s, overrides, plan_in_parts, sizes, warm_up


def main() -> None:
    """Plan once to warm up, then the scenario that is asked for."""
    clients, rounds, radio = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    paper = radio == "paper"
    changes = sizes(clients, rounds) if paper else overrides(clients, rounds, radio)
    warm_up("fluid" if paper else radio)
    laps, _ = plan_in_parts(changes, PAPER if paper else SCENARIO)
    print(json.dumps({"plan_s": laps.total_s, "parts_s": laps.parts_s, "loop_s": empty_loop_s()}))


if __name__ == "__main__":
    main()
