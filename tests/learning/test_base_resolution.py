"""Where base models come from, and what is said when they cannot be had."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import torch

from pwffsim.learning import bases, frozen
from pwffsim.learning.bases import BaseUnavailable


def test_tiny_comes_with_the_package():
    found = bases.resolve("tiny")
    assert (found.location, found.tokenizer, found.untrained) == ("tiny", "tiny", False)
    assert found.config["model_type"] == "gpt2"
    assert "pretrained weights of this package" in found.label
    assert found.params(9)["seed"] == 0
    assert json.loads(json.dumps(found.params(9))) == found.params(9)


def test_a_local_folder(small_base):
    found = bases.resolve(str(small_base))
    assert found.location == found.tokenizer == str(small_base.resolve())
    assert bases.resolve(str(small_base)).digest == found.digest


def test_other_weights_have_another_digest(small_base, tmp_path):
    copied = shutil.copytree(small_base, tmp_path / "copy")
    assert bases.resolve(str(copied)).digest == bases.resolve(str(small_base)).digest
    path = copied / "model.safetensors"
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)
    assert bases.resolve(str(copied)).digest != bases.resolve(str(small_base)).digest


def test_a_missing_folder():
    with pytest.raises(BaseUnavailable, match=r"there is no folder \./nowhere: correct the path"):
        bases.resolve("./nowhere")


@pytest.mark.parametrize(
    ("lost", "message"), [("config.json", "has no config.json"), ("model.safetensors", "holds no")]
)
def test_an_incomplete_folder(small_base, tmp_path, lost, message):
    copied = shutil.copytree(small_base, tmp_path / "copy")
    (copied / lost).unlink()
    with pytest.raises(BaseUnavailable, match=message):
        bases.resolve(str(copied))


def test_damaged_weights_are_named(small_base, tmp_path):
    copied = shutil.copytree(small_base, tmp_path / "copy")
    path = copied / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BaseUnavailable, match=rf"the weights in {path} cannot be read .*: fetch the file again"):
        bases.resolve(str(copied))


def test_a_damaged_config_is_named(small_base, tmp_path):
    copied = shutil.copytree(small_base, tmp_path / "copy")
    (copied / "config.json").write_text("{")
    with pytest.raises(BaseUnavailable, match=r"config\.json cannot be read"):
        bases.resolve(str(copied))


def test_a_folder_without_tokenizer(small_base, tmp_path):
    copied = shutil.copytree(small_base, tmp_path / "copy")
    (copied / "tokenizer.json").unlink()
    with pytest.raises(BaseUnavailable, match=r"holds no tokenizer: it needs tokenizer\.json or vocab\.json"):
        bases.resolve(str(copied))
    assert bases.resolve(str(copied), tokenizer="tiny").tokenizer == "tiny"


def test_weights_that_lack_tensors_are_refused(small_base, tmp_path):
    from safetensors.torch import load_file, save_file

    copied = shutil.copytree(small_base, tmp_path / "copy")
    tensors = load_file(copied / "model.safetensors")
    tensors.pop("transformer.h.1.mlp.c_fc.weight")
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseUnavailable, match=r"lack transformer\.h\.1\.mlp\.c_fc\.weight"):
        frozen.language_model(bases.resolve(str(copied)).params(0))


def test_the_hub_is_asked_and_its_silence_told(monkeypatch):
    """The real client finds nothing in its cache, and its reason is in the message."""
    with pytest.raises(BaseUnavailable, match="nobody/nothing is no folder here and could not be had from the hub"):
        bases.resolve("nobody/nothing", download=False)


def test_a_hub_snapshot_is_a_folder(small_base, monkeypatch):
    import huggingface_hub

    asked = {}

    def snapshot(name, **options):
        asked.update(options, name=name)
        return str(small_base)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    found = bases.resolve("gpt2")
    assert asked["name"] == "openai-community/gpt2"
    assert "*.safetensors" in asked["allow_patterns"]
    assert found.location == str(small_base)


def test_untrained_weights_are_labelled(small_base):
    found = bases.resolve(str(small_base), "untrained")
    assert found.untrained
    assert "UNTRAINED" in found.label
    assert found.params(3)["seed"] == 3


def test_falling_back_says_why(small_base):
    found = bases.resolve("gpt2", "pretrained_or_untrained", tokenizer=str(small_base), download=False)
    assert found.untrained
    assert found.label.startswith("gpt2: UNTRAINED, random weights, since openai-community/gpt2 is no folder here")
    assert found.config["n_layer"] == 12


def test_no_fallback_where_weights_are_there(small_base):
    assert not bases.resolve(str(small_base), "pretrained_or_untrained").untrained


def test_an_architecture_without_tokenizer_is_refused():
    with pytest.raises(BaseUnavailable, match="gpt2 untrained has an architecture but no tokenizer: set `tokenizer`"):
        bases.resolve("gpt2", "untrained")


def test_a_misspelt_choice_of_weights():
    with pytest.raises(BaseUnavailable, match="weights 'random' is not one of pretrained, untrained"):
        bases.resolve("tiny", "random")


def test_random_weights_depend_on_the_seed_alone(small_base):
    found = bases.resolve(str(small_base), "untrained")
    before = torch.random.get_rng_state()
    one, other = (frozen.language_model(found.params(seed)) for seed in (1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.equal(one.transformer.wte.weight, other.transformer.wte.weight)
    frozen._resident.cache_clear()
    again = frozen.language_model(found.params(1))
    assert torch.equal(one.transformer.wte.weight, again.transformer.wte.weight)


def test_names_and_headers_need_no_torch(small_base):
    program = (
        "import sys; from pwffsim.learning import bases, declarations; "
        f"bases.resolve('tiny'); bases.resolve({str(small_base)!r}); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
