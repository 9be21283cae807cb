"""Which display a stream gets, and what live rows look like on a narrow terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from agentkit.cli.live import Live, Plain, display
from agentkit.events import Event
from tests.cli.runs import briefing


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "env", "kind"),
    [
        (Terminal(), {"TERM": "xterm"}, Live),
        (Terminal(), {"TERM": "dumb"}, Plain),
        (Terminal(), {"NO_COLOR": "1"}, Plain),
        (Terminal(), {"CI": "true"}, Plain),
        (io.StringIO(), {}, Plain),
    ],
)
def test_live_rows_only_where_they_can_be_drawn(
    stream: io.StringIO, env: dict[str, str], kind: type
) -> None:
    with display(stream, env) as shown:
        assert isinstance(shown, kind)


def drawn(live: Live, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(live.draw())
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_row_a_node_and_never_wider_than_the_terminal() -> None:
    live = Live()
    for event in briefing():
        live.show(event)
    lines = drawn(live, width=60)
    assert lines[0] == "3 steps, 0 running"
    assert [line[:4] for line in lines[1:4]] == ["✓  a", "✗  b", "↷  c"]
    assert lines[-1].startswith("round 1 · 760 tok")
    assert max(map(len, lines)) <= 60


def test_the_answer_is_shown_while_it_is_written_and_inert() -> None:
    live = Live()
    for event in briefing()[:-1]:
        live.show(event)
    live.show(Event("r", 0, 120.0, "answer.text", None, {"text": "Three \x1b[31mfees"}))
    assert "Three \\x1b[31mfees" in drawn(live, width=60)
