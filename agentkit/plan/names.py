"""Names: which are allowed in a plan, which are taken, and which is the next free one."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Container

from agentkit.plan.graph import Guard, Plan

RESERVED = frozenset(("answer", "observe"))

NAME = "a Python name without a leading underscore that the language does not use"
"""What a message asks for where there is none."""


def is_name(text: str) -> bool:
    """Whether the text can name an input, a node or a tool in the plan language."""
    return is_field(text) and text not in RESERVED


def is_field(text: str) -> bool:
    """Whether `value.text` can be written for the field; `value["…"]` always can."""
    return (
        text.isidentifier()
        and not text.startswith("_")
        and not keyword.iskeyword(text)
        and (text.isascii() or unicodedata.normalize("NFKC", text) == text)
    )


def fresh(stem: str, taken: Container[str], first: int = 1) -> str:
    """`stem_1`, or the first number from `first` on that is free."""
    while f"{stem}_{first}" in taken:
        first += 1
    return f"{stem}_{first}"


class Names:
    """The inputs and nodes of a plan that is being written, by name."""

    def __init__(self, plan: Plan) -> None:
        self.taken = {*plan.inputs, *plan.nodes}
        self.guards = {node.id for node in plan.nodes.values() if isinstance(node, Guard)}
        self._next: dict[str, int] = {}

    def fresh(self, stem: str) -> str:
        """The next free `{stem}_{n}`; it is not taken yet."""
        name = fresh(stem, self.taken, self._next.get(stem, 1))
        self._next[stem] = int(name.rpartition("_")[2])
        return name
