"""Events as JSON."""

from __future__ import annotations

from agentkit.events import Event, event_from_json, event_to_json
from agentkit.types import Json


def test_ten_megabytes_are_not_copied_to_be_written() -> None:
    value: list[Json] = [{"n": number} for number in range(10)]
    event = Event("r", 1, 0.5, "node.ended", "n", {"value": value})
    written = event_to_json(event)
    data = written["data"]
    assert isinstance(data, dict) and data["value"] is value
    assert event_from_json(written) == event
