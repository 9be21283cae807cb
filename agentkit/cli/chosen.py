"""The agent that a command's options ask for, and how a later command finds it again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentkit.cli.settings import store_option
from agentkit.errors import UsageError
from agentkit.given import json_or_text
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.events import Event

_ORIGIN = "cli:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The options of `run`, `plan` and `resume` that say which agent works and with what."""

    agent: str = ""
    model: str = ""
    docs: str = ""
    files: str = ""
    tools: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()
    store: str = ".agentkit"

    @property
    def said(self) -> dict[str, str | tuple[str, ...]]:
        """What is chosen, but for the store. Paths are absolute: they mean the same elsewhere."""
        placed = replace(
            self,
            agent=_placed(self.agent),
            docs=_placed(self.docs),
            files=_placed(self.files),
            tools=tuple(_placed_tool(tool) for tool in self.tools),
        )
        return {key: value for key, value in asdict(placed).items() if value and key != "store"}

    @property
    def origin(self) -> str:
        """A text from which `from_origin` makes the same choice, in whatever folder; kept in the
        run's journal."""
        given = self.said
        if given.keys() == {"agent"}:
            return str(given["agent"])
        return _ORIGIN + json.dumps(given, ensure_ascii=False)


def _placed(path: str) -> str:
    return os.path.abspath(Path(path).expanduser()) if path else ""


def _placed_tool(tool: str) -> str:
    """A built-in tool by its name, some with a folder, which is else the current one."""
    from agentkit.tools.names import TAKE_FOLDER

    name, _, path = tool.partition(":")
    if name in TAKE_FOLDER:
        return f"{name}:{_placed(path or '.')}"
    is_file = name == "openapi" and Path(path).is_file()
    return f"{name}:{_placed(path)}" if is_file else tool


def from_origin(origin: str, store: str) -> Chosen:
    """The choice that a run was started with.

    Raises `UsageError` for a run that a program started: only that program knows its agent.
    """
    if origin.startswith(_ORIGIN):
        given: dict[str, Any] = json.loads(origin.removeprefix(_ORIGIN))
        given.update({key: tuple(given.get(key, ())) for key in ("tools", "limits", "budgets")})
        return Chosen(store=store, **given)
    if origin:
        return Chosen(agent=origin, store=store)
    raise UsageError(
        "this run does not say which agent it had: a program or `agentkit tools call` started it; "
        "name one: agentkit resume RUN --agent FILE.py:NAME"
    )


def of_run(created: Event, by: Chosen) -> Chosen:
    """The choice that a stored run was started with, and what is said otherwise now."""
    if by.agent:
        return by
    return changed(from_origin(str(created.data.get("origin") or ""), by.store), by)


_AGENT = click.option("--agent", metavar="FILE.py:NAME", default="", help="An agent of yours.")
_MODEL = click.option("--model", metavar="NAME", default="", help="As in local:, openai:gpt-5.")
_DOCS = click.option("--docs", metavar="FOLDER", default="", help="Documents to look things up in.")
_FILES = click.option("--files", metavar="FOLDER", default="", help="A folder to read and write.")
_TOOLS = click.option(
    "--tool", "tools", metavar="NAME", multiple=True, help="Only these built-in tools; repeat."
)
_LIMITS = click.option(
    "--limit",
    "limits",
    metavar="NAME=N",
    multiple=True,
    help="As in seconds=300, nodes=50; repeat.",
)

_BUDGETS = click.option(
    "--budget",
    "budgets",
    metavar="NAME=N",
    multiple=True,
    help="As in usd=0.50, tokens=20000, seconds=60, calls=9, when_over=refuse; repeat.",
)


