"""Every problem that a plan can have, found at once, located, with the nearest name."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from pydantic import BaseModel

from agentkit.media import Audio, handle_schema
from agentkit.plan.check import check, check_patch, scope_of
from agentkit.plan.graph import (
    Answer,
    Arg,
    Call,
    Compute,
    Const,
    Expr,
    Guard,
    Map,
    Node,
    Observe,
    Patch,
    Plan,
    Position,
    Ref,
    When,
)
from agentkit.plan.problem import Problem
from agentkit.tool import Tool, as_tool, tool
from agentkit.types import Json


class Hit(BaseModel):
    text: str
    score: float
    title: str | None = None


class Talk(BaseModel):
    text: str
    language: str


@tool
def search(query: str, k: int = 5, mode: Literal["fast", "exact"] = "fast") -> list[Hit]:
    return []


@tool
def transcribe(audio: Audio) -> Talk:
    return Talk(text="", language="en")


@tool
def summarize(text: str, sentences: int = 3) -> str:
    return text


@tool
def total(lines: list[float]) -> float:
    return sum(lines)


@tool
def compute(task: str, values: dict[str, Any]) -> Any:
    return None


TOOLS: dict[str, Tool] = {
    made.name: as_tool(made) for made in (search, transcribe, summarize, total, compute)
}
INPUTS: dict[str, Any] = {"call": handle_schema("audio/*"), "topic": {"type": "string"}}


def expr(source: str, line: int = 1) -> Expr:
    tree = ast.parse(source, mode="eval").body
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Expr(source, tree, frozenset(names - {"len", "sum", "sorted"}), Position(line, 1))


def call(id: str, tool_name: str, when: When | None = None, **args: Arg | Json) -> Call:
    wrapped = {
        name: arg if isinstance(arg, Const | Ref | Expr) else Const(arg)
        for name, arg in args.items()
    }
    return Call(id=id, tool=tool_name, args=wrapped, when=when)


def plan_of(*nodes: Node, answer: Answer | None = None) -> Plan:
    return Plan(inputs=INPUTS, nodes={node.id: node for node in nodes}, answer=answer)


def problems(*nodes: Node, answer: Answer | None = None) -> tuple[Problem, ...]:
    return check(plan_of(*nodes, answer=answer), TOOLS)


def told(*nodes: Node, answer: Answer | None = None) -> list[str]:
    return [str(problem).partition(" ")[2] for problem in problems(*nodes, answer=answer)]


HITS = call("hits", "search", query="tea")


def test_a_good_plan_has_no_problems() -> None:
    assert not problems(
        call("talk", "transcribe", audio=Ref("call")),
        call("hits", "search", query=Ref("talk", ("text",)), k=3, mode="exact"),
        Map(
            id="notes",
            over=Ref("hits"),
            var="h",
            where=expr("h.score > 0.3 and h.title"),
            body=(call("summarize_1", "summarize", text=Ref("h", ("title",))),),
            value=Ref("summarize_1"),
        ),
        Compute(id="scores", value=expr("[h.score for h in hits]")),
        call("sum_1", "total", lines=Ref("scores")),
        Guard(id="if_1", test=expr("sum_1 > 1 and len(notes) > 0")),
        call("s", "summarize", when=When("if_1"), text=expr("f'{sum_1:.2f} of {topic}'")),
        call("c", "compute", task="x", values=expr("{'talk': talk, 'hits': hits}")),
        Compute(id="deep", value=Ref("c", ("any", 0, "thing"))),
        Observe(id="observe_1", using=(Ref("notes"),)),
        answer=Answer(using=(Ref("notes"), Ref("sum_1"))),
    )


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (
            call("x", "serch", query="a"),
            "unknown_tool: expected a tool; found 'serch'; did you mean 'search'?",
        ),
        (
            call("x", "search", query="a", kk=3),
            "unknown_argument: expected an argument of search (query, k, mode); found 'kk'; "
            "did you mean 'k'?",
        ),
        (
            call("x", "search", k=3),
            "missing_argument: expected argument 'query' (str) of search; found none",
        ),
        (
            call("x", "search", quary="a"),
            "unknown_argument: expected an argument of search (query, k, mode); found 'quary'; "
            "did you mean 'query'?",
        ),
        (
            call("x", "search", query="a", k="3"),
            "wrong_type: expected int for 'k' of search; found '3'",
        ),
        (
            call("x", "search", query="a", mode="fest"),
            "wrong_type: expected Literal['fast', 'exact'] for 'mode' of search; found 'fest'; "
            "did you mean 'fast'?",
        ),
        (
            call("x", "transcribe", audio="call.wav"),
            "wrong_type: expected Audio for 'audio' of transcribe; found 'call.wav'",
        ),
        (
            call("x", "summarize", text=Ref("hit")),
            "unknown_name: expected a known name; found 'hit'; did you mean 'hits'?",
        ),
        (
            call("x", "summarize", text=Ref("hits", (0, "txt"))),
            "unknown_field: expected a value with field 'txt'; "
            "found Hit with text, score, title; did you mean 'text'?",
        ),
        (
            call("x", "summarize", text=Ref("hits")),
            "wrong_type: expected str for 'text' of summarize; found list[Hit]",
        ),
        (
            call("x", "summarize", text=Ref("hits", (0, "title"))),
            "wrong_type: expected str for 'text' of summarize; found None",
        ),
        (
            call("x", "total", lines=expr("[h.text for h in hits]")),
            "wrong_type: expected float for 'lines' of total at []; found str",
        ),
        (
            call("x", "total", lines=[1, 2.5, "3"]),
            "wrong_type: expected float for 'lines' of total at [2]; found '3'",
        ),
        (
            Map(id="x", over=Ref("topic"), var="h", body=(), value=Ref("h")),
            "wrong_type: expected a list to map; found str",
        ),
        (
            Map(
                id="x",
                over=Ref("hits"),
                var="h",
                body=(call("s", "summarize", text=Ref("h")),),
                value=Ref("s"),
            ),
            "wrong_type: expected str for 'text' of summarize; found Hit",
        ),
        (
            Compute(id="x", value=expr("topic + 1")),
            "wrong_type: expected operands that '+' takes; found str + Literal[1]",
        ),
        (
            Guard(id="x", test=expr("topic > 1")),
            "wrong_type: expected operands that '>' takes; found str > Literal[1]",
        ),
        (
            Observe(id="x", using=(Ref("call"), Ref("nothing"))),
            "unknown_name: expected a known name; found 'nothing'",
        ),
        (
            call("x", "summarize", when=When("hits"), text="a"),
            "unknown_name: expected the name of a guard; found 'hits'",
        ),
    ],
)
def test_one_problem_is_told_once(node: Node, expected: str) -> None:
    assert told(HITS, node) == [expected]
    assert problems(HITS, node)[0].node == node.id


def test_all_problems_are_told_at_once_where_they_are() -> None:
    found = problems(
        Call(
            id="x",
            tool="search",
            args={"k": Const("3", Position(2, 8)), "mood": Const("fast", Position(2, 15))},
            at=Position(2, 1),
        ),
        Compute(id="y", value=expr("topic.length + len(3)", line=3)),
        answer=Answer(using=(Ref("z", at=Position(4, 8)),)),
    )

    assert [(problem.code, tuple(problem.at)) for problem in found] == [
        ("wrong_type", (2, 8)),
        ("unknown_argument", (2, 15)),
        ("missing_argument", (2, 1)),
        ("unknown_field", (1, 1)),
        ("wrong_type", (1, 16)),
        ("unknown_name", (4, 8)),
    ]


def test_a_refused_name_causes_no_further_problem() -> None:
    scope = scope_of(plan_of(), TOOLS)
    first = check_patch(scope, Patch(add=(call("hits", "serch", query="a"),)))
    second = check_patch(first.scope, Patch(add=(call("s", "summarize", text=Ref("hits", (0,))),)))
    third = check_patch(second.scope, Patch(add=(call("t", "total", lines=Ref("s")),)))
    mended = check_patch(third.scope, Patch(add=(HITS,)))

    assert [problem.code for problem in first.problems] == ["unknown_tool"]
    assert (second.problems, third.problems) == ((), ())
    assert not (first.accepted or second.accepted or third.accepted)
    assert third.scope.refused == {"hits", "s", "t"}
    assert mended.accepted and mended.scope.plan.nodes == {"hits": HITS}


def test_names_are_bound_once() -> None:
    scope = scope_of(plan_of(HITS), TOOLS)
    for taken in ("hits", "call"):
        checked = check_patch(scope, Patch(add=(call(taken, "search", query="a"),)))
        assert [problem.code for problem in checked.problems] == ["bound_twice"]
        assert checked.scope.types[taken] is scope.types[taken]


def test_a_map_refers_to_its_own_calls_only_after_they_are_made() -> None:
    outer = call("note", "summarize", text="long")
    early = Map(
        id="notes",
        over=Const(["a"]),
        var="x",
        where=expr("note != x"),
        body=(
            call("short", "summarize", text=Ref("note")),
            call("note", "summarize", text=Ref("note")),
            call("last", "summarize", text=Ref("note")),
        ),
        value=Ref("last"),
    )
    once = "unknown_name: expected a name that the map has bound before; found 'note'"
    assert told(outer, early) == [once] * 3


def test_cycles_are_told_by_their_names() -> None:
    found = told(
        call("a", "summarize", text=Ref("b")),
        call("b", "summarize", text=Ref("a")),
        call("self", "summarize", text=Ref("self")),
        call("after", "summarize", text=Ref("a")),
    )
    assert found == [
        "cycle: expected a node that needs only earlier ones; found a needs b needs a",
        "cycle: expected a node that needs only earlier ones; found self needs self",
    ]


def test_the_order_of_a_whole_plan_is_free() -> None:
    late = call("early", "summarize", text=Ref("hits", (0, "text")))
    assert not problems(late, HITS)
    assert not check_patch(scope_of(plan_of(), TOOLS), Patch(add=(late, HITS))).problems


def test_a_replaced_node_is_checked_with_all_that_needs_it() -> None:
    use = call("use", "summarize", text=Ref("hits", (0, "text")))
    scope = scope_of(plan_of(HITS, use), TOOLS)

    def after(**change: Any) -> list[str]:
        return [problem.code for problem in check_patch(scope, Patch(**change)).problems]

    better = call("hits", "search", query="coffee")
    assert after(replace=(better,)) == []
    assert check_patch(scope, Patch(replace=(better,))).scope.plan.nodes["hits"] is better
    assert after(replace=(call("hits", "total", lines=[1]),)) == ["unknown_field"]
    assert after(replace=(call("hits", "search", query=Ref("use")),)) == ["cycle"]
    assert after(remove=("hits",)) == ["unknown_name"]
    assert after(remove=("hits", "use")) == []
    assert after(remove=("hit",)) == ["unknown_name"]
    assert after(replace=(call("hit", "search", query="a"),)) == ["unknown_name"]


def test_limits_of_a_plan() -> None:
    chain = [call("n0", "summarize", text="a")]
    chain += [call(f"n{i}", "summarize", text=Ref(f"n{i - 1}")) for i in range(1, 4)]
    found = check(plan_of(*chain), TOOLS, max_nodes=3)
    deep = check(plan_of(*chain), TOOLS, max_depth=2)

    assert [str(problem) for problem in found] == ["1:1 limit: expected at most 3 nodes; found 4"]
    assert [(problem.code, problem.node) for problem in deep] == [("limit", "n2")]
    assert not check(plan_of(*chain), TOOLS, max_nodes=4, max_depth=4)


def test_a_guard_shows_what_is_not_null() -> None:
    title = Ref("hits", (0, "title"))
    guarded = call("use", "summarize", when=When("if_1"), text=title)
    otherwise = call("use", "summarize", when=When("if_1", False), text=title)
    nested = Guard(id="if_2", test=expr("len(hits) > 1"), when=When("if_1"))
    inside = call("use", "summarize", when=When("if_2", False), text=title)

    assert not problems(HITS, Guard(id="if_1", test=title), guarded)
    assert not problems(HITS, Guard(id="if_1", test=expr("hits[0].title is not None")), guarded)
    assert not problems(HITS, Guard(id="if_1", test=expr("hits[0].title is None")), otherwise)
    assert not problems(HITS, Guard(id="if_1", test=title), nested, inside)
    assert told(HITS, Guard(id="if_1", test=title), otherwise) == [
        "wrong_type: expected str for 'text' of summarize; found None"
    ]


def test_a_tool_that_is_open_takes_other_arguments() -> None:
    from agentkit.tool import from_schema

    def answer(**values: Any) -> Any: ...

    opened: Any = {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}
    tools = {"open": from_schema(answer, name="open", input_schema=opened)}
    good, bad = call("x", "open", any="a"), call("x", "open", any=3)
    assert not check(plan_of(good), tools)
    assert [problem.code for problem in check(plan_of(bad), tools)] == ["wrong_type"]


def test_large_plans_are_checked_in_linear_time_and_without_recursion() -> None:
    nodes = [call("n0", "summarize", text="a")]
    nodes += [call(f"n{i}", "summarize", text=Ref(f"n{i - 1}")) for i in range(1, 5000)]
    assert not problems(*reversed(nodes))
    looped = [call("n0", "summarize", text=Ref("n4999")), *nodes[1:]]
    assert [problem.code for problem in problems(*looped)] == ["cycle"]


def test_a_long_literal_list_is_known_by_the_kinds_of_its_elements() -> None:
    rows: list[Any] = [{"a": number, "b": ["x"] * (number % 2)} for number in range(40)]
    bound = Compute(id="rows", value=Const(rows))
    assert told(bound, Compute(id="c", value=Ref("rows", (0, "c")))) == [
        "unknown_field: expected a value with field 'c'; found {a: int, b: list[Any]} | "
        "{a: int, b: list[str]}"
    ]


def test_a_path_is_not_an_artifact(tmp_path: Path) -> None:
    found = problems(call("x", "transcribe", audio=cast("Any", str(tmp_path))))
    assert [problem.code for problem in found] == ["wrong_type"]
