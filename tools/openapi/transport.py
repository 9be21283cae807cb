"""Sending: credentials are added below the client, so no log line, error or redirect has them."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

import httpx2

from agentkit.models.http import certificates, is_loopback
from agentkit.tools.openapi.credentials import Credentials


class Authorised(httpx2.AsyncBaseTransport):
    """Adds credentials to requests to one origin, and to no other."""

    def __init__(
        self,
        server: str,
        credentials: Credentials,
        shared: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._shared = shared
        self._inner = to(server) if shared is None else shared
        self._origin, self._credentials = httpx2.URL(server), credentials

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not same_origin(request.url, self._origin):
            return await self._inner.handle_async_request(request)
        given = self._credentials
        headers = httpx2.Headers(request.headers)
        headers.update(given.headers)
        if given.cookies:
            ours = "; ".join(f"{name}={value}" for name, value in given.cookies.items())
            headers["cookie"] = "; ".join(filter(None, (headers.get("cookie"), ours)))
        url = request.url.copy_merge_params(dict(given.query)) if given.query else request.url
        authorised = httpx2.Request(
            request.method, url, headers=headers, stream=request.stream,
            extensions=request.extensions,
        )  # fmt: skip
        return await self._inner.handle_async_request(authorised)

    async def aclose(self) -> None:
        if self._shared is None:
            await self._inner.aclose()


def same_origin(one: httpx2.URL, other: httpx2.URL) -> bool:
    """Whether scheme, host and port are the same."""
    return _origin(one) == _origin(other)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def to(server: str) -> httpx2.AsyncBaseTransport:
    """A transport to a server, through the proxy of the environment where there is one."""
    url = httpx2.URL(server)
    verify = certificates() if url.scheme == "https" else False
    proxy = None
    if not is_loopback(server) and not proxy_bypass(url.host):
        proxy = getproxies().get(url.scheme) or getproxies().get("all")
    return httpx2.AsyncHTTPTransport(verify=verify, trust_env=False, proxy=proxy)
