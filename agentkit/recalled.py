"""What memories gave to a run, as its journal keeps it: they may say something else later."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, cast

from agentkit.messages import Message, ToolCall
from agentkit.protocols import Example, Recalled
from agentkit.types import Json


def recalled_to_json(recalled: Recalled) -> dict[str, Json]:
    """The data of a `memory.recalled` event.

    >>> kept = Recalled(history=(Message("user", "Hello"),))
    >>> recalled_from_json(recalled_to_json(kept)).history == kept.history
    True
    """
    return {
        "history": [_message_to_json(message) for message in recalled.history],
        "examples": [{"task": one.task, "plan": one.plan} for one in recalled.examples],
    }


def recalled_from_json(data: Mapping[str, Json]) -> Recalled:
    """What a `memory.recalled` event says."""
    kept = cast("Mapping[str, Any]", data)
    return Recalled(
        history=tuple(_message_from_json(one) for one in kept["history"]),
        examples=tuple(Example(task=one["task"], plan=one["plan"]) for one in kept["examples"]),
    )


def _message_to_json(message: Message) -> Json:
    data: dict[str, Json] = {"role": message.role, "content": message.content}
    if message.calls:
        data["calls"] = [[call.id, call.name, call.arguments] for call in message.calls]
    if message.call_id is not None:
        data["call_id"] = message.call_id
    if message.images:
        data["images"] = [[kind, b64encode(image).decode()] for kind, image in message.images]
    return data


def _message_from_json(data: Mapping[str, Any]) -> Message:
    return Message(
        data["role"],
        data["content"],
        tuple(ToolCall(*call) for call in data.get("calls", ())),
        data.get("call_id"),
        tuple((kind, b64decode(image)) for kind, image in data.get("images", ())),
    )
