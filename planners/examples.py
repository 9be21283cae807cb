"""The examples that a small model plans after: those with inputs like the task's, the likest last.

A small model follows what it has seen more than what it was told, and best where examples are turns
of the conversation. The group for a kind of inputs is constant, so its evaluated state is kept.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol, TypeVar

from agentkit.planners.prompt_files import prompt_file
from agentkit.protocols import Example

LEAST = 3
"""So few examples of the task's own kind of inputs are too few: others join them."""

_WORD = re.compile(r"[a-z]+|(\d)[\d.,]*")


@cache
def shipped() -> tuple[Example, ...]:
    """The examples of `prompts/examples.md`; a task has its line of inputs with it."""
    return tuple(_read(block) for block in prompt_file("examples.md").split("\n\n"))


def _read(block: str) -> Example:
    lines = block.split("\n")
    head = 2 if lines[1].startswith("Inputs: ") else 1
    task = "\n".join(lines[:head]).removeprefix("Task: ")
    return Example(task=task, plan="\n".join(lines[head:]))


def alike(task: str, examples: Sequence[Example]) -> list[Example]:
    """The examples whose inputs are of the same kinds as the task's, in their order."""
    kinds = _kinds(task)
    same = [example for example in examples if _kinds(example.task) == kinds]
    if len(same) >= LEAST:
        return same
    return [one for one in examples if not (found := _kinds(one.task)) or found & kinds]


class HasTask(Protocol):
    """Something that was done for a task."""

    @property
    def task(self) -> str: ...


T = TypeVar("T", bound=HasTask)


def nearest(task: str, examples: Sequence[T], most: int) -> list[T]:
    """The examples whose tasks read most like this one, the likest last.

    `task` is the text with its line of inputs. What counts is how a task is put: its words and
    pairs of words, rare ones more, any number as good as another.
    """
    known = [_features(example.task) for example in examples]
    rarity = {
        feature: math.log((len(known) + 1) / count)
        for feature, count in Counter(f for features in known for f in features).items()
    }
    wanted = _features(task)
    scores = [_similarity(wanted, features, rarity) for features in known]
    best = sorted(range(len(examples)), key=lambda at: scores[at])[-most:]
    return [examples[at] for at in best]


def _kinds(task: str) -> frozenset[str]:
    """The kinds of a task's inputs: audio, image, list, value."""
    types = re.findall(r": ([^,]+)", task.partition("\nInputs: ")[2])
    return frozenset(
        "list" if name.startswith("list") else name if name in ("Audio", "Image") else "value"
        for name in types
    )


def _features(task: str) -> frozenset[str]:
    words = task.partition("\nInputs: ")[0]
    found = ["#" if match[1] else match[0] for match in _WORD.finditer(words.lower())]
    pairs = [f"{one} {other}" for one, other in zip(found, found[1:], strict=False)]
    return frozenset((*found, *pairs))


def _similarity(
    wanted: frozenset[str], given: frozenset[str], rarity: Mapping[str, float]
) -> float:
    """The cosine of two tasks' features."""
    unknown = math.log(len(rarity) + 1)

    def weight(features: frozenset[str]) -> float:
        return sum(rarity.get(feature, unknown) ** 2 for feature in features)

    return weight(wanted & given) / math.sqrt(weight(wanted) * weight(given) or 1.0)
