"""Run Python in pydantic-monty: an interpreter of its own, in a process of its own.

It has no network, no processes, no clock, and no files but the bytes it was given; time, memory,
depth and output are bounded. Each call has a fresh process (about 3 ms), so nothing leaks from one
to the next.

    >>> evaluate("sum(prices) * 2", {"prices": [1.5, 2.5]}).value
    8.0
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

from agentkit.errors import ToolError
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyError, MontySession, OsFunction

    from agentkit.types import Json

FILES = "/files"
_MESSAGE_CHARACTERS = 500
_DEPTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """What one evaluation may use: seconds of running, bytes of heap, of output, of given files."""

    run_s: float = 5.0
    memory_bytes: int = 64 * 2**20
    stdout_bytes: int = 64 * 2**10
    value_bytes: int = 2**20
    files_bytes: int = 32 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The value of the last statement, as JSON, and what was printed."""

    value: Json
    stdout: str


def evaluate(
    code: str,
    values: Mapping[str, Json] | None = None,
    *,
    files: Mapping[str, bytes] | None = None,
    limits: SandboxLimits | None = None,
) -> Evaluated:
    """Run the code with `values` as variables and `files` readable as `/files/NAME`.

    The value is that of the last statement: an expression's, or what it assigns to a name. Raises
    `ToolError` with the line for whatever goes wrong inside, `MissingExtra` without pydantic-monty.
    """
    monty = _monty()
    bounds = limits or SandboxLimits()
    given = dict(values or {})
    _check_names(given)
    printed = _Printed(bounds.stdout_bytes)
    try:
        with (
            _workers(bounds) as pool,
            pool.checkout(
                script_name="code.py",
                limits={
                    "max_feed_duration_secs": bounds.run_s,
                    "max_turn_duration_secs": bounds.run_s,
                    "max_memory": bounds.memory_bytes,
                    "max_recursion_depth": 200,
                    "max_suspensions": 1000,
                    "max_total_sleep_secs": 0.0,
                },
                os_policy={"datetime": "call_host", "sleep": "zero", "random_start": {"seed": 0}},
            ) as session,
        ):
            system = _system(dict(files or {}), bounds.files_bytes)
            value = session.feed_run(code, inputs=given, print_callback=printed, os=system)
            if value is None:
                value = _assigned(session, code)
    except monty.MontyError as error:
        raise ToolError(_explain(error, bounds)) from None
    return Evaluated(value=_as_json(value, bounds.value_bytes), stdout=printed.text())


def _monty() -> Any:
    package = "pydantic-monty"
    return imported("pydantic_monty", feature="running Python", package=package, extra="python")


def _workers(bounds: SandboxLimits) -> Monty:
    from pydantic_monty import Monty

    # The parent's own deadline, for a worker that does not keep the one inside.
    return Monty(min_processes=1, max_processes=1, request_timeout=bounds.run_s + 5.0)


def _check_names(values: Mapping[str, Json]) -> None:
    for name in values:
        if not name.isidentifier():
            raise ToolError(f"values: expected variable names as keys, came {_cut(name)!r}")


_ASSIGNMENT = re.compile(r"([^\W\d]\w*)\s*(?::[^=]*)?(?:[-+*/%@&|^]|//|\*\*|<<|>>)?=(?!=)")


def _assigned(session: MontySession, code: str) -> Any:
    """What the last statement assigned to a name, or None. Models often end so."""
    from pydantic_monty import MontyError

    starts = [line for line in code.splitlines() if line and line[0] not in " \t#)]}\"'"]
    found = _ASSIGNMENT.match(starts[-1]) if starts else None
    if found is None:
        return None
    try:
        return session.feed_run(found[1])
    except MontyError:  # the line only looked like an assignment
        return None


