"""The tool `search`: passages of a folder's documents by meaning and by words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from agentkit.budget import FREE
from agentkit.errors import ToolError
from agentkit.tool import Context, Tool, tool
from agentkit.tools.embed import MiniLM
from agentkit.tools.index import Fusion, Progress, documents
from agentkit.tools.shelf import Shelf

if TYPE_CHECKING:
    from agentkit.protocols import Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A passage of a document; `location` is a line or page, `score` says how well it fits: the
    cosine to the query, and up to 0.3 for its words.

    Where documents could not be read, a last passage with score 0 says which and why.
    """

    text: str
    score: float
    source: str
    location: str


def search(
    folder: str | Path = ".",
    *,
    passages: int = 5,
    index: str | Path = ".agentkit/index",
    embedder: Embedder | None = None,
    fusion: Fusion = "scores",
) -> Tool[Any, Any]:
    """A tool that finds passages in the documents (.md, .txt, .pdf) below a folder.

    It gives `passages` of them where a call does not say how many: fewer are quicker to read for a
    small model, more are surer to hold the answer.

    Words and meaning are joined by their `scores`, or by their `ranks` (reciprocal-rank fusion):
    on 296 questions the right paragraph came first more often by scores (docs/search.md).

    The vectors are kept below `index` and brought in step with the folder at each call: only
    changed files are embedded again. Raises `UsageError` if `folder` is not a folder.

    >>> import tempfile
    >>> place = tempfile.mkdtemp()
    >>> _ = Path(place, "office.md").write_text("# Visitors\\nA visitor wears a yellow badge.")
    >>> [hit] = search(place, index=place + "/.index")(query="What does a guest wear?")
    >>> hit.source, hit.location, hit.text
    ('office.md', 'line 2', 'Visitors\\nA visitor wears a yellow badge.')
    """
    contents = documents(embedder or MiniLM())
    shelf = Shelf(folder, index=index, contents=contents, fusion=fusion, who="search")

    @tool(name="search", effect="read", trusted=False, timeout_s=900.0, expected_s=0.1, cost=FREE)
    def find(
        query: str,
        k: Annotated[int, Field(ge=1, le=50)] = passages,
        *,
        context: Context | None = None,
    ) -> list[Passage]:
        """Search the documents for passages that answer a question or tell about a topic.

        Args:
            query: What to look for, in words.
            k: How many passages to give, best first.
        """
        if not query.strip():
            raise ToolError("query: expected words to look for, came an empty text")
        found = shelf.nearest(query, k, _progress(context))
        hits = [
            Passage(text=one.text, score=round(score, 4), source=name, location=one.location)
            for score, name, one in found.hits
        ]
        return hits + _unreadable(found.problems)

    return find


def _unreadable(problems: Mapping[str, str]) -> list[Passage]:
    if not problems:
        return []
    named = "; ".join(f"{name}: {why}" for name, why in [*problems.items()][:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    text = f"Not searched, because it could not be read: {named}{more}"
    return [Passage(text=text, score=0.0, source=next(iter(problems)), location="")]


def _progress(context: Context | None) -> Progress:
    def tell(done: int, total: int) -> None:
        if context is not None:
            context.progress(done, total, "passages")

    return tell
