"""MiniLM with its real weights."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agentkit.errors import ModelError
from agentkit.protocols import Embedder
from agentkit.tools.embed import MiniLM


def embed(model: Embedder, *texts: str) -> NDArray[np.float32]:
    """The vectors as an array."""
    return np.asarray(model.embed(texts), dtype=np.float32)


def test_rows_are_unit_vectors(minilm: MiniLM) -> None:
    vectors = embed(minilm, "one", "two words", "three words here", "")
    assert vectors.shape == (4, minilm.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_no_texts_give_no_rows(minilm: MiniLM) -> None:
    assert minilm.embed([]) == []


def test_meaning_decides_not_words(minilm: MiniLM) -> None:
    question, answer, other = embed(
        minilm,
        "How do I reset my password?",
        "Press 'Forgot credentials' on the login page.",
        "Saturn has many moons.",
    )
    assert question @ answer > 0.4 > 0.2 > question @ other


def test_a_batch_gives_what_single_texts_give_in_order(minilm: MiniLM) -> None:
    texts = [f"Room {n} seats {n * 3} people. " * (1 + n % 5) for n in range(70)]
    together = embed(minilm, *texts)
    for n in (0, 4, 33, 69):
        assert together[n] @ embed(minilm, texts[n])[0] > 0.98


def test_a_long_text_is_cut_after_256_tokens(minilm: MiniLM) -> None:
    start = "the offsite takes three days " * 60
    first, second = embed(minilm, start), embed(minilm, start + "holiday " * 500)
    assert np.allclose(first, second, atol=1e-5)


def test_missing_weights_are_told(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, folder: object) -> None:
        raise ModelError(f"the files of {name} are not here")

    monkeypatch.setattr("agentkit.tools.embed.ensure", refuse)
    with pytest.raises(ModelError, match="minilm"):
        MiniLM().embed(["text"])
