"""Cutting text into statements, and statements into patches."""

from __future__ import annotations

import pytest

from agentkit.plan.graph import (
    Answer,
    Call,
    Compute,
    Const,
    Expr,
    Guard,
    Map,
    Node,
    Observe,
    Plan,
    Ref,
    When,
    apply,
)  # fmt: skip
from agentkit.plan.parse import Statement, StatementReader
from agentkit.plan.program import ProgramReader, parse_program
from agentkit.tool import Tool
from agentkit.types import Json


def make_tool(name: str, *parameters: str) -> Tool:
    properties: dict[str, Json] = {parameter: {} for parameter in parameters}
    return Tool(
        name=name,
        description="",
        input_schema={"type": "object", "properties": properties},
        output_schema={},
        function=lambda: None,
        prepare=lambda args, context: dict(args),
        finish=lambda result, context: None,
    )


TOOLS = {
    tool.name: tool
    for tool in (
        make_tool("transcribe", "audio"),
        make_tool("search", "query", "k"),
        make_tool("summarize", "text", "sentences"),
        make_tool("extract", "text"),
        make_tool("invoice_total", "lines"),
        make_tool("generate_image", "prompt"),
        make_tool("python", "code", "values"),
    )
}


def nodes(text: str, tools: dict[str, Tool] | None = None) -> list[Node]:
    patches, problems = parse_program(text, TOOLS if tools is None else tools)
    assert problems == []
    return [node for patch in patches for node in patch.add]


def test_a_call_binds_its_name_and_positional_arguments_get_theirs() -> None:
    talk, hits = nodes("talk = transcribe(call)\nhits = search(talk.text, k=5)\n")
    assert talk == Call(id="talk", tool="transcribe", args={"audio": Ref("call")})
    expected = {"query": Ref("talk", ("text",)), "k": Const(5)}
    assert hits == Call(id="hits", tool="search", args=expected)


def test_nested_calls_become_nodes_of_their_own() -> None:
    inner, total = nodes("total = invoice_total(lines=extract(text=t).lines)")
    assert inner == Call(id="extract_1", tool="extract", args={"text": Ref("t")})
    expected = {"lines": Ref("extract_1", ("lines",))}
    assert total == Call(id="total", tool="invoice_total", args=expected)


def test_an_if_makes_a_guard_and_what_depends_on_it() -> None:
    text = "if total > 9:\n    a = extract(t)\nelif total:\n    b = extract(t)\nelse:\n    c = 3"
    first, a, second, b, c = nodes(text)
    assert isinstance(first, Guard) and first.id == "if_1" and first.when is None
    assert isinstance(a, Call) and a.when == When("if_1", True)
    assert second == Guard(id="if_2", test=Ref("total"), when=When("if_1", False))
    assert isinstance(b, Call) and b.when == When("if_2", True)
    assert c == Compute(id="c", value=Const(3), when=When("if_2", False))


def test_a_comprehension_with_calls_is_a_map() -> None:
    (notes,) = nodes("notes = [summarize(text=h.text) for h in hits if h.score > 0.3]")
    assert isinstance(notes, Map)
    body = Call(id="summarize_1", tool="summarize", args={"text": Ref("h", ("text",))})
    assert (notes.over, notes.var, notes.body) == (Ref("hits"), "h", (body,))
    assert notes.value == Ref("summarize_1")
    assert isinstance(notes.where, Expr) and notes.where.source == "h.score > 0.3"
    assert notes.where.at == (1, 50)


def test_observe_and_answer() -> None:
    patches, _ = parse_program("observe(a, b.c)\nanswer(f'{a} euro')\n", TOOLS)
    assert patches[0].add == (Observe(id="observe_1", using=(Ref("a"), Ref("b", ("c",)))),)
    answer = patches[1].answer
    assert isinstance(answer, Answer) and answer.using == ()
    patches, _ = parse_program("answer(using=[a, b])", TOOLS)
    assert patches[0].answer == Answer(using=(Ref("a"), Ref("b")))


def test_what_the_evaluator_does_not_cover_runs_in_the_sandbox() -> None:
    sandboxed, y = nodes("y = talk.text.upper()")
    assert isinstance(sandboxed, Call) and sandboxed.id == "python_1"
    assert sandboxed.args["code"] == Const("talk['text'].upper()")
    assert y == Compute(id="y", value=Ref("python_1", ("value",)))


def test_without_a_sandbox_it_is_outside_the_language() -> None:
    _, problems = parse_program("y = talk.text.upper()", {})
    assert [problem.code for problem in problems] == ["outside_language"]


def test_a_later_turn_goes_on_with_the_ids_of_the_plan() -> None:
    plan = Plan()
    for patch in parse_program("x = extract(search(q))\nif x:\n    y = 1", TOOLS)[0]:
        plan = apply(plan, patch)
    patches, problems = parse_program("z = extract(search(x))\nif z:\n    w = 1", TOOLS, plan)
    assert problems == []
    assert [node.id for patch in patches for node in patch.add] == ["search_2", "z", "if_2", "w"]


def test_every_problem_is_reported_at_once_with_its_place() -> None:
    text = "x = f(_a.b, 2)\nx = (1\ny = 2 if c else search('é')\ny = 3\ny = é + ]"
    _, problems = parse_program(text, TOOLS)
    found = [(problem.at.line, problem.at.column, problem.code) for problem in problems]
    assert found == [
        (1, 7, "outside_language"),
        (1, 5, "unknown_tool"),
        (2, 5, "syntax"),
        (3, 17, "outside_language"),
        (5, 9, "syntax"),
    ]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pieces_of_any_size_give_the_same_statements(size: int) -> None:
    text = (
        "```python\n# a plan\ntalk = transcribe(\n    audio=call)  # (\n\nif talk:\n    a = '''x\n"
        "b'''\n\nelse:\n    a = \"\\\"(\"\nb = 1 + \\\n  2\n```\nThat is (all.\n"
    )
    reader = StatementReader()
    found = [s for i in range(0, len(text), size) for s in reader.feed(text[i : i + size])]
    assert found + reader.close() == [
        Statement("talk = transcribe(\n    audio=call)  # (", 3),
        Statement("if talk:\n    a = '''x\nb'''\n\nelse:\n    a = \"\\\"(\"", 6),
        Statement("b = 1 + \\\n  2", 12),
    ]


def test_a_statement_comes_out_at_the_end_of_its_line() -> None:
    reader = ProgramReader(TOOLS, Plan())
    assert reader.feed("a = transcribe(call") == []
    assert len(reader.feed(")\n")) == 1


def test_a_name_in_the_body_of_a_map_is_bound_once() -> None:
    text = "x = [(a := extract(h), a := extract(h), a)[-1] for h in hits]"
    _, problems = parse_program(text, TOOLS)
    assert [problem.code for problem in problems] == ["bound_twice"]
