"""The tool `rag`: a question answered from the documents of a folder, with what it was taken from.

Retrieval-augmented generation after Lewis et al. (2020): the passages that `search` finds are what
the agent's model answers from. The documents are not trained on, so that other documents give other
answers at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from agentkit.budget import NO_FEE
from agentkit.errors import ToolError, UsageError
from agentkit.messages import Message, Request
from agentkit.models.complete import complete
from agentkit.planners.cites import sentences, source_of
from agentkit.planners.digest import cut
from agentkit.tool import Context, Tool, tool
from agentkit.tools.chunks import Chunk
from agentkit.tools.embed import MiniLM
from agentkit.tools.index import Fusion, documents
from agentkit.tools.language import prompt_file, require_short, room
from agentkit.tools.marginal import MARGINALS, Marginal, posterior, prior
from agentkit.tools.shelf import Found, Shelf

if TYPE_CHECKING:
    from agentkit.protocols import Embedder, Model, Scorer

REFUSAL = "Not in the passages."
"""The answer where the documents do not hold it."""

_MOST_TOKENS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where an answer was taken from: a file, the passage's text and where that begins.

    `page` is 0 where a file has none; `offset` counts characters from the start of the file's text,
    or of the page's.
    """

    source: str
    location: str
    page: int
    offset: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounded:
    """An answer and its passages. Where the documents do not hold it, `found` is False, `text` says
    so, and nothing is cited."""

    text: str
    found: bool
    citations: list[Citation]


def rag(
    folder: str | Path = ".",
    *,
    passages: int = 3,
    index: str | Path = ".agentkit/index",
    embedder: Embedder | None = None,
    fusion: Fusion = "scores",
    least_support: float = 0.5,
    marginal: Marginal | None = None,
    scorer: Scorer | None = None,
) -> Tool[Any, Any]:
    """A tool that answers questions from the documents (.md, .txt, .pdf) below a folder.

    The agent's model reads the best `passages` and answers; what no passage supports is refused,
    and so is, without asking it, a question that the passages are hardly about (`least_support`; of
    cosine and words, see docs/search.md; 0 for questions in quite other words than the documents).

    With `marginal` it answers from each passage alone, and of these answers the likeliest over all
    passages counts, by RAG-Sequence or RAG-Token; `scorer` tells the probabilities of tokens, as
    `agentkit.models.local.LocalModel` can. Raises `UsageError` if `folder` is not a folder.

    >>> import tempfile
    >>> from agentkit import Agent
    >>> from agentkit.planners import Fixed
    >>> from agentkit.testing import ScriptedModel
    >>> place = tempfile.mkdtemp()
    >>> _ = Path(place, "office.md").write_text("# Visitors\\nA visitor wears a yellow badge.")
    >>> model = ScriptedModel(replies=["A yellow badge."])
    >>> tools = [rag(place, index=place + "/.index")]
    >>> plan = Fixed("x = rag(question='What does a visitor wear?')\\nanswer(f'{x.text}')")
    >>> agent = Agent(model=model, tools=tools, planner=plan, store="memory")
    >>> run = agent.run_sync("Visitors?")
    >>> run.answer, run.outcomes["x"].value["citations"][0]["offset"]
    ('A yellow badge.', 11)
    """
    if marginal is not None and scorer is None:
        raise UsageError(
            f"rag: marginal={marginal!r} needs the probabilities of tokens; pass scorer=, "
            "for instance a LocalModel"
        )
    contents = documents(embedder or MiniLM())
    shelf = Shelf(folder, index=index, contents=contents, fusion=fusion, who="rag")

    @tool(name="rag", effect="read", trusted=False, timeout_s=900.0, expected_s=15.0, cost=NO_FEE)
    async def answer_from_documents(question: str, *, context: Context) -> Grounded:
        """Answer a question from the documents, with the passages that say it.

        Args:
            question: One question, in words.
        """
        if not question.strip():
            raise ToolError("question: expected words, came an empty text")
        require_short("question", question, context.model, "ask one question")
        found = await _looked_up(shelf, question, passages, context)
        if found.support < least_support:
            return _refused()
        if marginal is None or scorer is None:
            return await _read(question, found, context.model)
        return await _weighed(question, found, context.model, scorer, marginal)

    return answer_from_documents


async def _looked_up(shelf: Shelf, question: str, k: int, context: Context) -> Found:
    """The k best passages. A call that is cancelled stops to embed after the batch it is at."""
    over = Event()

    def tell(done: int, total: int) -> None:
        if over.is_set():
            raise ToolError("the call was cancelled while its documents were embedded")
        context.progress(done, total, "passages")

    try:
        return await asyncio.to_thread(shelf.nearest, question, k, tell)
    finally:
        over.set()


async def _read(question: str, found: Found, model: Model) -> Grounded:
    """What the model answers from all passages at once."""
    chunks = [one for _, _, one in found.hits]
    text = (await complete(model, _request(question, chunks, room(model)))).text.strip()
    return _grounded(text, found, [*range(len(chunks))])


async def _weighed(
    question: str, found: Found, model: Model, scorer: Scorer, marginal: Marginal
) -> Grounded:
    """The answer from one passage that is the likeliest over all."""
    requests = [_request(question, [one], room(model)) for _, _, one in found.hits]
    texts = [(await complete(model, request)).text.strip() for request in requests]
    logs = prior([score for score, _, _ in found.hits])
    tokens: dict[str, list[Sequence[float]]] = {text: [] for text in texts if text}
    for request in requests:
        for text, rows in tokens.items():
            rows.append(await scorer.log_probabilities(request, text))
    if not tokens:
        return _refused()
    best = max(tokens, key=lambda text: MARGINALS[marginal](logs, tokens[text]))
    shares = posterior(logs, tokens[best])
    return _grounded(best, found, sorted(range(len(shares)), key=lambda n: -shares[n]))


def _request(question: str, passages: Sequence[Chunk], most_characters: int) -> Request:
    each = max(most_characters // max(len(passages), 1), 200)
    shown = "\n\n".join(f"[{n}] {cut(one.text, each)}" for n, one in enumerate(passages, start=1))
    return Request(
        messages=(
            Message("system", prompt_file("rag.md")),
            Message("user", f"{shown}\n\nQuestion: {question}"),
        ),
        purpose="rag",
        max_tokens=_MOST_TOKENS,
    )


def _grounded(text: str, found: Found, order: Sequence[int]) -> Grounded:
    """The answer with the passages that support it, those first in `order` preferred."""
    if not text or _plain(text).startswith(_plain(REFUSAL)):
        return _refused()
    said = {str(n): found.hits[n][2].text for n in order}
    whole = next((name for name, passage in said.items() if _holds(passage, text)), None)
    names = [whole] if whole else _sources(text, said)
    if not names:
        return _refused()
    return Grounded(text=text, found=True, citations=[_citation(found, int(n)) for n in names])


def _sources(text: str, said: Mapping[str, str]) -> list[str]:
    """Of each sentence, the passage with most of its words."""
    found = (source_of(sentence, said) for sentence, _ in sentences(text))
    return [*dict.fromkeys(name for name in found if name is not None)]


def _holds(passage: str, text: str) -> bool:
    return f" {_plain(text)} " in f" {_plain(passage)} "


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _citation(found: Found, n: int) -> Citation:
    _, name, one = found.hits[n]
    return Citation(
        source=name, location=one.location, page=one.page, offset=one.offset, text=one.text
    )


def _refused() -> Grounded:
    return Grounded(text=REFUSAL, found=False, citations=[])
