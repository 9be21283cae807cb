"""Sync tools run here: threads of one scheduler.

They are daemons: a tool that hangs can be abandoned, and must not keep the process from ending,
as the threads of a `ThreadPoolExecutor` would. There is no queue; the scheduler's lanes bound the
calls, so that the most urgent one gets the next thread and not the oldest.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any


@dataclass(slots=True, eq=False)
class Job:
    """A blocking call on its way. `freed` is called when an abandoned one ends after all."""

    call: Callable[[], Any]
    done: asyncio.Future[None]
    context: contextvars.Context
    value: Any = None
    error: BaseException | None = None
    freed: Callable[[], None] | None = None
    over: bool = False
    """Its thread is free again: nothing is left to abandon."""

    def run(self) -> None:
        try:
            self.value = self.context.run(self.call)
        except BaseException as error:  # noqa: BLE001 - a tool's SystemExit must not lose the call
            self.error = error


class Threads:
    """Runs blocking calls for one event loop; idle threads are used again."""

    def __init__(self) -> None:
        self._hired: set[SimpleQueue[Job | None]] = set()
        self._idle: list[SimpleQueue[Job | None]] = []

    async def run(
        self, call: Callable[[], Any], *, abandoned: Callable[[], None], freed: Callable[[], None]
    ) -> Any:
        """What the call returns, or its exception.

        Being cancelled does not stop the thread: `abandoned` is called, the result will be
        dropped, and `freed` is called once the thread is free.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        job = Job(call, done, contextvars.copy_context())
        jobs = self._idle.pop() if self._idle else self._new()
        jobs.put(job)
        try:
            await job.done
        except asyncio.CancelledError:
            if not job.over:
                job.freed = freed
                abandoned()
            raise
        if job.error is not None:
            raise job.error
        return job.value

    def close(self) -> None:
        """Let the idle threads end; the others end with their call, whether or not the loop that
        it was made on still runs by then. Whatever is run later gets new ones."""
        for jobs in self._hired:
            jobs.put(None)
        self._hired.clear()
        self._idle.clear()

    def _new(self) -> SimpleQueue[Job | None]:
        jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._hired.add(jobs)
        threading.Thread(target=self._work, args=(jobs,), name="agentkit tool", daemon=True).start()
        return jobs

    def _work(self, jobs: SimpleQueue[Job | None]) -> None:
        while (job := jobs.get()) is not None:
            job.run()
            try:
                job.done.get_loop().call_soon_threadsafe(self._deliver, job, jobs)
            except RuntimeError:
                return  # the loop is closed: the call was abandoned long ago
            del job

    def _deliver(self, job: Job, jobs: SimpleQueue[Job | None]) -> None:
        job.over = True
        if jobs in self._hired:
            self._idle.append(jobs)
        if not job.done.done():
            job.done.set_result(None)
        elif job.freed is not None:
            job.freed()