def choice_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds the options that make a `Chosen` to a command, which gets it as `chosen`."""

    @wraps(command)
    def packed(*args: Any, **given: Any) -> int:
        choice = {field.name: given.pop(field.name) for field in fields(Chosen)}
        return command(*args, chosen=Chosen(**choice), **given)

    for option in (store_option, _BUDGETS, _LIMITS, _TOOLS, _FILES, _DOCS, _MODEL, _AGENT):
        packed = option(packed)
    return packed


def changed(before: Chosen, by: Chosen) -> Chosen:
    """The first choice with what the second one says instead; a new agent replaces all of it.

    Limits and budgets are added: the later one of a name counts.
    """
    if by.agent:
        return by
    said = {field.name: getattr(by, field.name) for field in fields(Chosen)}
    said["limits"] = (*before.limits, *by.limits)
    said["budgets"] = (*before.budgets, *by.budgets)
    return replace(before, **{name: value for name, value in said.items() if value})


def build(chosen: Chosen, env: Mapping[str, str], *, asking: bool = True) -> Agent[Any]:
    """The agent; `asking` whether it may ask whoever sits at the terminal.

    Raises `UsageError` where the options do not fit together.
    """
    from agentkit.agent import Agent
    from agentkit.budget import Budget, parse_budget
    from agentkit.cli.ask import approver
    from agentkit.cli.settings import ARTIFACTS_VARIABLE, model_of

    limits, budget = parse_limits(chosen.limits), parse_budget(chosen.budgets)
    if chosen.agent:
        from agentkit.cli.load import load_agent

        if chosen.docs or chosen.files or chosen.tools:
            raise UsageError("--docs, --files and --tool go without --agent: it has its own tools")
        agent = load_agent(chosen.agent)
        agent = replace(agent, store=chosen.store, origin=chosen.origin)
        model = chosen.model or agent.model
        if isinstance(model, str):
            agent = replace(agent, model=model_of(model, env))
    else:
        agent = Agent(
            model=model_of(chosen.model, env),
            tools=tools_of(chosen),
            store=chosen.store,
            origin=chosen.origin,
        )
    if env.get(ARTIFACTS_VARIABLE):
        agent = replace(agent, artifacts=env[ARTIFACTS_VARIABLE])
    if asking and agent.approver is None:
        agent = replace(agent, approver=approver())
    if budget:
        agent = replace(agent, budget=replace(agent.budget or Budget(), **budget))
    return replace(agent, limits=replace(agent.limits, **limits)) if limits else agent


def parse_limits(given: tuple[str, ...]) -> dict[str, Any]:
    """`("seconds=300",)` as fields of `Limits`."""
    from agentkit.engine.limits import Limits

    known = {field.name for field in fields(Limits)} - {"resources"}
    values: dict[str, Any] = {}
    for text in given:
        name, _, amount = text.partition("=")
        if name not in known:
            raise UsageError(f"expected a limit among {', '.join(sorted(known))}; got {name!r}")
        try:
            values[name] = float(amount) if name == "seconds" else int(amount)
        except ValueError:
            raise UsageError(f"expected a number in --limit {name}=N; got {amount!r}") from None
    Limits(**values)  # says which of them is out of bounds
    return values


DEFAULT_TOOLS = ("transcribe", "read_image", "python", "compute", "ask", "summarize", "extract")
"""What a task on the command line may use without any option: nothing that writes."""


def tools_of(chosen: Chosen) -> list[str]:
    """The names of the tools asked for; `--docs` and `--files` add the ones that need a folder."""
    found = [*(chosen.tools or DEFAULT_TOOLS)]
    if chosen.docs:
        found.append(f"search:{folder_of('--docs', chosen.docs)}")
    if chosen.files:
        found.append(f"files:{folder_of('--files', chosen.files)}")
    return found


def folder_of(option: str, text: str) -> Path:
    """The folder, if there is one. Raises `UsageError`."""
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise UsageError(f"{option}: there is no folder {folder}; check the path")
    return folder


def parse_inputs(inputs: tuple[str, ...], values: tuple[str, ...]) -> dict[str, object]:
    """`call=call.wav` as a path under its name, `rate=1.2` as the JSON value (or the text).

    Raises `UsageError` for a file that is not there or a name given twice.
    """
    found: dict[str, object] = {}
    for text, is_file in [(t, True) for t in inputs] + [(t, False) for t in values]:
        name, equals, content = text.partition("=")
        if not equals:
            option, shape = ("--input", "FILE") if is_file else ("--value", "JSON")
            raise UsageError(f"expected {option} NAME={shape}; got {text!r}")
        if name in found:
            raise UsageError(f"the input {name!r} is given twice; drop one of them")
        found[name] = _file(name, content) if is_file else json_or_text(content)
    return found


def parse_sets(texts: tuple[str, ...]) -> dict[str, Json]:
    """`("to=Ann",)` as arguments. Raises `UsageError`."""
    found: dict[str, Json] = {}
    for text in texts:
        name, equals, content = text.partition("=")
        if not equals:
            raise UsageError(f"expected --set NAME=JSON; got {text!r}")
        found[name] = json_or_text(content)
    return found


def _file(name: str, content: str) -> Path:
    path = Path(content).expanduser()
    if not path.is_file():
        raise UsageError(f"--input {name}: there is no file {path}; check the path")
    return path
