"""Nothing lost, nothing done twice, and what it costs: beside LangGraph and DBOS, in one run.

    python benchmarks/durability.py [--check] [--kills 10] [--rounds 3] [--alone]

The peers run in environments of their own, made from PyPI in the user's cache at the first call;
where that cannot be reached agentkit runs alone. Ratios are of medians within one run.
"""

from __future__ import annotations

import argparse
import random
import sys

import journaled
import kills
from peers.environment import Engine, NotThere, ours, peer
from table import Row, exit_code, show

PROCESS, POWER = "pure-process", "pure-power"


def peers() -> tuple[dict[str, Engine], list[Row]]:
    """Those that can be had, by name, and why others cannot."""
    found: dict[str, Engine] = {}
    missing: list[Row] = []
    for name in ("langgraph", "dbos"):
        try:
            found[name] = peer(name)
        except NotThere as error:
            missing.append(Row(f"beside {name}", f"skipped: {error}"))
    return found, missing


def kill_rows(others: dict[str, Engine], count: int, seed: int) -> list[Row]:
    """All engines, killed at random instants in a chain and in a fan."""
    rows: list[Row] = []
    for shape in ("chain", "fan"):
        for engine in (ours("once"), ours("write"), *others.values()):
            chance = random.Random(f"{seed} {engine.name} {shape}")
            found = kills.kills(engine, shape, count=count, chance=chance)
            rows += kills.rows(engine, shape, found)
    return rows


def cost_rows(others: dict[str, Engine], rounds: int) -> list[Row]:
    """What a journaled step costs: in a chain, side by side, and in bytes."""
    engines = [ours(PROCESS), ours(POWER), *others.values()]
    found = journaled.measure(engines, "chain", journaled.CHAIN, rounds)
    rows = [Row(name, version) for each in found for name, version in each.versions.items()]
    rows = list(dict.fromkeys(rows))
    what = f"chain of {journaled.CHAIN}"
    rows += journaled.speed_rows(engines, found, what, "langgraph")
    engines = [ours(PROCESS), *(others[name] for name in ("dbos",) if name in others)]
    found = journaled.measure(engines, "wide", journaled.WIDE, rounds)
    rows += journaled.speed_rows(engines, found, f"{journaled.WIDE} at once", "dbos")
    engines = [ours(PROCESS), *(others[name] for name in ("langgraph",) if name in others)]
    found = journaled.measure(engines, "chain", journaled.LONG_CHAIN, 1)
    return rows + journaled.byte_rows(engines, found)


def main() -> int:
    parser = argparse.ArgumentParser(description="nothing done twice, and what it costs")
    parser.add_argument("--kills", type=int, default=10, help="of each engine and shape")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="agentkit without its peers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    others, missing = ({}, []) if given.alone else peers()
    killed = missing + kill_rows(others, given.kills, given.seed)
    show("Killed and resumed", killed)
    cost = cost_rows(others, given.rounds)
    show("Journaled steps", cost)
    return exit_code([*killed, *cost], check=given.check)


if __name__ == "__main__":
    sys.exit(main())
