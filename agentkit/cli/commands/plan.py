"""`agentkit plan`: what would be done, checked, and not done."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from agentkit.cli.chosen import Chosen, build, choice_options, parse_inputs
from agentkit.cli.exits import ANSWERED, CANCELLED, FAILED
from agentkit.text import inert

if TYPE_CHECKING:
    from agentkit.plan.graph import Plan
    from agentkit.plan.problem import Problem

Form = Literal["text", "json", "mermaid", "svg"]


@click.command("plan", short_help="Plan and check; run nothing.")
@click.argument("task")
@click.option("--input", "inputs", metavar="NAME=FILE", multiple=True, help="A file; repeat.")
@click.option("--value", "values", metavar="NAME=JSON", multiple=True, help="A value; repeat.")
@click.option("--json", "form", flag_value="json", help="The graph as JSON.")
@click.option("--mermaid", "form", flag_value="mermaid", help="The graph as Mermaid text.")
@click.option("--svg", "form", flag_value="svg", help="The graph as a picture.")
@choice_options
def command(
    task: str,
    inputs: tuple[str, ...],
    values: tuple[str, ...],
    form: Form | None,
    chosen: Chosen,
) -> int:
    """Plan TASK, check the plan and print it. No tool runs; problems go to standard error, and
    what the plan may cost at worst."""
    import asyncio

    from agentkit.cli.interrupt import interruptible

    agent, given = build(chosen, os.environ), parse_inputs(inputs, values)
    print("planning …", file=sys.stderr)
    try:
        plan, problems = interruptible(agent.plan(task, inputs=given))
        worst = interruptible(agent.worst_case(plan))
    except asyncio.CancelledError:
        return CANCELLED
    print(rendered(plan, form or "text").rstrip())
    for problem in problems:
        print(f"problem: {inert(str(problem))}", file=sys.stderr)
    print(f"at worst: {inert(str(worst))}", file=sys.stderr)
    print(verdict(plan, problems), file=sys.stderr)
    return FAILED if problems else ANSWERED


def rendered(plan: Plan, form: Form) -> str:
    """The plan in one of its forms. Text and Mermaid are inert; JSON and SVG escape for
    themselves."""
    if form == "json":
        from agentkit.plan.jsonform import plan_to_json

        return json.dumps(plan_to_json(plan), indent=2)
    if form == "mermaid":
        from agentkit.plan.mermaid import mermaid

        return inert(mermaid(plan))
    if form == "svg":
        from agentkit.plan.svg import svg

        return svg(plan)
    from agentkit.plan.source import to_source

    return inert(to_source(plan))


def verdict(plan: Plan, problems: Sequence[Problem]) -> str:
    """One line: how many steps, how many can start at once, what is wrong."""
    from agentkit.plan.graph import needs

    first = sum(needs(node) <= plan.inputs.keys() for node in plan.nodes.values())
    steps = f"{len(plan.nodes)} step{'' if len(plan.nodes) == 1 else 's'}, {first} can start now"
    if not problems:
        return f"{steps}; nothing wrong"
    return f"{steps}; {len(problems)} problem{'' if len(problems) == 1 else 's'}"
