"""Who may ask at all: before anything else looks at a request, it passes here.

A page of another site can make a browser send requests to this machine. It cannot make one leave
out `Origin`, and a name that it points here (DNS rebinding) stands in `Host`: both must be ours.
A browser that was let in shows a cookie in place of the token; what it changes must come from a
page of ours, which it says in `Origin` or `Sec-Fetch-Site`.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from secrets import compare_digest
from typing import TypeAlias
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from agentkit.serve.refused import Refused, answer

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPEN = frozenset(("/health",))
"""What needs no token."""

_OWN = ("same-origin", "none")
"""Of `Sec-Fetch-Site`: from a page of ours, or typed by a person."""

_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names under which clients reach the server.

    `any_address` lets numeric addresses pass as well: nobody can point those elsewhere.
    """

    known: frozenset[str]
    any_address: bool = False

    def __contains__(self, name: str) -> bool:
        return name in self.known or (self.any_address and _is_address(name))


def names_of(host: str, further: Iterable[str] = ()) -> Names:
    """Those of a server bound to this host.

    >>> "localhost" in names_of("127.0.0.1"), "192.168.0.7" in names_of("127.0.0.1")
    (True, False)
    >>> "192.168.0.7" in names_of("0.0.0.0"), "evil.example" in names_of("0.0.0.0")
    (True, False)
    """
    known = {host.lower(), *(name.lower() for name in further)}
    everywhere = _is_address(host) and ipaddress.ip_address(host).is_unspecified
    if everywhere or is_loopback(host):
        known |= {*LOOPBACK}
    return Names(known=frozenset(known), any_address=everywhere)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The application behind it hears only requests that may be made."""

    app: ASGIApp
    token: str
    names: Names
    header_bytes: int
    open: frozenset[str] = OPEN

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            try:
                self._pass(scope)
            except Refused as refused:
                await answer(refused)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _pass(self, scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        if size > self.header_bytes:
            raise Refused(431, f"expected headers of at most {self.header_bytes} bytes; got {size}")
        host = _one(headers, b"host")
        if host is None or _name_of(host) not in self.names:
            raise Refused(
                403,
                f"the server is not known as {host!r}; reach it by the address it was started "
                "with, or start it with --name NAME",
                code="foreign_host",
            )
        self._from_here(headers, host)
        if scope["path"] not in self.open and not self._known(scope["method"], headers):
            raise Refused(
                401,
                "expected the header Authorization: Bearer TOKEN with the token that the server "
                "printed when it started; a browser is let in at /",
                code="invalid_api_key",
            )

    def _known(self, method: str, headers: Headers) -> bool:
        if _bears(headers, self.token):
            return True
        ours = _one(headers, b"origin") or _one(headers, b"sec-fetch-site") == "same-origin"
        return has_cookie(headers, self.token) and (method in _SAFE or bool(ours))

    def _from_here(self, headers: Headers, host: str) -> None:
        """Raises `Refused` where a page of another site asks."""
        origin, site = _one(headers, b"origin"), _one(headers, b"sec-fetch-site")
        foreign = origin is not None and _place_of(origin) != host.lower()
        if foreign or (site is not None and site not in _OWN):
            asks = origin if foreign else f"another site ({site})"
            raise Refused(403, f"{asks} may not ask this server", code="foreign_origin")


def cookie_of(token: str) -> tuple[str, str]:
    """What a browser keeps that showed the token, a name and a value: the token cannot be had from
    them, and servers at several ports of a machine do not take each other's for theirs."""
    value = hmac.digest(token.encode(), b"agentkit's page", "sha256").hex()
    return f"agentkit-{value[:8]}", value


def has_cookie(headers: Headers, token: str) -> bool:
    """Whether the browser was let in with this token."""
    pairs = [pair for name, value in headers if name == b"cookie" for pair in value.split(b";")]
    given = [pair.strip().partition(b"=") for pair in pairs]
    known, wanted = (part.encode() for part in cookie_of(token))
    return any(name == known and compare_digest(value, wanted) for name, _, value in given)


def _one(headers: Headers, wanted: bytes) -> str | None:
    """The header, None where it is not there. Raises `Refused` where it is there twice."""
    found = [value for name, value in headers if name == wanted]
    if len(found) > 1:
        raise Refused(400, f"expected one header {wanted.decode()}; got {len(found)}")
    return found[0].decode("latin-1") if found else None


def _bears(headers: Headers, token: str) -> bool:
    kind, _, given = (_one(headers, b"authorization") or "").partition(" ")
    same = compare_digest(given.strip().encode("latin-1"), token.encode())
    return same and kind.lower() == "bearer"


def _name_of(host: str) -> str:
    """The name in a `Host` header, without its port; empty where it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _place_of(origin: str) -> str:
    """The name and port in an `Origin` header; empty where there is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
