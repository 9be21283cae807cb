"""Operations called in plans: where arguments go, what comes back, how calls fail."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import UsageError
from tests.tools.openapi.conftest import Runs
from tests.tools.openapi.library import PNG, Library

pytestmark = pytest.mark.anyio

SECRET = "s3cret/+key"
WAYS = ("in_header", "in_query", "in_cookie", "basic", "bearer", "oauth")


async def test_books_are_kept(run: Runs, library: Library) -> None:
    plan = """
    made = addBook(title="Emma", pages=474)
    longer = putBook(id=made.id, title=made.title, pages=500)
    shown = getBook(id=longer.id)
    there = isThere()
    gone = removeBook(id=shown.id)
    observe(gone, there)
    left = listBooks()
    answer(f"{shown.title}: {shown.pages}")
    """
    done = await run(plan)
    values = {name: outcome.value for name, outcome in done.outcomes.items()}
    assert done.answer == "Emma: 500"
    assert (values["there"], values["gone"], values["left"]) == (None, None, [])
    keys = {one["what"]: one["headers"].get("idempotency-key") for one in library.seen}
    assert keys["putBook"] and keys["addBook"] and keys["removeBook"]
    assert keys["getBook"] is None


async def test_files_go_both_ways(run: Runs, tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    cover.write_bytes(PNG)
    plan = """
    put = putCover(id=1, body=cover)
    scanned = scan(cover=cover, others=[cover, cover], note="new")
    observe(put)
    got = getCover(id=1)
    again = putCover(id=2, body=got)
    text = putText(id=1, body="Éléphant")
    observe(text)
    read = getText(id=1)
    pdf = report()
    answer(f"{read}")
    """
    done = await run(plan, inputs={"cover": cover})
    values: dict[str, Any] = {name: outcome.value for name, outcome in done.outcomes.items()}
    assert values["put"] == values["again"] == {"bytes": len(PNG), "type": "image/png"}
    assert values["scanned"] == {"parts": {"cover": 1, "others": 2, "note": 1}, "pictures": 3}
    assert FolderArtifacts(run.store / "artifacts").read(values["got"]["sha256"]) == PNG
    assert values["pdf"]["media_type"] == "application/pdf"
    assert done.answer == "Éléphant"


async def test_a_file_of_another_kind_is_refused_before_the_call(
    run: Runs, library: Library, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no picture")
    done = await run("answer(f'{note.name}')\n", inputs={"note": note})
    assert done.answer == "note.txt"
    with pytest.raises(Exception, match=r"image/png"):
        await run("put = putCover(id=1, body=note)\nanswer(f'{put}')", inputs={"note": note})
    assert not library.covers


async def test_arguments_go_where_the_document_says(run: Runs) -> None:
    plan = """
    said = echo(
        word="a/b?c#d%", plain="x&y=z", each=["1", "2"], bars=["p", "q"], deep={"k": {"l": "v"}},
        as_json={"n": 1}, X_Note="hello", crumb="milk; sugar",
    )
    sent = findBooks(q="a b", tags=["x", "y"])
    answer(f"{sent}")
    """
    done = await run(plan)
    said: Any = done.outcomes["said"].value
    assert said["path"] == "/echo/a%2Fb%3Fc%23d%25"
    assert said["query"] == (
        "plain=x%26y%3Dz&each=1&each=2&bars=p%7Cq&deep%5Bk%5D%5Bl%5D=v&as.json=%7B%22n%22%3A1%7D"
    )
    assert said["note"] == "hello"
    assert "sugar" in said["crumb"]
    assert done.outcomes["sent"].value == {"sent": "q=a+b&tags=x&tags=y"}


@pytest.mark.parametrize("word", ["..", "../admin", "a/../../b", "..\\x", ".", ""])
async def test_no_argument_leaves_its_place_in_the_path(
    run: Runs, library: Library, word: str
) -> None:
    done = await run(f"said = echo(word={word!r})\nanswer('over')")
    failure = done.outcomes["said"].failure
    assert failure and "stays in its place in the path" in failure.message
    assert library.seen == []


async def test_no_header_is_split(run: Runs) -> None:
    done = await run("said = echo(word='x', X_Note='a\\r\\nX-Key: b')\nanswer('over')")
    failure = done.outcomes["said"].failure
    assert failure and "printable ASCII for the header 'X-Note'" in failure.message


@pytest.mark.parametrize("way", WAYS)
async def test_a_secret_reaches_the_server_and_nobody_else(
    run: Runs, library: Library, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = f"ann:{SECRET}" if way == "basic" else SECRET
    done = []
    with caplog.at_level(logging.DEBUG):
        plan = f"told = secured_{way}()\nanswer(f'{{told}}')"
        done = await run(plan, auth={way: "LIBRARY_KEY"}, environment={"LIBRARY_KEY": secret})
    told = str(done.outcomes["told"].value)
    assert "***" in told
    (seen,) = library.seen
    assert way == "in_query" or any(SECRET in v or "Basic" in v for v in seen["headers"].values())
    kept = b"".join(path.read_bytes() for path in run.store.rglob("*") if path.is_file()).decode(
        errors="replace"
    )
    for text in (told, kept, caplog.text):
        for written in (SECRET, "s3cret%2F%2Bkey", "czNjcmV0LytrZXk=", "YW5uOnMzY3JldC8ra2V5"):
            assert written not in text


async def test_a_secret_in_a_refusal_is_hidden(run: Runs) -> None:
    options: Any = {"auth": {"in_query": "KEY"}, "environment": {"KEY": SECRET}}
    done = await run("x = guarded()\nanswer('over')", **options)
    failure = done.outcomes["x"].failure
    assert failure is not None
    assert "answered 403: no entry with http://library.example/guarded?key=***" in failure.message
    assert "check auth=" in failure.message


async def test_what_is_missing_for_authentication_is_named(run: Runs) -> None:
    plan = "x = secured_bearer()\nanswer('over')"
    failure = (await run(plan)).outcomes["x"].failure
    assert failure and "OpenApi(auth={'bearer': 'VARIABLE'})" in failure.message
    failure = (await run(plan, auth={"bearer": "NO_KEY"}, environment={})).outcomes["x"].failure
    assert failure and "environment variable NO_KEY is not set" in failure.message
    with pytest.raises(UsageError, match="auth= names 'bearr'.*did you mean 'bearer'"):
        run.api(auth={"bearr": "KEY"}).tools()


async def test_redirects_stay_on_the_server(run: Runs, library: Library) -> None:
    options: Any = {"auth": {"in_header": "KEY"}, "environment": {"KEY": SECRET}}
    done = await run("a = away()\nm = moved()\nanswer(f'{m}')", **options)
    failure = done.outcomes["a"].failure
    assert failure and "redirect to another server, elsewhere.example" in failure.message
    assert done.outcomes["m"].value == []


async def test_failures_say_what_the_server_said(run: Runs, library: Library) -> None:
    plan = "a = busy()\nb = broken()\nc = getBook(id=9)\nd = noJson()\nanswer(f'{a}')"
    done = await run(plan)
    assert (done.outcomes["a"].value, done.outcomes["a"].attempts) == ("now", 2)
    said = {name: (one.failure and one.failure.message) for name, one in done.outcomes.items()}
    assert "POST /broken at http://library.example answered 500" in str(said["b"])
    assert "out of paper" in str(said["b"])
    assert [one["what"] for one in library.seen].count("broken") == 1  # POST is not repeated
    assert "answered 404" in str(said["c"]) and "no such book" in str(said["c"])
    assert "no JSON" in str(said["d"])


async def test_an_answer_unlike_its_schema_is_a_failure_or_taken_as_it_is(run: Runs) -> None:
    plan = "a = unlike()\nb = makeUnlike()\nanswer('done')"
    done = await run(plan)
    a, b = done.outcomes["a"].failure, done.outcomes["b"].failure
    assert a and a.message.startswith(
        "unlike: the answer is not as the document says: result id: 'seven'"
    )
    assert b and "the server has done it, but the answer is not as the document" in b.message
    done = await run(plan, check_answers=False)
    assert done.outcomes["a"].value == {"id": "seven", "title": 7}


async def test_too_much_is_refused(run: Runs) -> None:
    failure = (await run("x = large()\nanswer('over')", most_bytes=50_000)).outcomes["x"].failure
    assert failure and "with more than 50,000 bytes" in failure.message


async def test_a_user_says_what_a_repetition_does(run: Runs) -> None:
    api = run.api(effects={"POST /searches": "read", "change": "write"})
    effects = {tool.name: tool.effect for tool in api.tools()}
    assert effects["findBooks"] == "read"
    assert (effects["addBook"], effects["scan"]) == ("write", "once")
    assert (effects["listBooks"], effects["removeBook"]) == ("read", "write")
    assert not any(tool.trusted for tool in api.tools())
