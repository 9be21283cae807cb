"""The grammar (GBNF) of the next statement of a plan, made from what exists at that moment.

A small model that writes under it cannot call a tool whose parameters cannot be filled, refer to
what does not exist or does not fit, or answer before every input was used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from agentkit.plan.names import is_field
from agentkit.plan.types import (
    Type,
    alternatives,
    as_type,
    element_of,
    is_unknown,
    kind_of,
    properties_of,
    values_of,
)
from agentkit.planners.references import (
    fitting,
    holds_media,
    kinds_of,
    media_type,
    only,
    references,
    scalars,
)
from agentkit.tool import Tool
from agentkit.types import Json

ITEM = "item"
"""The variable of every map: one fewer choice for the model."""

HIDDEN = frozenset(("k", "code"))
"""Parameters that a small model is not shown: how many results (there is a good default), and
programs, which it writes only once their values are known."""

TERMINALS = {
    "name": r'([b-z] | "a" [b-mo-z]) [a-z_]{1,14}',  # never "an…": such names drift into `answer`
    "text": r'[^"\\\n{}]{1,160}',
    "lead": r'[^"\\\n{}]{1,48}',
    "number": r'"-"? [0-9]{1,12} ("." [0-9]{1,6})?',
    "integer": r'"-"? [0-9]{1,12}',
    "boolean": '"True" | "False"',
}

ANSWER = "answer("
"""What the model writes to end its plan; what the answer is made from follows from the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the next statement may be made of.

    `types`: inputs and nodes in order. `focus`: names of which one must be used now (bytes that
    nothing has read, what was read from bytes and not used yet); empty for no such demand.
    `carried`: names whose value has not gone into any other; a dict of values takes them all.
    `paths`, `quotes`: the file names and the quoted texts of the task. `may_answer`, `may_guard`
    open those forms; `may_lack_values` an empty dict of values, where the task has the numbers.
    """

    types: Mapping[str, Type]
    tools: Mapping[str, Tool]
    focus: frozenset[str] = frozenset()
    carried: frozenset[str] = frozenset()
    paths: Sequence[str] = ()
    quotes: Sequence[str] = ()
    may_answer: bool = False
    may_guard: bool = False
    may_lack_values: bool = False


@dataclass(slots=True)
class Rules:
    """Grammar rules by name. A rule exists only where it has an alternative."""

    lines: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, hint: str, alternatives: Sequence[str]) -> str | None:
        """The name of a rule over these alternatives, or None where there are none."""
        body = " | ".join(dict.fromkeys(alternatives))
        if not body:
            return None
        for name, line in self.lines.items():
            if line == body:
                return name
        name = f"{hint}{len(self.lines)}"
        self.lines[name] = body
        return name

    def __str__(self) -> str:
        return "\n".join(f"{name} ::= {body}" for name, body in self.lines.items())


def statement_grammar(choices: Choices) -> str | None:
    """GBNF of the statements that make sense now, each with its newline; None if there is none."""
    rules = Rules({"root": "", **TERMINALS})
    statements = _readings(choices, rules) or _bindings(choices, rules)
    if choices.may_answer:
        statements.append(_quoted(ANSWER))
    if not statements:
        return None
    rules.lines["root"] = " | ".join(statements)
    return str(rules)


def _bindings(choices: Choices, rules: Rules) -> list[str]:
    """`name = call`, and the same under a condition where the task has one."""
    bound = rules.add(
        "bound",
        [
            form
            for tool in choices.tools.values()
            for form in (*_calls(tool, choices, rules), *_maps(tool, choices, rules))
        ],
    )
    if bound is None:
        return []
    statements = [f'name " = " {bound} "\\n"']
    condition = _condition(choices, rules) if choices.may_guard else None
    if condition is not None:
        statements.append(f'"if " {condition} ":\\n    " name " = " {bound} "\\n"')
    return statements


def _readings(choices: Choices, rules: Rules) -> list[str]:
    """`call_text = transcribe(audio=call)`: the statements for bytes that must be read now.

    Their names are given: a small model that calls what it heard after the picture mixes them up.
    """
    return [
        f'"{name}_text = " {call} "\\n"'
        for name in choices.focus
        if holds_media(choices.types[name])
        for tool in choices.tools.values()
        for call in _calls(tool, replace(choices, focus=frozenset((name,))), rules)
    ]


def _calls(tool: Tool, choices: Choices, rules: Rules) -> list[str]:
    """The ways to write a call of this tool; with a focus, one for each parameter it can enter."""
    if not choices.focus:
        call = _call(tool, choices, rules, focused=None)
        return [call] if call else []
    found = [_call(tool, choices, rules, focused=name) for name in _parameters(tool)]
    return [call for call in found if call]


def _maps(tool: Tool, choices: Choices, rules: Rules) -> list[str]:
    """`[tool(text=item) for item in texts]`, for each list whose elements fit a parameter."""
    found: list[str] = []
    for name, given in choices.types.items():
        member = only(given)
        if member is None or kind_of(member) != "array":
            continue
        if choices.focus and name not in choices.focus:
            continue
        types = {**choices.types, ITEM: element_of(member)}
        inner = replace(choices, types=types, focus=frozenset((ITEM,)))
        found += [f'"[" {call} " for {ITEM} in {name}]"' for call in _calls(tool, inner, rules)]
    return found


def _call(tool: Tool, choices: Choices, rules: Rules, *, focused: str | None) -> str | None:
    """`tool(a=…, b=…)`: required parameters in order, then each optional one if it is wanted."""
    required = tool.input_schema.get("required")
    needed = set(map(str, required)) if isinstance(required, list) else set[str]()
    if needed & HIDDEN:
        return None
    pieces: list[str] = []
    for name, wanted in _parameters(tool).items():
        among = choices.focus if name == focused else None
        value = _value(name, wanted, choices, rules, among, _said(name, tool, choices))
        sure = name in needed or name == focused
        if value is None and sure:
            return None
        if value is not None and (sure or pieces):
            piece = _argument(name, value, ", " if pieces else "")
            pieces.append(piece if sure else f"({piece})?")
    if not pieces and _parameters(tool):
        return None if needed else f'"{tool.name}()"'
    return f'"{tool.name}(" {" ".join(pieces)} ")"'


def _argument(name: str, value: str, before: str) -> str:
    """`name=value`, or `**{"user-id": value}` where the name cannot be written as a keyword."""
    if is_field(name):
        return f'"{before}{name}=" {value}'
    start = f"{before}**{{{json.dumps(name, ensure_ascii=False)}: "
    return f'{_quoted(start)} {value} "}}"'


def _parameters(tool: Tool) -> dict[str, Type]:
    declared = properties_of(as_type(tool.input_schema))
    return {name: wanted for name, wanted in declared.items() if name not in HIDDEN}


def _said(name: str, tool: Tool, choices: Choices) -> Sequence[str] | None:
    """The literals that a parameter may have, where it takes only what the task says: files, and
    the text that a tool works on (one that writes may be given a text to write)."""
    if name == "path":
        return choices.paths
    return choices.quotes if name == "text" and tool.effect in ("pure", "read") else None


def _value(
    name: str,
    wanted: Type,
    choices: Choices,
    rules: Rules,
    among: frozenset[str] | None,
    said: Sequence[str] | None,
) -> str | None:
    """The rule of a parameter's values; with `among`, only those made from these names."""
    known = fitting(choices.types, wanted, among=among)
    if name == "path":  # what a file says is no path
        known = [text for text in known if not text.endswith(".text")]
    found = [_quoted(text) for text in known]
    for member in alternatives(wanted):
        if is_unknown(member) or media_type(member) is not None:
            continue
        if name != "path":
            found += _made(member, choices, rules, among)
        if among is None:
            found += _literals(member, rules, said)
    return rules.add("value", found)


