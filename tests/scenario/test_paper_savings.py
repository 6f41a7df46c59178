"""What keeping LoRA at home saves of an upload, from the payload bytes of methods: the paper's 43 %, and what its sizes
give."""

from __future__ import annotations

import pytest

from pwffsim.scenario.loader import load
from pwffsim.scenario.payloads import upload_bytes

SMALL = """
name: savings
model:
  base: gpt2
  weights: untrained
  tokenizer: tiny
  max_length: 32
  adapters: {{bottleneck: {bottleneck}}}
  lora: {{rank: {rank}, places: [{places}]}}
method: {method}
stages: {{instruction: {{batch_size: 1}}, alignment: {{batch_size: 1, max_new_tokens: 8}}, reward: {{}}}}
devices: {{tiers: [{{lora_modules_per_block: {modules}, memory_mb: 16384}}]}}
"""


def policy_bytes(folder, method, places, rank, bottleneck=10):
    names = places.split(", ")
    text = SMALL.format(method=method, places=places, rank=rank, modules=len(names), bottleneck=bottleneck)
    path = folder / "scenario.yaml"
    path.write_text(text)
    sizes = upload_bytes(load(path).scenario)
    assert sizes["instruction"] == sizes["alignment"]
    (size,) = sizes["instruction"]
    return size


@pytest.mark.parametrize(
    ("places", "rank", "saved"),
    [
        ("attn.c_attn, attn.c_proj", 8, 0.432),
        ("attn.q, attn.k, attn.v", 8, 0.432),
        ("attn.c_attn", 12, 0.432),
        ("attn.c_proj", 96, 0.753),
        ("attn.c_attn", 96, 0.859),
        ("attn.c_attn, attn.c_proj", 96, 0.901),
        ("attn.q, attn.k, attn.v", 96, 0.901),
        ("attn.c_attn, attn.c_proj, mlp.c_proj", 96, 0.944),
        ("attn.c_attn, mlp.c_fc, mlp.c_proj", 96, 0.955),
        ("attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj", 96, 0.961),
    ],
)
def test_saved_against_uploading_both(tmp_path, places, rank, saved):
    adapters, both = (policy_bytes(tmp_path, method, places, rank) for method in ("pwff", "vanilla_fl"))
    assert adapters == 4 * 580_968
    assert 1 - adapters / both == pytest.approx(saved, abs=5e-4)


@pytest.mark.parametrize("rank", [8, 96])
@pytest.mark.parametrize("bottleneck", [10, 64])
def test_squares_save_what_the_closed_form_says(tmp_path, rank, bottleneck):
    """36 adapters and 36 squares: s = 2 r / (2 r + 2 b + 1 + b / d)."""
    adapters, both = (
        policy_bytes(tmp_path, m, "attn.q, attn.k, attn.v", rank, bottleneck) for m in ("pwff", "vanilla_fl")
    )
    closed = 2 * rank / (2 * rank + 2 * bottleneck + 1 + bottleneck / 768)
    assert 1 - adapters / both == pytest.approx(closed, rel=1e-12)
