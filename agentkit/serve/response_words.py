"""The words of /v1/responses, as OpenAI's clients send and read them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Field, JsonValue

from agentkit.serve.chat_words import ToolName
from agentkit.serve.files import DataUrl
from agentkit.serve.operation import AgentName


class Text(BaseModel):
    """A text among the parts of a message, of the user or of the agent."""

    type: Literal["input_text", "output_text"]
    text: str


class Image(BaseModel):
    """A picture: an input `image_1`, `image_2` … of the run."""

    type: Literal["input_image"]
    image_url: DataUrl


class File(BaseModel):
    """A file, a recording among others: an input `file_1`, `audio_1` … of the run."""

    type: Literal["input_file"]
    file_data: DataUrl
    filename: str = ""


Part: TypeAlias = Annotated[Text | Image | File, Field(discriminator="type")]


class Message(BaseModel):
    """What somebody said."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Part]


class FunctionCall(BaseModel):
    """A call that the client was asked to make."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class FunctionOutput(BaseModel):
    """What the call of this id came to."""

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[Text]


class Reference(BaseModel):
    """An item of an earlier response."""

    type: Literal["item_reference"]
    id: str


class Reasoning(BaseModel):
    """Of another model; not looked at."""

    type: Literal["reasoning"]


InputItem: TypeAlias = Message | FunctionCall | FunctionOutput | Reference | Reasoning


class Tool(BaseModel):
    """A tool that the client runs."""

    type: Literal["function"]
    name: ToolName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None


class ResponseRequest(BaseModel):
    """What an agent is asked. `model` is the agent's name.

    With `previous_response_id` the conversation of that response goes on.
    """

    model: AgentName
    input: str | Annotated[list[InputItem], Field(min_length=1)]
    instructions: str | None = None
    previous_response_id: str | None = None
    stream: bool | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none"] | None = None


class OutputText(BaseModel):
    """The agent's text."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[dict[str, Any]] = []


class OutputMessage(BaseModel):
    """What the agent says."""

    type: Literal["message"] = "message"
    id: str
    status: Literal["in_progress", "completed"] = "completed"
    role: Literal["assistant"] = "assistant"
    content: list[OutputText]


class OutputCall(BaseModel):
    """A call that the client is to make."""

    type: Literal["function_call"] = "function_call"
    id: str
    call_id: str
    name: str
    arguments: str
    status: Literal["in_progress", "completed"] = "completed"


Output: TypeAlias = OutputMessage | OutputCall


class CachedTokens(BaseModel):
    """Of those that were read."""

    cached_tokens: int


class ReasoningTokens(BaseModel):
    """Of those that were written; not counted apart."""

    reasoning_tokens: Literal[0] = 0


class Usage(BaseModel):
    """What the agent's model read and wrote, all its calls together."""

    input_tokens: int
    input_tokens_details: CachedTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


class Wrong(BaseModel):
    """Why there is no answer."""

    code: str
    message: str


class Response(BaseModel):
    """A turn of a run; its id names the run."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Literal["in_progress", "completed", "failed"]
    model: str
    output: list[Output] = []
    usage: Usage | None = None
    error: Wrong | None = None
    incomplete_details: None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[Tool] = []
    tool_choice: Literal["auto", "none"] = "auto"
    parallel_tool_calls: bool = True
    temperature: None = None
    top_p: None = None
    metadata: dict[str, str] = {}
