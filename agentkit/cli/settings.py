"""What the environment says; nothing outside the command line reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agentkit.protocols import Model

DEFAULT_MODEL = "local:"

KEYS: Mapping[str, str] = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
"""Which variable holds the key of which provider."""


def model_of(name: str, env: Mapping[str, str]) -> str | Model:
    """The model named, else `AGENTKIT_MODEL`, else the embedded one."""
    return name or env.get("AGENTKIT_MODEL") or DEFAULT_MODEL


store_option = click.option(
    "--store",
    metavar="FOLDER",
    envvar="AGENTKIT_STORE",
    default=".agentkit",
    show_default=True,
    help="Where runs are kept.",
)
