"""What a run looks like while it goes on, from its events alone."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.cli.lines import footer, headline, plain, rows
from agentkit.cli.progress import Progress, fold, stopped
from agentkit.events import Event, EventType
from agentkit.types import Json
from tests.cli.runs import Script, briefing, call


def progress_of(events: list[Event]) -> Progress:
    return reduce(fold, events, Progress())


def test_rows_show_what_became_of_each_node() -> None:
    shown = [*rows(progress_of(briefing()), now=200.0)]
    assert shown == [
        ("✓", "a", 'search query="fees", k=5', "3 items", "0.2 s"),
        ("✗", "b", 'search "rooms"', "no space on device   blocks c", "0.5 s"),
        ("↷", "c", "summarize", "b failed", "0.0 s"),
    ]


def test_a_planned_node_waits_and_a_running_one_counts_seconds() -> None:
    progress = progress_of(briefing()[:5])
    assert [(row[0], row[1], row[4]) for row in rows(progress, now=106.5)] == [
        ("▶", "a", "2.5 s"),
        ("∙", "b", ""),
        ("∙", "c", ""),
    ]
    assert headline(progress) == "3 steps, 1 running"


def test_rows_keep_their_place_when_their_state_changes() -> None:
    orders = {
        tuple(name for _, name, *_ in rows(progress_of(briefing()[:cut]), now=0))
        for cut in range(3, 11)
    }
    assert orders == {("a", "b", "c")}


def test_footer_counts_rounds_tokens_money_and_seconds() -> None:
    assert footer(progress_of(briefing())) == "round 1 · 760 tok · $0.0020 · 9.0 s"


def test_seconds_count_on_while_it_runs_and_not_while_it_was_stopped() -> None:
    running = progress_of(briefing()[:5])
    assert footer(running, now=107.0).endswith("7.0 s")
    cut = Script()
    cut.add("run.created", task="t")
    cut.add("run.ended", status="cancelled", error="the run was cancelled")
    assert footer(progress_of(cut.events), now=9000.0).endswith("1.0 s")
    resumed = Event("r1", 3, 9000.0, "run.resumed", None, {})
    later = Event("r1", 4, 9002.0, "run.ended", None, {"status": "answered", "answer": "x"})
    assert footer(progress_of([*cut.events, resumed, later])).endswith("3.0 s")


def test_nothing_runs_any_more_once_it_is_stopped() -> None:
    ended = stopped(progress_of(briefing()[:7]), now=109.0)
    assert footer(ended).endswith("9.0 s")
    shown = [*rows(ended, now=200.0)]
    assert [(row[0], row[1], row[3]) for row in shown] == [
        ("✓", "a", "3 items"),
        ("■", "b", "stopped"),
        ("∙", "c", ""),
    ]


def test_unknown_price_is_not_shown_as_zero() -> None:
    script = Script()
    script.add("model.answered", "plan/model_1", usage={"input_tokens": 5, "cost_usd": None})
    assert "$" not in footer(progress_of(script.events))


def test_a_map_counts_its_elements() -> None:
    script = Script()
    body: Json = [{"id": "s", "tool": "summarize", "args": {}}]
    notes: Json = {"id": "notes", "over": {"$": "hits"}, "var": "h", "body": body}
    script.add("plan.patched", turn=0, patch={"add": [notes]})
    script.add("node.started", "notes", tool=None, args={}, elements=3)
    for index in range(3):
        script.add("node.started", f"notes[{index}].s", tool="summarize", args={})
    script.add("node.ended", "notes[0].s", status="value", value="x", seconds=0.1)
    script.add("node.ended", "notes[0]", status="value", value="x", seconds=0.1)
    assert [row[2:4] for row in rows(progress_of(script.events), now=0)] == [
        ("summarize for each of hits", "1 of 3")
    ]


@pytest.mark.parametrize(
    ("node", "what"),
    [
        ({"id": "n", "compute": {"$": "price * 1.19"}}, "price * 1.19"),
        ({"id": "n", "compute": 3}, "3"),
        ({"id": "n", "guard": {"$": "total > 1000"}}, "if total > 1000"),
        ({"id": "n", "observe": [{"$": "a"}, {"$": "b"}]}, "observe a, b"),
    ],
)
def test_a_planned_node_says_what_it_will_do(node: Json, what: str) -> None:
    script = Script()
    script.add("plan.patched", turn=0, patch={"add": [node]})
    assert [row[2] for row in rows(progress_of(script.events), now=0)] == [what]


def test_a_long_call_says_how_far_it_is() -> None:
    script = Script()
    script.add("node.started", "talk", tool="transcribe", args={"audio": "call.wav"})
    script.add("node.progress", "talk", done=41, total=190, unit="s")
    assert [row[3] for row in rows(progress_of(script.events), now=0)] == ["41 of 190 s"]


def test_answer_grows_and_a_removed_node_goes() -> None:
    script = Script()
    script.add("plan.patched", turn=0, patch={"add": [call("a", "x"), call("b", "x")]})
    script.add("plan.patched", turn=1, patch={"remove": ["a"]})
    script.add("answer.text", text="It is ")
    script.add("answer.text", text="done.")
    progress = progress_of(script.events)
    assert (progress.answer, [*progress.rows]) == ("It is done.", ["b"])


def test_plain_output_is_one_line_an_event() -> None:
    progress, lines = Progress(), list[str]()
    for event in briefing():
        progress = fold(progress, event)
        lines += plain(progress, event)
    assert lines == [
        "start   20261123-1  Write the briefing",
        "plan    a  search",
        "plan    b  search",
        "plan    c  summarize",
        "model   plan  1.5 s",
        'run     a  search query="fees", k=5',
        'run     b  search "rooms"',
        "ok      a  3 items  0.2 s",
        "fail    b  no space on device  0.5 s",
        "skip    c  b failed  0.0 s",
        "end     answered  round 1 · 760 tok · $0.0020 · 9.0 s",
    ]


def test_plain_output_shows_terminal_escapes_inert() -> None:
    script = Script()
    script.add("node.started", "a", tool="search", args={"query": "\x1b[2J\x07"})
    script.add("node.ended", "a", status="value", value="\x1b]0;owned\x07", seconds=0.0)
    progress, lines = Progress(), list[str]()
    for event in script.events:
        progress = fold(progress, event)
        lines += plain(progress, event)
    assert len(lines) == 2
    assert not any("\x1b" in line or "\x07" in line for line in lines)


def test_refused_statements_name_what_was_expected() -> None:
    script = Script()
    problem: Json = {"code": "unknown_tool", "expected": "a tool", "found": "'serch'"}
    event = script.add("plan.refused", turn=0, source="serch()", problems=[problem])
    assert [*plain(progress_of([event]), event)] == [
        "refuse  unknown_tool: expected a tool; found 'serch'"
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)
TYPES: tuple[EventType, ...] = (
    "run.created", "run.resumed", "plan.patched", "plan.refused", "plan.turn", "model.called",
    "model.answered", "node.started", "node.retried", "node.ended", "run.ended", "node.progress",
    "answer.text",
)  # fmt: skip
KEYS = st.sampled_from(
    ("task", "patch", "problems", "usage", "args", "tool", "value", "failure", "status", "answer",
     "cites", "error", "seconds", "attempt", "done", "total", "unit", "text", "turn")
)  # fmt: skip
EVENTS = st.builds(
    Event,
    run=st.just("r"),
    seq=st.integers(0, 9),
    time=st.floats(0, 1e9),
    type=st.sampled_from(TYPES),
    node=st.none() | st.sampled_from(("a", "b", "b[0]", "b[0].c_1")),
    data=st.dictionaries(KEYS, JSON, max_size=4),
)


@given(st.lists(EVENTS, max_size=8))
def test_events_of_any_content_can_be_shown(events: list[Event]) -> None:
    """A journal of a later version, or one that a tool's odd results are in, still shows."""
    progress = Progress()
    for event in events:
        progress = fold(progress, event)
        assert all("\n" not in line for line in plain(progress, event))
    assert len([*rows(progress, now=0)]) == len(progress.rows)
