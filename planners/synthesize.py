"""Writes the answer over the outcomes that the plan names for it: streamed, cited, or typed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agentkit.errors import ModelError
from agentkit.messages import Message, Request, Text
from agentkit.models.complete import bounded, complete
from agentkit.outcome import Outcome
from agentkit.plan.graph import Answer, Const, Node, Patch, Plan, Ref, needs
from agentkit.plan.graph import Call as CallNode
from agentkit.plan.source import patch_source
from agentkit.planners.cites import CiteFilter, attached, cited, sentences
from agentkit.planners.digest import digests, render
from agentkit.planners.prompt_files import prompt_file
from agentkit.planners.units import units_of
from agentkit.protocols import Model
from agentkit.types import Json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SMALL_DIGEST_CHARACTERS = 2400
DIGEST_CHARACTERS = 24_000
SMALL_TOKENS = 320
TOKENS = 2048
MOST_FAILURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """An answer: its text, its JSON (the text itself where no type was asked for), and the ids
    of the nodes it cites."""

    text: str
    data: Json
    cites: tuple[str, ...]


async def synthesize(
    *,
    model: Model,
    task: str,
    answer: Answer,
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    inputs: Mapping[str, Json],
    draft: Outcome | None = None,
    output: TypeAdapter[Any] | None = None,
    instructions: str = "",
    show: Callable[[str], None] = lambda text: None,
) -> Synthesis:
    """The answer to the task from the outcomes that `answer` names.

    `show` gets it as it is written. What failed is told to the model. Citations of what does not
    exist are taken out. `draft` is what the plan's own text for the answer came to. With `output`
    the answer is JSON that this type accepts, asked for twice at most. Raises `ModelError`.
    """
    used = _used(answer, plan, outcomes, inputs)
    if draft is not None:
        used["answer"] = draft  # no node can have this name
    known = {name: render(end.value) for name, end in used.items() if end.ok and name in outcomes}
    small = model.profile.guided
    request = _request(task, used, plan, outcomes, inputs, instructions, small=small)
    if output is not None:
        data = await _typed(model, request, output)
        text = json.dumps(data, ensure_ascii=False, indent=2)
        show(text)
        return Synthesis(text=text, data=data, cites=tuple(known))
    ready = _ready(answer, plan, used) if small else None
    if ready is not None:
        show(ready)
        return Synthesis(text=ready, data=ready, cites=tuple(known))
    written: list[str] = []
    pieces = _attributed(model, request, known) if small else _filtered(model, request, known)
    async with aclosing(pieces) as stream:
        async for piece in stream:
            written.append(piece)
            show(piece)
    text = "".join(written).strip()
    return Synthesis(text=text, data=text, cites=cited(text, known) or tuple(known))


def _used(
    answer: Answer,
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    inputs: Mapping[str, Json],
) -> dict[str, Outcome]:
    """The outcomes that the answer is made from, inputs among them; those that failed too.

    They are in the plan's order, not in that of their ends: the prompt is the same in every run.
    """
    wanted = needs(answer)
    given = {name: Outcome("value", inputs[name]) for name in inputs if name in wanted}
    ended = (name for name in plan.nodes if name in outcomes)
    return given | {name: outcomes[name] for name in ended if name in wanted}


def _request(
    task: str,
    used: Mapping[str, Outcome],
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    inputs: Mapping[str, Json],
    instructions: str,
    *,
    small: bool,
) -> Request:
    most = SMALL_DIGEST_CHARACTERS if small else DIGEST_CHARACTERS
    system = prompt_file("answer_small.md" if small else "answer.md")
    calls = {name: _call_text(plan.nodes[name]) for name in used if name in plan.nodes}
    failed = {
        name: end
        for name, end in outcomes.items()
        if end.status not in ("value", "skipped") and end.failure and name in plan.nodes
    }
    values = {**inputs, **{name: end.value for name, end in outcomes.items() if end.ok}}
    units = {name: units_of(name, plan, values) for name in calls}
    parts = [digests({**used, **failed}, calls=calls, units=units, most_characters=most)]
    if failed:
        parts.append(f"These steps failed; say what is missing because of them: {_listed(failed)}")
    if instructions:
        parts.append(instructions)
    parts.append(f"Task: {task}")
    return Request(
        messages=(Message("system", system), Message("user", "\n\n".join(parts))),
        purpose="answer",
        max_tokens=SMALL_TOKENS if small else TOKENS,
    )


def _listed(names: Mapping[str, Outcome]) -> str:
    shown = [*names][:MOST_FAILURES]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _call_text(node: Node) -> str:
    """What a node computes, as plan text without its name.

    Of a call only what was written out: names of other results mean nothing to who answers, and a
    small model tells of them.
    """
    if isinstance(node, CallNode):
        node = replace(
            node, args={k: arg for k, arg in node.args.items() if isinstance(arg, Const)}
        )
    return patch_source(Patch(add=(node,))).partition(" = ")[2].strip()


async def _typed(model: Model, request: Request, output: TypeAdapter[Any]) -> Json:
    """JSON that the type accepts. What is wrong with the first reply is told to the model once."""
    schema = output.json_schema()
    shape = f"\n\nAnswer with JSON of this schema and nothing else:\n{json.dumps(schema)}"
    asked = request.messages[-1]
    asked = replace(asked, content=asked.content + shape)
    request = replace(request, messages=(*request.messages[:-1], asked), schema=schema)
    try:
        return await _accepted(model, request, output)
    except ModelError as error:
        again = Message("user", f"{asked.content}\n\nYour last reply was refused: {error}")
        request = replace(request, messages=(*request.messages[:-1], again))
        return await _accepted(model, request, output)


async def _accepted(model: Model, request: Request, output: TypeAdapter[Any]) -> Json:
    """A type may ask for more than its schema can say."""
    from pydantic import ValidationError

    data = (await complete(model, request)).data
    try:
        output.validate_json(json.dumps(data))
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = ".".join(map(str, wrong["loc"])) or "the top"
        raise ModelError(
            f"expected JSON of the answer's type from {model.name}; at {place}: {wrong['msg']}",
            retryable=True,
        ) from error
    return data


async def _filtered(
    model: Model, request: Request, known: Mapping[str, str]
) -> AsyncGenerator[str, None]:
    """The reply as it is written, without citations of what does not exist."""
    cites = CiteFilter(known.keys())
    async with aclosing(bounded(model, request)) as stream:
        async for delta in stream:
            if isinstance(delta, Text) and (piece := cites.feed(delta.text)):
                yield piece
    if rest := cites.close():
        yield rest


async def _attributed(
    model: Model, request: Request, known: Mapping[str, str]
) -> AsyncGenerator[str, None]:
    """The reply sentence by sentence, each with the source that it matches: a small model's own
    citations are not to be trusted."""
    held = ""
    async with aclosing(_filtered(model, request, {})) as stream:
        async for piece in stream:
            *ended, (held, space) = [*sentences(held + piece)] or [("", "")]
            held += space
            for sentence, gap in ended:
                yield attached(sentence, known) + gap
    if held:
        yield attached(held, known)


def _ready(answer: Answer, plan: Plan, used: Mapping[str, Outcome]) -> str | None:
    """A text that a tool has written already and that alone is the answer: it is not rewritten."""
    if len(used) != 1 or not all(isinstance(arg, Ref) for arg in answer.using):
        return None
    ((name, end),) = used.items()
    if not end.ok or name not in plan.nodes:
        return None
    value, node = end.value, plan.nodes[name]
    if isinstance(value, str) and isinstance(node, CallNode):
        return value.strip() or None
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n".join(f"- {str(item).strip()}" for item in value)
    return None
