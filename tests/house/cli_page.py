"""Makes docs/cli.md from what `--help` says: `make docs` writes it, a test compares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from agentkit.cli.app import app
from agentkit.cli.settings import READ

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
WIDTH = 100

INTRODUCTION = """\
# The command line

Made from `--help` by `make docs`; do not edit.

The answer goes to standard output and nothing else does, so `agentkit run "…" > answer.md` works.
Progress goes to standard error: rows that stay in place on a terminal, one plain line an event
where it is none, or where `CI`, `NO_COLOR` or `TERM=dumb` is set. `--json` prints one document
instead, `--events` prints every event as a line of JSON as it comes. Terminal escapes in text
from models, tools and files are shown, not obeyed.

| exit code | means |
|---|---|
| 0 | answered |
| 1 | the run failed; something is damaged (`doctor`, `store check`, `models verify`) |
| 2 | the command line, an input or the set-up is wrong; nothing has run |
| 3 | a limit was reached |
| 4 | refused by policy (nothing refuses yet) |
| 5 | paused: it waits for approval |
| 130 | cancelled |

Ctrl-C once stops the run cleanly and prints how to go on with it; twice stops at once. A run that
was stopped or killed goes on with `agentkit resume RUN`, and what had ended is not done again. An
error is one sentence that says what to do; `--debug`, anywhere on the line, shows its traceback.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "| variable | is |\n|---|---|",
            *(f"| `{name}` | {what} |" for name, what in READ.items()),
            "",
            *sections(app, click.Context(app, info_name="agentkit", **app.context_settings)),
        ]
    )


def sections(command: click.Command, context: click.Context) -> Iterator[str]:
    """A heading and the help text of a command, then of those below it."""
    context.max_content_width = context.terminal_width = WIDTH
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    yield f"## {context.command_path}\n\n```text\n" + "\n".join(lines) + "\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from sections(below, click.Context(below, info_name=name, parent=context))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
