"""How likely a reply is over several passages: RAG-Sequence and RAG-Token (Lewis et al., 2020).

A passage z of the best k has a probability p(z) from its score, and under it a token y_i of the
reply has p(y_i | z, y_1 … y_i-1). RAG-Sequence takes the whole reply from one passage, whichever:
the sum over z of p(z) times the product over i. RAG-Token takes each token from any passage: the
product over i of the sum over z. All numbers here are natural logarithms.

>>> even = prior([0.4, 0.4])
>>> one, other = [log(0.5), log(0.1)], [log(0.1), log(0.5)]
>>> round(exp(by_sequence(even, [one, other])), 3), round(exp(by_token(even, [one, other])), 3)
(0.05, 0.09)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp, inf, log
from types import MappingProxyType
from typing import Literal, TypeAlias

Marginal: TypeAlias = Literal["sequence", "token"]

SHARPNESS = 20.0
"""What scores are multiplied with: MiniLM was trained with a softmax of its cosines times 20."""


def prior(scores: Sequence[float]) -> list[float]:
    """log p(z) of passages with these scores; the probabilities add up to 1."""
    sharp = [SHARPNESS * score for score in scores]
    total = _log_sum(sharp)
    return [one - total for one in sharp]


def by_sequence(passages: Sequence[float], tokens: Sequence[Sequence[float]]) -> float:
    """log p(y) by RAG-Sequence: `tokens` has a row for each passage, with each token's log p."""
    return _log_sum(_joint(passages, tokens))


def by_token(passages: Sequence[float], tokens: Sequence[Sequence[float]]) -> float:
    """log p(y) by RAG-Token."""
    return sum(_log_sum(_added(passages, column)) for column in zip(*tokens, strict=True))


def posterior(passages: Sequence[float], tokens: Sequence[Sequence[float]]) -> list[float]:
    """p(z | y) of each passage, by RAG-Sequence: where the reply comes from. They add up to 1."""
    joint = _joint(passages, tokens)
    total = _log_sum(joint)
    return [exp(one - total) for one in joint] if total > -inf else [exp(one) for one in passages]


MARGINALS: Mapping[Marginal, Callable[[Sequence[float], Sequence[Sequence[float]]], float]] = (
    MappingProxyType({"sequence": by_sequence, "token": by_token})
)


def _joint(passages: Sequence[float], tokens: Sequence[Sequence[float]]) -> list[float]:
    return _added(passages, [sum(row) for row in tokens])


def _added(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one + other for one, other in zip(some, others, strict=True)]


def _log_sum(logs: Iterable[float]) -> float:
    """The logarithm of the sum of what these are logarithms of."""
    every = [*logs]
    most = max(every, default=-inf)
    return most if most == -inf else most + log(sum(exp(one - most) for one in every))
