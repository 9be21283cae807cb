"""What the tests of API documents share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agentkit import Agent, Retry
from agentkit.planners import Fixed
from agentkit.run import Run
from agentkit.testing import ScriptedModel
from agentkit.tools import OpenApi
from tests.tools.openapi.library import Library

SERVER = "http://library.example"


@pytest.fixture
def library() -> Library:
    return Library()


class Runs:
    """Runs plans whose tools are a library's operations, in this process."""

    def __init__(self, library: Library, store: Path) -> None:
        self.app, self.library, self.store = library.app(), library, store

    def api(self, **options: Any) -> OpenApi:
        transport = httpx2.ASGITransport(app=self.app)
        given: Any = {"server": SERVER, "transport": transport, "retry": Retry(first_s=0.001)}
        return OpenApi(self.library.document(), **given, **options)

    async def __call__(
        self, plan: str, *, inputs: Mapping[str, object] | None = None, **options: Any
    ) -> Run[Any]:
        agent = Agent(
            model=ScriptedModel(replies=lambda request: "no more"),
            tools=[self.api(**options)],
            planner=Fixed(plan),
            store=self.store,
        )
        return await agent.run("Look after the library.", inputs=inputs)


@pytest.fixture
def run(library: Library, tmp_path: Path) -> Runs:
    return Runs(library, tmp_path / "store")
