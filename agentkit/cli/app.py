"""The group of all commands; a command's module is imported when the command is asked for."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import TracebackType
from typing import Any

import click

from agentkit.cli.exits import CANCELLED, FAILED, explain
from agentkit.cli.exits import code_of as code_of_error
from agentkit.errors import AgentkitError, RunError
from agentkit.text import inert

DEBUG = "--debug"
COMMANDS = (
    "run", "chat", "plan", "submit", "worker", "resume", "approve", "deny", "resolve", "runs",
    "show", "replay", "fork", "diff", "serve", "store", "tools", "mcp", "models", "doctor",
)  # fmt: skip


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"agentkit.cli.commands.{cmd_name}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="agentkit", message="agentkit %(version)s")
@click.pass_context
def app(ctx: click.Context, debug: bool) -> None:
    """Agents that plan: a typed graph of tool calls, checked before it runs.

    The answer goes to standard output and nothing else does; progress goes to standard error.
    """
    ctx.obj = debug


def run_command(args: Sequence[str] | None) -> int:
    """Runs one command line and gives its exit code; errors become one sentence on stderr."""
    arguments = debug_first(sys.argv[1:] if args is None else args)
    debug = arguments[:1] == [DEBUG]
    if args is None:
        open_streams()
        sys.excepthook = sys.__excepthook__ if debug else surprised
        stdout: Any = sys.stdout
        stdout.reconfigure(errors="backslashreplace")  # for ✓ where only Latin letters are known
    try:
        code = app.main(arguments, prog_name="agentkit", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        print(inert(misuse(error)), file=sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        return CANCELLED
    except AgentkitError as error:
        explain(error, debug=debug, hint=elsewhere(error))
        return code_of_error(error)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def open_streams() -> None:
    """Opens those of the standard streams that were closed before this process began, as nothing
    to read and nowhere to write: else the next file that is opened would get their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))


def debug_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--debug` in front, where click wants it, wherever it was typed.

    What comes after `--` belongs to a script.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    others = [one for one in arguments[:end] if one != DEBUG]
    return [DEBUG] * (len(others) < end) + others + list(arguments[end:])


def misuse(error: click.ClickException) -> str:
    """What is wrong with the command line, and which help says how it is right."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    said = error.format_message().rstrip(".")
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
    return f"error: {said}; see {path} --help" if path else f"error: {said}"


def elsewhere(error: AgentkitError) -> str:
    """Where the run of a script is: in the store of an agent that only the script knows."""
    if not isinstance(error, RunError) or error.run_id is None:
        return ""
    return f"what the run did is kept: agentkit show {error.run_id} --store THE_AGENTS_STORE"


def surprised(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Says in one sentence what nobody expected, be it in a file of the user's or in agentkit."""
    frames = traceback.extract_tb(trace)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    print(inert(f"error: {kind.__name__}: {error}{place}"), file=sys.stderr)
    print("for the whole traceback: agentkit --debug …", file=sys.stderr)
