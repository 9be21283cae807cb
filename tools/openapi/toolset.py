"""`OpenApi`: the operations of an API document as the tools of an agent."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.budget import Cost
from agentkit.errors import ToolError, UsageError
from agentkit.given import require_list
from agentkit.nearest import nearest
from agentkit.tool import Context, Retry, Tool, from_schema
from agentkit.tools.openapi.call import Caller, checked_files
from agentkit.tools.openapi.credentials import NO_CREDENTIALS, Credentials, credentials
from agentkit.tools.openapi.dialect import security_schemes
from agentkit.tools.openapi.operation import Operation, Refused
from agentkit.tools.openapi.operations import operations
from agentkit.tools.openapi.read import Document, Source, read
from agentkit.tools.optional import imported
from agentkit.types import Effect, Json

if TYPE_CHECKING:
    import httpx2

    from agentkit.tools.words import Words

MOST_BYTES = 20 * 1024 * 1024
MOST_FOUND = 10
_MOST_COMPLAINT = 600
_EFFECTS: Mapping[str, Effect] = {
    **dict.fromkeys(("GET", "HEAD", "OPTIONS", "TRACE"), "read"),
    **dict.fromkeys(("PUT", "DELETE"), "write"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenApi:
    """The operations of an API document (2.0, 3.0, 3.1), a tool each.

    `source` is a file, a URL, or the document as data. `operations` chooses: operation ids,
    `GET /pets`, tags, tools' names, or globs of these; all where nothing is chosen. `effects` says
    what a repetition of some would do, chosen in the same way; else GET is `read`, PUT and DELETE
    are `write`, and the others `once`.

    `auth` names, for each security scheme of the document, the environment variable with the key,
    the token, or `user:password`; it is read at each call. `server` is the base URL where the
    document's own does not do. `prefix` stands before every tool's name.

    `check_answers=False` takes answers as they come: plans then know nothing of their fields.
    An answer of more than `most_bytes` is a failure. What a server says is never trusted.

    Nothing is read before the first use. Raises `UsageError` then.

    >>> pets = {"get": {"operationId": "listPets", "summary": "All pets.", "responses": {}}}
    >>> document = {"openapi": "3.1.0", "paths": {"/pets": pets}}
    >>> [tool] = OpenApi(document, server="https://pets.example").tools()
    >>> tool.name, tool.description, tool.effect, tool.trusted
    ('listPets', 'All pets.', 'read', False)
    """

    source: Source = field(kw_only=False)
    operations: Sequence[str] = ()
    auth: Mapping[str, str] = field(default_factory=dict[str, str])
    server: str | None = None
    effects: Mapping[str, Effect] = field(default_factory=dict[str, Effect])
    prefix: str = ""
    check_answers: bool = True
    timeout_s: float = 60.0
    most_bytes: int = MOST_BYTES
    retry: Retry | None = field(default_factory=Retry)
    cost: Cost = field(default_factory=Cost)
    environment: Mapping[str, str] | None = None
    """Where the variables of `auth` are; the process's own environment by default."""
    transport: httpx2.AsyncBaseTransport | None = None
    """What carries requests instead of the network: for tests."""

    def tools(self, folder: Path | None = None) -> list[Tool]:
        """A tool for each chosen operation. `folder` is not used: a toolset is given one."""
        return [self._tool(one) for one in self.chosen]

    def search(self, words: str, most: int = MOST_FOUND) -> list[Tool]:
        """The tools of the chosen operations that fit these words, best first (BM25)."""
        found = self._words.shares(words)
        return [self._tool(self.chosen[number]) for number in [*found][:most]]

    @cached_property
    def chosen(self) -> list[Operation]:
        """The operations that are tools, in the document's order."""
        found, refused = self._read
        if not self.operations:
            return found
        require_list(self.operations, "operations")
        for selector in self.operations:
            if not any(_fits(one, selector) for one in found):
                raise UsageError(_unknown(selector, found, refused))
        return [one for one in found if any(_fits(one, sel) for sel in self.operations)]

    @property
    def refused(self) -> list[Refused]:
        """The document's operations that cannot be called, each with the reason."""
        return self._read[1]

    @cached_property
    def _document(self) -> Document:
        return read(self.source)

    @cached_property
    def _read(self) -> tuple[list[Operation], list[Refused]]:
        found, refused = operations(self._document, self.prefix)
        known = security_schemes(self._document)
        for name in self.auth:
            if name not in known:
                near = nearest(name, known)
                hint = f"; did you mean {near!r}?" if near else ""
                there = ", ".join(known) or "none"
                raise UsageError(f"auth= names {name!r}; the document's schemes: {there}{hint}")
        for selector in self.effects:
            if not any(_fits(one, selector) for one in found):
                raise UsageError(_unknown(selector, found, refused))
        return found, refused

    @cached_property
    def _words(self) -> Words:
        from agentkit.tools.words import Words

        imported("numpy", feature="searching an API document", package="numpy", extra="openapi")
        return Words(one.words for one in self.chosen)

    def _tool(self, operation: Operation) -> Tool:
        effect = self._effect(operation)
        caller = Caller(
            operation=operation,
            server=self._server(operation),
            effect=effect,
            timeout_s=self.timeout_s,
            most_bytes=self.most_bytes,
            authorise=partial(self._authorise, operation),
            transport=self.transport,
        )

        async def call(arguments: Mapping[str, Any], context: Context) -> Json:
            return await caller(arguments, context)

        plain = from_schema(
            call,
            name=operation.name,
            description=operation.description,
            input_schema=operation.input_schema,
            output_schema=operation.output_schema if self.check_answers else None,
            effect=effect,
            trusted=False,
            timeout_s=self.timeout_s,
            retry=None if effect == "once" else self.retry,
            cost=self.cost,
        )
        return replace(
            plain, prepare=partial(_prepared, plain, operation), finish=partial(_finished, plain)
        )

    def _effect(self, operation: Operation) -> Effect:
        for selector, effect in self.effects.items():
            if _fits(operation, selector):
                return effect
        return _EFFECTS.get(operation.method, "once")

    def _server(self, operation: Operation) -> str:
        server = self.server or operation.server
        if server is None or not server.startswith(("http://", "https://")):
            raise UsageError(
                f"the document does not say where {operation.place} is, or by no http(s) URL: "
                "give OpenApi(server=…)"
            )
        return server

    def _authorise(self, operation: Operation) -> Credentials:
        if not operation.security or any(not names for names in operation.security):
            optional = [names for names in operation.security if names]
            if not any(set(names) <= self.auth.keys() for names in optional):
                return NO_CREDENTIALS
        for names in operation.security:
            if names and set(names) <= self.auth.keys():
                environment = os.environ if self.environment is None else self.environment
                schemes = security_schemes(self._document)
                return credentials(names, schemes, self.auth, environment)
        wanted = " or ".join(" and ".join(map(repr, names)) for names in operation.security)
        raise ToolError(
            f"{operation.place} needs {wanted}: name the environment variable that holds it, as "
            f"OpenApi(auth={{{operation.security[0][0]!r}: 'VARIABLE'}})"
        )


