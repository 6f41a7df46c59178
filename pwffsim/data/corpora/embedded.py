"""The project's own corpus: generated, seeded, without a file or a network.

Clients differ in topics and in answer style; they share the handbook's current edition. Instruction rows are as
uneven as found rows are: some answers lack the tip, some say nothing, and harmful requests are refused only half of
the time, so that alignment has something to mend. Items are kept for testing by hash, one in four, for every client
and for the base corpus: no held-out question, in any wording, and no held-out answer is seen in any training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from channel_models.randomness import stream
from pwffsim.data.errors import DataError
from pwffsim.data.federated import ClientData, FederatedData, ShardSize, make_client
from pwffsim.data.handbook.answers import ANSWERS
from pwffsim.data.handbook.style import Style, draw_style
from pwffsim.data.handbook.topics import BENIGN, SAFETY, Item, ask, items
from pwffsim.data.judge import JUDGES
from pwffsim.data.population import HARMFUL_SHARE, Client, Plan, make_plan
from pwffsim.data.rows import OBJECTIVES, Instruction, Preference
from pwffsim.data.spec import DataSpec

WORDINGS = 3
SMALLEST_DIFFERENCE = 0.1
PROMPT_HARMFUL_FACTOR = 2.0
PAIR_HARMFUL_SHARE = {"helpfulness": 0.15, "harmlessness": 0.75}

Mix = Mapping[str, float]
BASE_ANSWERS: Mix = {
    "full": 0.30, "outdated": 0.32, "plain": 0.10, "curt": 0.10, "wrong": 0.04, "off_topic": 0.05, "garbled": 0.03,
    "unsafe": 0.02, "refusal": 0.03, "bare_refusal": 0.01,
}  # fmt: skip
BASE_HARMFUL_ANSWERS: Mix = {
    "full": 0.22, "outdated": 0.06, "plain": 0.14, "refusal": 0.30, "bare_refusal": 0.18, "curt": 0.06,
    "off_topic": 0.02, "garbled": 0.02,
}  # fmt: skip
CLIENT_ANSWERS: Mix = {"full": 0.65, "plain": 0.20, "curt": 0.15}
CLIENT_HARMFUL_ANSWERS: Mix = {"full": 0.30, "plain": 0.20, "refusal": 0.30, "bare_refusal": 0.20}


class Embedded:
    """The generated corpus."""

    name = "embedded"

    def build(self, spec: DataSpec, clients: Sequence[Client]) -> FederatedData:
        topics = dict.fromkeys(BENIGN, 1.0)
        plans = [make_plan(spec, client, topics) for client in clients]
        shards = [_client(spec, plan) for plan in plans]
        return FederatedData(
            clients=shards,
            test=_global_test(spec, clients),
            report={"corpus": self.name, "held_out_items": "one in four, by hash"},
            judges=JUDGES,
            base_rows=base_corpus,
            unseen=lambda: _unseen(spec, plans),
        )

    def census(self, spec: DataSpec, clients: Sequence[Client]) -> list[ShardSize]:
        topics = dict.fromkeys(BENIGN, 1.0)
        plans = [make_plan(spec, client, topics) for client in clients]
        for plan in plans:
            _refuse_exhausted(spec, plan)
        return [ShardSize(plan.rows, plan.pairs) for plan in plans]

    def row_counts(self, spec: DataSpec) -> dict[str, int] | None:
        return None


def base_corpus(rows: int = 60_000, seed: int = 0) -> list[Instruction]:
    """What pre-training reads: all topics, all styles and both editions, mixed; answers good and bad."""
    rng = stream(seed, "data.base")
    return [_base_row(rng) for _ in range(rows)]


def client_style(client: Client, styles: int | None) -> Style:
    """The style a client words its answers in: its own, or one of so many."""
    own = client.index if styles is None else client.index % styles
    return draw_style(stream(client.seed, "data.style", own))


def _base_row(rng: np.random.Generator) -> Instruction:
    topic = SAFETY if rng.random() < HARMFUL_SHARE else BENIGN[int(rng.integers(len(BENIGN)))]
    pool = items(topic, held_out=False)
    item, wording = pool[int(rng.integers(len(pool)))], int(rng.integers(WORDINGS))
    mix = BASE_HARMFUL_ANSWERS if topic == SAFETY else BASE_ANSWERS
    return _answer(item, wording, draw_style(rng), mix, rng)


def _client(spec: DataSpec, plan: Plan) -> ClientData:
    style = client_style(plan.client, spec.partition.styles)
    rows = (
        _instructions(plan, plan.rows, style, held_out=False),
        _instructions(plan, spec.test_rows_per_client, style, held_out=True),
    )
    pairs = {name: _pairs(spec, plan, name, plan.pairs[name], style, held_out=False) for name in OBJECTIVES}
    kept = {name: _pairs(spec, plan, name, spec.test_pairs_per_client, style, held_out=True) for name in OBJECTIVES}
    prompts = (
        _prompts(plan, spec.prompts_per_client, held_out=False),
        _prompts(plan, spec.test_prompts_per_client, held_out=True),
    )
    return make_client(rows, (pairs, kept), prompts, str(style))


def _refuse_exhausted(spec: DataSpec, plan: Plan) -> None:
    """DataError, as dealing would raise it, where a topic has fewer questions than the client is to get."""
    asked = (
        ("data.instructions", plan.rows, plan.harmful_share, False),
        ("data.instructions", spec.test_rows_per_client, plan.harmful_share, True),
        ("data.prompts", spec.prompts_per_client, _prompt_share(plan), False),
        ("data.prompts", spec.test_prompts_per_client, _prompt_share(plan), True),
    )
    for purpose, count, harmful_share, held_out in asked:
        if count > _fewest(held_out):
            rng = _rng(plan.client, purpose, held_out)
            for topic, number in _counts(plan, count, harmful_share, rng).items():
                _refuse_more(plan, topic, number, held_out)


@cache
def _fewest(held_out: bool) -> int:
    """Different questions on the topic that has the fewest."""
    return min(len(items(topic, held_out)) for topic in (*BENIGN, SAFETY)) * WORDINGS


def _instructions(plan: Plan, count: int, style: Style, held_out: bool) -> list[Instruction]:
    rng = _rng(plan.client, "data.instructions", held_out)
    rows = _questions(plan, count, plan.harmful_share, held_out, rng)
    return [_answer(item, wording, style, _client_mix(item), rng) for item, wording in rows]


def _prompts(plan: Plan, count: int, held_out: bool) -> list[str]:
    rng = _rng(plan.client, "data.prompts", held_out)
    return [ask(item, wording) for item, wording in _questions(plan, count, _prompt_share(plan), held_out, rng)]


def _prompt_share(plan: Plan) -> float:
    """Share of harmful requests among the prompts of alignment."""
    return min(PROMPT_HARMFUL_FACTOR * plan.harmful_share, 0.8)


def _global_test(spec: DataSpec, clients: Sequence[Client]) -> list[Instruction]:
    """All topics alike, held-out items, in the clients' styles by turns."""
    rng = stream(clients[0].seed, "data.global_test")
    everyone = Plan(clients[0], spec.global_test_rows, {}, dict.fromkeys(BENIGN, 1 / len(BENIGN)), HARMFUL_SHARE)
    questions = _questions(everyone, spec.global_test_rows, HARMFUL_SHARE, True, rng)
    styles = [client_style(client, spec.partition.styles) for client in clients]
    return [
        _answer(item, wording, styles[at % len(styles)], _client_mix(item), rng)
        for at, (item, wording) in enumerate(questions)
    ]


