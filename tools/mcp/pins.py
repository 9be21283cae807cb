"""The definitions of a server's tools, pinned: one that changes later has to be trusted anew.

`mcp/NAME.json` in the agent's store holds those that are trusted, and those that were seen since
and differ. What a server offered at its first use is trusted; whoever wants it otherwise has a rule
for approval.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path

from agentkit.errors import UsageError
from agentkit.types import Json

Definition = Mapping[str, Json]
"""A tool as its server describes it: name, description, schemas, annotations."""


@dataclass(frozen=True, slots=True)
class Change:
    """A tool whose definition is not the trusted one; `before` is None for a new tool."""

    before: Definition | None
    now: Definition

    def __str__(self) -> str:
        """The lines that differ, in the manner of diff."""
        old = [] if self.before is None else _lines(self.before)
        head = (f"{self.now['name']} as trusted", f"{self.now['name']} as it is now")
        return "\n".join(unified_diff(old, _lines(self.now), *head, lineterm="", n=1))


def fingerprint(definition: Definition) -> str:
    """64 hex digits that differ where definitions do."""
    return sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def changed(folder: Path, server: str, definitions: Sequence[Definition]) -> frozenset[str]:
    """The names of tools whose definition is not the trusted one; at first use there are none.

    Raises `UsageError` where the file cannot be read or written.
    """
    path = _path(folder, server)
    kept = _read(path)
    if kept is None:
        _write(path, {"trusted": {str(one["name"]): dict(one) for one in definitions}, "seen": {}})
        return frozenset()
    trusted = {name: fingerprint(one) for name, one in kept["trusted"].items()}
    seen = {
        str(one["name"]): dict(one)
        for one in definitions
        if trusted.get(str(one["name"])) != fingerprint(one)
    }
    if seen != kept["seen"]:
        _write(path, {**kept, "seen": seen})
    return frozenset(seen)


def trust(folder: Path, server: str) -> Sequence[Change]:
    """Trust the definitions that were seen last; returns what has changed with that.

    Raises `UsageError` where no server of that name was used.
    """
    path = _path(folder, server)
    kept = _read(path)
    if kept is None:
        known = sorted(one.stem for one in path.parent.glob("*.json"))
        there = f"there are {', '.join(known)}" if known else "none was used with this store yet"
        raise UsageError(f"expected the name of an MCP server; got {server!r}: {there}")
    changes = [Change(kept["trusted"].get(name), now) for name, now in kept["seen"].items()]
    if changes:
        _write(path, {"trusted": {**kept["trusted"], **kept["seen"]}, "seen": {}})
    return changes


def _path(folder: Path, server: str) -> Path:
    if not re.fullmatch(r"[A-Za-z]\w*", server, re.ASCII):
        raise UsageError(f"expected a server's name: letters, digits and _; got {server!r}")
    return folder / "mcp" / f"{server}.json"


def _read(path: Path) -> dict[str, dict[str, Definition]] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        return {key: dict(found[key]) for key in ("trusted", "seen")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} does not hold the definitions of a server's tools ({error}); look at it, and "
            "remove it to trust what the server offers next"
        ) from error


def _write(path: Path, kept: Mapping[str, Json] | Mapping[str, object]) -> None:
    """The file appears whole or not at all."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(kept, indent=1), "utf-8")
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; choose another store") from error


def _lines(definition: Definition) -> list[str]:
    return json.dumps(definition, indent=1, sort_keys=True).split("\n")
