"""One plan of a data set with the tools it may call, and how such tools are made."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any

from agentkit.plan.graph import Plan
from agentkit.tool import Tool, from_schema
from agentkit.types import Schema


@dataclass(frozen=True)
class Case:
    """A plan that people wrote down as right, under the id that its data set gives it."""

    id: str
    tools: Mapping[str, Tool]
    plan: Plan


def rows(path: Path) -> Iterator[Any]:
    """The records of a JSON lines file, packed or not."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as packed:
            yield from map(json.loads, packed)
    else:
        with path.open(encoding="utf-8") as plain:
            yield from map(json.loads, plain)


def identifier(name: str) -> str:
    """The name with what Python does not allow in names replaced: `math.gcd` is `math_gcd`."""
    text = "".join(c if c.isalnum() and c.isascii() else "_" for c in name).strip("_")
    return f"tool_{text}" if not text.isidentifier() or iskeyword(text) else text


def described_tool(name: str, input_schema: Schema, output_schema: Schema | None = None) -> Tool:
    """A tool that is only described; nothing here ever runs."""

    def described(**arguments: Any) -> Any:
        raise NotImplementedError

    return from_schema(
        described,
        name=identifier(name),
        description="",
        input_schema=input_schema,
        output_schema=output_schema,
    )


def object_schema(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    """The schema of a call with these parameters and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }
