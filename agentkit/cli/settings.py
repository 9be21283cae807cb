"""What the environment says; nothing outside the command line reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agentkit.protocols import Model

DEFAULT_MODEL = "local:"
DEFAULT_STORE = ".agentkit"
STORE_VARIABLE = "AGENTKIT_STORE"
ARTIFACTS_VARIABLE = "AGENTKIT_ARTIFACTS"
"""The folder for artifacts, or its `file://` URL; without it they are in the store's folder."""

VARIABLES: Mapping[str, Mapping[str, str]] = {
    "openai": {"api_key": "OPENAI_API_KEY", "base_url": "OPENAI_BASE_URL"},
    "anthropic": {"api_key": "ANTHROPIC_API_KEY"},
}
"""For each provider, which variable says what to its model."""


def model_of(name: str, env: Mapping[str, str]) -> str | Model:
    """The model named, else `AGENTKIT_MODEL`, else the embedded one; with the key that is set."""
    from agentkit.models import model

    chosen = name or env.get("AGENTKIT_MODEL") or DEFAULT_MODEL
    known = VARIABLES.get(chosen.partition(":")[0], {})
    options = {option: env[variable] for option, variable in known.items() if env.get(variable)}
    return model(chosen, **options) if options else chosen


store_option = click.option(
    "--store",
    metavar="STORE",
    envvar=STORE_VARIABLE,
    default=DEFAULT_STORE,
    show_default=True,
    help="Where runs are kept: a folder, or postgresql://…",
)
