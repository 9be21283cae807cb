"""Built-in tools by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit import Agent, Tool, tool
from agentkit.errors import UsageError
from agentkit.testing import ScriptedModel
from agentkit.tools import named
from agentkit.tools.names import FACTORIES


def test_a_name_gives_its_tools(tmp_path: Path) -> None:
    assert [tool.name for tool in named("python")] == ["python"]
    names = [tool.name for tool in named(f"files:{tmp_path}")]
    assert names == ["read_file", "write_file", "list_files"]


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_every_name_gives_tools_that_can_be_called_so(name: str, tmp_path: Path) -> None:
    made = named(name, tmp_path)
    assert made
    assert name in {"files", "language"} or [tool.name for tool in made] == [name]


def test_a_toolset_is_asked_when_its_agent_is_first_used_and_once(tmp_path: Path) -> None:
    asked: list[Path] = []

    class Greetings:
        def tools(self, folder: Path) -> Sequence[Tool]:
            asked.append(folder)
            return [tool(name=name)(greet) for name in ("greet", "salute")]

    def greet(who: str) -> str:
        """Say hello."""
        return f"Hello {who}."

    plans = (f"said = {name}(who='Ann')\nanswer(f'{{said}}')" for name in ("greet", "salute"))
    model = ScriptedModel(replies=[*plans])
    agent = Agent(model=model, tools=[Greetings()], store=tmp_path)
    assert asked == []
    assert agent.run_sync("Greet Ann.").answer == "Hello Ann."
    assert agent.run_sync("Salute Ann.").answer == "Hello Ann."
    assert asked == [tmp_path]


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="came 'pyton'; did you mean 'python'"):
        named("pyton")


def test_only_tools_on_a_folder_take_one() -> None:
    with pytest.raises(UsageError, match="takes nothing after a colon"):
        named("python:here")
    with pytest.raises(UsageError, match="expected a folder"):
        named("files:no/such/folder")
