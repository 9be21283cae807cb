"""Tools as Python stubs: the short text that tells a planner model what it may call."""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from agentkit.media import name_of
from agentkit.plan.typename import type_name
from agentkit.plan.types import (
    UNKNOWN,
    Type,
    as_type,
    properties_of,
    resolved,
    rest_of,
)

if TYPE_CHECKING:
    from agentkit.tool import Tool

ARTIFACTS = frozenset(("Audio", "Image", "Artifact"))
"""Names that a stub uses for artifacts; no class is written for them."""

MOST_NESTED = 2
"""Levels of an object type that tell it from another of its name: each multiplies the work."""

MOST_DOCUMENTED = 160
"""Characters of a docstring's line."""


def stubs(tools: Mapping[str, Tool]) -> str:
    """The stubs of all tools, each object type once and before the first tool that names it.

    Names are those that the check uses: a class for every object type with fields, called by its
    schema's title, else by where it was found.

    >>> from agentkit.tool import tool
    >>> @tool
    ... def sqrt(x: float, digits: int = 3) -> float:
    ...     "Square root of x."
    ...     return round(x ** 0.5, digits)
    >>> print(stubs({"sqrt": sqrt}))
    def sqrt(x: float, digits: int = 3) -> float:
        "Square root of x."
    """
    classes = Classes()
    blocks: list[str] = []
    for tool in tools.values():
        text = _function(tool, classes)
        blocks += classes.take_new()
        blocks.append(text)
    return "\n\n".join(blocks)


class Classes:
    """The classes that stand for object types; types of one shape and name share one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._seen: dict[tuple[int, str], tuple[Any, str]] = {}
        self._new: list[str] = []

    def take_new(self) -> list[str]:
        """The texts of the classes named since the last call, those that others use first."""
        new, self._new = self._new, []
        return new

    def name(self, found: Type, place: str) -> str:
        """The expression for a type; its object types become classes, named by title or place."""
        return type_name(found, lambda member: self._class(member, place))

    def _class(self, member: Type, place: str) -> str | None:
        fields = properties_of(member)
        artifact = _artifact_name(member)
        if artifact is not None or not fields:
            return artifact
        known = (id(member.schema), _title(member, place))
        if known in self._seen:
            return self._seen[known][1]
        shape = _shape(member, place, ())
        if shape not in self._names:
            self._names[shape] = name = self._free(_title(member, place))
            self._seen[known] = member.schema, name  # holding the schema keeps its id unique
            self._new.append(f"@dataclass\nclass {name}:\n{self._body(fields, name)}")
        self._seen[known] = member.schema, self._names[shape]
        return self._names[shape]

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in ARTIFACTS or name in self._names.values():
            number += 1
            name = f"{wanted}{number}"
        return name

    def _body(self, fields: Mapping[str, Type], owner: str) -> str:
        lines: list[str] = []
        for name, found in fields.items():
            kind = self.name(found, f"{owner}_{name}")
            lines.append(f"    {name}: {kind}" if _is_name(name) else f"    # {name!r}: {kind}")
        return "\n".join(lines if any(map(_is_name, fields)) else [*lines, "    ..."])


def _artifact_name(member: Type) -> str | None:
    title = member.schema.get("title")
    if title in ARTIFACTS:
        return str(title)
    pattern = member.schema.get("contentMediaType")
    return None if pattern is None else name_of(str(pattern))


def _title(member: Type, place: str) -> str:
    return _camel(str(member.schema.get("title") or place))


def _shape(member: Type, place: str, around: tuple[int, ...]) -> str:
    """An object type written out in full, but for the objects that it is itself inside of."""
    title = _title(member, place)
    if id(member.schema) in around or len(around) > MOST_NESTED:
        return title
    inside = (*around, id(member.schema))
    fields = [
        f"{name}: {type_name(found, lambda inner: _shape(inner, '', inside))}"
        for name, found in properties_of(member).items()
    ]
    return f"{title}{{{', '.join(fields)}}}"


def _function(tool: Tool, classes: Classes) -> str:
    accepted = resolved(as_type(tool.input_schema))
    required = accepted.schema.get("required", ())
    fields = properties_of(accepted)
    named = [name for name in fields if _is_name(name)]
    optional = [name not in required for name in named]
    parameters = [
        _parameter(name, fields[name], name in required, classes, tool.name) for name in named
    ]
    if optional != sorted(optional):  # Python has defaults last, unless all are keywords
        parameters.insert(0, "*")
    others = {name: classes.name(fields[name], name) for name in fields if name not in named}
    if others or rest_of(accepted) is not None:
        parameters.append(f"**others: {classes.name(rest_of(accepted) or UNKNOWN, tool.name)}")
    result = classes.name(as_type(tool.output_schema), f"{tool.name}_result")
    head = f"def {tool.name}({', '.join(parameters)}) -> {result}:"
    documentation = _documentation(tool, others)
    return f"{head}\n    {documentation}" if documentation else f"{head} ..."


def _parameter(name: str, found: Type, required: bool, classes: Classes, tool: str) -> str:
    text = f"{name}: {classes.name(found, f'{tool}_{name}')}"
    if required:
        return text
    schema: Mapping[str, Any] = {} if isinstance(found.schema, bool) else found.schema
    return f"{text} = {schema['default']!r}" if "default" in schema else f"{text} = ..."


def _documentation(tool: Tool, others: Mapping[str, str]) -> str:
    paragraph = tool.description.strip().partition("\n\n")[0]
    line = " ".join(paragraph.split())
    if len(line) > MOST_DOCUMENTED:
        line = line[: MOST_DOCUMENTED - 1].rsplit(" ", 1)[0] + "…"
    if others:
        also = ", ".join(f"{name!r}: {kind}" for name, kind in others.items())
        line = f"{line} Also **{{{also}}}.".strip()
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"' if line else ""


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)


def _camel(text: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in text).split()
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.isidentifier() else f"Type{name}"