def _made(member: Type, choices: Choices, rules: Rules, among: frozenset[str] | None) -> list[str]:
    """Values made of references: an f-string, a dict of them."""
    kind = kind_of(member)
    if kind == "string" and values_of(member) is None:
        hole = rules.add("hole", [_quoted(text) for text in scalars(choices.types, among=among)])
        return [rf'"f\"" lead "{{" {hole} "}}\""'] if hole else []
    if kind == "object" and not properties_of(member):
        empty = ['"{}"'] if choices.may_lack_values and among is None else []
        return [*_dict(choices, rules, among), *empty]
    return []


def _dict(choices: Choices, rules: Rules, among: frozenset[str] | None) -> list[str]:
    """`{"talk": talk.text, "hits": hits}`: all that is still to be used, and more if wanted."""
    usable = {name: given for name, given in choices.types.items() if not holds_media(given)}
    if among is not None and usable.keys().isdisjoint(among):
        return []
    entries = {name: f"{json.dumps(name)}: {readable(name, usable[name])}" for name in usable}
    sure = [name for name in usable if name in choices.carried or name in (among or ())]
    rest = rules.add("entry", [_quoted(entries[name]) for name in usable if name not in sure])
    if not sure:
        return [f'"{{" {rest} (", " {rest}){{0,2}} "}}"'] if rest else []
    start = _quoted("{" + ", ".join(entries[name] for name in sure))
    return [f'{start} (", " {rest}){{0,2}} "}}"' if rest else f'{start} "}}"']


def readable(name: str, given: Type) -> str:
    """How a value enters a dict: its text where it has one, else as it is."""
    member = only(given)
    has_text = member and kind_of(member) == "object" and "text" in properties_of(member)
    return f"{name}.text" if has_text else name


def _literals(member: Type, rules: Rules, named: Sequence[str] | None = None) -> list[str]:
    """Literals of a type; `named` are the only ones where the task has to name them."""
    listed = values_of(member)
    if listed is not None:
        return [_quoted(_python(value)) for value in listed]
    kind = kind_of(member)
    if kind == "string":
        if named is not None:
            return [_quoted(json.dumps(text)) for text in named]
        return [r'"\"" text "\""']
    if kind in ("number", "integer"):
        return [kind]
    if kind == "array":
        inside = element_of(member)
        items = [one for part in alternatives(inside) if not is_unknown(part)
                 for one in _literals(part, rules)]  # fmt: skip
        one = rules.add("element", items)
        return [f'"[" {one} (", " {one}){{0,7}} "]"'] if one else []
    return []


def _condition(choices: Choices, rules: Rules) -> str | None:
    numbers = [
        reference.text
        for name, given in choices.types.items()
        for reference in references(name, given)
        if reference.kinds & {"number", "integer"} and "[" not in reference.text
    ]
    lists = [f"len({name})" for name, given in choices.types.items() if "array" in kinds_of(given)]
    left = rules.add("measure", [_quoted(text) for text in [*numbers, *lists]])
    return f'{left} (" > " | " < " | " >= " | " <= " | " == ") number' if left else None


def _python(value: Json) -> str:
    return repr(value) if value is None or isinstance(value, bool) else json.dumps(value)


def _quoted(text: str) -> str:
    """A GBNF literal."""
    return json.dumps(text, ensure_ascii=False)
