"""A plan that was proposed and not run, with what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from agentkit.plan.graph import Plan
from agentkit.plan.problem import Problem
from agentkit.plan.svg import svg
from agentkit.text import inert


class Draft(NamedTuple):
    """The checked plan and the problems that are left; a notebook shows both.

    >>> plan, problems = Draft(Plan(), ())
    >>> plan.nodes, problems
    ({}, ())
    """

    plan: Plan
    problems: Sequence[Problem]

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(inert(str(problem)))}</li>" for problem in self.problems)
        return svg(self.plan) + (f"<ul>{lines}</ul>" if lines else "")
