"""A small base model made on the spot, and parameters of recipes over it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session", autouse=True)
def _tuned():
    from pwffsim.learning import runtime

    runtime.tune()


@pytest.fixture(scope="session")
def small_base(tmp_path_factory) -> Path:
    """A GPT-2 of 2 blocks x 32 with random weights and a tokenizer learnt from the embedded corpus."""
    from small_models import make_gpt2

    return make_gpt2(tmp_path_factory.mktemp("small") / "base")


@pytest.fixture(scope="session")
def model(small_base):
    from small_models import model_params

    return model_params(str(small_base))


@pytest.fixture(scope="session")
def data():
    from small_models import data_params

    return data_params()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; skips where there is none."""
    folder = Path(os.environ.get("PWFFSIM_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set PWFFSIM_DATA")
    return folder
