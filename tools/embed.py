"""MiniLM: the embedding model that search and memories use unless they are given another.

>>> model = MiniLM()
>>> near, far = model.embed(["a cat on a mat", "quarterly tax report"])
>>> len(near) == model.dimensions
True
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from agentkit.models.catalog import ensure
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEATURE = "embedding texts"
_LONGEST = 256  # tokens; the model was trained on no more
_AT_ONCE = 256  # tokens; with more a processor waits for its memory, and takes longer for each
_loading = Lock()


class MiniLM:
    """all-MiniLM-L6-v2 quantised to int8, on the CPU: English sentences and short passages.

    The files are fetched and loaded at first use, once a process; `folder` is where model files
    are kept. Padding in a batch moves a vector a little (the cosine to itself stays above 0.99).
    """

    name = "minilm-l6-v2-int8"
    dimensions = 384

    def __init__(self, folder: Path | None = None, *, threads: int = 1) -> None:
        self._folder = folder
        self._threads = threads

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Shape (len(texts), 384), float32 values, rows L2-normalised. Blocking.

        A text is cut after 256 tokens. Raises `MissingExtra` without onnxruntime or tokenizers,
        `ModelError` where the model's files cannot be had.
        """
        import numpy as np

        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        with _loading:  # else two first calls would both fetch and load
            tokenizer, network = _load(ensure("minilm", self._folder), self._threads)
        encoded = tokenizer.encode_batch(list(texts))
        for batch in _batches([len(one.ids) for one in encoded]):
            vectors[batch] = _forward(network, [encoded[i].ids for i in batch])
        return vectors.tolist()


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of texts of so many tokens, those of a length together, not too many tokens at once.

    >>> [*_batches([3, 200, 4, 100, 3])]
    [[0, 4, 2], [3], [1]]
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if (len(batch) + 1) * lengths[i] > _AT_ONCE and batch:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


@lru_cache(maxsize=2)
def _load(folder: Path, threads: int) -> tuple[Any, Any]:
    runtime = imported("onnxruntime", feature=_FEATURE, package="onnxruntime", extra="search")
    tokenizers = imported("tokenizers", feature=_FEATURE, package="tokenizers", extra="search")
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(_LONGEST)
    tokenizer.no_padding()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    path = str(folder / "model.onnx")
    return tokenizer, runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _forward(network: Any, tokens: Sequence[Sequence[int]]) -> NDArray[Any]:
    import numpy as np

    ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, each in enumerate(tokens):
        ids[row, : len(each)] = each
        mask[row, : len(each)] = 1
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (hidden,) = network.run(None, inputs)[:1]  # float32, shape (batch, tokens, 384)
    weights = mask[..., None].astype(np.float32)
    means: NDArray[Any] = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return means
