"""All operations of a document, and those that cannot be called, each with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from agentkit.tools.openapi.answer import answer_of
from agentkit.tools.openapi.body import Arguments, body_of
from agentkit.tools.openapi.credentials import is_supported
from agentkit.tools.openapi.dialect import in_three, parameters, security_schemes, server
from agentkit.tools.openapi.operation import Operation, Parameter, Place, Refused
from agentkit.tools.openapi.read import Document
from agentkit.tools.openapi.refer import Unusable, listed, mapping, resolved
from agentkit.tools.openapi.schema import Schemas
from agentkit.tools.openapi.text import identifier, short

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SET_BY_THE_CALL = frozenset(
    "accept authorization connection content-length content-type cookie host transfer-encoding"
    " idempotency-key".split()
)
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_IN_PATH = re.compile(r"\{([^{}]+)\}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def operations(document: Document, prefix: str = "") -> tuple[list[Operation], list[Refused]]:
    """What can be called, in the document's order, and what cannot.

    >>> from agentkit.tools.openapi.read import read
    >>> pets = {"get": {"operationId": "list-pets", "responses": {}}}
    >>> found, refused = operations(read({"openapi": "3.0.0", "paths": {"/pets": pets}}))
    >>> [operation.name for operation in found], refused
    (['list_pets'], [])
    """
    reader = _Reader(document, prefix)
    found: list[Operation] = []
    refused: list[Refused] = []
    for path, given in document.data["paths"].items():
        if str(path).startswith("x-"):
            continue
        try:
            item = resolved(document.data, given)
        except Unusable as error:
            refused.append(Refused(str(path), str(error)))
            continue
        for method in METHODS:
            if method in item:
                one = reader.operation(str(path), method, item)
                cast("list[Any]", refused if isinstance(one, Refused) else found).append(one)
    return found, refused


class _Reader:
    """Reads operations one after another; their names differ."""

    def __init__(self, document: Document, prefix: str) -> None:
        self._document, self._prefix = document, prefix
        self._schemas = Schemas(document)
        self._schemes = security_schemes(document)
        self._taken: set[str] = set()

    def operation(self, path: str, method: str, item: Mapping[str, Any]) -> Operation | Refused:
        said = mapping(item[method]).get("operationId")
        id = said if isinstance(said, str) else ""
        try:
            return self._operation(path, method, item, id)
        except Unusable as error:
            return Refused(f"{method.upper()} {path}", str(error), id)
        except RecursionError:
            return Refused(f"{method.upper()} {path}", "its schemas are nested too deep", id)

    def _operation(self, path: str, method: str, item: Mapping[str, Any], id: str) -> Operation:
        given = resolved(self._document.data, item[method])
        said = parameters(self._document, item, given)
        if self._document.version == "2.0":
            said, given = in_three(self._document, said, given)
        if not path.startswith("/"):
            raise Unusable(f"a path begins with a slash; came {path!r}")
        arguments = Arguments(self._schemas)
        placed = dict(self._placed(path, said, arguments))
        body = None
        if "requestBody" in given:
            body = body_of(resolved(self._document.data, given["requestBody"]), arguments)
        reads = method in ("get", "head", "options", "trace")
        answer = answer_of(mapping(given.get("responses")), self._schemas, reads=reads)
        security = self._security(given)
        name = identifier(self._prefix + (id or f"{method} {path}"), self._taken)
        self._taken.add(name)
        about = short(given.get("summary")) or short(given.get("description")) or ""
        tags = [one for one in listed(given.get("tags")) if isinstance(one, str)]
        return Operation(
            name=name, id=id, method=method.upper(), path=path,
            server=server(self._document, given, item),
            description=about or f"{method.upper()} {path}", tags=tags,
            words=_words(name, path, given, tags, placed),
            parameters=placed, body=body, accept=answer.accept, security=security,
            artifacts=arguments.files, file=answer.file,
            input_schema=arguments.schema(),
            output_schema={} if method == "head" else answer.schema,
        )  # fmt: skip

    def _placed(
        self, path: str, said: Sequence[Mapping[str, Any]], arguments: Arguments
    ) -> Iterator[tuple[str, Parameter]]:
        in_path = dict.fromkeys(_IN_PATH.findall(path))
        declared = {str(one.get("name")) for one in said if one.get("in") == "path"}
        untold = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in in_path
            if name not in declared
        ]
        for one in (*said, *untold):
            wire, place = str(one.get("name")), str(one.get("in"))
            if place not in _STYLES:
                raise Unusable(f"the parameter {wire!r} is in {place!r}, which is not known")
            if place == "header" and wire.lower() in _SET_BY_THE_CALL:
                continue
            if place == "path" and wire not in in_path:
                continue
            yield self._parameter(wire, cast("Place", place), one, arguments)

    def _parameter(
        self, wire: str, place: Place, given: Mapping[str, Any], arguments: Arguments
    ) -> tuple[str, Parameter]:
        required = place == "path" or given.get("required") is True
        content = [*mapping(given.get("content")).values()]
        raw = mapping(content[0]).get("schema", {}) if content else given.get("schema", {})
        name = arguments.add(wire, raw, place, required=required, about=given.get("description"))
        style = str(given.get("style") or _STYLES[place])
        exploded = given.get("explode", style in ("form", "deepObject"))
        return name, Parameter(
            wire=wire, place=place, style=style, explode=exploded is True, required=required,
            json=bool(content),
        )  # fmt: skip

    def _security(self, given: Mapping[str, Any]) -> list[tuple[str, ...]]:
        said = given.get("security", self._document.data.get("security"))
        wanted = [tuple(map(str, mapping(one))) for one in listed(said)]
        known = [tuple(name for name in one if name in self._schemes) for one in wanted]
        fit = [one for one in known if all(is_supported(self._schemes[name]) for name in one)]
        if known and not fit:
            kinds = sorted({str(self._schemes[name].get("type")) for one in known for name in one})
            raise Unusable(f"authentication by {', '.join(kinds)} is not supported")
        return fit


def _words(
    name: str, path: str, given: Mapping[str, Any], tags: Sequence[str], placed: Mapping[str, Any]
) -> str:
    """What a search for an operation reads."""
    parts = [
        _HUMP.sub(" ", name), path, short(given.get("summary")),
        short(given.get("description"), 600), *tags, *placed,
    ]  # fmt: skip
    return re.sub(r"[_/{}.\-]+", " ", " ".join(parts))