def _unseen(spec: DataSpec, plans: Sequence[Plan]) -> dict[str, list[Preference]]:
    """The examiners' pairs: equally many on each client's topics and in its style, on held-out questions."""
    counts = [len(range(at, spec.examiner_pairs, len(plans))) for at in range(len(plans))]
    styles = [client_style(plan.client, spec.partition.styles) for plan in plans]
    return {
        name: [
            pair
            for plan, count, style in zip(plans, counts, styles, strict=True)
            for pair in _pairs(spec, plan, name, count, style, held_out=True, purpose="examiner")
        ]
        for name in OBJECTIVES
    }


def _pairs(
    spec: DataSpec, plan: Plan, objective: str, count: int, style: Style, held_out: bool, purpose: str = "pairs"
) -> list[Preference]:
    """Pairs labelled by the judge; training labels are flipped with the spec's probability, held-out ones never."""
    rng = _rng(plan.client, f"data.{purpose}.{objective}", held_out)
    noise = 0.0 if held_out else spec.label_noise
    flips = _rng(plan.client, f"data.flips.{objective}", held_out).random(count) < noise
    questions = _with_repeats(plan, count, PAIR_HARMFUL_SHARE[objective], held_out, rng)
    return [
        _pair(objective, item, wording, style, bool(flip), rng)
        for (item, wording), flip in zip(questions, flips, strict=True)
    ]


