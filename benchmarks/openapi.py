"""How many operations of public API documents become valid tools.

    python benchmarks/openapi.py DATA [--check]

DATA is a folder with `openapi_docs` and `restgpt`: API documents of the versions 2.0, 3.0 and 3.1
as published, packed or not. A tool is valid where its schemas pass the meta-check of Draft 2020-12,
its stub is Python, a plan that calls it with sample arguments passes the check, these arguments are
prepared, and the request reaches a server that stands in for the real one. What an operation asks
for beyond that is named with the reason.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from jsonschema import Draft202012Validator
from samples import sample
from table import Row, exit_code, show

from agentkit.artifacts import FolderArtifacts
from agentkit.engine.context import CallContext
from agentkit.plan.check import check
from agentkit.plan.graph import Call, Const, Plan
from agentkit.plan.stubs import stubs
from agentkit.tool import Tool
from agentkit.tools import OpenApi

FOLDERS = ("openapi_docs", "restgpt")
NAMES = ("*.json", "*.yaml", "*.yml", "*.json.gz", "*.yaml.gz", "*.yml.gz")
LEAST_VALID = 0.99
MEDIA = "image/png"
HANDLE: dict[str, Any] = {
    "sha256": sha256(b"x").hexdigest(),
    "media_type": MEDIA,
    "size_bytes": 1,
}
METHODS = frozenset("get put post delete options head patch trace".split())


class Read(NamedTuple):
    """What one document came to."""

    name: str
    version: str
    operations: int
    tools: int
    refused: dict[str, str]
    seconds: float


def documents(data: Path) -> Iterator[Path]:
    """Every API document, in order."""
    for folder in FOLDERS:
        yield from sorted(path for name in NAMES for path in (data / folder).glob(name))


def text_of(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


class Server:
    """Stands in for every server: answers as the operation's schema says."""

    def __init__(self) -> None:
        self.answer: Any = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.answer == HANDLE:
            return httpx2.Response(200, content=b"x", headers={"content-type": MEDIA})
        return httpx2.Response(200, json=self.answer)


def read(path: Path, place: Path) -> Read:
    """The document, all its operations made tools and each tool called."""
    file = place / path.name.removesuffix(".gz")
    file.write_bytes(text_of(path))
    version, count, schemes = counted(file)
    before = time.perf_counter()
    server = Server()
    api = OpenApi(
        file,
        server="https://server.example",
        auth=dict.fromkeys(schemes, "KEY"),
        environment={"KEY": "user:secret"},
        transport=httpx2.MockTransport(server),
    )
    tools = {tool.name: tool for tool in api.tools()}
    seconds = time.perf_counter() - before
    refused = {one.place: one.reason for one in api.refused}
    artifacts = FolderArtifacts(place / "artifacts")
    for operation in api.chosen:
        why = fault(tools[operation.name], server, artifacts)
        if why is not None:
            refused[operation.place] = why
    return Read(path.name, version, count, count - len(refused), refused, seconds)


def counted(file: Path) -> tuple[str, int, list[str]]:
    """Version, number of operations, names of security schemes; by other readers than ours."""
    text = file.read_text(encoding="utf-8")
    yaml: Any = import_module("yaml")
    known = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    count = sum(method in METHODS for item in known["paths"].values() for method in item)
    schemes = known.get("components", {}).get("securitySchemes")
    version = str(known.get("openapi") or known.get("swagger"))
    return version, count, [*(schemes or known.get("securityDefinitions") or {})]


def fault(tool: Tool[..., Any], server: Server, artifacts: FolderArtifacts) -> str | None:
    """Why a tool is not valid; None where it is."""
    meta: Any = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    for schema in (tool.input_schema, tool.output_schema):
        if error := next(iter(meta.iter_errors(schema)), None):
            return f"no JSON Schema: {error.message[:200]}"
    try:
        ast.parse(stubs({tool.name: tool}).replace("…", "..."))
    except SyntaxError as error:
        return f"the stub is no Python: {error}"
    arguments: Any = sample(tool.input_schema, tool.input_schema, HANDLE)
    server.answer = sample(tool.output_schema, tool.output_schema, HANDLE)
    call = Call(id="x", tool=tool.name, args={key: Const(one) for key, one in arguments.items()})
    for problem in check(Plan(nodes={"x": call}), {tool.name: tool}):
        return f"a plan is refused: {problem}"
    context = CallContext(
        run="r", task="", node="x", artifacts=artifacts, arguments="{}", model_for=None,
        report=lambda kind, node, data: None,
    )  # fmt: skip
    try:
        artifacts.put(b"x", media_type=MEDIA)
        asyncio.run(called(tool, arguments, context))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong here is what is counted
        return f"a call fails: {error}"
    return None


async def called(tool: Tool[..., Any], arguments: Any, context: CallContext) -> None:
    tool.finish(await tool.function(**tool.prepare(arguments, context)), context)


def main() -> int:
    parser = argparse.ArgumentParser(description="Public API documents as tools")
    parser.add_argument("data", type=Path, help="the folder of the data sets")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    absent = [name for name in FOLDERS if not (given.data / name).is_dir()]
    if absent:
        print(f"skipped: {given.data} has no {', '.join(absent)}")
        return 0
    with tempfile.TemporaryDirectory() as place:
        found = [read(path, Path(place)) for path in documents(given.data)]
    print(f"{'document':<36} {'version':<8} {'operations':>10} {'tools':>6} {'refused':>7} seconds")
    for one in found:
        print(
            f"{one.name:<36} {one.version:<8} {one.operations:>10} {one.tools:>6} "
            f"{len(one.refused):>7} {one.seconds:>7.2f}"
        )
        for where, reason in one.refused.items():
            print(f"    {where}: {reason}")
    tools, operations = sum(one.tools for one in found), sum(one.operations for one in found)
    rows = [
        Row(
            f"operations that are valid tools >= {LEAST_VALID:.0%}",
            f"{tools} of {operations}",
            tools >= LEAST_VALID * operations > 0,
        )
    ]
    show("API documents", rows)
    return exit_code(rows, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
