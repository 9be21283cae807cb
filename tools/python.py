"""The tool `python`: code in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.budget import FREE
from agentkit.errors import ToolError
from agentkit.media import Artifact
from agentkit.tool import Context, Tool, tool
from agentkit.tools.sandbox import SandboxLimits, evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """`value` of the last statement (plain JSON), and what was printed."""

    value: Any
    stdout: str


def python(*, limits: SandboxLimits | None = None) -> Tool[Any, Any]:
    """A tool that runs Python in a sandbox: no network, no clock, no files but those given.

    >>> python()(code="2 * n", values={"n": 21}).value
    42
    """
    bounds = limits or SandboxLimits()

    @tool(name="python", effect="pure", cache=True, timeout_s=bounds.run_s + 10.0, expected_s=0.05,
          cost=FREE)  # fmt: skip
    def run(
        code: str,
        values: Mapping[str, Any] = {},
        files: Sequence[Artifact] = (),
        *,
        context: Context | None = None,
    ) -> Computed:
        """Run Python code and give the value of its last expression.

        Args:
            code: The program. Only the standard library's math, json, re, datetime and the like.
            values: Variables that the code may use, by name.
            files: Files that the code may read, each as /files/NAME.
        """
        done = evaluate(code, values, files=_bytes(files, context), limits=bounds)
        return Computed(value=done.value, stdout=done.stdout)

    return run


def _bytes(files: Sequence[Artifact], context: Context | None) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for artifact in files:
        name = artifact.name or artifact.sha256[:12]
        if "/" in name or "\0" in name or name in {".", "..", *found}:
            raise ToolError(f"files: expected distinct plain file names, came {name!r}")
        if context is None:
            raise ToolError("files need the run's artifact store; call the tool in a run")
        found[name] = context.artifacts.read(artifact.sha256)
    return found
