"""``pwffsim channel``: what it prints and draws, its errors, and what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from pwffsim.cli import main

ROOT = Path(__file__).parents[2]
QUICK = ["--transfers", "20", "--blocks", "200", "--bytes", "100000"]
LINK = {"budget", "rate", "stages"}
PARTS = {"delay", "loss", "energy"}


def printed(capsys, *arguments) -> str:
    assert main(["channel", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_json_is_complete(write, capsys):
    told = json.loads(printed(capsys, write(), "--json", *QUICK))
    assert told["scenario"] == "s" and told["participants"] == 3 and told["payload_bytes"] == {"instruction": [100_000]}
    assert set(told["budgets"]) == {"uplink", "downlink"}
    assert told["budgets"]["uplink"]["derived"] == "path_loss_db"
    # kTB F at 1 MHz and 9 dB: -173.975 + 60 + 9 dBm.
    assert told["budgets"]["uplink"]["noise_dbm"] == pytest.approx(-104.975, abs=1e-3)
    for client in told["clients"]:
        assert set(client["links"]) == {"uplink", "downlink"}
        for way, link in client["links"].items():
            assert set(link) == LINK and set(link["stages"]["instruction"]) == PARTS
            assert (link["stages"]["instruction"]["energy"] is None) is (way == "downlink")
            assert set(link["rate"]["mean_rate_bps"]) == {"closed_form", "drawn", "standard_error"}
    assert told["total"]["uplink"]["instruction"]["payload_bytes"] == 300_000
    assert told["total"]["uplink"]["instruction"]["slowest_mean_s"] > 0


def test_every_number_of_the_json_has_its_unit_or_is_a_ratio(write, capsys):
    told = json.loads(printed(capsys, write(), "--json", *QUICK))
    units = ("_s", "_hz", "_w", "_db", "_dbm", "_bps", "_j", "_bytes", "_probability")
    bare = {"bandwidth", "snr", "power", "airtime", "packets", "transfers", "unfinished", "blocks", "clients", "seed"}
    bare |= {"participants", "transmissions_per_packet", "retransmissions", "in_turns"}
    compared = {"closed_form", "drawn", "standard_error"}

    def names(value, name=""):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from names(inner, name if key in compared or name == "payload_bytes" else key)
        elif isinstance(value, list):
            yield from (found for inner in value for found in names(inner, name))
        elif isinstance(value, (int, float)):
            yield name

    assert {name for name in names(told) if not name.endswith(units)} <= bare | {"quantile_levels"}


def test_equal_seeds_give_equal_bytes_and_others_do_not(write, capsys):
    first, again, other = (printed(capsys, write(), "--json", *QUICK, "--seed", seed) for seed in (1, 1, 2))
    assert first == again and first != other


def test_tables_hold_budget_rates_delays_and_warnings(write, capsys):
    out = printed(capsys, write(), *QUICK, "--set", "radio.fading.coherence_s=60")
    for word in (
        "link budget",
        "(derived)",
        "uplink rate",
        "upload: instruction",
        "losses",
        "client-02",
        "quasi_static",
    ):
        assert word in out, word
    assert "nothing implausible" in printed(capsys, write(), *QUICK)


def test_clients_looked_at_are_the_extremes_too(write, capsys):
    every = json.loads(printed(capsys, write(clients=30), "--json", *QUICK, "--clients", 30))
    some = json.loads(printed(capsys, write(clients=30), "--json", *QUICK, "--clients", 4))
    snr = [[each["links"]["uplink"]["budget"]["mean_snr_db"] for each in told["clients"]] for told in (every, some)]
    assert len(snr[1]) == 4 and (min(snr[1]), max(snr[1])) == (min(snr[0]), max(snr[0]))


@pytest.mark.parametrize("ending", ["svg", "html"])
def test_pictures_are_whole_and_need_nothing_else(ending, write, tmp_path, capsys):
    out = tmp_path / f"radio.{ending}"
    printed(capsys, write(), *QUICK, "--out", out)
    text = out.read_text()
    body = text if ending == "svg" else text[text.index('<div class="plots">') : text.index("<pre>")]
    root = ElementTree.fromstring(body)
    assert len(root.findall(".//{*}polyline")) >= 12 and len(root.findall(".//{*}rect")) >= 7
    assert "uplink: rate" in text and "nan" not in body
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_other_radios(write, tmp_path, capsys):
    """Recorded rates have no SNR; a broadcast goes at the pace of the worst listener; an ideal downlink has no link."""
    file = tmp_path / "a.up"
    file.write_text("".join(f"{5 * (k + 1)}\n" for k in range(4000)))
    trace = f"radio: {{tx_power: 1 W, trace: {{format: mahimahi, files: [{file}]}}}}\n"
    told = json.loads(printed(capsys, write(trace), "--json", *QUICK, "--out", tmp_path / "t.svg"))
    assert told["budgets"]["uplink"] is None
    assert told["clients"][0]["links"]["uplink"]["rate"]["mean_rate_bps"]["closed_form"] == pytest.approx(2.4e6)
    alone, together = (
        json.loads(printed(capsys, write(), "--json", *QUICK, "--set", f"radio.downlink={{delivery: {how}}}"))
        for how in ("unicast", "broadcast")
    )
    means = [
        [each["links"]["downlink"]["stages"]["instruction"]["delay"]["mean_s"]["drawn"] for each in told["clients"]]
        for told in (alone, together)
    ]
    assert min(means[1]) > max(means[0])
    paper = json.loads(printed(capsys, write("radio: {preset: paper}\n"), "--json", *QUICK))
    assert set(paper["budgets"]) == {"uplink"}


def test_neither_torch_nor_a_model_is_needed(write):
    program = (
        "import sys\nfrom pwffsim.cli import main\ncode = main(sys.argv[1:])\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\nsys.exit(code)"
    )
    arguments = ["channel", str(write()), "--json", *QUICK]
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_wrong_files_and_arguments(write, tmp_path, capsys):
    assert main(["channel", str(tmp_path / "none.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main(["channel", str(write("radio: {bandwith: 1 MHz}\n"))]) == 2
    assert "bandwidth" in capsys.readouterr().err
    for wrong in (["--out", "x.pdf"], ["--transfers", "0"], ["--window", "inf"], ["--clients", "x"]):
        with pytest.raises(SystemExit) as stop:
            main(["channel", str(write()), *wrong])
        assert stop.value.code == 2
