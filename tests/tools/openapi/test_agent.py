"""An agent drives a real server through the tools that the server's own document makes."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
import uvicorn

from agentkit import Agent, Retry
from agentkit.testing import ScriptedModel
from agentkit.tools import OpenApi, named
from tests.tools.openapi.library import Library

pytestmark = pytest.mark.anyio


@contextmanager
def served(library: Library) -> Generator[str]:
    """The address of the library's server, on a real socket."""
    config = uvicorn.Config(library.app(), log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def test_an_agent_drives_a_server_by_its_own_document(tmp_path: Path) -> None:
    plans = [
        'emma = addBook(title="Emma", pages=474)\nlady = addBook(title="Lady Susan", pages=90)\n'
        "observe(emma, lady)",
        "books = listBooks()\nthick = [book for book in books if book.pages > 100]\n"
        "cut = patchBook(id=thick[0].id, title=thick[0].title, pages=thick[0].pages - 4)\n"
        "gone = [removeBook(id=book.id) for book in books if book.pages < 100]\nobserve(cut, gone)",
        'left = listBooks()\nanswer(f"{len(left)} left: {left[0].title}, {left[0].pages} pages")',
    ]
    library, model = Library(), ScriptedModel(replies=plans)
    with served(library) as address:
        api = OpenApi(f"{address}/openapi.json")
        assert (len(api.chosen), api.refused) == (len(library.paths_and_methods()), [])
        assert len(api.chosen) >= 30
        run = Agent(model=model, tools=[api], store=tmp_path).run_sync("Sort the library out.")
        assert run.answer == "1 left: Emma, 470 pages"
        names = [
            tool.name for tool in named(f"openapi:{address}/openapi.json#operations=GET /books*")
        ]
        assert names == ["listBooks", "getBook", "getCover", "getText"]
    (emma,) = library.books.values()  # both were added at once, so her number is 1 or 2
    assert emma == {"title": "Emma", "pages": 470, "id": emma["id"]}
    asked = str(model.requests[0])
    assert "def addBook(title: str, pages: int = ...) -> Book:" in asked


async def test_a_lost_answer_leaves_a_call_that_is_made_once_in_doubt(tmp_path: Path) -> None:
    def lose(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("the connection is gone", request=request)

    library = Library()
    library.app()
    api = OpenApi(
        library.document(),
        server="http://x.example",
        transport=httpx2.MockTransport(lose),
        retry=Retry(first_s=0.001),
    )
    plan = 'made = addBook(title="Emma")\ngone = removeBook(id=1)\nobserve(made, gone)'
    model = ScriptedModel(replies=[plan, "answer('over')"])
    run = await Agent(model=model, tools=[api], store=tmp_path).run("Add Emma.")
    made, gone = run.outcomes["made"], run.outcomes["gone"]
    assert made.status == "in_doubt" and made.failure
    assert "it may have been done" in made.failure.message
    assert (gone.status, gone.attempts) == ("failed", 3)  # DELETE is tried again


async def test_of_many_operations_those_that_fit_the_words_are_found(tmp_path: Path) -> None:
    paths: Any = {
        f"/{thing}s/{{id}}/{part}": {
            "get": {"operationId": f"{thing}_{part}", "summary": f"The {part} of a {thing}."}
        }
        for thing in ("movie", "actor", "series", "network", "company")
        for part in ("reviews", "images", "translations", "credits", "keywords", "alternatives")
    }
    paths["/rate"] = {"post": {"operationId": "rate", "summary": "Rate what you watched."}}
    api = OpenApi({"openapi": "3.0.0", "paths": paths}, server="http://x.example")
    first, *_ = [tool.name for tool in api.search("reviews of a movie", most=3)]
    assert first == "movie_reviews"
    assert [tool.name for tool in api.search("rating")] == ["rate"]
    assert api.search("zebra") == []
