"""The words of /v1/chat/completions, as OpenAI's clients send and read them.

What an agent decides by itself, such as a temperature, is taken and not looked at.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, JsonValue

from agentkit.serve.files import Base64, DataUrl
from agentkit.serve.operation import AgentName


class Text(BaseModel):
    """A text among the parts of a message."""

    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    """A picture's data."""

    url: DataUrl


class Image(BaseModel):
    """A picture: an input `image_1`, `image_2` … of the run."""

    type: Literal["image_url"]
    image_url: ImageUrl


class AudioData(BaseModel):
    """A recording's data and its format."""

    data: Base64
    format: Literal["wav", "mp3", "flac", "ogg"]


class Audio(BaseModel):
    """A recording: an input `audio_1` … of the run."""

    type: Literal["input_audio"]
    input_audio: AudioData


class FileData(BaseModel):
    """A file's data and its name."""

    file_data: DataUrl
    filename: str = ""


class File(BaseModel):
    """Any other file: an input `file_1` … of the run."""

    type: Literal["file"]
    file: FileData


Part: TypeAlias = Annotated[Text | Image | Audio | File, Field(discriminator="type")]


class System(BaseModel):
    """Adds to the agent's instructions."""

    role: Literal["system", "developer"]
    content: str | list[Text]


class User(BaseModel):
    """The last one is the task."""

    role: Literal["user"]
    content: str | list[Part]


class Function(BaseModel):
    """Which tool, with which arguments: a JSON text."""

    name: str
    arguments: str


class ToolCall(BaseModel):
    """A call that the client is to make, or has made."""

    id: str
    type: Literal["function"] = "function"
    function: Function


class Assistant(BaseModel):
    """What the agent said before."""

    role: Literal["assistant"]
    content: str | list[Text] | None = None
    tool_calls: list[ToolCall] | None = None


class ToolResult(BaseModel):
    """What the call of this id came to."""

    role: Literal["tool"]
    tool_call_id: str
    content: str | list[Text]


Message: TypeAlias = Annotated[System | User | Assistant | ToolResult, Field(discriminator="role")]

ToolName: TypeAlias = Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_-]{0,63}$")]


class ToolFunction(BaseModel):
    """A tool of the client: its name, what it does, the JSON Schema of its arguments."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None


class Tool(BaseModel):
    """A tool that the client runs."""

    type: Literal["function"]
    function: ToolFunction


class StreamOptions(BaseModel):
    """Whether the last chunk says what was used."""

    include_usage: bool | None = None


class AsText(BaseModel):
    """Answers are text."""

    type: Literal["text"]


class ChatRequest(BaseModel):
    """A conversation that an agent goes on with. `model` is the agent's name."""

    model: AgentName
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    n: Literal[1] | None = None
    response_format: AsText | None = None


Finish: TypeAlias = Literal["stop", "tool_calls"]


class Reply(BaseModel):
    """What the agent says, or which calls it wants made."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    tool_calls: list[ToolCall] | None = None


class Choice(BaseModel):
    """The one reply."""

    index: int = 0
    message: Reply
    finish_reason: Finish
    logprobs: None = None


class Usage(BaseModel):
    """What the agent's model read and wrote, all its calls together."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """A whole reply; its id names the run."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
