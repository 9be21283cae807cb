"""The turns of a comprehension: its clauses, its variables, and what a turn costs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TypeAlias

from agentkit.errors import EvaluationError
from agentkit.plan.bounds import Frame
from agentkit.plan.operators import elements, kind
from agentkit.plan.purity import Comprehension, targets
from agentkit.types import Json

Closure: TypeAlias = Callable[[Frame], Json]
Bound: TypeAlias = frozenset[str]
Compile: TypeAlias = Callable[[ast.expr, Bound], Closure]
Assign: TypeAlias = Callable[[Frame, Json], None]
Clause: TypeAlias = tuple[Closure, Assign, list[Closure]]


class Turns:
    """What stands after the first `for`. `bound` has the names that the element may use."""

    def __init__(self, tree: Comprehension, bound: Bound, compiled: Compile) -> None:
        self._clauses: list[Clause] = []
        for clause in tree.generators:
            source = compiled(clause.iter, bound)
            bound = bound | frozenset(targets(clause.target))
            tests = [compiled(test, bound) for test in clause.ifs]
            self._clauses.append((source, _assign(clause.target), tests))
        self.bound = bound
        self._cost = 1 + sum(1 for _ in ast.walk(tree)) // 16  # a turn of a long body counts more

    def of(self, frame: Frame) -> Iterator[None]:
        """Yields once for each combination that passes the conditions, its names assigned."""
        outer, frame.local = frame.local, dict(frame.local)
        yield from self._from(frame, 0)
        frame.local = outer

    def _from(self, frame: Frame, depth: int) -> Iterator[None]:
        if depth == len(self._clauses):
            yield
            return
        source, assign, tests = self._clauses[depth]
        for element in elements(source(frame)):
            frame.spend(self._cost)
            assign(frame, element)
            if all(test(frame) for test in tests):
                yield from self._from(frame, depth + 1)


def _assign(target: ast.expr) -> Assign:
    if isinstance(target, ast.Tuple | ast.List):
        parts = [_assign(part) for part in target.elts]

        def unpack(frame: Frame, value: Json) -> None:
            if not isinstance(value, list) or len(value) != len(parts):
                raise EvaluationError(f"expected a list of {len(parts)}; found {kind(value)}")
            for part, element in zip(parts, value, strict=True):
                part(frame, element)

        return unpack
    (name,) = targets(target)

    def bind(frame: Frame, value: Json) -> None:
        frame.local[name] = value

    return bind
