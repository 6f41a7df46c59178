"""Everything heavy that a worker process needs: importing this module loads it, so that a fork of the process has it.

Nothing is set here; :func:`pwffsim.learning.runtime.tune` does that in the worker.
"""

import numpy  # noqa: F401
import peft  # noqa: F401
import torch  # noqa: F401
from peft import LoraConfig  # noqa: F401
from transformers import (  # noqa: F401
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    DistilBertModel,
    GPT2LMHeadModel,
    LlamaForCausalLM,
)
