"""Text from models, tools and files in a report: shown, and nothing more."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, ToolError, open_store, tool
from agentkit.decisions import Decision, Question, approve, deny
from agentkit.media import Artifact
from agentkit.report import report
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from tests.report.page import Page, sound

pytestmark = pytest.mark.anyio

MARK = "h05t1le"
HOSTILE = (
    f"<script>{MARK}()</script><img src=x onerror={MARK}()>\" onmouseover='{MARK}()' "
    f"![{MARK}](https://{MARK}.example/a.png) [{MARK}](javascript:{MARK}()) <https://{MARK}.example>"
    f" \x1b[31m{MARK}\x1b]8;;https://{MARK}.example\x07 \x9b31m \u202e{MARK}\u2066 \0 "
    f"{{{{ {MARK} }}}} </pre></details></style><style>*{{}}</style>&lt;{MARK}&gt; --> ]]>"
)
SHOWN = (
    "<script>h05t1le()</script>", "![h05t1le](https://h05t1le.example/a.png)", "\\x1b[31mh05t1le",
    "\\x1b]8;;", "\\x07", "\\x9b31m", "\\u202e", "\\u2066", "\\x00", "{{ h05t1le }}",
    "&lt;h05t1le&gt;",
)  # fmt: skip
SVG = f"<svg xmlns='http://www.w3.org/2000/svg'><script>{MARK}()</script></svg>".encode()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    opened = open_store(tmp_path / "store", sync="process")
    yield opened
    await opened.close()


async def anybody(questions: Sequence[Question]) -> Sequence[Decision]:
    return [approve(one) for one in questions]


async def nobody(questions: Sequence[Question]) -> Sequence[Decision]:
    return [deny(one, HOSTILE) for one in questions]


def hostile(store: Store, *replies: str, **options: Any) -> Agent[Any]:
    """An agent whose tools give, fail with and store such texts."""

    @tool(effect="read", trusted=False)
    async def give(text: str) -> dict[str, Any]:
        """Give it back."""
        return {"text": text, text: [text], "rows": [{text: text, "n": 1}, {text: text, "n": 2}]}

    @tool(effect="read", trusted=False)
    async def fail(text: str) -> str:
        """Fail with it."""
        raise ToolError(text)

    @tool(effect="once", approve=True, trusted=False)
    async def keep(text: str) -> list[Artifact]:
        """Keep it in files with names like that."""
        kinds = ("image/svg+xml", HOSTILE, "text/html")
        return [store.artifacts.put(SVG, media_type=kind, name=text) for kind in kinds]

    model = ScriptedModel(replies=replies, name=HOSTILE)
    return Agent(model=model, tools=[give, fail, keep], store=store, name=HOSTILE, **options)


async def test_hostile_text_is_shown_and_nothing_of_it_is_markup(store: Store) -> None:
    plan = f"""
# {HOSTILE.replace(chr(0), " ")}
a = give(text=task_text)
b = fail(text=task_text)
c = give(text=b)
k = keep(text={HOSTILE.replace(chr(0), " ")!r})
if a.text == "no":
    d = give(text="x")
answer(using=[a, b, k])
"""
    answer = f"# {HOSTILE}\n\n{HOSTILE} [a]\n\n- `{MARK}` {HOSTILE}\n\n```\n{HOSTILE}\n```\n"
    for approver in (anybody, nobody):
        agent = hostile(store, plan, HOSTILE, "pass", answer, answer, approver=approver)
        run = await agent.run(HOSTILE, inputs={"task_text": HOSTILE}, session=HOSTILE)
        events = await store.journal.events(run.id)
        page = Page(report(events, artifacts=store.artifacts, made_by=HOSTILE))
        sound(page, MARK)
        for place in (page.step("a"), page.step("b"), page.root.one("section", id="answer")):
            for text in SHOWN:
                assert text in place.text, text
    assert HOSTILE[:26] in page.root.one("h1").text


async def test_files_are_only_ever_shown_as_pictures_sounds_and_words(store: Store) -> None:
    agent = hostile(store, 'k = keep(text="n")\nanswer("done")', approver=anybody)
    run = await agent.run("Keep.")
    page = Page(report(await store.journal.events(run.id), artifacts=store.artifacts))
    sound(page, MARK)
    sources = [each.attributes["src"] for each in page.root.every() if "src" in each.attributes]
    assert [source.partition(",")[0] for source in sources] == ["data:image/svg+xml;base64"]
    assert f"<script>{MARK}()</script>" in page.step("k").all("pre", class_="page")[0].text


async def test_ten_megabytes_are_cut_and_their_size_and_hash_said(store: Store) -> None:
    @tool(effect="read", trusted=False)
    async def much(n: int) -> str:
        """Much."""
        return "é" * n

    @tool(effect="read", trusted=False)
    async def many(n: int) -> list[dict[str, int]]:
        """Many."""
        return [{"n": number} for number in range(n)]

    text, rows = "é" * 5_000_000, 20_000
    plan = 'a = much(n=5000000)\nb = many(n=20000)\nc = [x.n for x in b]\nanswer(f"{a}")'
    agent = Agent(model=ScriptedModel(replies=[plan]), tools=[much, many], store=store)
    run = await agent.run("Much.")
    whole = report(await store.journal.events(run.id), artifacts=store.artifacts)
    page = Page(whole)
    sound(page)
    assert len(whole) < 1_000_000
    cuts = [each.words for each in page.step("a").all("p", class_="cut")]
    said = f"10.0 MB, sha256 {hashlib.sha256(text.encode()).hexdigest()}"
    whole = f"All of it: agentkit show {run.id} --step a"
    assert f"Shown: 12,000 of 5,000,000 characters. The whole has {said} {whole}" in cuts
    cuts = [each.words for each in page.step("b").all("p", class_="cut")]
    assert any(cut.startswith(f"Shown: 50 of {rows:,} entries.") for cut in cuts)
