"""The language model as typed tools: ask, summarize, translate, extract.

Each uses the run's own model (`context.model`), so its calls are journaled under the node.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, cast

from pydantic import Field, PydanticUserError, TypeAdapter, ValidationError

from agentkit.budget import NO_FEE
from agentkit.errors import ToolError, UsageError
from agentkit.messages import Message, Request
from agentkit.models.complete import complete
from agentkit.planners.digest import cut, render
from agentkit.protocols import Model
from agentkit.tool import Context, Tool, tool
from agentkit.types import Json

CHARACTERS_A_TOKEN = 3
_TYPED_TOKENS = 1500
SMALL_CHARACTERS = 6000
"""What a small model is given to read at once: more costs it minutes, not seconds."""

Texts = str | list[Any]
"""A text, or a list of them or of passages."""


def ask() -> Tool[Any, Any]:
    """A tool that answers a question from a context, in words."""

    @tool(name="ask", effect="read", timeout_s=600.0, expected_s=8.0, cost=NO_FEE)
    async def answer_question(question: str, about: Any = "", *, context: Context) -> str:
        """Answer a question in words, from what it is about.

        Args:
            question: The question.
            about: The texts or values that hold the answer; without them, general knowledge.
        """
        require_short("question", question, context.model, "give the text as `about`")
        given = _readable(about, context.model)
        shown = f"{given}\n\nQuestion: {question}" if given else question
        return await _written("ask.md", shown, context, purpose="ask", max_tokens=300)

    return answer_question


def summarize() -> Tool[Any, Any]:
    """A tool that shortens a text to a number of sentences."""

    @tool(name="summarize", effect="read", timeout_s=600.0, expected_s=8.0, cost=NO_FEE)
    async def shorten(
        text: Texts, sentences: Annotated[int, Field(ge=1, le=20)] = 3, *, context: Context
    ) -> str:
        """Summarize a text in so many sentences."""
        many = "one sentence" if sentences == 1 else f"{sentences} sentences"
        shown = f"{_some(text, context.model)}\n\nSummarize the text above in {many}."
        return await _written(
            "summarize.md", shown, context, purpose="summarize", max_tokens=60 * sentences + 40
        )

    return shorten


def translate() -> Tool[Any, Any]:
    """A tool that translates a text."""

    @tool(name="translate", effect="read", timeout_s=600.0, expected_s=8.0, cost=NO_FEE)
    async def in_language(text: str, language: str, context: Context) -> str:
        """Translate a text into another language.

        Args:
            text: The text.
            language: The language to translate into, by its English name.
        """
        require_short("language", language, context.model, "give its name")
        if len(text) > (most := room(context.model)):
            raise ToolError(
                f"expected at most {most:,} characters to translate at once, came {len(text):,}; "
                "translate the text in parts"
            )
        given = _some(text, context.model)
        shown = f"{given}\n\nTranslate the text above into {language}."
        return await _written(
            "translate.md",
            shown,
            context,
            purpose="translate",
            max_tokens=min(200 + len(given), 3000),
            whole=True,
        )

    return in_language


def extract(into: Any = None, *, name: str = "extract") -> Tool[Any, Any]:
    """A tool that takes fields out of a text: those that a call names, as texts.

    With `into`, a type with fields (a dataclass, a `TypedDict`, a model of pydantic), it takes
    those of that type instead: the model is held to its schema, the result is one of it, and a plan
    knows its fields and their types. Two such tools need different names. Raises `UsageError` for
    what has no schema.

        Agent(tools=[extract(Invoice, name="read_invoice")])
    """
    return _named_fields(name) if into is None else _typed_fields(into, name)


def _named_fields(name: str) -> Tool[Any, Any]:
    @tool(name=name, effect="read", timeout_s=600.0, expected_s=8.0, cost=NO_FEE)
    async def fields_of(
        text: Texts,
        fields: Annotated[list[str], Field(min_length=1, max_length=30)],
        context: Context,
    ) -> dict[str, Any]:
        """Take named fields, such as "name" or "date", out of a text; null where it lacks one."""
        require_short("fields", ", ".join(fields), context.model, "give their names")
        wanted = {"anyOf": [{"type": "string", "maxLength": 300}, {"type": "null"}]}
        schema = {
            "type": "object",
            "properties": dict.fromkeys(fields, wanted),
            "required": [*dict.fromkeys(fields)],
            "additionalProperties": False,
        }
        shown = f"{_some(text, context.model)}\n\nFields: {', '.join(fields)}"
        found = await _extracted(shown, schema, context, max_tokens=80 * len(fields) + 40)
        return cast("dict[str, Any]", found)

    return fields_of


def _typed_fields(into: Any, name: str) -> Tool[Any, Any]:
    adapter, schema = _schema_of(into)

    async def fields_of(text: Texts, context: Context) -> Any:
        shown = f"{_some(text, context.model)}\n\nFields, as a JSON Schema: {json.dumps(schema)}"
        found = await _extracted(shown, schema, context, max_tokens=_TYPED_TOKENS)
        try:
            return adapter.validate_python(found)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ToolError(
                f"what {context.model.name} took out of the text is no {_name_of(into)}: at "
                f"{place or 'its top'}, {first['msg']}",
                retryable=True,
            ) from error

    fields = ", ".join(schema.get("properties", {}))
    fields_of.__doc__ = f"Take out of a text what makes a {_name_of(into)}: {fields}."
    fields_of.__annotations__["return"] = into
    made = tool(name=name, effect="read", timeout_s=600.0, expected_s=8.0, cost=NO_FEE)
    return made(fields_of)


def _schema_of(into: Any) -> tuple[TypeAdapter[Any], dict[str, Any]]:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(into)
        schema = adapter.json_schema()
    except PydanticUserError as error:
        raise UsageError(f"extract: {into!r} has no schema: {error.message}") from error
    if not schema.get("properties"):
        raise UsageError(
            f"extract: expected a type with fields, such as a dataclass, came {into!r}"
        )
    return adapter, schema


def _name_of(into: Any) -> str:
    return str(getattr(into, "__name__", into))


async def _extracted(
    shown: str, schema: Mapping[str, Any], context: Context, *, max_tokens: int
) -> Json:
    request = Request(
        messages=(Message("system", prompt_file("extract.md")), Message("user", shown)),
        purpose="extract",
        schema=cast("Mapping[str, Json]", schema),
        max_tokens=max_tokens,
    )
    return (await complete(context.model, request)).data


@cache
def prompt_file(name: str) -> str:
    """The text of a file in `prompts/`."""
    return (files("agentkit.tools") / "prompts" / name).read_text(encoding="utf-8").strip()


async def _written(
    prompt: str, shown: str, context: Context, *, purpose: str, max_tokens: int, whole: bool = False
) -> str:
    """What the model writes; with `whole` not what `max_tokens` cut."""
    request = Request(
        messages=(Message("system", prompt_file(prompt)), Message("user", shown)),
        purpose=purpose,
        max_tokens=max_tokens,
    )
    reply = await complete(context.model, request)
    if whole and reply.finish == "length":
        raise ToolError(
            f"what {context.model.name} wrote was cut after {max_tokens:,} tokens; "
            f"{purpose} the text in parts"
        )
    if not reply.text.strip():
        raise ToolError(f"{context.model.name} wrote nothing", retryable=True)
    return reply.text.strip()


def _some(text: Texts, model: Model) -> str:
    found = _readable(text, model) if text else ""
    if not found:
        raise ToolError("expected a text, came an empty one")
    return found


def _readable(value: Json, model: Model) -> str:
    """A value as text, cut to what the model can take."""
    return "" if value is None or value == "" else cut(render(value), room(model))


def require_short(name: str, text: str, model: Model, advice: str) -> None:
    """Raises `ToolError` where what is asked for would leave the model no room to read."""
    if len(text) > (most := room(model) // 2):
        raise ToolError(
            f"{name}: expected at most {most:,} characters, came {len(text):,}; {advice}"
        )


def room(model: Model) -> int:
    """Characters of input: half of the model's context, less for a small one."""
    most = model.profile.context_tokens * CHARACTERS_A_TOKEN // 2
    return min(most, SMALL_CHARACTERS) if model.profile.guided else most
