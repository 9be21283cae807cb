"""RAG-Sequence and RAG-Token against sums over every way that a reply can come about."""

from __future__ import annotations

from itertools import product
from math import exp, inf, log, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.tools.marginal import by_sequence, by_token, posterior, prior

VOCABULARY = 3
"""The last one is the end."""
LONGEST = 3

Table = dict[tuple[int, ...], list[float]]
"""What follows what, for one passage: a distribution after each beginning."""

BEGINNINGS = [start for n in range(LONGEST) for start in product(range(VOCABULARY - 1), repeat=n)]
REPLIES = [
    (*start, token)
    for start in BEGINNINGS
    for token in range(VOCABULARY)
    if token == VOCABULARY - 1 or len(start) == LONGEST - 1
]
"""All that ends, and all that is cut at the longest: their probabilities add up to 1."""


def distribution(weights: list[int]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


weights = st.lists(st.integers(0, 50), min_size=VOCABULARY, max_size=VOCABULARY).filter(any)
tables = st.fixed_dictionaries(dict.fromkeys(BEGINNINGS, weights.map(distribution)))
models = st.lists(st.tuples(st.floats(-1, 1), tables), min_size=1, max_size=3)


def logs(table: Table, reply: tuple[int, ...]) -> list[float]:
    """log p of each token of the reply."""
    found = [table[reply[:n]][token] for n, token in enumerate(reply)]
    return [log(one) if one else -inf for one in found]


def probability(table: Table, reply: tuple[int, ...], n: int) -> float:
    return table[reply[:n]][reply[n]]


@given(models)
def test_both_agree_with_a_brute_force_sum(model: list[tuple[float, Table]]) -> None:
    passages = prior([score for score, _ in model])
    chances = [exp(one) for one in passages]
    assert sum(chances) == pytest.approx(1.0)
    totals = [0.0, 0.0]
    for reply in REPLIES:
        rows = [logs(table, reply) for _, table in model]
        found = exp(by_sequence(passages, rows)), exp(by_token(passages, rows))
        whole = sum(
            chance * prod(probability(table, reply, n) for n in range(len(reply)))
            for chance, (_, table) in zip(chances, model, strict=True)
        )
        each = sum(  # over which passage each of the tokens is from
            prod(
                chances[z] * probability(model[z][1], reply, n) for n, z in enumerate(from_passages)
            )
            for from_passages in product(range(len(model)), repeat=len(reply))
        )
        assert found == pytest.approx((whole, each), abs=1e-4, rel=1e-4)
        totals = [total + one for total, one in zip(totals, found, strict=True)]
    assert totals == pytest.approx([1.0, 1.0])


@given(models, st.sampled_from(REPLIES))
def test_where_a_reply_comes_from_follows_bayes(
    model: list[tuple[float, Table]], reply: tuple[int, ...]
) -> None:
    passages = prior([score for score, _ in model])
    rows = [logs(table, reply) for _, table in model]
    joint = [exp(one + sum(row)) for one, row in zip(passages, rows, strict=True)]
    found = posterior(passages, rows)
    assert sum(found) == pytest.approx(1.0)
    if sum(joint) > 0:
        assert found == pytest.approx([one / sum(joint) for one in joint])


def test_no_number_is_too_small() -> None:
    rows = [[-400.0] * 5, [-500.0] * 5]
    assert by_sequence(prior([0.1, 0.1]), rows) == pytest.approx(-2000 + log(0.5))
    assert by_token(prior([0.1, 0.1]), rows) == pytest.approx(5 * (-400 + log(0.5)))
    assert posterior(prior([0.1, 0.1]), rows) == pytest.approx([1.0, 0.0])
