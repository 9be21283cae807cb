"""Starts by time and by files, in virtual time: what is started, skipped or missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import TZPATH, ZoneInfo

import pytest

from agentkit.cli.starts.by_file import by_file
from agentkit.cli.starts.by_time import by_time
from agentkit.cli.starts.overlap import Overlap, Starts
from agentkit.cli.starts.start import Start, key_of, start_at
from agentkit.cli.starts.times import Cron, Every, Times, cron, local_zone
from agentkit.errors import UsageError
from agentkit.testing.virtual_time import VirtualTimeLoop

T = TypeVar("T")
PRAGUE = ZoneInfo("Europe/Prague")
EPOCH = datetime(2026, 3, 1, 12, tzinfo=PRAGUE).timestamp()
KEY = "3f9a1c2b"


class Inline(ThreadPoolExecutor):
    """Runs what it gets at once: virtual time does not wait for threads."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done = Future[T]()
        done.set_result(fn(*args, **kwargs))
        return done


@dataclass
class World:
    """A machine: its clock, what was started on it at which second, and what was said."""

    takes_s: float = 10.0
    slept_s: float = 0.0
    begun: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    ended: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])

    def clock(self) -> float:
        return EPOCH + asyncio.get_running_loop().time() + self.slept_s

    async def carry_on(self, start: Start) -> None:
        self.begun.append((self.clock() - EPOCH, start.about))
        await asyncio.sleep(self.takes_s)
        self.ended.append(start.run)

    def starts(self, overlap: Overlap) -> Starts:
        async def made(start: Start) -> bool:
            return start.run in self.ended

        return Starts(self.carry_on, made, overlap, self.said.append)

    def keep(
        self,
        overlap: Overlap,
        kept: Callable[[Starts], Coroutine[Any, Any, None]],
        *,
        for_s: float,
    ) -> list[str]:
        """Keeps starting for so long; gives the runs that were cut by the end of that."""

        async def work() -> list[str]:
            asyncio.get_running_loop().set_default_executor(Inline(1))
            starts = self.starts(overlap)
            with suppress(TimeoutError):
                await asyncio.wait_for(kept(starts), for_s)
            return await starts.close()

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(work())

    def by_time(self, starts: Starts, times: Times, last: float | None = None) -> Any:
        return by_time(times, KEY, starts.offer, last=last, clock=self.clock, say=self.said.append)

    def missed(self) -> list[str]:
        return [text for text in self.said if text.startswith("missed")]


@pytest.mark.parametrize(
    ("overlap", "begun", "told"),
    [
        ("skip", [0, 40, 80, 120], 3),
        ("queue", [0, 25, 50, 75, 100], 6),
        ("together", [0, 20, 40, 60, 80, 100, 120], 0),
    ],
)
def test_a_start_that_overlaps(overlap: Overlap, begun: list[float], told: int) -> None:
    world = World(takes_s=25)
    cut = world.keep(overlap, lambda starts: world.by_time(starts, Every(20, EPOCH)), for_s=121)
    assert [moment for moment, _ in world.begun] == begun
    assert len([text for text in world.said if text.startswith(("skipped", "waits"))]) == told
    assert len(cut) == (2 if overlap == "together" else 1)
    assert any(text.startswith("not started") for text in world.said) == (overlap == "queue")


@pytest.mark.parametrize(
    ("slept_s", "begun", "missed"),
    [(10_000.0, [0, 14_400], "missed 3"), (9_840.0, [0, 10_860, 14_400], "missed 2")],
)
def test_a_machine_that_slept_tells_what_it_missed_and_makes_nothing_up(
    slept_s: float, begun: list[float], missed: str
) -> None:
    world = World()

    async def kept(starts: Starts) -> None:
        asyncio.get_running_loop().call_later(1000, lambda: setattr(world, "slept_s", slept_s))
        await world.by_time(starts, Every(3600, EPOCH))

    world.keep("skip", kept, for_s=5000)
    assert [round(moment) for moment, _ in world.begun] == begun
    assert [text.split(":")[0] for text in world.missed()] == [missed]


@pytest.mark.parametrize(
    ("down_s", "begun", "missed"), [(1000, [3600], ""), (3650, [3650], ""), (9000, [10_800], "2")]
)
def test_after_a_restart_no_start_is_made_twice(
    down_s: float, begun: list[float], missed: str
) -> None:
    world = World(slept_s=down_s)
    again = Every(3600, EPOCH)
    world.keep("skip", lambda starts: world.by_time(starts, again, EPOCH), for_s=3000)
    assert [round(moment) for moment, _ in world.begun] == begun
    assert [text.split(":")[0] for text in world.missed()] == [f"missed {missed}"] * bool(missed)