def _prepared(
    plain: Tool, operation: Operation, args: Mapping[str, Json], context: Context
) -> dict[str, Any]:
    arguments = plain.prepare(args, context)
    checked_files(operation.artifacts, arguments)
    return {"arguments": arguments, "context": context}


def _finished(plain: Tool, result: Any, context: Context) -> Json:
    try:
        return plain.finish(result, context)
    except (ValueError, RecursionError) as error:
        done = "" if plain.effect == "read" else "the server has done it, but "
        said = str(error)
        if len(said) > _MOST_COMPLAINT:
            said = f"{said[:_MOST_COMPLAINT]}…"
        raise ValueError(
            f"{done}the answer is not as the document says: {said}; "
            "OpenApi(check_answers=False) takes it as it is"
        ) from None


def _fits(operation: Operation, selector: str) -> bool:
    known = (operation.id, operation.name, operation.place, *operation.tags)
    return selector in known or any(fnmatchcase(one, selector) for one in known if one)


def _unknown(selector: str, found: Sequence[Operation], refused: Sequence[Refused]) -> str:
    for one in refused:
        if selector in (one.id, one.place):
            return f"{selector!r} cannot be a tool: {one.reason}"
    names = {name for one in found for name in (one.id, one.name, one.place, *one.tags) if name}
    near = nearest(selector, names)
    hint = f"; did you mean {near!r}?" if near else ""
    return (
        "expected an operation's id, `GET /path`, a tag or a glob of these; "
        f"no operation fits {selector!r}{hint}"
    )
