"""Answers from documents: what the model reads, what is cited, what is refused."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import Any, cast

import pytest

from agentkit import Agent
from agentkit.errors import ModelError, UsageError
from agentkit.messages import Request
from agentkit.outcome import Outcome
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from agentkit.tool import Tool
from agentkit.tools import rag
from agentkit.tools.documents import read_document
from agentkit.tools.embed import MiniLM

pytestmark = pytest.mark.anyio

PLAN = Fixed("found = rag(question=asked)\nanswer('done')")
TEXTS = {
    "visitors.md": "# Guests\n\nA guest wears a yellow badge.\n\n# Staff\n\nStaff wear blue.",
    "garden.txt": "Dogs bark at night in the garden.",
    "cellar.txt": "Wine is kept in the cellar at 12 degrees.",
}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


async def ended(
    tool: Tool[Any, Any], question: str, *replies: str | Exception
) -> tuple[Outcome, ScriptedModel]:
    model = ScriptedModel(replies=replies)
    agent = Agent(model=model, tools=[tool], planner=PLAN, store="memory")
    return (await agent.run("Any.", inputs={"asked": question})).outcomes["found"], model


async def asked(
    tool: Tool[Any, Any], question: str, *replies: str
) -> tuple[dict[str, Any], ScriptedModel]:
    """What the tool gave, and the model that it asked."""
    end, model = await ended(tool, question, *replies)
    return cast("dict[str, Any]", end.value), model


async def test_an_answer_comes_with_its_passage(docs: Path, minilm: MiniLM) -> None:
    tool = rag(docs, passages=2, index=docs / ".index", embedder=minilm)
    found, model = await asked(tool, "What does a guest wear?", "a yellow badge")
    (hit,) = found["citations"]
    assert (found["text"], found["found"]) == ("a yellow badge", True)
    assert (hit["source"], hit["location"], hit["page"]) == ("visitors.md", "line 3", 0)
    assert TEXTS["visitors.md"][hit["offset"] :].startswith("A guest wears a yellow badge.")
    (request,) = model.requests
    shown = request.messages[-1].content
    assert request.purpose == "rag" and shown.endswith("Question: What does a guest wear?")
    assert shown.startswith("[1] Guests\nA guest wears a yellow badge.\n\n[2] ")


async def test_a_page_of_a_pdf_is_cited(data: Path, tmp_path: Path, minilm: MiniLM) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(data / "handbook" / "venue-agreement.pdf", docs)
    tool = rag(docs, index=tmp_path / "index", embedder=minilm)
    found, _ = await asked(tool, "How much are the rooms?", "95 euros per person and night")
    (hit,) = found["citations"]
    page = [one for one in read_document(docs / hit["source"]) if one.page == hit["page"] == 1]
    assert hit["offset"] in {start for one in page for start in one.offsets}


async def test_sentences_from_two_passages_cite_both(docs: Path, minilm: MiniLM) -> None:
    tool = rag(docs, passages=4, index=docs / ".index", embedder=minilm)
    said = "Dogs bark in the garden at night. The wine is kept at 12 degrees."
    found, _ = await asked(tool, "When do dogs bark, and where is wine kept?", said)
    assert [hit["source"] for hit in found["citations"]] == ["garden.txt", "cellar.txt"]


@pytest.mark.parametrize(
    "said", ["Not in the passages.", "not in the passages", "", "  ", "Helena Brandt, in 1987."]
)
async def test_what_no_passage_supports_is_refused(docs: Path, minilm: MiniLM, said: str) -> None:
    tool = rag(docs, index=docs / ".index", embedder=minilm)
    found, _ = await asked(tool, "What does a guest wear?", said)
    assert found == {"text": "Not in the passages.", "found": False, "citations": []}


async def test_the_model_is_not_asked_about_what_the_documents_are_not_about(
    docs: Path, minilm: MiniLM
) -> None:
    tool = rag(docs, index=docs / ".index", embedder=minilm)
    found, model = await asked(tool, "Which treaty ended the Seven Years' War?")
    assert (found["found"], model.requests) == (False, [])
    close = rag(docs, index=docs / ".index", embedder=minilm, least_support=-1.0)
    _, model = await asked(close, "Which treaty ended the Seven Years' War?", "no")
    assert len(model.requests) == 1


async def test_other_documents_give_another_answer(docs: Path, minilm: MiniLM) -> None:
    """The model reads what the folder says now."""
    tool = rag(docs, passages=1, index=docs / ".index", embedder=minilm)
    for colour in ("yellow", "green"):
        (docs / "visitors.md").write_text(f"# Visitors\n\nA guest wears a {colour} badge.")
        _, model = await asked(tool, "What does a guest wear?", colour)
        assert f"a {colour} badge" in model.requests[0].messages[-1].content


async def test_a_failing_model_fails_the_call(docs: Path, minilm: MiniLM) -> None:
    tool = rag(docs, index=docs / ".index", embedder=minilm)
    end, _ = await ended(tool, "What does a guest wear?", ModelError("no such model"))
    assert end.status == "failed" and end.failure is not None
    assert "no such model" in end.failure.message


class Words:
    """Says a reply's words are likely where the prompt has them."""

    async def log_probabilities(self, request: Request, text: str) -> Sequence[float]:
        prompt = request.messages[-1].content
        return [*(log(0.9 if word in prompt else 0.01) for word in text.split()), log(0.5)]


@pytest.mark.parametrize("marginal", ["sequence", "token"])
async def test_the_answer_that_is_likeliest_over_all_passages_counts(
    tmp_path: Path, minilm: MiniLM, marginal: Any
) -> None:
    for n, colour in enumerate(("yellow", "green", "green")):
        (tmp_path / f"{n}.md").write_text(f"A visitor {n} wears {colour}")
    tool = rag(
        tmp_path, index=tmp_path / ".index", embedder=minilm, marginal=marginal, scorer=Words()
    )
    found, model = await asked(tool, "What does a visitor wear?", "yellow", "green", "green")
    assert len(model.requests) == 3, "one for each passage"
    (hit,) = found["citations"]
    assert found["text"] == "green" and "green" in hit["text"]


async def test_a_marginal_needs_a_scorer(docs: Path) -> None:
    with pytest.raises(UsageError, match="needs the probabilities of tokens; pass scorer="):
        rag(docs, marginal="token")
    with pytest.raises(UsageError, match="rag: expected a folder, came 'no/such'"):
        rag("no/such")


class Slow:
    """An embedder that tells when it began, and waits to be let on."""

    name, dimensions = "slow", 2

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.began, self.texts = asyncio.Event(), 0
        self.on: asyncio.Future[None] = self.loop.create_future()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.texts += len(texts)
        self.loop.call_soon_threadsafe(self.began.set)
        asyncio.run_coroutine_threadsafe(self._let(), self.loop).result()
        return [[1.0, 0.0] for _ in texts]

    async def _let(self) -> None:
        await asyncio.shield(self.on)


async def test_a_cancelled_call_embeds_no_more(tmp_path: Path) -> None:
    text = "\n\n".join(f"# {n}\n\nPassage {n}." for n in range(300))
    (tmp_path / "many.md").write_text(text)
    slow = Slow()
    tool = rag(tmp_path, index=tmp_path / ".index", embedder=slow)
    run = asyncio.create_task(asked(tool, "Passage?"))
    await slow.began.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    slow.on.set_result(None)
    await slow.loop.shutdown_default_executor()
    assert slow.texts == 64, "the batch that it was at"
