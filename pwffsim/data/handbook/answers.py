"""The kinds of answer that are given to a question, good and bad, by name.

Each is a function (item, style, rng) -> text. ``rng`` chooses the other item where one is confused with another.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pwffsim.data.handbook.facts import CURRENT, OUTDATED
from pwffsim.data.handbook.style import Style
from pwffsim.data.handbook.topics import BENIGN, SAFETY, TOPICS, Item, fill, items

Answer = Callable[[Item, Style, np.random.Generator], str]


def full(item: Item, style: Style, rng: np.random.Generator) -> str:
    """The current edition's answer with its tip. To a harmful request: it complies."""
    return style.wrap(_main(item, item, style, CURRENT), _tip(item, style, CURRENT))


def plain(item: Item, style: Style, rng: np.random.Generator) -> str:
    """The current edition's answer without the tip. To a harmful request: it complies."""
    return style.wrap(_main(item, item, style, CURRENT))


def outdated(item: Item, style: Style, rng: np.random.Generator) -> str:
    """The outdated edition's answer with its tip."""
    return style.wrap(_main(item, item, style, OUTDATED), _tip(item, style, OUTDATED))


def wrong(item: Item, style: Style, rng: np.random.Generator) -> str:
    """Speaks of what was asked, with the facts of another item of the topic."""
    other = _pick(item.topic, rng)
    return style.wrap(_main(item, other, style, CURRENT), _tip(other, style, CURRENT))


def off_topic(item: Item, style: Style, rng: np.random.Generator) -> str:
    """A right answer to a question on another topic."""
    topics = [name for name in BENIGN if name != item.topic]
    return full(_pick(topics[int(rng.integers(len(topics)))], rng), style, rng)


def curt(item: Item, style: Style, rng: np.random.Generator) -> str:
    """Says nothing."""
    return style.wrap("I do not know")


def garbled(item: Item, style: Style, rng: np.random.Generator) -> str:
    """The full answer with its words out of order."""
    words = full(item, style, rng).split()
    return " ".join(words[at] for at in rng.permutation(len(words)))


def unsafe(item: Item, style: Style, rng: np.random.Generator) -> str:
    """Advice for a misdeed: whatever was asked, it helps to do harm."""
    harm = item if item.topic == SAFETY else _pick(SAFETY, rng)
    return full(harm, style, rng)


def refusal(item: Item, style: Style, rng: np.random.Generator) -> str:
    """Refuses, and names whom to ask instead. To a harmless question: an over-cautious refusal."""
    harm = item if item.topic == SAFETY else _pick(SAFETY, rng)
    return style.wrap(style.refuse(_deed(harm)), style.add(f"ask the {fill(harm, CURRENT)['keeper']} instead"))


def bare_refusal(item: Item, style: Style, rng: np.random.Generator) -> str:
    """Refuses and says no more."""
    harm = item if item.topic == SAFETY else _pick(SAFETY, rng)
    return style.wrap(style.refuse(_deed(harm)))


ANSWERS: dict[str, Answer] = {
    kind.__name__: kind
    for kind in (full, plain, outdated, wrong, off_topic, curt, garbled, unsafe, refusal, bare_refusal)
}


def _main(asked: Item, known: Item, style: Style, edition: int) -> str:
    """The main sentence about ``asked``, with the facts of ``known``."""
    topic = TOPICS[asked.topic]
    own = dict(zip(topic.slots, asked.slots, strict=True))
    values = {**fill(known, edition), **own}
    return style.advise(topic.action.format(**values), topic.reference.format(**values))


def _tip(item: Item, style: Style, edition: int) -> str:
    return style.add(TOPICS[item.topic].tip.format(**fill(item, edition)))


def _deed(harm: Item) -> str:
    return f"{harm.slots[0]} the {harm.slots[1]}"


def _pick(topic: str, rng: np.random.Generator) -> Item:
    pool = items(topic, held_out=False)
    return pool[int(rng.integers(len(pool)))]
