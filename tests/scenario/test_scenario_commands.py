"""``pwffsim validate`` and ``pwffsim schema``: what they print, their exit codes, and what they do not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pwffsim.cli import main
from pwffsim.scenario import load
from pwffsim.scenario.json_schema import text

GOOD = "name: x\nclients: {overrides: [{client: 3, idle: true}]}\nmodel: {base: base}\n"
GOOD += "stages: {instruction: {rounds: 5}, reward: {}, alignment: {rounds: 2}}\n"
TIERS = "devices: {tiers: [{name: a, lora_modules_per_block: 1}, {name: b, lora_modules_per_block: 3}]}\n"


@pytest.fixture
def scenario(files) -> Path:
    (files.folder / "s.yaml").write_text(GOOD)
    return Path("s.yaml")


def test_a_valid_scenario_is_digested(scenario, capsys):
    """Adapters of 2 blocks, 3 sites: 4 x 2 x 3 x (2 x 64 x 10 + 10 + 64) bytes; two heads of 64 x 64 + 64 + 64 + 1."""
    assert main(["validate", str(scenario)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        f"ok: x (s.yaml), sha256 {load(scenario).sha256[:12]}",
        "  clients: 10, 1 of them idle; method pwff",
        "  instruction: 5 rounds of 8 steps; upload 32,496 bytes",
        "  reward: 10 rounds of 8 steps; upload 33,800 bytes",
        "  alignment: 2 rounds of 1 steps; upload 32,496 bytes",
        "  radio: preset physical, 1e+06 Hz, private",
    ]


def test_uploads_by_tier(scenario, capsys):
    scenario.write_text(GOOD + TIERS)
    per_module = ["--set", "method=vanilla_fl", "--set", "aggregation.lora_average=per_module"]
    assert main(["validate", str(scenario), *per_module]) == 0
    lora = [4 * 2 * 8 * sides for sides in (64 + 192, (64 + 192) + (64 + 64) + (256 + 64))]
    assert f"upload {32_496 + lora[0]:,} to {32_496 + lora[1]:,} bytes by tier" in capsys.readouterr().out
    assert main(["validate", str(scenario), *per_module[:2]]) == 0
    assert f"upload {32_496 + lora[1]:,} bytes\n" in capsys.readouterr().out
    assert main(["validate", str(scenario), "--set", "method=local_only"]) == 0
    assert "upload 0 bytes" in capsys.readouterr().out


def test_a_model_of_the_hub_has_no_known_payload(scenario, capsys):
    assert main(["validate", str(scenario), "--set", "model.base=some/model"]) == 0
    assert "instruction: 5 rounds of 8 steps; upload known once the model is here" in capsys.readouterr().out


def test_errors_go_to_stderr_with_exit_code_2(scenario, capsys):
    assert main(["validate", str(scenario), "--set", "seed=-1", "--set", "method=pwf"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "--set[1]: seed: must be at least 0, got -1",
        "    seed=-1",
        "         ^",
        "--set[2]: method: 'pwf' is not one of centralised, dual, fedada, fedlora, local_only, pfl, pwff, pwff_equal, "
        "sfl, shepherd, vanilla_fl; did you mean 'pwff'?",
        "    method=pwf",
        "           ^",
        "s.yaml: 2 errors",
    ]
    assert main(["validate", "none.yaml"]) == 2
    assert capsys.readouterr().err == "none.yaml: cannot be read: No such file or directory\nnone.yaml: 1 error\n"


def test_the_schema_is_printed_or_written(files, capsys):
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == text()
    assert main(["schema", "--out", "schema.json"]) == 0
    assert json.loads((files.folder / "schema.json").read_text())["title"] == "pwffsim scenario"
    assert capsys.readouterr().out == ""


EVERYTHING = """\
radio:
  fading: {model: rician, k_factor: 3 dB}
  rate: mcs_ladder
  loss: bler_table
  retransmission: chase_combining
  sharing: ofdma_pf
  jammers: [{name: j, power: 1 W, loss: 120 dB}]
network:
  path_loss: uma
  least_distance_m: 10
  shadowing: {sigma: 4 dB}
  cells: [{name: a}, {name: b, x_m: 300}]
  placement: hexagon
  mobility: random_waypoint
  nodes: [{name: hub, kind: edge}]
  backhaul: [{from: a, to: hub}, {from: b, to: hub}, {from: hub, to: server, mean_up: 1 h, mean_down: 1 s}]
"""


@pytest.mark.parametrize("arguments", [["validate", "s.yaml"], ["validate", "all.yaml"], ["schema"]], ids=" ".join)
def test_neither_torch_nor_simpy_is_imported(scenario, arguments):
    scenario.with_name("all.yaml").write_text(GOOD + EVERYTHING)
    program = (
        "import sys\nfrom pwffsim.cli import main\ncode = main(sys.argv[1:])\n"
        "heavy = {'torch', 'simpy', 'transformers', 'pandas', 'scipy', 'networkx', 'huggingface_hub'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\nsys.exit(code)"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
