"""The nearest vectors, exactly and by a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agentkit.tools.vectors import EXACT, every, indexed


def unit(seed: int, count: int) -> Any:
    rows = np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [300, EXACT + 1])
def test_the_nearest_are_found_few_or_many(count: int) -> None:
    vectors, queries = unit(1, count), unit(2, 50)
    index = indexed(vectors)
    scores, rows = index.search(queries, 10)
    right = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = [len({*a} & {*b}) for a, b in zip(rows.tolist(), right.tolist(), strict=True)]
    assert sum(found) >= 495
    assert scores[0][0] == pytest.approx(queries[0] @ vectors[rows[0][0]], abs=1e-5)
    assert np.array_equal(every(index), vectors), "row n keeps number n"