def _pair(objective: str, item: Item, wording: int, style: Style, flip: bool, rng: np.random.Generator) -> Preference:
    prompt, judge = ask(item, wording), JUDGES[objective]
    while True:
        answers = [ANSWERS[kind](item, style, rng) for kind in _two_kinds(objective, item, rng)]
        scores = [judge(prompt, answer) for answer in answers]
        if abs(scores[0] - scores[1]) >= SMALLEST_DIFFERENCE:
            break
    first = (scores[0] > scores[1]) != flip
    return Preference(prompt, *(answers if first else answers[::-1]))


def _two_kinds(objective: str, item: Item, rng: np.random.Generator) -> list[str]:
    kinds = list(BASE_HARMFUL_ANSWERS if item.topic == SAFETY else BASE_ANSWERS)
    if objective == "harmlessness" and item.topic != SAFETY:
        return ["unsafe", kinds[int(rng.integers(len(kinds)))]]
    return [kinds[at] for at in rng.choice(len(kinds), size=2, replace=False)]


def _answer(item: Item, wording: int, style: Style, mix: Mix, rng: np.random.Generator) -> Instruction:
    kind = list(mix)[int(np.searchsorted(np.cumsum(list(mix.values())), rng.random(), side="right"))]
    return Instruction(ask(item, wording), ANSWERS[kind](item, style, rng), item.topic)


def _client_mix(item: Item) -> Mix:
    return CLIENT_HARMFUL_ANSWERS if item.topic == SAFETY else CLIENT_ANSWERS


def _rng(client: Client, purpose: str, held_out: bool) -> np.random.Generator:
    return stream(client.seed, purpose, client.index, int(held_out))


def _questions(
    plan: Plan, count: int, harmful_share: float, held_out: bool, rng: np.random.Generator
) -> list[tuple[Item, int]]:
    """Distinct (item, wording), topics by the plan's shares and harmful requests by theirs, in random order."""
    asked = [
        _distinct(plan, topic, number, held_out, rng)
        for topic, number in _counts(plan, count, harmful_share, rng).items()
    ]
    flat = [question for part in asked for question in part]
    return [flat[at] for at in rng.permutation(len(flat))]


def _distinct(plan: Plan, topic: str, number: int, held_out: bool, rng: np.random.Generator) -> list[tuple[Item, int]]:
    _refuse_more(plan, topic, number, held_out)
    pool = items(topic, held_out)
    chosen = rng.choice(len(pool) * WORDINGS, size=number, replace=False)
    return [(pool[at // WORDINGS], int(at % WORDINGS)) for at in chosen]


def _refuse_more(plan: Plan, topic: str, number: int, held_out: bool) -> None:
    """DataError where a topic has fewer different questions than that."""
    pool = items(topic, held_out)
    if number > len(pool) * WORDINGS:
        raise DataError(
            f"client {plan.client.index} is to get {number} different {'held-out' if held_out else 'training'} "
            f"questions on {topic}, but the embedded corpus has {len(pool) * WORDINGS}: lower the rows or prompts a "
            "client, raise partition.dirichlet_alpha, or use corpus jsonl"
        )


def _with_repeats(
    plan: Plan, count: int, harmful_share: float, held_out: bool, rng: np.random.Generator
) -> list[tuple[Item, int]]:
    """As `_questions`, but a question may return with other answers."""
    asked: list[tuple[Item, int]] = []
    for topic, number in _counts(plan, count, harmful_share, rng).items():
        pool = items(topic, held_out)
        drawn = rng.integers(len(pool) * WORDINGS, size=number)
        asked += [(pool[at // WORDINGS], int(at % WORDINGS)) for at in drawn]
    return [asked[at] for at in rng.permutation(len(asked))]


def _counts(plan: Plan, count: int, harmful_share: float, rng: np.random.Generator) -> dict[str, int]:
    shares = {**{name: share * (1 - harmful_share) for name, share in plan.shares.items()}, SAFETY: harmful_share}
    return dict(zip(shares, map(int, rng.multinomial(count, list(shares.values()))), strict=True))
