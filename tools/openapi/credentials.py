"""Secrets of a call: read from named environment variables, put where a scheme wants them, and
hidden wherever a server says them again."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from agentkit.errors import ToolError
from agentkit.tools.openapi.refer import is_list, is_mapping

HIDDEN = "***"
_LEAST_CHARACTERS = 4
"""Of what is hidden: shorter ones would blank every text, and are no secrets."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a call is authorised with. Shows nothing of it."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    query: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    forms: Sequence[str] = field(default=(), repr=False)
    """Every way in which a secret may be written, the longest first."""

    def hide(self, value: Any) -> Any:
        """The value with every secret in it replaced, in texts, keys and bytes."""
        if not self.forms:
            return value
        if isinstance(value, str):
            for form in self.forms:
                value = value.replace(form, HIDDEN)
            return value
        if isinstance(value, bytes):
            for form in self.forms:
                value = value.replace(form.encode(), HIDDEN.encode())
            return value
        if is_list(value):
            return [self.hide(one) for one in value]
        if is_mapping(value):
            return {self.hide(key): self.hide(one) for key, one in value.items()}
        return value


NO_CREDENTIALS = Credentials()


def is_supported(scheme: Mapping[str, Any]) -> bool:
    """Whether a secret is all that this way to authenticate needs."""
    kind = scheme.get("type")
    if kind == "apiKey":
        return scheme.get("in") in ("header", "query", "cookie")
    if kind == "http":
        return str(scheme.get("scheme")).lower() in ("basic", "bearer")
    return kind in ("oauth2", "openIdConnect")


def credentials(
    names: Sequence[str],
    schemes: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, str],
    environment: Mapping[str, str],
) -> Credentials:
    """What the schemes of these names need. Raises `ToolError` naming a variable that is not set.

    >>> schemes = {"key": {"type": "apiKey", "in": "query", "name": "api_key"}}
    >>> made = credentials(["key"], schemes, {"key": "PET_KEY"}, {"PET_KEY": "s3cret"})
    >>> made.query, made, made.hide({"you said": "s3cret!"})
    ({'api_key': 's3cret'}, Credentials(), {'you said': '***!'})
    """
    placed: dict[str, dict[str, str]] = {"header": {}, "query": {}, "cookie": {}}
    secrets: set[str] = set()
    for name in names:
        variable, scheme = variables[name], schemes[name]
        secret = environment.get(variable, "").strip()
        if not secret:
            raise ToolError(f"the environment variable {variable} is not set; it holds {name!r}")
        if not secret.isprintable() or not secret.isascii():
            raise ToolError(f"expected printable ASCII in the environment variable {variable}")
        secrets |= {secret}
        if scheme.get("type") == "apiKey":
            placed[str(scheme["in"])][str(scheme.get("name"))] = secret
        elif str(scheme.get("scheme")).lower() == "basic":
            if ":" not in secret:
                raise ToolError(f"expected user:password in the environment variable {variable}")
            coded = b64encode(secret.encode()).decode()
            placed["header"]["Authorization"] = f"Basic {coded}"
            secrets |= {coded, secret.partition(":")[2]}
        else:
            placed["header"]["Authorization"] = f"Bearer {secret}"
    return Credentials(placed["header"], placed["query"], placed["cookie"], _forms(secrets))


def _forms(secrets: set[str]) -> list[str]:
    known = {secret for secret in secrets if len(secret) >= _LEAST_CHARACTERS}
    written = {
        form
        for one in known
        for form in (one, *_percent(quote(one, safe="")), quote_plus(one), json.dumps(one)[1:-1])
    }
    coded = {b64encode(one.encode()).decode() for one in known}
    return sorted(written | coded, key=len, reverse=True)


def _percent(coded: str) -> tuple[str, str]:
    """With digits above nine in capitals, and in small letters."""
    return coded, re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), coded)
