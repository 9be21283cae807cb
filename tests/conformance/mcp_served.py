"""The agent whose tools the suite's server scenarios call, by the names that they have there."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from io import BytesIO
from typing import Annotated

from agentkit import Agent, Context, ToolError, tool
from agentkit.media import Media
from agentkit.testing import ScriptedModel
from agentkit.tool import from_schema
from agentkit.types import Schema

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8cfc0f01f00050001ff89993d1d0000000049454e44ae426082"
)
ADDRESS: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}


@tool(effect="pure")
def add(a: int, b: int) -> int:
    """Sum of two numbers."""
    return a + b


@tool(effect="pure")
def test_simple_text() -> str:
    """A text."""
    return "This is a simple text response for testing."


@tool(effect="read")
def test_image_content() -> Annotated[bytes, Media("image/png")]:
    """A picture of one dot."""
    return PNG


@tool(effect="read")
def test_audio_content() -> Annotated[bytes, Media("audio/wav")]:
    """A short silence."""
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(160))
    return file.getvalue()


@tool(effect="read")
def test_embedded_resource() -> Annotated[bytes, Media("text/plain")]:
    """A text file."""
    return b"This is an embedded resource content."


@dataclass(frozen=True)
class Mixed:
    """A text, a picture and a file."""

    text: str
    picture: Annotated[bytes, Media("image/png")]
    data: Annotated[bytes, Media("application/json")]


@tool(effect="read")
def test_multiple_content_types() -> Mixed:
    """Several kinds at once."""
    return Mixed("Multiple content types test:", PNG, b'{"test":"data","value":123}')


@tool(effect="read")
def test_error_handling() -> str:
    """Fails."""
    raise ToolError("This tool intentionally returns an error for testing")


@tool(effect="read")
def test_tool_with_progress(context: Context) -> str:
    """Tells how far it is."""
    for done in (0, 50, 100):
        context.progress(done, 100)
    return "done"


@tool(approve=True)
def test_elicitation(message: str) -> str:
    """Has to be allowed."""
    return message


def _address(**given: object) -> str:
    """Takes what its schema says."""
    return str(given)


AGENT = Agent(
    model=ScriptedModel(),
    store="memory",
    tools=[
        add,
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_error_handling,
        test_tool_with_progress,
        test_elicitation,
        from_schema(_address, name="json_schema_2020_12_tool", input_schema=ADDRESS),
    ],
)