class _Printed:
    """Keeps the first bytes of what is printed and lets go of the rest."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._parts: list[str] = []
        self._cut = False

    def __call__(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        data = text.encode("utf-8", "replace")
        kept = data[: self._left]
        self._left -= len(kept)
        self._cut = self._cut or len(kept) < len(data)
        if kept:
            self._parts.append(kept.decode("utf-8", "ignore"))

    def text(self) -> str:
        return "".join(self._parts) + ("\n[output cut here]" if self._cut else "")


_READING = frozenset({
    "Path.exists", "Path.is_file", "Path.is_dir", "Path.is_symlink", "Path.read_text",
    "Path.read_bytes", "Path.iterdir", "Path.scan", "Path.stat", "Path.resolve", "Path.absolute",
})  # fmt: skip
_CLOCK = frozenset({"date.today", "datetime.now", "time.time"})


def _system(files: Mapping[str, bytes], most_bytes: int) -> Callable[..., Any]:
    """Answers the sandbox's system calls: reading the given bytes, and nothing else."""
    from pydantic_monty import MemoryFile, OSAccess

    total = sum(map(len, files.values()))
    if total > most_bytes:
        raise ToolError(
            f"the files have {total:,} bytes together; the sandbox takes {most_bytes:,}: "
            "give it fewer or smaller ones"
        )
    access = OSAccess([MemoryFile(f"{FILES}/{name}", data) for name, data in files.items()])

    def answer(*, name: OsFunction, args: tuple[Any, ...], kwargs: dict[str, Any], **_: Any) -> Any:
        if name in _CLOCK:
            raise RuntimeError("there is no clock in the sandbox; pass the date in values")
        reads = name in _READING or (name == "open" and not set("wax+") & set(args[1]))
        if not reads:
            raise PermissionError(f"{name} is not allowed in the sandbox; end with the value")
        return access.dispatch(name, args, kwargs)

    return answer


def _explain(error: MontyError, bounds: SandboxLimits) -> str:
    from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

    if isinstance(error, MontyCrashedError):
        why = "did not stop in time" if error.timed_out else "crashed"
        return f"the sandbox {why} and was ended; simplify the code"
    if not isinstance(error, (MontyRuntimeError, MontySyntaxError)):
        return f"the values cannot enter the sandbox: {_cut(str(error))}"
    what = _cut(error.display("type-msg"))
    if what.startswith("TimeoutError: feed time limit"):
        return f"the code ran longer than its {bounds.run_s:g} s; do less work or end the loop"
    if what.startswith("MemoryError: memory limit"):
        what = f"MemoryError: the code needs more than its {bounds.memory_bytes // 2**20} MiB"
    frames = error.traceback()
    if not frames:
        return what
    source = _cut(frames[-1].source_line or "").strip()
    return f"line {frames[-1].line}: {what}" + (f" (in `{source}`)" if source else "")


def _cut(text: str) -> str:
    if len(text) <= _MESSAGE_CHARACTERS:
        return text
    return f"{text[:_MESSAGE_CHARACTERS]}… [{len(text):,} characters]"


def _as_json(value: object, most_bytes: int) -> Json:
    import json

    plain = _plain(value, _DEPTH)
    try:
        size = len(json.dumps(plain))
    except ValueError:
        raise ToolError("the value holds an integer of more than 4,300 digits; round it") from None
    if size > most_bytes:
        raise ToolError(
            f"the value has {size:,} bytes as JSON; at most {most_bytes:,} may leave the sandbox: "
            "end with a smaller one"
        )
    return plain


def _plain(value: object, depth: int) -> Json:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        if not math.isfinite(number):
            raise ToolError(f"the value holds {number}, which is not a JSON number; end otherwise")
        return number
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return _plain_container(value, depth)


def _plain_container(value: object, depth: int) -> Json:
    if depth == 0:
        raise ToolError(f"the value is nested deeper than {_DEPTH}; end with a flatter one")
    if isinstance(value, (list, tuple, set, frozenset)):
        items = cast("list[object]", value)
        return [_plain(item, depth - 1) for item in items]
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value).items()
        return {_key(key): _plain(item, depth - 1) for key, item in pairs}
    raise ToolError(
        f"the value is a {type(value).__name__}, which is no JSON; "
        "end with numbers, texts, lists or dicts"
    )


def _key(key: object) -> str:
    if isinstance(key, (str, int, float, date)):
        return str(key)
    raise ToolError(f"the value has a {type(key).__name__} as a dict's key; use texts")
