"""The prompts of the planners: files of `prompts/`, filled with tools, task and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agentkit.messages import Message
from agentkit.plan.source import to_source
from agentkit.plan.stubs import stubs
from agentkit.plan.typename import type_name
from agentkit.plan.types import as_type
from agentkit.planners.digest import digests
from agentkit.planners.examples import alike, nearest, shipped
from agentkit.planners.prompt_files import prompt_file
from agentkit.protocols import Brief, Example
from agentkit.types import Schema

SMALL_HISTORY_CHARACTERS = 1500
"""What a small model is given of a conversation, whatever its memory recalls."""

MOST_EXAMPLES = 2


NEAREST = 2


@dataclass(frozen=True, slots=True)
class GuidedPrompt:
    """A small model's prompt; its first `constant` messages are those of every like task."""

    messages: tuple[Message, ...]
    constant: int


def guided_prompt(brief: Brief) -> GuidedPrompt:
    """Rules and tools, examples as turns of a conversation, the likest of them last, the task."""
    system = prompt_file("guided.md").replace("{tools}", _dense(stubs(brief.tools)))
    task = _task(brief)
    group = alike(task, shipped())
    likest = nearest(task, [*group, *brief.examples], NEAREST)
    turns = [turn for example in (*group, *likest) for turn in _turns(example)]
    return GuidedPrompt(
        (
            Message("system", system),
            *turns,
            Message("user", task_text(replace(brief, examples=()))),
        ),
        constant=1 + 2 * len(group),
    )


def _turns(example: Example) -> tuple[Message, Message]:
    plan = f"{example.plan.strip()}\n"
    return Message("user", f"Task: {example.task}"), Message("assistant", plan)


def _dense(text: str) -> str:
    """Stubs in fewer tokens: under a grammar the model needs them for their meaning only."""
    return text.replace("@dataclass\n", "").replace("\n\n", "\n")


def program_prompt(brief: Brief) -> tuple[Message, ...]:
    """The language and the tools, the task, and in later turns how the plan stands."""
    system = prompt_file("program.md").replace("{tools}", stubs(brief.tools))
    user = task_text(brief)
    if brief.turn:
        user += "\n\n" + standing(brief)
    return Message("system", system), Message("user", user)


def standing(brief: Brief) -> str:
    """The plan so far, what came of it, and what the planner is to do about it."""
    parts = [f"The program so far:\n\n```python\n{to_source(brief.plan)}```"]
    if brief.outcomes:
        came = {
            name: end
            for name, end in brief.outcomes.items()
            if name in brief.plan.nodes or end.status == "failed"  # of a map's elements
        }
        parts.append(f"What its nodes came to:\n\n{digests(came)}")
    if brief.problems:
        problems = "\n".join(f"- {problem}" for problem in brief.problems)
        parts.append(
            f"These statements were refused:\n\n```python\n{brief.refused}\n```\n\n{problems}"
        )
        parts.append("Write them again without these mistakes. What stands is not repeated.")
    elif brief.plan.answer is not None:
        parts.append(
            "Some of it failed. Write statements that get what is missing in another way, under "
            "new names, and a new answer(…); or write nothing, and the answer is given without it."
        )
    else:
        parts.append("Go on with the program behind its last line, or end it with answer(…).")
    return "\n\n".join(parts)


def task_text(brief: Brief) -> str:
    """The task, its inputs with their types, and what memory and the agent's author add to it."""
    parts = [
        f"Task: {example.task}\n{example.plan.strip()}"
        for example in brief.examples[:MOST_EXAMPLES]
    ]
    if brief.history:
        turns = "\n".join(f"{turn.role}: {turn.content}" for turn in brief.history)
        most = SMALL_HISTORY_CHARACTERS if brief.model.profile.guided else len(turns)
        parts.append(f"The conversation so far:\n{turns[-most:]}")
    if brief.instructions:
        parts.append(brief.instructions)
    parts.append(f"Task: {_task(brief)}")
    return "\n\n".join(parts)


def _task(brief: Brief) -> str:
    return brief.task + inputs_line(brief.plan.inputs)


def inputs_line(inputs: Mapping[str, Schema]) -> str:
    """`Inputs: call: Audio, amount: float` on a line of its own; nothing where there are none."""
    named = [f"{name}: {type_name(as_type(schema))}" for name, schema in inputs.items()]
    return f"\nInputs: {', '.join(named)}" if named else ""
