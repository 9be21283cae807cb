"""An API document as plain data: from a file, a URL, or data that is there already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from agentkit.errors import UsageError
from agentkit.tools.openapi.refer import is_mapping, listed, mapping
from agentkit.tools.openapi.yaml_text import MOST_NESTED, yaml_value

MOST_BYTES = 32 * 1024 * 1024
_SILENCE_S = 30.0

Source = str | Path | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A document and where it came from. `version` is 2.0, 3.0 or 3.1, whatever comes after."""

    data: Mapping[str, Any]
    url: str | None
    version: str


def read(source: Source) -> Document:
    """The document. Raises `UsageError` where there is none.

    >>> read({"swagger": "2.0", "paths": {}}).version
    '2.0'
    """
    if is_mapping(source):
        return _document(source, None, "the given data")
    where = str(source)
    is_url = where.startswith(("http://", "https://"))
    raw = _fetched(where) if is_url else _from_file(Path(source))
    try:
        return _document(_parsed(raw), where if is_url else None, where)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _document(data: object, url: str | None, where: str) -> Document:
    if not is_mapping(data):
        raise UsageError(f"expected an OpenAPI document, came {type(data).__name__}")
    said = str(data.get("openapi") or data.get("swagger") or "")
    version = "2.0" if said.startswith("2") else "3.0" if said.startswith("3.0") else "3.1"
    if not said.startswith(("2", "3")):
        raise UsageError(
            f"expected `openapi: 3.x` or `swagger: 2.0` at the top, came {said or 'neither'!r}"
        )
    if not is_mapping(data.get("paths")):
        raise UsageError("the document has no paths, so there is nothing to call")
    return Document(data, url, version)


def _parsed(raw: bytes) -> object:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"expected UTF-8: {error}; a packed file is unpacked first") from None
    if text.lstrip()[:1] == "{":
        try:
            return _bounded(json.loads(text, parse_constant=_not_json))
        except RecursionError:
            raise UsageError(f"expected values nested at most {MOST_NESTED} deep") from None
        except ValueError:
            pass  # YAML's own braces, or a mistake that its parser locates
    return yaml_value(text)


def _not_json(word: str) -> NoReturn:
    raise ValueError(word)


def _bounded(value: object) -> object:
    """The value, if code that recurses may walk it."""
    level = [value]
    for _ in range(MOST_NESTED):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return value
    raise RecursionError


def _inside(value: object) -> list[Any]:
    if is_mapping(value):
        return [*mapping(value).values()]
    return [*listed(value)]


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot read the API document {str(path)!r}: {why}") from error
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{path}: expected at most {MOST_BYTES:,} bytes")
    return raw


def _fetched(url: str) -> bytes:
    import httpx2

    raw = bytearray()
    try:
        with (
            httpx2.Client(timeout=_SILENCE_S, follow_redirects=True) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code >= 400:
                raise UsageError(f"{url}: the server answered {response.status_code}")
            for piece in response.iter_bytes():
                raw += piece
                if len(raw) > MOST_BYTES:
                    raise UsageError(f"{url}: expected at most {MOST_BYTES:,} bytes")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UsageError(f"cannot fetch the API document {url}: {error}") from error
    return bytes(raw)
