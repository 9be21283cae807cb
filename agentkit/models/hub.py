"""A file of a model hub over plain HTTPS, gone on with where an earlier attempt ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from agentkit.errors import ModelError
from agentkit.models.growing import Growing
from agentkit.models.http import certificates, is_loopback
from agentkit.models.weights import Hub

if TYPE_CHECKING:
    import httpx2

_MOST_CONNECTIONS = 20
_MAY_PASS = (408, 429, 500, 502, 503, 504)


def download(hub: Hub, into: Growing, tell: Callable[[], None]) -> None:
    """Appends what is missing. A connection that drops is made again as long as each brings more.

    Raises `ModelError`; what has come is kept.
    """
    import httpx2

    with httpx2.Client(
        follow_redirects=True,  # a hub keeps large files elsewhere
        timeout=httpx2.Timeout(60.0, connect=15.0),
        verify=certificates() if hub.url.startswith("https:") else False,
        trust_env=not is_loopback(hub.url),
    ) as client:
        dropped = ""
        for _ in range(_MOST_CONNECTIONS):
            before = into.size_bytes
            try:
                _one_connection(client, hub, into, tell)
                dropped = "it ended early"
            except httpx2.HTTPError as error:
                dropped = str(error) or type(error).__name__
            if into.size_bytes == into.file.size_bytes:
                return
            if into.size_bytes <= before:
                break
    raise ModelError(
        f"{hub.url} could not be read ({dropped}) beyond {into.size_bytes:,} of "
        f"{into.file.size_bytes:,} bytes; check the network, then try again: what has come is kept",
        retryable=True,
    )


def _one_connection(
    client: httpx2.Client, hub: Hub, into: Growing, tell: Callable[[], None]
) -> None:
    # Compressed bytes would be no range of the file.
    headers = {"Accept-Encoding": "identity"}
    if into.size_bytes:
        headers["Range"] = f"bytes={into.size_bytes}-"
    with client.stream("GET", hub.url, headers=headers) as response:
        start, total = _range(hub, response)
        if total is not None and total != into.file.size_bytes:
            raise ModelError(
                f"{hub.url} has {total:,} bytes where {into.file.size_bytes:,} are expected of "
                f"{into.file.name}; it is another file: do not use this source"
            )
        if start > into.size_bytes:
            raise ModelError(f"{hub.url} answered from byte {start:,}, asked for an earlier one")
        into.cut(start)  # to nothing where the server knows no ranges
        # Pieces as they come: of larger ones the last would be lost with its connection.
        into.append(_told(response.iter_raw(), into, tell))


def _range(hub: Hub, response: httpx2.Response) -> tuple[int, int | None]:
    """At which byte the answer begins, and how many the whole file has where it says so."""
    if response.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", ""))
        if found:
            return int(found[1]), None if found[2] == "*" else int(found[2])
    elif response.status_code == 200:
        length = response.headers.get("content-length", "")
        return 0, int(length) if length.isdecimal() else None
    status = response.status_code
    raise ModelError(
        f"expected the file from {hub.url}, got HTTP status {status}; "
        + (
            "try again later"
            if status in _MAY_PASS
            else "it may have moved: do not use this source"
        ),
        retryable=status in _MAY_PASS,
    )


def _told(chunks: Iterator[bytes], into: Growing, tell: Callable[[], None]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk  # the receiver counts it, then asks for the next
        tell()
