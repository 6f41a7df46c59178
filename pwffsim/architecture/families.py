"""Transformer families by their ``config.json``: every tensor's name and shape, and the places for LoRA.

Names are those of the transformers library's base models (``GPT2Model``, ``LlamaModel``, ``DistilBertModel``), so that
a payload that is declared here can be held against the tensors that are really sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pwffsim.architecture.places import Place, chosen
from pwffsim.architecture.tensors import TensorShape, total_elements


class UnsupportedModel(ValueError):
    """A config.json that describes a model this project cannot fine-tune."""


@dataclass(frozen=True)
class Architecture:
    """Dimensions of a transformer.

    Attributes:
        family: the config's model_type.
        blocks: name prefix of the blocks inside the full model.
        layers, width, vocabulary, positions: L, d, V and the longest sequence.
        maps: the linear maps of a block, all of which may carry LoRA.
        places: those that do, in the order in which tiers take them; the family's usual ones unless others were chosen.
        tensors: every tensor of the encoder (the language-model head is tied or left out).
    """

    family: str
    blocks: str
    layers: int
    width: int
    vocabulary: int
    positions: int
    maps: tuple[Place, ...]
    places: tuple[Place, ...]
    tensors: tuple[TensorShape, ...]

    def placed(self, names: Sequence[str] | None) -> Architecture:
        """The same model with LoRA in other places, in this order; None stands for the family's usual ones.

        Raises:
            UnsupportedPlaces: for names that are no places of a block, or not beside each other.
        """
        return replace(self, places=chosen(self.maps, USUAL[self.family] if names is None else names, self.family))

    def first_places(self, count: int) -> tuple[Place, ...]:
        """Those that a device takes which has so many LoRA modules a block.

        Raises:
            ValueError: when there are fewer.
        """
        if count > len(self.places):
            raise ValueError(
                f"{count} LoRA modules per block, but a {self.family} block has {len(self.places)} places: "
                f"{', '.join(place.module for place in self.places)}"
            )
        return self.places[:count]

    @property
    def parameters(self) -> int:
        """Number of parameters of the encoder."""
        return total_elements(self.tensors)

    @property
    def matrix_parameters(self) -> int:
        """Parameters that every token is multiplied with: all but the embedding tables."""
        return self.parameters - sum(
            t.elements for t in self.tensors if "wte" in t.name or "wpe" in t.name or "embed" in t.name
        )


def architecture_of(config: Mapping[str, Any]) -> Architecture:
    """The architecture that a ``config.json`` describes.

    Raises:
        UnsupportedModel: for a model_type that is not known here, or a config without its dimensions.
    """
    family = config.get("model_type")
    if family not in FAMILIES:
        raise UnsupportedModel(f"model_type {family!r} is not supported; supported are {', '.join(sorted(FAMILIES))}")
    try:
        return FAMILIES[family](config).placed(None)
    except KeyError as missing:
        raise UnsupportedModel(f"the config of this {family} model lacks the key {missing}") from None


def _gpt2(config: Mapping[str, Any]) -> Architecture:
    width, layers = int(config.get("n_embd", 768)), int(config.get("n_layer", 12))
    inner = int(config.get("n_inner") or 4 * width)
    vocabulary, positions = int(config.get("vocab_size", 50257)), int(config.get("n_positions", 1024))
    return Architecture(
        family="gpt2",
        blocks="transformer.h",
        layers=layers,
        width=width,
        vocabulary=vocabulary,
        positions=positions,
        maps=(
            Place("attn.c_attn", width, 3 * width),
            *(Place(f"attn.{part}", width, width, "attn.c_attn", i * width) for i, part in enumerate("qkv")),
            Place("attn.c_proj", width, width),
            Place("mlp.c_fc", width, inner),
            Place("mlp.c_proj", inner, width),
        ),
        places=(),
        tensors=tuple(_gpt2_tensors(width, inner, layers, vocabulary, positions)),
    )


def _gpt2_tensors(width: int, inner: int, layers: int, vocabulary: int, positions: int) -> Iterator[TensorShape]:
    yield TensorShape("wte.weight", (vocabulary, width))
    yield TensorShape("wpe.weight", (positions, width))
    for i in range(layers):
        yield from _norm(f"h.{i}.ln_1", width)
        yield from _conv1d(f"h.{i}.attn.c_attn", width, 3 * width)
        yield from _conv1d(f"h.{i}.attn.c_proj", width, width)
        yield from _norm(f"h.{i}.ln_2", width)
        yield from _conv1d(f"h.{i}.mlp.c_fc", width, inner)
        yield from _conv1d(f"h.{i}.mlp.c_proj", inner, width)
    yield from _norm("ln_f", width)


def _llama(config: Mapping[str, Any]) -> Architecture:
    width, layers, inner = (
        int(config["hidden_size"]),
        int(config["num_hidden_layers"]),
        int(config["intermediate_size"]),
    )
    heads = int(config["num_attention_heads"])
    head = int(config.get("head_dim") or width // heads)
    query, key = head * heads, head * int(config.get("num_key_value_heads") or heads)
    vocabulary, positions = int(config["vocab_size"]), int(config.get("max_position_embeddings", 2048))
    maps = _llama_maps(width, inner, query, key)
    return Architecture(
        family="llama",
        blocks="model.layers",
        layers=layers,
        width=width,
        vocabulary=vocabulary,
        positions=positions,
        maps=maps,
        places=(),
        tensors=tuple(_llama_tensors(width, layers, vocabulary, maps)),
    )


def _llama_maps(width: int, inner: int, query: int, key: int) -> tuple[Place, ...]:
    return (
        Place("self_attn.q_proj", width, query),
        Place("self_attn.k_proj", width, key),
        Place("self_attn.v_proj", width, key),
        Place("self_attn.o_proj", query, width),
        Place("mlp.gate_proj", width, inner),
        Place("mlp.up_proj", width, inner),
        Place("mlp.down_proj", inner, width),
    )


def _llama_tensors(width: int, layers: int, vocabulary: int, maps: Sequence[Place]) -> Iterator[TensorShape]:
    yield TensorShape("embed_tokens.weight", (vocabulary, width))
    for i in range(layers):
        for place in maps:
            yield TensorShape(f"layers.{i}.{place.module}.weight", (place.outputs, place.inputs))
        yield TensorShape(f"layers.{i}.input_layernorm.weight", (width,))
        yield TensorShape(f"layers.{i}.post_attention_layernorm.weight", (width,))
    yield TensorShape("norm.weight", (width,))


def _distilbert(config: Mapping[str, Any]) -> Architecture:
    width, layers = int(config.get("dim", 768)), int(config.get("n_layers", 6))
    inner, vocabulary = int(config.get("hidden_dim", 3072)), int(config.get("vocab_size", 30522))
    positions = int(config.get("max_position_embeddings", 512))
    return Architecture(
        family="distilbert",
        blocks="transformer.layer",
        layers=layers,
        width=width,
        vocabulary=vocabulary,
        positions=positions,
        maps=(
            *(Place(f"attention.{name}", width, width) for name in ("q_lin", "k_lin", "v_lin", "out_lin")),
            Place("ffn.lin1", width, inner),
            Place("ffn.lin2", inner, width),
        ),
        places=(),
        tensors=tuple(_distilbert_tensors(width, inner, layers, vocabulary, positions)),
    )


def _distilbert_tensors(width: int, inner: int, layers: int, vocabulary: int, positions: int) -> Iterator[TensorShape]:
    yield TensorShape("embeddings.word_embeddings.weight", (vocabulary, width))
    yield TensorShape("embeddings.position_embeddings.weight", (positions, width))
    yield from _norm("embeddings.LayerNorm", width)
    for i in range(layers):
        block = f"transformer.layer.{i}"
        for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
            yield from _linear(f"{block}.attention.{name}", width, width)
        yield from _norm(f"{block}.sa_layer_norm", width)
        yield from _linear(f"{block}.ffn.lin1", width, inner)
        yield from _linear(f"{block}.ffn.lin2", inner, width)
        yield from _norm(f"{block}.output_layer_norm", width)


def _norm(name: str, width: int) -> Iterator[TensorShape]:
    yield TensorShape(f"{name}.weight", (width,))
    yield TensorShape(f"{name}.bias", (width,))


def _conv1d(name: str, inputs: int, outputs: int) -> Iterator[TensorShape]:
    yield TensorShape(f"{name}.weight", (inputs, outputs))
    yield TensorShape(f"{name}.bias", (outputs,))


def _linear(name: str, inputs: int, outputs: int) -> Iterator[TensorShape]:
    yield TensorShape(f"{name}.weight", (outputs, inputs))
    yield TensorShape(f"{name}.bias", (outputs,))


FAMILIES: dict[str, Callable[[Mapping[str, Any]], Architecture]] = {
    "gpt2": _gpt2,
    "llama": _llama,
    "distilbert": _distilbert,
}

USUAL: dict[str, tuple[str, ...]] = {
    "gpt2": ("attn.c_attn", "attn.c_proj", "mlp.c_proj"),
    "llama": ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"),
    "distilbert": ("attention.q_lin", "attention.v_lin", "ffn.lin2"),
}
"""Family -> places that LoRA takes where nobody chooses others."""
