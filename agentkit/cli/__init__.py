"""The command line. The only place that reads the environment."""

from __future__ import annotations

from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 answered, 1 failed, 2 usage, 3 a limit was
    reached, 4 refused by policy, 130 cancelled."""
    from agentkit.cli.app import run_command

    return run_command(args)
