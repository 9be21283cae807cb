"""What the environment says. Outside the command line, `agentkit.models.place` alone reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from agentkit.models.place import CACHE_VARIABLE, OFFLINE_VARIABLE

if TYPE_CHECKING:
    from agentkit.protocols import Model

DEFAULT_MODEL = "local:"
DEFAULT_STORE = ".agentkit"
MODEL_VARIABLE = "AGENTKIT_MODEL"
STORE_VARIABLE = "AGENTKIT_STORE"
TOKEN_VARIABLE = "AGENTKIT_TOKEN"
ARTIFACTS_VARIABLE = "AGENTKIT_ARTIFACTS"
"""The folder for artifacts, or its `file://` URL; without it they are in the store's folder."""
ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
CONTENT_VARIABLE = "AGENTKIT_TRACE_CONTENT"

VARIABLES: Mapping[str, Mapping[str, str]] = {
    "openai": {"api_key": "OPENAI_API_KEY", "base_url": "OPENAI_BASE_URL"},
    "anthropic": {"api_key": "ANTHROPIC_API_KEY"},
}
"""For each provider, which variable says what to its model."""

READ: Mapping[str, str] = {
    MODEL_VARIABLE: f"the model where no `--model` is given; else `{DEFAULT_MODEL}`",
    STORE_VARIABLE: f"where runs are kept where no `--store` is given; else `{DEFAULT_STORE}`",
    ARTIFACTS_VARIABLE: "a folder for artifacts; else they are in the store's folder",
    TOKEN_VARIABLE: "what clients of `agentkit serve` show; else one is made at each start",
    OFFLINE_VARIABLE: "with `1` no model file is fetched, neither by a command nor by a program",
    CACHE_VARIABLE: "the folder of caches, with model files in `agentkit/models`; else `~/.cache`",
    "OPENAI_API_KEY": "the key for `openai:` models",
    "OPENAI_BASE_URL": "another server for `openai:` models",
    "ANTHROPIC_API_KEY": "the key for `anthropic:` models",
    "TZ": "the time zone of `run --cron`, like `Europe/Prague`; else the machine's",
    ENDPOINT_VARIABLE: "where traces and metrics go, over HTTP; without it there are none",
    CONTENT_VARIABLE: "with `1` traces also say what was asked, handed over and answered",
    "OTEL_SDK_DISABLED": "with `true` nothing is traced; the other `OTEL_…` count as everywhere",
    "NO_COLOR": "plain lines instead of rows that stay in place, as with `CI` and `TERM=dumb`",
}
"""Every variable that agentkit reads, and what it is."""


def model_of(name: str, env: Mapping[str, str]) -> str | Model:
    """The model named, else `AGENTKIT_MODEL`, else the embedded one; with the key that is set."""
    from agentkit.models import model

    chosen = name or env.get(MODEL_VARIABLE) or DEFAULT_MODEL
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
