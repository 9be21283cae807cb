"""The tokenizer of the models trained here, and what its words mean to MiniLM.

It is MiniLM's own (WordPiece, lower case) with fewer words: all that the drawings are called, and
the most frequent English ones, so that a name that no drawing has is still known. Each word begins
with MiniLM's vector of it, turned and cut to the width of the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentkit.models.catalog import ensure
from agentkit.models.place import cache_folder
from agentkit.tools.embed import MiniLM
from training.drawings import Drawing, prompts

LONGEST = 32
"""Tokens of a text, with the two around it."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def vocabulary(drawings: Sequence[Drawing], common: int) -> dict[str, int]:
    """Words and pieces with their ids: those of the drawings, and the `common` most frequent."""
    from tokenizers import Tokenizer

    whole = Tokenizer.from_file(str(ensure("minilm") / "tokenizer.json"))
    whole.no_padding()
    texts = sorted({text for one in drawings for text in (*prompts(one), *one.tags)})
    used = {token for text in texts for token in whole.encode(text).tokens}
    ranked = sorted(whole.get_vocab().items(), key=lambda entry: entry[1])
    frequent = [word for word, _ in ranked if word.isascii() and word.isalpha() and len(word) > 2]
    pieces = {word for word, _ in ranked if len(word.removeprefix("##")) == 1 and word.isascii()}
    kept = used | pieces | set(frequent[:common])
    words = [word for word, _ in ranked if word in kept and word not in _SPECIAL]
    return {word: n for n, word in enumerate((*_SPECIAL, *words))}


def tokenizer(words: dict[str, int]) -> Any:
    """A tokenizer in transformers' form: padded on the right, at most 32 tokens."""
    from transformers import BertTokenizer

    return BertTokenizer(
        vocab=words, do_lower_case=True, model_max_length=LONGEST,
        bos_token="[CLS]", eos_token="[SEP]", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def meanings(texts: Sequence[str]) -> NDArray[np.float32]:
    """MiniLM's vectors: float32, shape (len(texts), 384), rows L2-normalised; many are kept."""
    if len(texts) < 1000:
        return np.asarray(MiniLM().embed(texts), dtype=np.float32)
    key = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    kept = cache_folder().parent / "drawings" / f"meanings-{key}.npy"
    if not kept.exists():
        np.save(kept, np.asarray(MiniLM().embed(texts), dtype=np.float32))
    return np.load(kept, allow_pickle=False)


def narrowed(vectors: NDArray[np.float32], width: int, spread: float) -> NDArray[np.float32]:
    """The first principal components: shape (n, width), with the standard deviation `spread`."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    cut = centred @ axes[:, ::-1][:, :width]
    return np.ascontiguousarray(cut / cut.std() * spread, dtype=np.float32)
