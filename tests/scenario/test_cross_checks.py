"""Parts of a scenario that do not fit together: the message, and the key that must change."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from scenario_files import CONFIG, write_base

DATA = Path(os.environ.get("PWFFSIM_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no real data: PWFFSIM_DATA names no folder")

HEAD = "name: x\nmodel: {base: base}\n"
ALL = "stages: {instruction: {}, reward: {}, alignment: {}}\n"


MISFITS: list[tuple[str, ...]] = [
    (
        "stages: {alignment: {}}\n",
        "3:10: stages.alignment: needs the reward models of stage 2: add stages.reward",
    ),
    (
        "stages: {reward: {}, alignment: {max_new_tokens: 96}}\n",
        "3:50: stages.alignment.max_new_tokens: 96 new tokens leave no room for a prompt in model.max_length of 96",
    ),
    (
        "stages: {reward: {}, alignment: {minibatches: 3, batch_size: 2}}\n",
        "3:47: stages.alignment.minibatches: 3 minibatches of 2 prompts; at most 2",
    ),
    (
        "stages: {reward: {}, alignment: {engine: trl}}\n",
        "3:42: stages.alignment.engine: trl has no ppo; take engine native, or algorithm grpo or dpo",
    ),
    (
        "stages: {reward: {}, alignment: {algorithm: grpo, minibatches: 2, engine: trl}}\n",
        "3:75: stages.alignment.engine: trl takes all responses in one step, not in 2 minibatches; set minibatches: 1",
    ),
    (
        "stages: {reward: {}, alignment: {algorithm: grpo, batch_size: 6}}\n",
        "3:63: stages.alignment.batch_size: 6 responses are not whole groups of 4; take a multiple of group_size",
    ),
    (
        "stages: {reward: {}, alignment: {algorithm: dpo, global_coefficient: 0.1}}\n",
        "3:70: stages.alignment.global_coefficient: dpo has no rewards of tokens; take algorithm ppo, or kl_reference: "
        "global",
    ),
    (
        "method: local_only\nstages: {reward: {}, alignment: {kl_reference: global}}\n",
        "4:48: stages.alignment.kl_reference: method 'local_only' shares nothing, so that there is no global policy to "
        "stay close to; take another reference or method",
    ),
    (
        ALL + "devices: {tiers: [{name: a}, {name: b}, {name: a}]}\n",
        "4:48: devices.tiers[2].name: tier 'a' has the name of devices.tiers[0]; give it another",
    ),
    (
        ALL + "devices: {tiers: [{name: phone}, {name: tablet}]}\nclients: {overrides: [{client: 1, tier: tabelt}]}\n",
        "5:41: clients.overrides[0].tier: no tier is named 'tabelt'; tiers are phone, tablet; did you mean 'tablet'?",
    ),
    (
        ALL + "clients: {count: 3, overrides: [{client: 3}]}\n",
        "4:42: clients.overrides[0].client: there is no client 3: 3 clients are numbered 0 to 2",
    ),
    (
        ALL + "clients: {overrides: [{client: 3}, {client: 1}, {client: 3}]}\n",
        "4:58: clients.overrides[2].client: client 3 has its exceptions in clients.overrides[0]",
    ),
    (
        ALL + "clients: {count: 1, overrides: [{client: 0, idle: true}]}\n",
        "4:21: clients.overrides: every client is idle; at least one must take part",
    ),
    (
        ALL + "aggregation: {mode: buffered, buffer: 10}\nclients: {overrides: [{client: 4, idle: true}]}\n",
        "4:39: aggregation.buffer: a buffer of 10 updates never fills with 9 clients that take part; at most 9",
    ),
    (
        ALL + "clients: 4\naggregation: {mode: buffered}\n",
        "5:21: aggregation.mode: a buffer of 5 updates never fills with 4 clients that take part; at most 4",
    ),
    (
        ALL + "radio: {loss: {model: constant, error_rate: 0}}\n",
        "4:9: radio.loss: constant loses nothing with these parameters; write loss: none for no loss",
    ),
    (
        ALL + "radio: {downlink: {tx_power_w: 1, noise_figure_db: 3, path_loss_db: 100, mean_snr_db: 4}}\n",
        "4:87: radio.downlink.mean_snr_db: tx_power_w, noise_figure_db, path_loss_db, mean_snr_db are all given, "
        "though any three fix the fourth; drop one",
    ),
    (
        ALL + "radio: {mean_snr_db: 200}\n",
        "4:22: radio.mean_snr_db: link budget implies path_loss_db = -65.025 dB, below 0 dB: with tx_power_w=1, "
        "bandwidth_hz=1e+06 and mean_snr_db=200 lower mean_snr_db or raise tx_power_w",
    ),
    (
        ALL + "radio: {downlink: {path_loss_db: -3}}\n",
        "4:34: radio.downlink.path_loss_db: path_loss_db must be a finite number of at least 0, got -3.0",
    ),
    (
        ALL + "method: local_only\nmodel: {base: base, adapters: {sites: []}}\n",
        "5:32: model.adapters.sites: method 'local_only' trains adapters, and there is no site for one; "
        "name at least one site",
    ),
    (
        ALL + "model: {base: base, adapters: {sites: [mlp, block, mlp]}}\n",
        "4:32: model.adapters.sites: site 'mlp' is named 2 times; a site has one adapter",
    ),
    (
        ALL + "devices: {tiers: [{lora_modules_per_block: 0}]}\n",
        "4:44: devices.tiers[0].lora_modules_per_block: method 'pwff' trains LoRA, and no tier carries any; "
        "give a tier one module a block or more",
    ),
    (
        ALL + "method: shepherd\ndevices: {tiers: [{lora_modules_per_block: 0}]}\n",
        "5:44: devices.tiers[0].lora_modules_per_block: method 'shepherd' trains LoRA, and no tier carries any; "
        "give a tier one module a block or more",
    ),
    (
        ALL + "method: fedlora\naggregation: {lora_average: per_module}\n"
        "devices: {tiers: [{name: a}, {name: b, lora_modules_per_block: 0}]}\n",
        "6:64: devices.tiers[1].lora_modules_per_block: method 'fedlora' trains LoRA alone, and tier b carries none; "
        "give it 1, 2 or 3 modules a block, or write lora_average: largest_tier",
    ),
    (
        ALL + "method: fedada\nmodel: {base: base, adapters: {sites: []}}\n",
        "5:32: model.adapters.sites: method 'fedada' trains adapters, and there is no site for one; "
        "name at least one site",
    ),
    (
        "stages: {reward: {scope: clustered, clusters: 11}}\n",
        "3:47: stages.reward.clusters: 11 clusters of 10 clients that take part",
    ),
    (
        ALL + "method: centralised\naggregation: {mode: buffered, buffer: 2}\nevaluation: {costs_time: true}\n",
        "5:21: aggregation.mode: mode buffered has no effect with method 'centralised', where the server learns and "
        "clients get no tasks; drop it",
        "6:26: evaluation.costs_time: has no effect with method 'centralised', where the server learns and clients get "
        "no tasks; drop it",
    ),
    (
        ALL + "devices: {tiers: [{name: a, lora_modules_per_block: 4}]}\n",
        "4:53: devices.tiers[0].lora_modules_per_block: 4 LoRA modules a block, and a block of base has 3 places "
        "(attn.c_attn, attn.c_proj, mlp.c_proj); take fewer, or name more in model.lora.places",
    ),
    (
        ALL + "model: {base: base, lora: {places: [attn.c_proj]}}\ndevices: {tiers: [{lora_modules_per_block: 2}]}\n",
        "5:44: devices.tiers[0].lora_modules_per_block: 2 LoRA modules a block, and a block of base has 1 places "
        "(attn.c_proj); take fewer, or name more in model.lora.places",
    ),
    (
        ALL + "model: {base: base, lora: {places: [attn.c_proj, attn.out, mlp.c_fc]}}\n",
        "4:28: model.lora.places: 'attn.out' is no place for LoRA in a gpt2 block; its places are attn.c_attn, attn.q, "
        "attn.k, attn.v, attn.c_proj, mlp.c_fc, mlp.c_proj",
    ),
    (
        ALL + "model: {base: base, lora: {places: [mlp.c_fc, attn.c_proj, mlp.c_fc]}}\n",
        "4:28: model.lora.places: place 'mlp.c_fc' is named 2 times; a map has one LoRA",
    ),
    (
        ALL + "model: {base: base, lora: {places: [attn.q, mlp.c_fc, attn.c_attn]}}\n",
        "4:28: model.lora.places: 'attn.q' is a part of 'attn.c_attn'; name the whole or its parts",
    ),
    (
        "stages: {instruction: {engine: trl}}\nmodel: {base: base, lora: {places: [attn.q, attn.v, mlp.c_fc]}}\n",
        "3:32: stages.instruction.engine: engine trl has no LoRA in 'attn.q', a part of 'attn.c_attn'; take engine "
        "native, or the whole map",
    ),
    (
        ALL + "model: {base: base, attention: {pattern: strided, window: 4}}\n",
        "4:42: model.attention.pattern: pattern 'strided' needs stride",
    ),
    (
        ALL + "model: {base: base, attention: {pattern: local, window: 4, stride: 2}}\n",
        "4:42: model.attention.pattern: pattern 'local' has no stride; leave it out",
    ),
    (
        ALL + "model: {base: base, attention: {window: 4}}\n",
        "4:21: model.attention: pattern 'full' has no window; leave it out",
    ),
    (
        ALL + "model: {base: base, attention: {pattern: fixed, window: 9, stride: 8}}\n",
        "4:42: model.attention.pattern: pattern 'fixed' with a window of 9 in blocks of 8: take at most the stride",
    ),
    (
        ALL + "model: {base: base, lora: {rank: 65}}\n",
        "4:34: model.lora.rank: rank 65 is higher than the full rank 64 of attn.c_attn in gpt2",
    ),
    (
        "stages: {reward: {upload: lora, lora_rank: 100}}\n",
        "3:44: stages.reward.lora_rank: rank 100 is higher than the full rank 64 of attn.c_attn in gpt2",
    ),
    (
        ALL + "model: {base: base, max_length: 129}\n",
        "4:33: model.max_length: 129 tokens are more than the 128 positions of base",
    ),
    (
        ALL + "data: {corpus: jsonl}\n",
        "4:16: data.corpus: corpus 'jsonl' needs data.files.instructions",
        "4:16: data.corpus: corpus 'jsonl' needs data.files.helpfulness",
        "4:16: data.corpus: corpus 'jsonl' needs data.files.harmlessness",
    ),
    (
        ALL + "data: {corpus: hub, hub: {instructions: a/b, helpfulness: a/c}}\n",
        "4:21: data.hub: corpus 'hub' needs data.hub.harmlessness",
    ),
    (
        ALL + "data: {corpus: hub, hub: {instructions: a, helpfulness: b, harmlessness: c}, partition: {styles: 1}}\n",
        "4:98: data.partition.styles: styles have no effect on corpus hub, whose answers are as found; drop it",
    ),
]
"""Text after the head -> the errors. A second `model` replaces that of the head."""


@pytest.mark.parametrize(("text", "errors"), [(text, errors) for text, *errors in MISFITS])
def test_parts_that_do_not_fit(files, text, errors):
    head = HEAD if "model:" not in text else "name: x\n\n"
    assert files.heads(head + text) == [f"s.yaml:{error}" for error in errors]


def jsonl(folder: Path, rows: int, pairs: int) -> str:
    """A `data` section with files of that many rows and pairs in `folder`."""
    instructions = [{"instruction": f"Name the number {i}", "input": "", "output": f"{i}"} for i in range(rows)]
    preferences = [
        {key: f"\n\nHuman: question {i}\n\nAssistant: {key} {i}" for key in ("chosen", "rejected")}
        for i in range(pairs)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in instructions))
    with gzip.open(folder / "pairs.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(pair) + "\n" for pair in preferences)
    files = "{instructions: [rows.jsonl], helpfulness: [pairs.jsonl.gz], harmlessness: [pairs.jsonl.gz]}"
    return f"data: {{corpus: jsonl, global_test_rows: 10, files: {files}}}\n"


def test_enough_rows_for_everybody_are_enough(files):
    data = jsonl(files.folder, 30, 20)
    assert files.heads(HEAD + ALL + data) == []


def test_too_few_rows_and_pairs_are_counted(files):
    data = jsonl(files.folder, 29, 19)
    assert files.heads(HEAD + ALL + data) == [
        "s.yaml:4:53: data.files.instructions: 29 usable rows are too few for 10 clients and a global test set of 10: "
        "at least 30",
        "s.yaml:4:81: data.files.helpfulness: 19 usable rows are too few for 10 clients: at least 20",
        "s.yaml:4:112: data.files.harmlessness: 19 usable rows are too few for 10 clients: at least 20",
    ]


def test_files_without_a_usable_row_are_named(files):
    data = jsonl(files.folder, 30, 20)
    (files.folder / "rows.jsonl").write_text("\n{broken\n")
    (head,) = files.heads(HEAD + ALL + data)
    assert (
        head
        == "s.yaml:4:45: data.files: rows.jsonl: none of 2 rows is usable; give a file with rows in the expected format"
    )


def test_missing_files_are_named_one_by_one(files, monkeypatch):
    data = jsonl(files.folder, 30, 20).replace("rows.jsonl", "'${PWFFSIM_DATA}/rows.jsonl', gone.jsonl")
    remedy = "to the folder that holds the data, or correct the path under data.files"
    gone = f"s.yaml:4:98: data.files.instructions[1]: gone.jsonl: no such file; set PWFFSIM_DATA {remedy}"
    assert files.heads(HEAD + ALL + data) == [
        "s.yaml:4:68: data.files.instructions[0]: ${PWFFSIM_DATA}/rows.jsonl: "
        f"the environment variable PWFFSIM_DATA is not set; set PWFFSIM_DATA {remedy}",
        gone,
    ]
    monkeypatch.setenv("PWFFSIM_DATA", str(files.folder))
    assert files.heads(HEAD + ALL + data) == [gone]


def test_size_skew_that_leaves_a_client_nothing_names_it(files):
    (head,) = files.heads(HEAD + ALL + "data: {rows_per_client: 2, partition: {by: size, size_skew: 3}}\n")
    assert head.startswith("s.yaml:4:61: data.partition.size_skew: client ")
    assert "raise rows_per_client or pairs_per_client, or lower partition.size_skew" in head
    assert files.heads(HEAD + ALL + "data: {rows_per_client: 200, partition: {by: size, size_skew: 0.5}}\n") == []


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"model_type": "mamba"}, "model_type 'mamba' is not supported; supported are distilbert, gpt2, llama"),
        ({"model_type": "llama"}, "the config of this llama model lacks the key 'hidden_size'"),
        ({**CONFIG, "n_embd": "wide"}, "the config.json of other does not describe a model: invalid literal for int() "
         "with base 10: 'wide'"),
        ({"model_type": "distilbert"}, "other is a distilbert model; here it must be of type gpt2 or llama"),
    ],
)  # fmt: skip
def test_a_config_that_is_none_for_us(files, config, error):
    write_base(files.folder / "other", config)
    assert files.heads("name: x\nmodel: {base: other}\n" + ALL) == [f"s.yaml:2:15: model.base: {error}"]


def test_a_llama_attends_in_full(files):
    dimensions = {"hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 96, "num_attention_heads": 4}
    write_base(files.folder / "other", {"model_type": "llama", "vocab_size": 300, **dimensions})
    text = "name: x\nmodel: {base: other, attention: {pattern: local, window: 8}}\n" + ALL
    assert files.heads(text) == [
        "s.yaml:2:43: model.attention.pattern: attention of llama models is full only; other patterns are for gpt2"
    ]
    assert files.heads(text.replace("pattern: local, window: 8", "pattern: full")) == []


def test_a_config_that_cannot_be_read(files):
    folder = write_base(files.folder / "other", "{")
    (head,) = files.heads("name: x\nmodel: {base: other}\n" + ALL)
    assert head.startswith(f"s.yaml:2:15: model.base: {folder.resolve() / 'config.json'} cannot be read")
    (folder / "config.json").unlink()
    (head,) = files.heads("name: x\nmodel: {base: other}\n" + ALL)
    assert head.endswith("has no config.json: name the folder of a model in Hugging Face format")


def test_weights_that_cannot_be_read_are_told_and_those_that_are_not_wanted_are_not(files):
    folder = write_base(files.folder / "other")
    (folder / "model.safetensors").write_bytes(b"\x00" * 20)
    (head,) = files.heads("name: x\nmodel: {base: other}\n" + ALL)
    assert head.startswith(
        f"s.yaml:2:15: model.base: the weights in {folder.resolve() / 'model.safetensors'} cannot be read"
    )
    assert files.heads("name: x\nmodel: {base: other, weights: untrained}\n" + ALL) == []
    (folder / "model.safetensors").unlink()
    (head,) = files.heads("name: x\nmodel: {base: other}\n" + ALL)
    assert "holds no *.safetensors weights" in head


@pytest.mark.parametrize("base", ["./nowhere", "/no/where", "${NOWHERE}/x"])
def test_a_folder_that_is_not_there(files, base):
    heads = files.heads(f"name: x\nmodel: {{base: '{base}'}}\n" + ALL)
    assert heads == [f"s.yaml:2:15: model.base: there is no folder {base}: correct the path, or set the variable in it"]


def test_a_tokenizer_that_is_not_there_is_placed_at_its_key(files):
    heads = files.heads("name: x\nmodel: {base: gpt2, weights: untrained, tokenizer: ./nowhere}\n" + ALL)
    assert heads == [
        "s.yaml:2:52: model.tokenizer: there is no folder ./nowhere: correct the path, or set the variable in it"
    ]
    (head,) = files.heads(
        "name: x\nmodel: {base: gpt2, weights: untrained, tokenizer: base, max_length: 1025}\nstages: {reward: {}}"
    )
    assert head == "s.yaml:2:70: model.max_length: 1025 tokens are more than the 1024 positions of gpt2"


def test_a_model_of_the_hub_is_left_to_the_hub(files):
    assert files.heads("name: x\nmodel: {base: some-org/some-model, max_length: 90000}\n" + ALL) == []
    tiers = "devices: {tiers: [{lora_modules_per_block: 4}]}\n"
    (head,) = files.heads("name: x\nmodel: {base: some-org/some-model}\n" + ALL + tiers)
    assert head.endswith(
        "4 LoRA modules a block, and a block of some-org/some-model has 3 places; take fewer, or name more in "
        "model.lora.places"
    )
    placed = "name: x\nmodel: {base: some-org/some-model, lora: {places: [a, b, c, d]}}\n"
    assert files.heads(placed + ALL + tiers) == []


def test_the_encoder_of_the_reward_models_is_looked_at_likewise(files):
    stages = "stages: {reward: {model: distilbert, weights: untrained, tokenizer: base, base: base}}\n"
    assert files.heads(HEAD + stages) == [
        "s.yaml:3:81: stages.reward.base: base is a gpt2 model; here it must be of type distilbert"
    ]
    known = stages.replace(", base: base}", "}")
    assert files.heads(HEAD + known) == []
    folder = write_base(files.folder / "short", {**CONFIG, "n_positions": 2048})
    text = f"name: x\nmodel: {{base: {folder.name}, max_length: 513}}\n" + known
    (head,) = files.heads(text)
    assert head.endswith("model.max_length: 513 tokens are more than the 512 positions of the reward encoder")


def test_a_tier_that_is_too_small_names_client_and_megabytes(files):
    """Weights, trained modules four times over, and activations, added up by hand for 2 blocks of width 64."""
    weights = 300 * 64 + 128 * 64 + 2 * (12 * 64**2 + 13 * 64) + 2 * 64
    adapters = 2 * 3 * (2 * 64 * 10 + 10 + 64)
    lora = 2 * 8 * ((64 + 192) + (64 + 64) + (256 + 64))
    activations = 8 * 96 * (17 * 2 * 64 + 2 * 300)
    needed_mb = 4 * (weights + 4 * (adapters + lora) + activations) / 1e6
    tiers = "devices: {tiers: [{name: big, share: 3}, {name: small, memory_mb: 0.5}]}\nclients: 8\n"
    (head,) = files.heads(HEAD + "stages: {instruction: {}}\n" + tiers)
    assert head.startswith("s.yaml:4:67: devices.tiers[1].memory_mb: client-")
    assert f"needs {needed_mb:.1f} MB for stage instruction and has 0.5 MB" in head
    assert head.endswith("raise memory_mb, or lower batch_size, max_length or what is trained")


def test_a_tier_that_nobody_has_may_be_as_small_as_it_likes(files):
    tiers = "devices: {tiers: [{name: big, share: 1e9}, {name: small, share: 1e-9, memory_mb: 0.001}]}\nclients: 3\n"
    assert files.heads(HEAD + ALL + tiers) == []
    (head,) = files.heads(HEAD + ALL + tiers, ["clients.overrides[0]={client: 2, tier: small}"])
    assert "devices.tiers[1].memory_mb: client-02 needs" in head


@needs_data
def test_the_real_files_and_the_real_model_pass(files, monkeypatch):
    monkeypatch.setenv("PWFFSIM_DATA", str(DATA.resolve()))
    text = (
        "name: x\nmodel: {base: '${PWFFSIM_DATA}/models/stories260K/hf'}\n" + ALL + "data:\n  corpus: jsonl\n  files:\n"
    )
    text += "    instructions: ['${PWFFSIM_DATA}/alpaca/alpaca-dev.jsonl']\n"
    text += "    helpfulness: ['${PWFFSIM_DATA}/hh-rlhf/helpful-base-dev.jsonl.gz']\n"
    text += "    harmlessness: ['${PWFFSIM_DATA}/hh-rlhf/harmless-base-dev.jsonl.gz']\n"
    assert files.heads(text) == []
    loaded = files.load(text)
    assert loaded.resolved["model"]["base"] == "${PWFFSIM_DATA}/models/stories260K/hf"
    heads = files.heads(text, ["clients=2000"])
    assert len(heads) == 3 and all("usable rows are too few for 2000 clients" in head for head in heads)
