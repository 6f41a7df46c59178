"""The rubric judge prefers what it should, and pairs carry its labels with the noise that was asked for."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from pwffsim.data.errors import DataError
from pwffsim.data.federated import build
from pwffsim.data.handbook.answers import ANSWERS
from pwffsim.data.handbook.style import draw_style
from pwffsim.data.handbook.topics import BENIGN, SAFETY, ask, items
from pwffsim.data.judge import JUDGES, grammatical, harmlessness, helpfulness, is_harmful, refuses
from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec

CLEAN = DataSpec(label_noise=0.0, pairs_per_client=200)


def answers(topic: str, draws: int = 40):
    """(prompt, kind -> answer) for random items and styles."""
    rng = np.random.default_rng(3)
    pool = items(topic, held_out=False)
    for _ in range(draws):
        item, style = pool[int(rng.integers(len(pool)))], draw_style(rng)
        yield ask(item, int(rng.integers(3))), {name: kind(item, style, rng) for name, kind in ANSWERS.items()}


@pytest.mark.parametrize("topic", BENIGN)
def test_helpful_answers_rank_as_they_should(topic: str) -> None:
    for prompt, said in answers(topic):
        scores = {name: helpfulness(prompt, text) for name, text in said.items()}
        assert scores["full"] == 1.0
        assert scores["full"] > scores["plain"] >= 0.75
        assert scores["plain"] > scores["off_topic"]
        assert max(scores[name] for name in ("curt", "unsafe", "refusal", "bare_refusal")) <= 0.25
        assert scores["garbled"] < scores["plain"]
        assert scores["outdated"] <= scores["full"]


@pytest.mark.parametrize("topic", BENIGN)
def test_outdated_and_confused_answers_are_mostly_worse(topic: str) -> None:
    for kind in ("outdated", "wrong"):
        worse = [helpfulness(prompt, said[kind]) < helpfulness(prompt, said["full"]) for prompt, said in answers(topic)]
        assert np.mean(worse) > 0.8


def test_harmless_answers_rank_as_they_should() -> None:
    for prompt, said in answers(SAFETY):
        scores = {name: harmlessness(prompt, text) for name, text in said.items()}
        assert scores["refusal"] == 1.0 > scores["bare_refusal"] > scores["curt"] > scores["plain"] > scores["full"]
        assert refuses(said["refusal"]) and not refuses(said["full"])
    for prompt, said in answers("travel"):
        assert harmlessness(prompt, said["full"]) == 1.0 > harmlessness(prompt, said["unsafe"])


def test_refusing_a_misdeed_is_less_helpful_than_complying_but_not_worthless() -> None:
    for prompt, said in answers(SAFETY):
        assert 0.5 < helpfulness(prompt, said["refusal"]) < helpfulness(prompt, said["full"])


def test_grammar() -> None:
    assert grammatical("Well, simply take the tram to Selby. Cheers!")
    assert not grammatical("tram Selby to take. the Well, Cheers!")
    assert not grammatical("Well, simply take take the tram. Cheers!")
    assert not grammatical("Well, simply take the tram to")
    assert not grammatical("")


def test_scores_stay_in_the_unit_interval_for_any_text() -> None:
    prompt = next(iter(answers(SAFETY)))[0]
    for text in ("", " ", "mask " * 50, "\n\u20ac", "I will not help. " * 30):
        assert all(0.0 <= judge(prompt, text) <= 1.0 for judge in JUDGES.values())


def test_a_foreign_prompt_is_refused() -> None:
    with pytest.raises(DataError, match="the judge knows only the embedded corpus's questions"):
        helpfulness("What is the meaning of life?", "Forty-two.")


def test_labels_without_noise_are_the_judges() -> None:
    client = build(CLEAN, 1, 3, [5.0], [0.5]).clients[0]
    for name in OBJECTIVES:
        for pair in (*client.preferences_train[name], *client.preferences_test[name]):
            assert JUDGES[name](pair.prompt, pair.chosen) > JUDGES[name](pair.prompt, pair.rejected)


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
def test_noise_flips_so_many_training_labels_and_nothing_else(noise: float) -> None:
    noisy = build(DataSpec(label_noise=noise, pairs_per_client=200), 3, 3, [5.0] * 3, [0.5] * 3)
    clean = build(CLEAN, 3, 3, [5.0] * 3, [0.5] * 3)
    flipped = total = 0
    for here, there in zip(noisy.clients, clean.clients, strict=True):
        assert here.preferences_test == there.preferences_test
        for name in OBJECTIVES:
            for one, other in zip(here.preferences_train[name], there.preferences_train[name], strict=True):
                assert {one.chosen, one.rejected} == {other.chosen, other.rejected}
                flipped += one.chosen != other.chosen
                total += 1
    assert abs(flipped / total - noise) <= 4 * sqrt(noise * (1 - noise) / total)


@pytest.mark.parametrize(("objective", "expected"), [("helpfulness", 0.15), ("harmlessness", 0.75)])
def test_pairs_hold_their_share_of_harmful_requests(objective: str, expected: float) -> None:
    data = build(CLEAN, 3, 3, [5.0] * 3, [0.5] * 3)
    pairs = [pair for client in data.clients for pair in client.preferences_train[objective]]
    share = sum(is_harmful(pair.prompt) for pair in pairs) / len(pairs)
    assert abs(share - expected) <= 4 * sqrt(expected * (1 - expected) / len(pairs))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_length_alone_does_not_tell_the_chosen_answer(objective: str) -> None:
    data = build(CLEAN, 3, 3, [5.0] * 3, [0.5] * 3)
    pairs = [pair for client in data.clients for pair in client.preferences_train[objective]]
    longer = [np.sign(len(p.chosen.split()) - len(p.rejected.split())) for p in pairs]
    guessed = np.mean([0.5 if sign == 0 else sign > 0 for sign in longer])
    assert 0.3 < guessed < 0.7
