"""DBOS: one workflow of async steps, its system database in SQLite."""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID
from outside import Job, Run, main


@asynccontextmanager
async def engine(job: Job) -> AsyncGenerator[Run, None]:
    config: DBOSConfig = {
        "name": "durability",
        "system_database_url": f"sqlite:///{job.folder / 'dbos.sqlite'}",
        "log_level": "ERROR",
    }
    DBOS(config=config)

    @DBOS.step()
    async def step(number: int) -> int:
        return await job.step(number)

    @DBOS.workflow()
    async def workflow() -> int:
        if job.chain:
            number = 0
            for _ in range(job.count):
                number = await step(number)
            return number
        first = job.count - job.joined
        await asyncio.gather(*(step(number) for number in range(first)))
        return await step(first) if job.joined else first

    DBOS.launch()  # carries on what an earlier process has begun

    async def run(name: str) -> dict[str, Any]:
        with SetWorkflowID(name):
            handle = await DBOS.start_workflow_async(workflow)
        end = await handle.get_result()
        assert end == job.count, end
        return {}

    try:
        yield run
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main(engine, "dbos")
