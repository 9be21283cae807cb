"""From an operation and arguments to what goes over the wire. Pure: nothing is sent here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from agentkit.errors import ToolError
from agentkit.tools.openapi.operation import Operation, Parameter
from agentkit.tools.openapi.refer import is_list, is_mapping, listed, mapping

_OF_A_TEMPLATE = "/:@!$&'()*+,;=~-._%"
_MARKS = {"label": ".", "matrix": ";"}
_BETWEEN = {"spaceDelimited": " ", "pipeDelimited": "|", "tabDelimited": "\t"}


@dataclass(frozen=True, slots=True)
class File:
    """A file that is sent."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request without credentials. `parts` are those of a form with files."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None
    parts: Sequence[tuple[str, tuple[str | None, bytes, str]]] = ()


def outgoing(
    operation: Operation,
    arguments: Mapping[str, Any],
    files: Mapping[str, Sequence[File]],
    server: str,
) -> Outgoing:
    """The request. Raises `ToolError` for an argument that would change where it goes.

    >>> from agentkit.tools.openapi.read import read
    >>> from agentkit.tools.openapi.operations import operations
    >>> paths = {"/pets/{name}": {"get": {"parameters": [{"name": "tags", "in": "query"}]}}}
    >>> [show], _ = operations(read({"openapi": "3.0.0", "paths": paths}))
    >>> outgoing(show, {"name": "a/b?", "tags": ["x", "y"]}, {}, "https://pets.example").url
    'https://pets.example/pets/a%2Fb%3F?tags=x&tags=y'
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    placed = [
        (parameter, given[name])
        for name, parameter in operation.parameters.items()
        if name in given and not _is_left_out(parameter, given[name])
    ]
    path, _, fixed = operation.path.partition("#")[0].partition("?")
    filled = _filled(path, [one for one in placed if one[0].place == "path"])
    pairs = [pair for one in placed if one[0].place == "query" for pair in _pairs(*one)]
    query = "&".join(filter(None, (fixed, urlencode(pairs, quote_via=quote))))
    headers = {"Accept": operation.accept}
    for parameter, value in placed:
        if parameter.place == "header":
            headers[parameter.wire] = _in_a_header(parameter, value)
    cookies = [pair for one in placed if one[0].place == "cookie" for pair in _pairs(*one)]
    if cookies:
        headers["Cookie"] = "; ".join(f"{quote(name)}={quote(value)}" for name, value in cookies)
    content, parts = _body(operation, arguments, files, headers)
    return Outgoing(
        method=operation.method,
        url=server.rstrip("/") + filled + (f"?{query}" if query else ""),
        headers=headers,
        content=content,
        parts=parts,
    )


def _is_left_out(parameter: Parameter, value: Any) -> bool:
    """Whether a value without parts is sent by sending nothing, as all styles have it."""
    return parameter.place != "path" and not parameter.json and value in ([], {})


def _filled(path: str, placed: Sequence[tuple[Parameter, Any]]) -> str:
    """The path with its values in it, each within its own segment."""
    values = {parameter.wire: _segment(parameter, value) for parameter, value in placed}

    def fill(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise ToolError(f"the argument for {{{found[1]}}} in {path} is missing")
        return values[found[1]]

    return re.sub(
        r"\{([^{}]+)\}|([^{}]+)|[{}]",
        lambda found: fill(found) if found[1] else quote(found[0], safe=_OF_A_TEMPLATE),
        path,
    )


def _segment(parameter: Parameter, value: Any) -> str:
    text = _joined(parameter, value)
    parts = re.split(r"[/\\]", f"{text}/{_in_a_path(parameter, value, str)}")
    if not text or any(part.strip() in (".", "..") for part in parts):
        raise ToolError(
            f"expected a value for {parameter.wire!r} that stays in its place in the path, "
            f"came {text[:80]!r}"
        )
    return _in_a_path(parameter, value, lambda one: quote(one, safe=""))


def _in_a_path(parameter: Parameter, value: Any, write: Callable[[str], str]) -> str:
    """A value in the style of its path (RFC 6570), its parts as `write` has them."""
    texts = _texts(parameter, value, write)
    mark = _MARKS.get(parameter.style)
    if mark is None:
        return ",".join(texts)
    name = f"{write(parameter.wire)}=" if parameter.style == "matrix" else ""
    if not parameter.explode:
        return f"{mark}{name}{','.join(texts)}"
    if is_mapping(value) and not parameter.json:
        name = ""  # each part has its own
    return "".join(f"{mark}{name}{text}" for text in texts)


def _in_a_header(parameter: Parameter, value: Any) -> str:
    text = _joined(parameter, value).strip()
    if not (text.isascii() and text.isprintable()):
        raise ToolError(
            f"expected printable ASCII for the header {parameter.wire!r}, came {text[:80]!r}"
        )
    return text


def _joined(parameter: Parameter, value: Any) -> str:
    """One text, as the style of headers has it."""
    return ",".join(_texts(parameter, value, str))


def _texts(parameter: Parameter, value: Any, write: Callable[[str], str]) -> list[str]:
    """The parts of a value, as `write` has them."""
    if parameter.json:
        return [write(as_json(value))]
    if is_list(value):
        return [write(written(one)) for one in listed(value)]
    if is_mapping(value):
        pairs = [(write(key), write(written(one))) for key, one in mapping(value).items()]
        between = "=" if parameter.explode else ","
        return [between.join(pair) for pair in pairs]
    return [write(written(value))]


def _pairs(parameter: Parameter, value: Any) -> Iterator[tuple[str, str]]:
    """Names and values, as the styles of queries have it."""
    name = parameter.wire
    if parameter.json or not (is_list(value) or is_mapping(value)):
        yield name, as_json(value) if parameter.json else written(value)
    elif is_list(value):
        texts = [written(one) for one in listed(value)]
        if parameter.explode:
            yield from ((name, text) for text in texts)
        else:
            yield name, _BETWEEN.get(parameter.style, ",").join(texts)
    elif parameter.style == "deepObject":
        yield from _deep(name, mapping(value))
    elif parameter.explode:
        yield from ((key, written(one)) for key, one in mapping(value).items())
    else:
        yield name, _joined(parameter, value)


def _deep(name: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, one in value.items():
        if is_mapping(one):
            yield from _deep(f"{name}[{key}]", mapping(one))
        elif is_list(one):
            yield from ((f"{name}[{key}]", written(part)) for part in listed(one))
        else:
            yield f"{name}[{key}]", written(one)


def written(value: Any) -> str:
    """A value as text: JSON's words for booleans, JSON for what has parts."""
    if value is None:
        return ""
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ToolError(f"expected numbers that JSON has: {error}") from None


