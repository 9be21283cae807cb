"""LangGraph: a StateGraph with AsyncSqliteSaver, `durability="sync"`."""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import operator
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from outside import Job, Run, main


class Number(TypedDict):
    number: int


class Numbers(TypedDict):
    numbers: Annotated[list[int], operator.add]


def chain(job: Job) -> StateGraph:
    """Each node takes the number of the one before."""

    async def node(state: Number) -> Number:
        return {"number": await job.step(state["number"])}

    graph = StateGraph(Number)
    names = [f"n{number}" for number in range(job.count)]
    for name in names:
        graph.add_node(name, node)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph


def fan(job: Job) -> StateGraph:
    """All but the last node at once, the last one after them."""

    def node(number: int) -> Any:
        async def call(state: Numbers) -> Numbers:
            return {"numbers": [await job.step(number)]}

        return call

    graph = StateGraph(Numbers)
    last = f"n{job.count - 1}"
    for number in range(job.count):
        graph.add_node(f"n{number}", node(number))
    for number in range(job.count - 1):
        graph.add_edge(START, f"n{number}")
    graph.add_edge([f"n{number}" for number in range(job.count - 1)], last)
    graph.add_edge(last, END)
    return graph


@asynccontextmanager
async def engine(job: Job) -> AsyncGenerator[Run, None]:
    async with AsyncSqliteSaver.from_conn_string(str(job.folder / "saver.sqlite")) as saver:
        await saver.setup()
        graph = (chain(job) if job.chain else fan(job)).compile(checkpointer=saver)

        async def run(name: str) -> dict[str, Any]:
            config: Any = {"configurable": {"thread_id": name}, "recursion_limit": job.count + 10}
            resumed = await saver.aget_tuple(config) is not None
            begin: Any = {"number": 0} if job.chain else {"numbers": []}
            end = await graph.ainvoke(None if resumed else begin, config, durability="sync")
            if job.chain:
                assert end["number"] == job.count, end
            else:
                assert len(end["numbers"]) == job.count, end
            return {}

        yield run


if __name__ == "__main__":
    main(engine, "langgraph", "langgraph-checkpoint-sqlite")
