"""Search over the handbook with the real model, and the index that follows its folder."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ToolError, UsageError
from agentkit.tool import Tool
from agentkit.tools import search
from agentkit.tools.embed import MiniLM
from agentkit.tools.search import Passage


class Counting:
    """MiniLM that remembers which passages it was asked to embed."""

    def __init__(self, model: MiniLM) -> None:
        self._model = model
        self.name = model.name
        self.dimensions = model.dimensions
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.seen += texts
        return self._model.embed(texts)


@pytest.fixture
def counting(minilm: MiniLM) -> Counting:
    """The model with a memory."""
    return Counting(minilm)


@pytest.fixture(scope="session")
def handbook(
    data: Path, minilm: MiniLM, tmp_path_factory: pytest.TempPathFactory
) -> Tool[Any, Any]:
    """Search over the example handbook."""
    return search(data / "handbook", index=tmp_path_factory.mktemp("index"), embedder=minilm)


QUESTIONS = {
    "What does a room at Lakeside House cost?": ("venue-agreement.pdf", "95 euros per person"),
    "How much are meals per day at the venue?": ("venue-agreement.pdf", "48 euros per person"),
    "price of the train to Lakeside": ("travel-policy.md", "36 euros per person"),
    "Who has to approve an offsite for 6,000 euros?": ("expense-rules.md", "Helena Brandt"),
    "money per kilometre with my own car": ("travel-policy.md", "0.42 euros"),
    "How long must a password be?": ("security.txt", "14 characters"),
    "vacation days after five years": ("holidays.md", "31"),
    "laptop stolen": ("security.txt", "within 2 hours"),
    "cost of renting a projector": ("rooms-and-equipment.txt", "15 euros per day"),
    "notice period in the trial period": ("onboarding.md", "2 weeks"),
    "How many first-aiders does an event need?": ("events-checklist.md", "first-aider"),
    "What happens if we cancel 10 days before arrival?": ("venue-agreement.pdf", "40 percent"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_passage_that_answers_is_among_the_first_three(
    handbook: Tool[Any, Any], question: str
) -> None:
    source, fact = QUESTIONS[question]
    hits: list[Passage] = handbook(query=question, k=3)
    found = [one for one in hits if one.source == source and fact in " ".join(one.text.split())]
    assert found, [(one.source, one.text) for one in hits]


def test_passages_come_best_first_with_their_place(handbook: Tool[Any, Any]) -> None:
    hits: list[Passage] = handbook(query="price of a room at Lakeside House", k=50)
    assert hits[0].source == "venue-agreement.pdf"
    assert (hits[0].location, hits[0].score > 0.6) == ("page 1", True)
    scores = [one.score for one in hits]
    assert scores == sorted(scores, reverse=True)
    assert len(handbook(query="price", k=2)) == 2


def test_a_name_in_the_question_brings_its_passage_forward(handbook: Tool[Any, Any]) -> None:
    """By meaning alone three passages about projectors and prices are nearer."""
    hits = handbook(query="price of Cedar for three days with a projector", k=3)
    assert any("Room Cedar" in one.text for one in hits)


def test_a_long_question_is_answered_in_its_parts(handbook: Tool[Any, Any]) -> None:
    """The transcript of the example call asks for three things at once."""
    hits: list[Passage] = handbook(
        query="Hello, this is Anna from the design team. We are planning an offsite at Lakeside "
        "House in September. It takes three days with two nights and we are 14 people. Please "
        "work out what the rooms, the meals and the return train tickets from Northgate cost in "
        "total and tell me who has to approve it. Thank you."
    )
    found = " ".join(" ".join(one.text.split()) for one in hits)
    assert "costs 95 euros per person and night" in found
    assert "cost 48 euros per person and day" in found
    assert "costs 36 euros per person" in found


def test_only_changed_files_are_embedded_again(tmp_path: Path, counting: Counting) -> None:
    docs, index = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    (docs / "cats.md").write_text("# Cats\nCats sleep on mats.")
    (docs / "tax.md").write_text("# Tax\nTaxes are due in May.")
    find = search(docs, index=index, embedder=counting)
    assert find(query="pets", k=1)[0].source == "cats.md"
    assert counting.seen == ["Cats\nCats sleep on mats.", "Tax\nTaxes are due in May.", "pets"]

    counting.seen.clear()
    (docs / "dogs.txt").write_text("Dogs bark at night in the garden.")
    (docs / "tax.md").write_text("# Tax\nTaxes are due in June.")
    os.utime(docs / "cats.md", ns=(1, 1))  # touched, same content
    assert find(query="taxes", k=1)[0].text == "Tax\nTaxes are due in June."
    assert counting.seen == [
        "Dogs bark at night in the garden.",
        "Tax\nTaxes are due in June.",
        "taxes",
    ]

    counting.seen.clear()
    (docs / "cats.md").unlink()
    again = search(docs, index=index, embedder=counting)  # as a new process would
    assert {one.source for one in again(query="pets", k=9)} == {"dogs.txt", "tax.md"}
    assert counting.seen == ["pets"]
    assert again(query="barking", k=1)[0].source == "dogs.txt"


class Interrupted:
    """An embedder that stops at a passage until it is let on."""

    name, dimensions = "interrupted", 2

    def __init__(self, at: str) -> None:
        self.at = at
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.at in texts:
            raise ToolError("the power is gone")
        self.seen += texts
        return [[1.0, 0.0] for _ in texts]


def test_what_was_embedded_before_an_interruption_is_not_embedded_again(tmp_path: Path) -> None:
    docs, index = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    (docs / "a.md").write_text("\n\n".join(f"# {n}\n\nPassage {n}." for n in range(2_100)))
    for name in ("Cats sleep.", "Dogs bark."):
        (docs / f"{name[:4].lower()}.txt").write_text(name)
    for stops in ("Cats sleep.", "Dogs bark."):
        embedder = Interrupted(stops)
        with pytest.raises(ToolError, match="the power is gone"):
            search(docs, index=index, embedder=embedder)(query="Passages?")
    assert embedder.seen == [], "the second time it went on"

    (docs / "dogs.txt").unlink()  # what was kept is some of the folder, and no index yet
    again = Interrupted("")
    hits = search(docs, index=index, embedder=again)(query="cats?", k=1)
    assert (again.seen, hits[0].source) == (["Cats sleep.", "cats?"], "cats.txt")

    (docs / "cats.txt").unlink()
    assert search(docs, index=index, embedder=again)(query="passage 17", k=1)[0].text == (
        "17\nPassage 17."
    )
    assert len(again.seen) == 3


def test_a_damaged_index_is_made_anew(tmp_path: Path, counting: Counting) -> None:
    docs, index = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    (docs / "a.md").write_text("Cats sleep.")
    search(docs, index=index, embedder=counting)(query="cats")
    (path,) = index.rglob("*.index")
    data = bytearray(path.read_bytes())
    for broken in (data[:-7], b"", data[:50], data.replace(b"Cats", b"Dogs")):
        path.write_bytes(broken)
        (hit,) = search(docs, index=index, embedder=counting)(query="cats")
        assert hit.text == "Cats sleep."
    assert counting.seen.count("Cats sleep.") == 5


def test_an_index_of_another_embedder_is_made_anew(tmp_path: Path, counting: Counting) -> None:
    (tmp_path / "a.md").write_text("Cats sleep.")
    search(tmp_path, index=tmp_path / ".index", embedder=counting)(query="cats")
    counting.name = "another"
    search(tmp_path, index=tmp_path / ".index", embedder=counting)(query="cats")
    assert counting.seen.count("Cats sleep.") == 2


def test_a_corrupt_pdf_leaves_the_others_searchable(data: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(data / "handbook", docs)
    whole = (docs / "venue-agreement.pdf").read_bytes()
    (docs / "venue-agreement.pdf").write_bytes(whole[: len(whole) // 2])
    *hits, note = search(docs, index=tmp_path / "index")(query="train ticket price", k=2)
    assert [one.source for one in hits] == ["travel-policy.md"] * 2
    assert note.score == 0.0
    assert note.text == (
        "Not searched, because it could not be read: venue-agreement.pdf: the PDF is cut off "
        "before its end; get a whole copy of it"
    )
    (docs / "venue-agreement.pdf").write_bytes(whole)
    mended = search(docs, index=tmp_path / "index")(query="Lakeside House room price", k=1)
    assert [one.source for one in mended] == ["venue-agreement.pdf"]


def test_searches_side_by_side_embed_each_passage_once(tmp_path: Path, counting: Counting) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(12):
        (docs / f"{n}.md").write_text(f"Room {n} seats {n} people.")
    finders = [search(docs, index=tmp_path / "index", embedder=counting) for _ in range(2)]
    found: list[int] = []

    def ask(n: int) -> None:
        found.append(len(finders[n % 2](query=f"seats for {n}", k=12)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [12] * 6
    assert len([text for text in counting.seen if text.startswith("Room")]) == 12


def test_links_and_hidden_files_are_left_out(tmp_path: Path, minilm: MiniLM) -> None:
    (tmp_path / "secret.md").write_text("The canary sings.")
    docs = tmp_path / "docs"
    (docs / ".git").mkdir(parents=True)
    (docs / ".git" / "a.md").write_text("hidden")
    (docs / "link.md").symlink_to(tmp_path / "secret.md")
    (docs / "a.md").write_text("The open text.")
    hits = search(docs, index=tmp_path / "index", embedder=minilm)(query="canary", k=9)
    assert [one.source for one in hits] == ["a.md"]


def test_what_cannot_be_searched_is_told_in_a_sentence(tmp_path: Path, minilm: MiniLM) -> None:
    with pytest.raises(UsageError, match="expected a folder, came 'no/such'; create it first"):
        search("no/such")
    docs = tmp_path / "docs"
    docs.mkdir()
    find = search(docs, index=tmp_path / "index", embedder=minilm)
    with pytest.raises(ToolError, match=r"no documents in .*put \.md, \.txt or \.pdf files there"):
        find(query="x")
    (docs / "a.pdf").write_bytes(b"%PDF-1.4 cut")
    with pytest.raises(ToolError, match=r"nothing in .* can be read: a\.pdf: the PDF is cut"):
        find(query="x")
    with pytest.raises(ToolError, match="came an empty text"):
        find(query="  ")
    shutil.rmtree(docs)
    with pytest.raises(ToolError, match="there is no folder"):
        find(query="x")


def test_no_room_for_the_index(
    tmp_path: Path, minilm: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    (tmp_path / "a.md").write_text("Cats sleep.")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match="index cannot be written to .*No space left on device"):
        search(tmp_path, index=tmp_path / ".index", embedder=minilm)(query="cats")
    assert [path.name for path in (tmp_path / ".index").rglob("*.tmp")] == []


def test_what_the_tool_declares(handbook: Tool[Any, Any]) -> None:
    assert (handbook.name, handbook.effect, handbook.trusted) == ("search", "read", False)
    assert handbook.input_schema["required"] == ["query"]
