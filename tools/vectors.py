"""Vectors by their inner product: FAISS, exact while there are few, in lists when there are many.

An exact search reads every vector: 40 ms for 100,000 of 384 numbers, and more for a question of
several parts. Beyond `EXACT` they are kept in lists around centres (IVF) and only the lists nearest
to the query are read. A graph (HNSW) is as fast to ask and took twelve times as long to build.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 20_000
"""So many are searched exactly: that took 8 ms."""

_PROBED = 10
"""Of so many lists one is read, nearest first."""


def faiss() -> Any:
    """The library. Raises `MissingExtra` where it is not installed."""
    return imported("faiss", feature="searching documents", package="faiss-cpu", extra="search")


def indexed(vectors: NDArray[Any]) -> Any:
    """A FAISS index of the vectors: float32, shape (n, dim), rows L2-normalised; row n keeps n."""
    count, dimensions = vectors.shape
    library = faiss()
    if count <= EXACT:
        made = library.IndexFlatIP(dimensions)
        made.add(vectors)
        return made
    lists = round(math.sqrt(count))
    made = library.index_factory(dimensions, f"IVF{lists},Flat", library.METRIC_INNER_PRODUCT)
    made.cp.niter, made.cp.max_points_per_centroid = 10, 64  # centres need not be exact
    made.train(vectors)
    made.add(vectors)
    made.make_direct_map()  # a row can be had by its number
    made.nprobe = lists // _PROBED
    return made


def every(index: Any) -> NDArray[Any]:
    """All vectors, by row."""
    vectors: NDArray[Any] = index.reconstruct_n(0, index.ntotal)
    return vectors
