"""Where rows come from: one file a corpus, by name."""

from __future__ import annotations

from pwffsim.data.corpora.base import Corpus
from pwffsim.data.corpora.embedded import Embedded
from pwffsim.data.corpora.hub import HubCorpus
from pwffsim.data.corpora.jsonl import Jsonl

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (Embedded(), Jsonl(), HubCorpus())}

__all__ = ["CORPORA", "Corpus"]