def _body(
    operation: Operation,
    arguments: Mapping[str, Any],
    files: Mapping[str, Sequence[File]],
    headers: dict[str, str],
) -> tuple[bytes | None, Sequence[tuple[str, tuple[str | None, bytes, str]]]]:
    body = operation.body
    if body is None:
        return None, ()
    if body.coding == "bytes":
        for file in files.get("body", ()):
            headers["Content-Type"] = file.media_type
            return file.data, ()
        return None, ()
    whole: Any = arguments.get("body")
    if body.fields is not None:
        whole = {wire: arguments[name] for name, wire in body.fields.items() if name in arguments}
    if whole is None or (whole == {} and not _wanted(operation)):
        return None, ()
    if body.coding == "multipart":
        return None, [*_parts(whole, body.fields or {}, files)]
    headers["Content-Type"] = body.media_type
    if body.coding == "form":
        return urlencode([*_form(whole)]).encode(), ()
    return (written(whole) if body.coding == "text" else as_json(whole)).encode(), ()


def _wanted(operation: Operation) -> bool:
    """Whether an empty object is sent as one: a server that wants JSON wants some."""
    return operation.body is not None and operation.body.coding == "json"


def _form(whole: Any) -> Iterator[tuple[str, str]]:
    fields: Mapping[str, Any] = mapping(whole) if is_mapping(whole) else {"body": whole}
    for name, value in fields.items():
        several = listed(value) if is_list(value) else [value]
        yield from ((name, written(one)) for one in several if one is not None)


def _parts(
    whole: Any, fields: Mapping[str, str], files: Mapping[str, Sequence[File]]
) -> Iterator[tuple[str, tuple[str | None, bytes, str]]]:
    sent = {fields.get(name, name): several for name, several in files.items()}
    for name, several in sent.items():
        yield from ((name, (file.name or name, file.data, file.media_type)) for file in several)
    plain = (
        {name: value for name, value in mapping(whole).items() if name not in sent}
        if is_mapping(whole)
        else {"body": whole}
    )
    for name, value in plain.items():
        several = listed(value) if is_list(value) else [value]
        for one in several:
            if one is not None:
                kind = "application/json" if is_list(one) or is_mapping(one) else "text/plain"
                yield name, (None, written(one).encode(), kind)
