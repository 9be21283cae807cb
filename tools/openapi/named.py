"""API documents by name, as the command line gives them."""

from __future__ import annotations

from urllib.parse import parse_qs

from agentkit.errors import UsageError
from agentkit.tools.openapi.toolset import OpenApi


def from_name(text: str) -> OpenApi:
    """What the command line says after `openapi:`: a file or a URL, then `#` and options.

    `#auth=SCHEME:VARIABLE&operations=GET /pets*,listOwners&server=URL&prefix=pets_`, each as the
    argument of `OpenApi` of that name.

    >>> from_name("pets.yaml#auth=key:PET_KEY&operations=list*,GET /owners").auth
    {'key': 'PET_KEY'}
    """
    source, _, options = text.partition("#")
    given = parse_qs(options.replace("+", "%2B"), keep_blank_values=True)
    unknown = given.keys() - {"auth", "operations", "server", "prefix"}
    if not source or unknown:
        raise UsageError(
            "expected openapi:FILE_OR_URL, with auth=SCHEME:VARIABLE, operations=…, server=URL or "
            f"prefix=… after a #; came {text!r}"
        )
    pairs = [one.rpartition(":") for part in given.get("auth", ()) for one in part.split(",")]
    return OpenApi(
        source,
        auth={scheme: variable for scheme, _, variable in pairs},
        operations=[one for part in given.get("operations", ()) for one in part.split(",")],
        server=given["server"][-1] if "server" in given else None,
        prefix=given["prefix"][-1] if "prefix" in given else "",
    )
