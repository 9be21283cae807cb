"""One call: arguments checked, the request sent, its answer read, every failure said in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

from agentkit.engine.timelimit import TimedOut
from agentkit.errors import ToolError
from agentkit.media import ANY_MEDIA, Artifact, Media, matches
from agentkit.models.endpoint import retry_after_s
from agentkit.sniff import HEAD_BYTES, media_type
from agentkit.tools.openapi.body import bare, is_json, is_text
from agentkit.tools.openapi.credentials import Credentials
from agentkit.tools.openapi.operation import Operation
from agentkit.tools.openapi.refer import is_list, listed
from agentkit.tools.openapi.request import File, Outgoing, outgoing
from agentkit.tools.openapi.text import one_line

if TYPE_CHECKING:
    import httpx2

    from agentkit.tool import Context
    from agentkit.types import Effect, Json

MOST_REDIRECTS = 5
MOST_SAID = 300
_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Calls one operation."""

    operation: Operation
    server: str
    effect: Effect
    timeout_s: float
    most_bytes: int
    authorise: Callable[[], Credentials]
    transport: httpx2.AsyncBaseTransport | None = None

    async def __call__(self, arguments: Mapping[str, Any], context: Context) -> Json:
        """What the server answers. Raises `ToolError`, or `TimedOut` where a call that is made
        only once may have been heard."""
        credentials = self.authorise()
        files = await asyncio.to_thread(_files, self.operation, arguments, context)
        sent = outgoing(self.operation, arguments, files, self.server)
        key = {} if self.effect in ("pure", "read") else {"Idempotency-Key": context.key}
        async with self._answered(sent, key, credentials) as response:
            body = await self._whole(response)
        body = credentials.hide(body)
        if response.status_code >= 400:
            self._refuse(response, body, credentials)
        return await self._value(response, body, credentials, context)

    @asynccontextmanager
    async def _answered(
        self, sent: Outgoing, key: Mapping[str, str], credentials: Credentials
    ) -> AsyncGenerator[httpx2.Response]:
        """The answer, its body not yet read; redirects within the server are followed."""
        import httpx2

        from agentkit.tools.openapi.transport import Authorised

        try:
            authorised = Authorised(self.server, credentials, self.transport)
            timeout = httpx2.Timeout(self.timeout_s, connect=min(self.timeout_s, 15.0))
            async with httpx2.AsyncClient(transport=authorised, timeout=timeout) as client:
                request = client.build_request(
                    sent.method, sent.url, headers={**sent.headers, **key},
                    content=sent.content, files=[*sent.parts] or None,
                )  # fmt: skip
                response = await self._followed(client, request)
                try:
                    yield response
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            self._unheard(error, credentials)

    async def _followed(
        self, client: httpx2.AsyncClient, request: httpx2.Request
    ) -> httpx2.Response:
        from agentkit.tools.openapi.transport import same_origin

        for _ in range(MOST_REDIRECTS):
            response = await client.send(request, stream=True)
            if response.next_request is None:
                return response
            await response.aclose()
            if not same_origin(response.next_request.url, request.url):
                raise ToolError(
                    f"{self._what} answered with a redirect to another server, "
                    f"{one_line(response.next_request.url.host, 100)}; it is not followed"
                )
            request = response.next_request
        raise ToolError(f"{self._what} answered with {MOST_REDIRECTS} redirects in a row")

    async def _whole(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes(65536):
            body += piece
            if len(body) > self.most_bytes:
                raise ToolError(
                    f"{self._what} answered {response.status_code} with more than "
                    f"{self.most_bytes:,} bytes; ask for less, by a page or a filter"
                )
        return bytes(body)

    async def _value(
        self, response: httpx2.Response, body: bytes, credentials: Credentials, context: Context
    ) -> Json:
        kind = bare(response.headers.get("content-type", ""))
        wanted = self.operation.file
        if wanted is None and not body:
            return None
        if wanted is None and (is_json(kind) or not kind):
            return cast("Json", credentials.hide(self._json(body, response)))
        if wanted is None and is_text(kind):
            return cast("Json", credentials.hide(self._text(body, response)))
        found = kind or media_type("", body[:HEAD_BYTES])
        if wanted is not None and not matches(found, wanted):
            raise ToolError(f"{self._what} answered with {found}; its document says {wanted}")
        name = self.operation.path.rstrip("/").rpartition("/")[2].strip("{}")
        stored = await asyncio.to_thread(
            context.artifacts.put, body, media_type=found, name=one_line(name, 60)
        )
        return cast("Json", asdict(stored))

    def _json(self, body: bytes, response: httpx2.Response) -> object:
        try:
            return json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            if not response.headers.get("content-type"):
                return self._text(body, response)
            raise ToolError(
                f"{self._what} answered {response.status_code} with what is no JSON: "
                f"{one_line(str(error))}"
            ) from None

    def _text(self, body: bytes, response: httpx2.Response) -> str:
        try:
            return body.decode(response.charset_encoding or "utf-8", errors="replace")
        except LookupError:
            return body.decode("utf-8", errors="replace")

    def _refuse(self, response: httpx2.Response, body: bytes, credentials: Credentials) -> NoReturn:
        status = response.status_code
        text = credentials.hide(self._text(body[: 20 * MOST_SAID], response))
        said = one_line(text, MOST_SAID)
        wait_s = retry_after_s(response.headers.get("retry-after"))
        soon = wait_s is None or wait_s <= _LONGEST_WAIT_S
        later = "" if wait_s is None else f"; it asks to wait {wait_s:g} s"
        hint = "; check auth=" if status in (401, 403) else ""
        raise ToolError(
            f"{self._what} answered {status}{f': {said}' if said else ''}{later}{hint}",
            retryable=status in _LATER and soon,
            retry_after_s=wait_s,
        )

    def _unheard(self, error: Exception, credentials: Credentials) -> NoReturn:
        import httpx2

        said = credentials.hide(one_line(str(error)) or type(error).__name__)
        unsent = (
            httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError,
        )  # fmt: skip
        wrong = (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError)
        if isinstance(error, wrong):  # no such request is sent
            raise ToolError(f"{self._what} cannot be called so: {said}") from None
        if isinstance(error, unsent):
            raise ToolError(f"cannot reach {self._what}: {said}", retryable=True) from None
        if self.effect == "once":
            raise TimedOut(
                f"{self._what} was called and gave no whole answer ({said}): it may have been done"
            ) from None
        raise ToolError(f"{self._what} gave no whole answer: {said}", retryable=True) from None

    @property
    def _what(self) -> str:
        return f"{self.operation.place} at {address(self.server)}"


def address(server: str) -> str:
    """Scheme and host of a server, and nothing that may be secret."""
    scheme, _, rest = server.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"


def checked_files(artifacts: Mapping[str, str], arguments: Mapping[str, Any]) -> None:
    """Raises `ValueError` for a handle of another media type than the operation takes."""
    for name, pattern in artifacts.items():
        for handle in _handles(arguments.get(name)):
            found = _artifact(handle)
            if pattern != ANY_MEDIA and not matches(found.media_type, pattern):
                raise ValueError(
                    f"argument {name}: expected an artifact of media type {pattern!r}, "
                    f"came {found.media_type!r}"
                )


def _files(
    operation: Operation, arguments: Mapping[str, Any], context: Context
) -> dict[str, Sequence[File]]:
    found: dict[str, Sequence[File]] = {}
    for name in operation.artifacts:
        given = [_artifact(handle) for handle in _handles(arguments.get(name))]
        found[name] = [
            File(one.name, one.media_type, context.artifacts.read(one.sha256)) for one in given
        ]
    return found


def _handles(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return listed(value) if is_list(value) else [value]


def _artifact(handle: Mapping[str, Any]) -> Artifact:
    from pydantic import TypeAdapter

    return TypeAdapter[Artifact](Annotated[Artifact, Media(ANY_MEDIA)]).validate_python(handle)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
