"""Plans as Mermaid text and as SVG: complete, escaped, laid out without overlap."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from agentkit.plan.graph import Answer, Call, Const, Plan, Ref, apply
from agentkit.plan.mermaid import mermaid
from agentkit.plan.program import parse_program
from agentkit.plan.svg import svg

SVG = "{http://www.w3.org/2000/svg}"
TEXT = """\
talk = transcribe(audio=call)
hits = search(query=talk.text)
notes = [summarize(text=h.text) for h in hits if h.score > 0.3]
if len(hits) > 3:
    card = draw(prompt=f"many: {len(notes)}")
else:
    other = draw(prompt="few")
observe(notes)
answer(using=[notes, talk])
"""


def plan_of(text: str) -> Plan:
    plan = Plan(inputs={"call": {}})
    patches, problems = parse_program(text, {}, plan)
    assert not problems
    for patch in patches:
        plan = apply(plan, patch)
    return plan


PLAN = plan_of(TEXT)


def test_mermaid_shows_every_node_and_every_edge() -> None:
    assert mermaid(PLAN).splitlines() == [
        "flowchart TD",
        '    n0(["call"])',
        '    n1["talk<br>transcribe"]',
        '    n2["hits<br>search"]',
        '    n3[["notes<br>each summarize"]]',
        '    n4{"if_1<br>if len#40;hits#41; #62; 3"}',
        '    n5["card<br>draw"]',
        '    n6["other<br>draw"]',
        '    n7{{"observe_1<br>look"}}',
        '    n8(["answer"])',
        "    n0 --> n1",
        "    n1 --> n2",
        "    n2 --> n3",
        "    n2 --> n4",
        "    n3 --> n5",
        "    n4 -. if .-> n5",
        "    n4 -. else .-> n6",
        "    n3 --> n7",
        "    n3 --> n8",
        "    n1 --> n8",
    ]


def test_svg_has_a_title_and_a_link_for_every_box() -> None:
    root = ElementTree.fromstring(svg(PLAN, {"talk": "value", "hits": "failed"}, "/node/{}".format))
    links = {link.get("href"): link for link in root.iter(f"{SVG}a")}

    names = ["call", *PLAN.nodes, "answer"]
    assert list(links) == [f"/node/{name}" for name in names]
    assert links["/node/talk"].get("class") == "call value"
    assert links["/node/hits"].get("class") == "call failed"
    assert links["/node/notes"].findtext(f"{SVG}title") == TEXT.splitlines()[2]
    assert "✗ hits" in [text.text for text in links["/node/hits"].iter(f"{SVG}text")]
    assert len(list(root.findall(f"{SVG}path"))) == 10


def test_boxes_do_not_overlap_and_arrows_go_down() -> None:
    root = ElementTree.fromstring(svg(PLAN))
    rects = [
        tuple(float(rect.get(key, "0")) for key in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
    ]
    for number, (x, y, width, height) in enumerate(rects):
        for other_x, other_y, other_width, other_height in rects[:number]:
            beside = x + width <= other_x or other_x + other_width <= x
            above = y + height <= other_y or other_y + other_height <= y
            assert beside or above
    for path in root.findall(f"{SVG}path"):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
        assert numbers[1] < numbers[-1]


def test_text_is_escaped() -> None:
    nasty = '</text><script>alert("1")</script>&\n'
    call = Call(id="x", tool="echo", args={"text": Const(nasty)})
    plan = Plan(inputs={nasty: {}}, nodes={"x": call}, answer=Answer(using=(Ref("x"),)))
    drawn = svg(plan, {"x": '"><script>'}, lambda name: f'javascript:"{name}')

    root = ElementTree.fromstring(drawn)
    assert not list(root.iter(f"{SVG}script")) and "<script" not in drawn
    assert "<script" not in mermaid(plan) and mermaid(plan).count('"') == 6


def test_an_empty_plan_and_a_plan_with_a_cycle_are_drawn() -> None:
    looped = Plan(
        nodes={
            "a": Call(id="a", tool="f", args={"x": Ref("b")}),
            "b": Call(id="b", tool="f", args={"x": Ref("a"), "y": Ref("nothing")}),
        }
    )
    assert ElementTree.fromstring(svg(Plan())).tag == f"{SVG}svg"
    assert len(list(ElementTree.fromstring(svg(looped)).iter(f"{SVG}a"))) == 2
