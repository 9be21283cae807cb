"""Reads whole plan programs: text in, patches and problems out."""

from __future__ import annotations

from collections.abc import Mapping

from agentkit.plan.graph import Patch, Plan
from agentkit.plan.lower import lower
from agentkit.plan.names import Names
from agentkit.plan.parse import Statement, StatementReader
from agentkit.plan.problem import Problem
from agentkit.tool import Tool


class ProgramReader:
    """Reads plan text as it is written, going on from `plan`.

    A patch is for one statement and adds to those before it. A statement with problems adds
    nothing, and the reader goes on behind it.

    >>> reader = ProgramReader({}, Plan())
    >>> [patch.add[0].id for patch in reader.feed("half = 1 / 2\\nthird = 1 ")]
    ['half']
    >>> [patch.add[0].id for patch in reader.feed("/ 3") + reader.close()]
    ['third']
    """

    def __init__(self, tools: Mapping[str, Tool], plan: Plan) -> None:
        self._tools = tools
        self._names = Names(plan)
        self._statements = StatementReader()
        self._answered = False

    def feed(self, text: str) -> list[Patch | Problem]:
        """What the statements that this text completes stand for."""
        return self._lowered(self._statements.feed(text))

    def close(self) -> list[Patch | Problem]:
        """The same for what is left when the text has ended."""
        return self._lowered(self._statements.close())

    def _lowered(self, statements: list[Statement | Problem]) -> list[Patch | Problem]:
        found: list[Patch | Problem] = []
        for statement in statements:
            if isinstance(statement, Problem):
                found.append(statement)
                continue
            patch = lower(statement, self._tools, self._names)
            if not isinstance(patch, Patch):
                found += patch
            elif patch.answer is not None and self._answered:
                at = patch.answer.at
                found.append(
                    Problem(code="bound_twice", expected="one answer", found="a second", at=at)
                )
            elif patch.add or patch.answer is not None:
                self._answered = self._answered or patch.answer is not None
                found.append(patch)
        return found


def parse_program(
    text: str, tools: Mapping[str, Tool], plan: Plan | None = None
) -> tuple[list[Patch], list[Problem]]:
    """The patches of a whole program in order, and every problem in it.

    >>> patches, problems = parse_program("total = 2 +\\nhalf = 1 / 2", {})
    >>> patches[0].add[0].id, str(problems[0])
    ('half', '1:12 syntax: expected Python syntax; found invalid syntax')
    """
    reader = ProgramReader(tools, plan or Plan())
    found = reader.feed(text) + reader.close()
    patches = [item for item in found if isinstance(item, Patch)]
    return patches, [item for item in found if isinstance(item, Problem)]
