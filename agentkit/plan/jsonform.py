"""The JSON form of plans and patches, for the journal, for machines, for models that write JSON.

    {"nodes": [{"id": "talk", "tool": "transcribe", "args": {"audio": {"$": "call"}}},
               {"id": "half", "compute": {"$": "talk.seconds / 2"}, "when": {"guard": "if_1",
                                                                             "holds": true}},
               {"id": "if_1", "guard": {"$": "talk.seconds > 60"}},
               {"id": "notes", "over": {"$": "talk.segments"}, "var": "s", "value": {"$": "sum_1"},
                "body": [{"id": "sum_1", "tool": "summarize", "args": {"text": {"$": "s.text"}}}]},
               {"id": "observe_1", "observe": [{"$": "notes"}]}],
     "answer": {"using": [{"$": "notes"}]}}

Constants stand for themselves, `{"$": "…"}` for a reference or an expression. A constant that has
a `"$"` of its own is written as an expression. A patch has `add`, `replace`, `remove`, `answer`.
"""

from __future__ import annotations

from agentkit.errors import InvalidPlan
from agentkit.plan.expression import arg_source, expression
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
    Ref,
)
from agentkit.plan.jsonread import Reader
from agentkit.plan.purity import is_json, is_literal
from agentkit.types import Json


def plan_to_json(plan: Plan) -> dict[str, Json]:
    """The plan as plain JSON; `plan_from_json` gives it back.

    >>> plan_to_json(Plan(nodes={"half": Compute(id="half", value=Const(0.5))}))
    {'inputs': {}, 'nodes': [{'id': 'half', 'compute': 0.5}], 'answer': None}
    """
    return {
        "inputs": {name: dict(schema) for name, schema in plan.inputs.items()},
        "nodes": [_node(node) for node in plan.nodes.values()],
        "answer": _answer(plan.answer),
    }


def plan_from_json(data: Json) -> Plan:
    """The plan of its JSON form; raises `InvalidPlan` with a JSON pointer in every problem."""
    reader = Reader()
    fields = reader.fields(data, "", "nodes", optional=("inputs", "answer"))
    inputs = reader.inputs(fields.get("inputs", {}), "/inputs")
    nodes = reader.nodes(fields.get("nodes", []), "/nodes")
    answer = reader.answer(fields.get("answer"), "/answer")
    reader.once([*inputs, *(node.id for node in nodes)])
    reader.finish()
    return Plan(inputs=inputs, nodes={node.id: node for node in nodes}, answer=answer)


def patch_to_json(patch: Patch) -> dict[str, Json]:
    """The patch as plain JSON, without its source text; `patch_from_json` gives it back."""
    return {
        "add": [_node(node) for node in patch.add],
        "replace": [_node(node) for node in patch.replace],
        "remove": list(patch.remove),
        "answer": _answer(patch.answer),
    }


def patch_from_json(data: Json, source: str = "") -> Patch:
    """The patch of its JSON form; raises `InvalidPlan` with a JSON pointer in every problem."""
    reader = Reader()
    fields = reader.fields(data, "", optional=("add", "replace", "remove", "answer"))
    add = reader.nodes(fields.get("add", []), "/add")
    replace = reader.nodes(fields.get("replace", []), "/replace")
    remove = reader.texts(fields.get("remove", []), "/remove")
    answer = reader.answer(fields.get("answer"), "/answer")
    reader.once([node.id for node in (*add, *replace)])
    reader.finish()
    return Patch(
        add=tuple(add), replace=tuple(replace), remove=tuple(remove), answer=answer, source=source
    )


def keeps(arg: Arg) -> bool:
    """Whether the form of an argument gives it back, its names apart: one that was made of objects
    may hold what is no JSON.

    >>> keeps(Const(1.5)), keeps(Const(float("nan"))), keeps(Const((1, 2)))
    (True, False, False)
    """
    match arg:
        case Const():
            return is_json(arg.value) and (not _has_dollar(arg.value) or _reads_back(arg))
        case Ref():
            return all(type(step) in (int, str) and is_literal(step) for step in arg.path)
        case Expr():
            return True


def _reads_back(arg: Const) -> bool:
    try:
        return expression(arg_source(arg)) == arg
    except InvalidPlan:
        return False


def _node(node: Node) -> dict[str, Json]:
    form: dict[str, Json] = {"id": node.id}
    match node:
        case Call():
            form |= _call(node)
        case Map():
            form |= {"over": _arg(node.over), "var": node.var}
            if node.where is not None:
                form["where"] = _arg(node.where)
            form["body"] = [{"id": call.id, **_call(call)} for call in node.body]
            form["value"] = _arg(node.value)
        case Compute():
            form["compute"] = _arg(node.value)
        case Guard():
            form["guard"] = _arg(node.test)
        case Observe():
            form["observe"] = [_arg(arg) for arg in node.using]
    if node.when is not None:
        form["when"] = {"guard": node.when.guard, "holds": node.when.holds}
    return form


def _call(call: Call) -> dict[str, Json]:
    return {"tool": call.tool, "args": {name: _arg(arg) for name, arg in call.args.items()}}


def _answer(answer: Answer | None) -> Json:
    if answer is None:
        return None
    form: dict[str, Json] = {"using": [_arg(arg) for arg in answer.using]}
    if answer.text is not None:
        form["text"] = _arg(answer.text)
    return form


def _arg(arg: Arg) -> Json:
    if isinstance(arg, Const) and not _has_dollar(arg.value):
        return arg.value
    return {"$": arg_source(arg)}


def _has_dollar(value: Json) -> bool:
    if isinstance(value, list):
        return any(map(_has_dollar, value))
    return isinstance(value, dict) and ("$" in value or any(map(_has_dollar, value.values())))
