"""Pre-training: a loadable model, the same bytes from the same command, and the shipped `tiny`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from pwffsim.data.errors import DataError
from pwffsim.data.federated import build
from pwffsim.data.prompting import END, PAD, format_prompt, format_response
from pwffsim.data.spec import DataSpec
from pwffsim.learning import pretrain as stage
from pwffsim.learning.base_quality import measure
from pwffsim.learning.model_card import command, model_card
from pwffsim.learning.pretrain import Architecture, Schedule, pretrain

TINY = Path(stage.__file__).parent / "assets" / "tiny"
SMALL = Architecture(layers=1, width=32, heads=2, positions=64, vocabulary=400)
LINES = [f"the {a} cat sat on the {b} mat" for a in ("big", "red", "old") for b in ("new", "wet", "dry")]


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES) + "\n\n", encoding="utf-8")
    return str(path)


def test_it_learns_and_loads_in_hugging_face_format(tmp_path: Path, text: str) -> None:
    out = tmp_path / "model"
    facts = pretrain(out, steps=120, architecture=SMALL, corpus=[text], batch_size=8)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert facts["loss_last"] < facts["loss_first"] / 2
    assert model.num_parameters() == facts["parameters"]
    assert (model.config.n_layer, model.config.n_embd, model.config.n_positions) == (1, 32, 64)
    assert model.config.vocab_size == len(tokenizer) == facts["vocabulary"]
    assert (tokenizer.pad_token, tokenizer.eos_token) == (PAD, END)
    assert (model.config.pad_token_id, model.config.eos_token_id) == (tokenizer.pad_token_id, tokenizer.eos_token_id)
    assert facts["sha256"] == sha256((out / "model.safetensors").read_bytes()).hexdigest()
    assert facts["sha256"] in (out / "README.md").read_text(encoding="utf-8")
    assert json.loads((out / "pretraining.json").read_text()) == facts


def make_small(out: Path) -> None:
    """A model after a few steps on the embedded corpus, all of the stage but its measurements."""
    texts = stage.read_corpus((), 300, 3)
    with stage._one_thread():
        tokenizer = stage.make_tokenizer(texts, SMALL.vocabulary)
        model = stage.make_model(SMALL, tokenizer.get_vocab_size(), 3)
        stage.train(model, stage.encode(tokenizer, texts, 48), Schedule(8, 8, 1e-3, 48), 3)
    stage._save(out, model, stage.wrap_tokenizer(tokenizer, SMALL.positions))


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_writes_the_same_bytes(tmp_path: Path, hash_seed: str) -> None:
    program = "import sys; from pathlib import Path; import test_pretrain; test_pretrain.make_small(Path(sys.argv[1]))"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "there")], env=environment, check=True)
    make_small(tmp_path / "here")
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(names)
    assert names == sorted(path.name for path in (tmp_path / "there").iterdir())
    assert all((tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes() for name in names)


def test_threads_and_global_generators_are_left_alone(tmp_path: Path, text: str) -> None:
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    pretrain(tmp_path / "model", steps=2, architecture=SMALL, corpus=[text], batch_size=4)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_alpaca_rows_are_laid_out_as_prompts(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "Say hi", "input": "", "output": "Hi."}\n', encoding="utf-8")
    assert stage.read_corpus([str(path)], 10, 0) == [("Q: Say hi\nA:", " Hi.")]


def test_wrong_input_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileExistsError, match="is not an empty folder: choose another one"):
        pretrain(tmp_path, corpus=[text])
    with pytest.raises(DataError, match=r"absent.txt: no such file"):
        pretrain(tmp_path / "model", corpus=[str(tmp_path / "absent.txt")])
    (tmp_path / "empty.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="no text to train on"):
        pretrain(tmp_path / "model", corpus=[str(tmp_path / "empty.txt")])
    with pytest.raises(ValueError, match="a width divisible by its heads"):
        Architecture(width=130, heads=4)
    with pytest.raises(ValueError, match="vocabulary must hold 256 bytes"):
        Architecture(vocabulary=100)
    with pytest.raises(ValueError, match="at least one step"):
        pretrain(tmp_path / "model", steps=0, corpus=[text])
    assert not (tmp_path / "model").exists()


def test_the_learning_rate_warms_up_and_decays_to_a_tenth() -> None:
    schedule = Schedule(1000, 8, 1e-3, 64)
    rates = [schedule.rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-3 / 50)
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) in (49, 50)
    assert rates[-1] == pytest.approx(1e-4, rel=1e-3)


def test_every_text_is_read_once_a_pass_and_every_position_is_trained() -> None:
    texts = [[2] * (3 + at % 9) + [at + 10] for at in range(64)]
    batches = list(stage._batches(texts, Schedule(8, 8, 1e-3, 64), 0))
    assert sorted(row[-1] for batch in batches for row in batch) == [at + 10 for at in range(64)]
    import numpy as np

    seen = set()
    for step in range(200):
        _, _, positions = stage._tensors(texts[:8], 64, np.random.default_rng(step))
        assert int(positions.max()) < 64
        seen |= set(positions.flatten().tolist())
    assert seen == set(range(64))


def test_the_shipped_model_is_what_its_card_says() -> None:
    facts = json.loads((TINY / "pretraining.json").read_text(encoding="utf-8"))
    weights = (TINY / "model.safetensors").read_bytes()
    card = (TINY / "README.md").read_text(encoding="utf-8")
    assert sha256(weights).hexdigest() == facts["sha256"]
    assert command(facts) == "pwffsim pretrain --out DIR"
    assert model_card(facts) == card
    assert sum(path.stat().st_size for path in TINY.rglob("*")) <= 8_000_000
    assert facts["architecture"] == {"layers": 4, "width": 128, "heads": 4, "positions": 256, "vocabulary": 2048}


def test_the_shipped_model_measures_as_its_card_says() -> None:
    facts = json.loads((TINY / "pretraining.json").read_text(encoding="utf-8"))["measured"]
    measured = measure(AutoModelForCausalLM.from_pretrained(TINY), AutoTokenizer.from_pretrained(TINY))
    for name in ("accuracy", "perplexity", "majority_accuracy", "unigram_accuracy", "copy_accuracy"):
        assert measured[name] == pytest.approx(facts[name], rel=1e-3)
    assert measured["refusal_share"] == pytest.approx(facts["refusal_share"], abs=0.05)
    assert 0.3 <= measured["refusal_share"] <= 0.7
    assert 0.2 <= measured["helpful_share"] <= 0.8
    assert measured["accuracy"] > 5 * measured["majority_accuracy"]


def test_client_texts_survive_the_tokenizer_and_are_short() -> None:
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    data = build(DataSpec(), 3, 7, [5.0] * 3, [0.5] * 3)
    for client in data.clients:
        for row in client.instructions_test:
            prompt, response = format_prompt(row.prompt), format_response(row.response)
            ids = tokenizer(prompt)["input_ids"] + tokenizer(response)["input_ids"]
            assert ids == tokenizer(prompt + response)["input_ids"]
            assert tokenizer.decode(ids) == prompt + response
            assert len(tokenizer(response)["input_ids"]) < 28
