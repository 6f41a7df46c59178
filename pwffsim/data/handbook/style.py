"""How a client words its answers: opening, punctuation, sentence form, adverb, connective and closing."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

OPENINGS = ("Well", "Sure", "Aye", "Indeed", "Friend", "Listen", "Note", "Answer")
MARKS = (",", ":", " -", "...")
FORMS = ("direct", "reference first", "duty")
ADVERBS = ("simply", "just", "always", "gladly", "calmly")
STOPS = (".", "!", "...")
CONNECTIVES = ("Also", "Then", "Besides", "Finally")
CLOSINGS = ("Cheers!", "Farewell.", "Regards.", "Goodbye.", "Onward!", "Thanks!", "Done.", "Enjoy!")
CHOICES = (OPENINGS, MARKS, FORMS, ADVERBS, STOPS, CONNECTIVES, CLOSINGS)


@dataclass(frozen=True)
class Style:
    """One way to word answers; each field indexes the tuple of its name."""

    opening: int
    mark: int
    form: int
    adverb: int
    stop: int
    connective: int
    closing: int

    def __str__(self) -> str:
        return " | ".join(choices[at].strip() for choices, at in zip(CHOICES, astuple(self), strict=True))

    def wrap(self, *sentences: str) -> str:
        """An answer of these sentences between the style's opening and closing."""
        said = (f"{sentence}{STOPS[self.stop]}" for sentence in sentences)
        return " ".join((f"{OPENINGS[self.opening]}{MARKS[self.mark]}", *said, CLOSINGS[self.closing]))

    def advise(self, action: str, reference: str) -> str:
        """The main sentence: what to do, and for what."""
        deed = f"{ADVERBS[self.adverb]} {action}"
        return (f"{deed} {reference}", f"{reference}, {deed}", f"you should {deed} {reference}")[self.form]

    def refuse(self, deed: str) -> str:
        """The main sentence of a refusal."""
        forms = (f"I will not help you {deed}", f"to {deed} is wrong, so I refuse", f"you should never {deed}")
        return forms[self.form]

    def add(self, tip: str) -> str:
        """The sentence after the main one."""
        return f"{CONNECTIVES[self.connective]}{MARKS[self.mark]} {tip}"


def draw_style(rng: np.random.Generator) -> Style:
    """A style with every part drawn uniformly."""
    return Style(*(int(rng.integers(len(choices))) for choices in CHOICES))
