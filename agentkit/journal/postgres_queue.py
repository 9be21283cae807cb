"""The queue of runs in a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from agentkit.journal.lease import Lease
from agentkit.journal.postgres import CHANNEL
from agentkit.journal.queue import TIMER_S
from agentkit.journal.server import NOW, Server
from agentkit.journal.writer import Writer
from agentkit.protocols import ANY_DEATHS, Claim

_FORGET = f"""
DELETE FROM agentkit.worker w WHERE lease_until < {NOW} - 86400
AND NOT EXISTS (SELECT FROM agentkit.run WHERE status = 'running' AND owner = w.id)
"""
_JOIN = f"INSERT INTO agentkit.worker VALUES ($1, {NOW} + $2)"
_RENEW = f"""
UPDATE agentkit.worker SET lease_until = {NOW} + $2 WHERE id = $1 AND lease_until > {NOW}
RETURNING id
"""
# A run that another worker claims while this statement runs is looked at once more, beside the same
# row of `worker` as before: that is why the lease must be one of the run's present owner. An owner
# without a row left while its claim was under way; `seen` is the run as this statement found it.
_CLAIM = f"""
WITH open AS MATERIALIZED (
    SELECT r.id FROM agentkit.run r LEFT JOIN agentkit.worker w ON w.id = r.owner
    WHERE (r.status = 'ready' AND r.wake_at <= {NOW}
        OR r.status = 'running' AND w.id = r.owner AND w.lease_until <= {NOW}
        OR r.status = 'running' AND w.id IS NULL
            AND r.owner = (SELECT seen.owner FROM agentkit.run seen WHERE seen.id = r.id))
        AND EXISTS (SELECT FROM agentkit.worker WHERE id = $1 AND lease_until > {NOW})
        AND r.deaths + (r.status = 'running')::integer BETWEEN $3 AND $4
    ORDER BY r.wake_at LIMIT $2 FOR UPDATE OF r SKIP LOCKED
)
UPDATE agentkit.run r SET status = 'running', owner = $1, epoch = r.epoch + 1,
    deaths = r.deaths + (r.status = 'running')::integer
FROM open WHERE r.id = open.id RETURNING r.id, r.epoch, r.deaths
"""
_LEAVE = """
WITH gone AS (DELETE FROM agentkit.worker WHERE id = $1)
UPDATE agentkit.run SET status = 'ready', owner = NULL, deaths = 0
WHERE status = 'running' AND owner = $1
"""


class PostgresQueue:
    """Runs to be claimed; what is claimed here can be written by `writer` alone."""

    def __init__(self, server: Server, writer: Writer) -> None:
        self._server, self._writer = server, writer
        self._listening: Any = None
        self._woken = asyncio.Event()

    async def join(self, worker: str, *, lease_s: float) -> None:
        """A lease of `lease_s` seconds for a new worker."""

        async def join(connection: Any) -> None:
            await connection.execute(_FORGET)
            await connection.execute(_JOIN, worker, lease_s)

        await self._server.read(join)

    async def renew(self, worker: str, *, lease_s: float) -> bool:
        """Whether the lease was still running; it ends `lease_s` seconds from now then."""
        found = await self._server.read(
            lambda connection: connection.fetchval(_RENEW, worker, lease_s)
        )
        return found is not None

    async def claim(
        self, worker: str, *, limit: int, deaths: range = ANY_DEATHS
    ) -> Sequence[Claim]:
        """Runs that are this worker's now, at most `limit`; none where its lease is over."""
        bounds = (limit, deaths.start, deaths.stop - 1)
        await self._writer.drained()
        claims = await self._server.read(
            lambda connection: connection.fetch(_CLAIM, worker, *bounds)
        )
        for run, epoch, _ in claims:
            self._writer.hold(run, Lease(worker, epoch))
        return [Claim(run, deaths=died) for run, _, died in claims]

    async def leave(self, worker: str) -> None:
        """The worker's lease ends, and what it still holds is ready for another one."""
        await self._server.read(lambda connection: connection.execute(_LEAVE, worker))

    async def wait(self, timeout_s: float = TIMER_S) -> None:
        """Returns when a batch of anybody's has made runs claimable, or after `timeout_s`."""
        await self._server.on_loop(self._wait(timeout_s))

    def _wake(self, *notification: object) -> None:
        self._woken.set()

    async def _wait(self, timeout_s: float) -> None:
        if self._listening is None or self._listening.is_closed():
            self._listening = await self._server.connect()
            await self._listening.add_listener(CHANNEL, self._wake)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        self._woken.clear()