def test_a_clock_that_was_set_back_repeats_nothing() -> None:
    world = World()

    async def kept(starts: Starts) -> None:
        asyncio.get_running_loop().call_later(700, lambda: setattr(world, "slept_s", -650.0))
        await world.by_time(starts, Cron("*/10 * * * *", PRAGUE))

    world.keep("skip", kept, for_s=2000)
    assert [round(moment) for moment, _ in world.begun] == [600, 1200]


@pytest.mark.parametrize(
    ("fields", "after", "starts"),
    [
        # Clocks go from 02:00 to 03:00 on 29 March, and from 03:00 to 02:00 on 25 October.
        ("30 2 * * *", "03-28T12:00+01", ["03-29T03:00+02", "03-30T02:30+02"]),
        ("30 2 * * *", "10-24T12:00+02", ["10-25T02:30+02", "10-26T02:30+01"]),
        ("30 * * * *", "03-29T01:00+01", ["03-29T01:30+01", "03-29T03:30+02"]),
        ("30 * * * *", "10-25T02:00+02", ["10-25T02:30+02", "10-25T02:30+01"]),
        ("0 12 * * 1", "03-28T12:00+01", ["03-30T12:00+02", "04-06T12:00+02"]),
    ],
)
def test_cron_in_local_time_where_clocks_change(fields: str, after: str, starts: list[str]) -> None:
    moment, found = moment_of(after), list[float]()
    for _ in starts:
        moment = Cron(fields, PRAGUE).after(moment)
        found.append(moment)
    assert found == [moment_of(text) for text in starts]


def moment_of(text: str) -> float:
    return datetime.fromisoformat(f"2026-{text}:00").timestamp()


@pytest.mark.parametrize("fields", ["", "* * * *", "61 * * * *", "0 0 30 2 *", "* * * * * *"])
def test_fields_that_are_none(fields: str) -> None:
    with pytest.raises(UsageError, match="expected --cron 'MINUTE HOUR DAY MONTH WEEKDAY'"):
        cron(fields, PRAGUE, now=EPOCH)


def test_the_zone_is_that_of_the_machine(tmp_path: Path) -> None:
    prague = next(
        path / "Europe/Prague" for path in zone_folders() if (path / "Europe/Prague").exists()
    )
    summer = datetime(2026, 7, 1)
    for zone in (local_zone({"TZ": ":Europe/Prague"}), local_zone({}, file=prague)):
        assert summer.replace(tzinfo=zone).utcoffset() == PRAGUE.utcoffset(summer)
    assert local_zone({}, file=tmp_path / "none") == ZoneInfo("UTC")
    with pytest.raises(UsageError, match="expected a time zone's name in TZ"):
        local_zone({"TZ": "Nowhere/Else"})


def zone_folders() -> list[Path]:
    """Where zones may be: the system's, and those of the package tzdata."""
    package = find_spec("tzdata")
    carried = [Path(package.origin).parent / "zoneinfo"] if package and package.origin else []
    return [*map(Path, TZPATH), *carried]


def test_the_id_of_a_start_says_which_it_is() -> None:
    assert start_at(EPOCH, KEY).run == f"20260301-110000Z-{KEY}"
    assert key_of("a", ("b",)) == key_of("a", ("b",)) != key_of("a", ("c",))


def test_a_file_is_started_once_nobody_writes_to_it(tmp_path: Path) -> None:
    world, there = World(takes_s=5), tmp_path / "a.txt"
    there.write_text("there before")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to(there)

    async def changes() -> AsyncGenerator[Iterable[Path], None]:
        growing = tmp_path / "b.txt"
        for _ in range(6):  # a second each: never quiet for two
            await asyncio.sleep(1)
            with growing.open("a") as file:  # noqa: ASYNC230
                file.write("more\n")
            yield [growing, tmp_path / "gone.part"]
        await asyncio.sleep(10)
        yield [growing, there]  # touched, and the same as before
        await asyncio.sleep(10)
        there.write_text("changed")
        yield [there]
        await asyncio.Event().wait()

    world.keep("queue", lambda starts: by_file(tmp_path, changes(), KEY, starts.offer), for_s=60)
    assert world.begun == [(2.0, "a.txt"), (8.0, "b.txt"), (28.0, "a.txt")]
    before = [*world.begun]

    async def silence() -> AsyncGenerator[Iterable[Path], None]:
        await asyncio.Event().wait()
        yield []

    world.keep("queue", lambda starts: by_file(tmp_path, silence(), KEY, starts.offer), for_s=60)
    assert world.begun == before
