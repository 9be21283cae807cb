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


def run_script(path: Path, arguments: Sequence[str], chosen: Chosen, env: Mapping[str, str]) -> int:
    """Runs the script and returns the exit code.

    With a top-level `main`, that is called: with the agent that the options choose if it takes
    one parameter, and waited for if it is async; what it returns is printed. Else the file runs as
    `python script.py` would run it.
    """
    sys.argv = [str(path), *arguments]
    if not has_main(path):
        sys.path.insert(0, str(path.resolve().parent))
        runpy.run_path(str(path), run_name="__main__")
        return ANSWERED
    main = load_module(path).main
    result = main(build(chosen, env)) if inspect.signature(main).parameters else main()
    if inspect.iscoroutine(result):
        try:
            result = interruptible(result)
        except asyncio.CancelledError:
            print("stopped; `agentkit runs` lists what can be resumed", file=sys.stderr)
            return CANCELLED
    if result is not None:
        print(inert(str(result)))
    return ANSWERED
