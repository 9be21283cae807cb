"""Runs a script that works by itself: a file of yours that sets tasks and uses the answers."""

from __future__ import annotations

import asyncio
import inspect
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentkit.cli.chosen import Chosen, build
from agentkit.cli.exits import ANSWERED, CANCELLED
from agentkit.cli.interrupt import interruptible
from agentkit.cli.load import has_main, load_module
from agentkit.cli.text import inert
from agentkit.errors import UsageError

_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def run_script(path: Path, arguments: Sequence[str], chosen: Chosen, env: Mapping[str, str]) -> int:
    """Runs the script and returns the exit code.

    With a top-level `main`, that is called: with the agent that the options choose if it has a
    parameter without a default, and waited for if it is async; what it returns is printed. Else the
    file runs as `python script.py` would run it.
    """
    sys.argv = [str(path), *arguments]
    try:
        if has_main(path):
            _call_main(path, chosen, env)
        else:
            _require_no_choice(path, chosen)
            sys.path.insert(0, str(path.resolve().parent))
            runpy.run_path(str(path), run_name="__main__")
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("stopped; `agentkit runs` lists what can be resumed", file=sys.stderr)
        return CANCELLED
    return ANSWERED


def _call_main(path: Path, chosen: Chosen, env: Mapping[str, str]) -> None:
    main = load_module(path).main
    needed = [
        name
        for name, parameter in inspect.signature(main).parameters.items()
        if parameter.default is parameter.empty and parameter.kind not in _COLLECTING
    ]
    if len(needed) > 1:
        raise UsageError(
            f"main of {path} needs {', '.join(needed)}; agentkit can give it one thing, the agent"
        )
    if not needed:
        _require_no_choice(path, chosen)
    result = main(build(chosen, env)) if needed else main()
    if inspect.iscoroutine(result):
        result = interruptible(result)
    if result is not None:
        print(inert(str(result)))


def _require_no_choice(path: Path, chosen: Chosen) -> None:
    """Raises `UsageError` for options that choose an agent where nobody would take it."""
    if chosen != Chosen(store=chosen.store):
        raise UsageError(
            f"{path} has no main(agent) and makes its own agents; run it without options"
        )
