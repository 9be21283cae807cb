"""Runs a script that works by itself: a file of yours that sets tasks and uses the answers."""

from __future__ import annotations

import asyncio
import inspect
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentkit.cli.chosen import Chosen, build
from agentkit.cli.exits import ANSWERED, CANCELLED, code_of, explain
from agentkit.cli.hints import Hints
from agentkit.cli.interrupt import interruptible
from agentkit.cli.load import has_main, load_module
from agentkit.cli.settings import DEFAULT_STORE, STORE_VARIABLE
from agentkit.cli.tracing import with_traces
from agentkit.errors import RunError, UsageError
from agentkit.text import inert

_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def run_script(
    path: Path, arguments: Sequence[str], chosen: Chosen, env: Mapping[str, str], *, debug: bool
) -> int:
    """Runs the script and returns the exit code.

    With a top-level `main`, that is called: with the agent that the options choose if it has a
    parameter without a default, and waited for if it is async; what it returns is printed. Else the
    file runs as `python script.py` would run it.
    """
    sys.argv = [str(path), *arguments]
    try:
        if has_main(path):
            return _call_main(path, chosen, env, debug=debug)
        _require_no_choice(path, chosen, env)
        sys.path.insert(0, str(path.resolve().parent))
        runpy.run_path(str(path), run_name="__main__")
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("stopped; `agentkit runs` lists what can be resumed", file=sys.stderr)
        return CANCELLED
    return ANSWERED


def _call_main(path: Path, chosen: Chosen, env: Mapping[str, str], *, debug: bool) -> int:
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
        _require_no_choice(path, chosen, env)
    try:
        result = main(with_traces(build(chosen, env), env)) if needed else main()
        if inspect.iscoroutine(result):
            result = interruptible(result)
    except RunError as error:
        if not needed:
            raise  # of an agent that only the script knows
        explain(error, debug=debug, hint=Hints(store=chosen.store).failed(error))
        return code_of(error)
    if result is not None:
        print(inert(str(result)))
    return ANSWERED


def _require_no_choice(path: Path, chosen: Chosen, env: Mapping[str, str]) -> None:
    """Raises `UsageError` for options that choose an agent where nobody would take it."""
    if chosen != Chosen(store=env.get(STORE_VARIABLE) or DEFAULT_STORE):
        raise UsageError(
            f"{path} has no main(agent) and makes its own agents; run it without options"
        )
