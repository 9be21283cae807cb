"""OpenAPI 2.0 said in the words of 3.0, so that everything else knows one dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

from agentkit.tools.openapi.read import Document
from agentkit.tools.openapi.refer import Unusable, listed, mapping, resolved

_NOT_OF_A_SCHEMA = frozenset(
    "name in required description collectionFormat allowEmptyValue".split()
)
_STYLES: Mapping[str, Mapping[str, Any]] = {
    "csv": {"explode": False},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "tsv": {"style": "tabDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
    "multi": {"explode": True},
}
FILE = {"type": "string", "format": "binary"}


def parameters(
    document: Document, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> list[Any]:
    """An operation's parameters, resolved, its own instead of the path's. Raises `Unusable`."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in (*listed(item.get("parameters")), *listed(operation.get("parameters"))):
        parameter = resolved(document.data, one)
        found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    return [*found.values()]


def in_three(
    document: Document, given: Sequence[Mapping[str, Any]], operation: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """Parameters and operation of 2.0, as 3.0 has them."""
    bodies = [one for one in given if one.get("in") == "body"]
    fields = [one for one in given if one.get("in") == "formData"]
    others = [_parameter(one) for one in given if one.get("in") not in ("body", "formData")]
    consumes = _types(document, operation, "consumes")
    changed = dict(operation)
    changed.pop("requestBody", None)
    if bodies:
        schema = mapping(bodies[0].get("schema"))
        content = {kind: {"schema": schema} for kind in consumes or ["application/json"]}
        changed["requestBody"] = {"required": bodies[0].get("required"), "content": content}
    elif fields:
        changed["requestBody"] = _form(fields, consumes)
    produces = _types(document, operation, "produces") or ["application/json"]
    changed["responses"] = {
        code: _response(resolved(document.data, one), produces)
        for code, one in mapping(operation.get("responses")).items()
    }
    return others, changed


def _types(document: Document, operation: Mapping[str, Any], word: str) -> list[str]:
    said = operation.get(word, document.data.get(word))
    return [one for one in listed(said) if isinstance(one, str)]


def _parameter(given: Mapping[str, Any]) -> Mapping[str, Any]:
    style = _STYLES.get(str(given.get("collectionFormat", "csv")), {})
    kept = {key: given[key] for key in ("name", "in", "required", "description") if key in given}
    return {**kept, **(style if given.get("type") == "array" else {}), "schema": _schema(given)}


def _schema(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("type") == "file":
        return dict(FILE)
    return {key: value for key, value in given.items() if key not in _NOT_OF_A_SCHEMA}


def _form(fields: Sequence[Mapping[str, Any]], consumes: Sequence[str]) -> Mapping[str, Any]:
    properties = {
        str(one.get("name")): {**_schema(one), "description": one.get("description")}
        for one in fields
    }
    required = [str(one.get("name")) for one in fields if one.get("required") is True]
    files = any(one.get("type") == "file" for one in fields)
    kind = (
        "multipart/form-data"
        if files or consumes[:1] == ["multipart/form-data"]
        else "application/x-www-form-urlencoded"
    )
    schema = {"type": "object", "properties": properties, "required": required}
    return {"required": bool(required), "content": {kind: {"schema": schema}}}


def _response(given: Mapping[str, Any], produces: Sequence[str]) -> Mapping[str, Any]:
    schema = given.get("schema")
    if schema is None:
        return {}
    if mapping(schema).get("type") == "file":
        schema = FILE
    return {"content": {kind: {"schema": schema} for kind in produces}}


def security_schemes(document: Document) -> dict[str, Mapping[str, Any]]:
    """The ways to authenticate, by name, as 3.0 has them."""
    data = document.data
    if document.version != "2.0":
        found = mapping(mapping(data.get("components")).get("securitySchemes"))
        return {name: _target(data, scheme) for name, scheme in found.items()}
    basic = {"type": "http", "scheme": "basic"}
    return {
        name: basic if mapping(scheme).get("type") == "basic" else mapping(scheme)
        for name, scheme in mapping(data.get("securityDefinitions")).items()
    }


def _target(root: Mapping[str, Any], scheme: object) -> Mapping[str, Any]:
    try:
        return resolved(root, scheme)
    except Unusable:
        return {}


def server(document: Document, *levels: Mapping[str, Any]) -> str | None:
    """The base URL that the narrowest level names, with its variables' defaults; without a host
    that of the document's own URL."""
    if document.version == "2.0":
        said = _host(document)
    else:
        servers = (listed(level.get("servers")) for level in (*levels, document.data))
        said = _filled(mapping(next((found[0] for found in servers if found), {"url": "/"})))
    try:
        whole = urljoin(document.url or "", said)
        parts = urlsplit(whole)
    except ValueError:
        return None
    return whole.rstrip("/") if parts.scheme in ("http", "https") and parts.netloc else None


def _host(document: Document) -> str:
    data = document.data
    path = "/" + str(data.get("basePath") or "").strip("/")
    if not data.get("host"):
        return path
    schemes = listed(data.get("schemes")) or ["https"]
    scheme = "https" if "https" in schemes else "http" if "http" in schemes else "https"
    return f"{scheme}://{data['host']}{path}"


def _filled(given: Mapping[str, Any]) -> str:
    url = str(given.get("url") or "/")
    for name, variable in mapping(given.get("variables")).items():
        url = url.replace("{" + name + "}", str(mapping(variable).get("default", "")))
    return url
