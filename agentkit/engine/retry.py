"""Trying again: which errors are worth it, and the waits between attempts (tenacity's)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, TypeVar

from agentkit.errors import ModelError, ToolError
from agentkit.tool import Retry, Tool

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

# These stay as they are however often one looks.
LASTING = (
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)

MOST_DOUBLINGS = 1000
"""Of the first wait: more are no number, and long past any `most_s`."""


def worth_retrying(tool: Tool, error: BaseException) -> bool:
    """Whether the same call may be made again, and may come out otherwise."""
    if tool.retry is None or tool.effect == "once":
        return False
    if isinstance(error, ToolError | ModelError):
        return error.retryable
    # A call that may have had an effect is repeated only where its tool says that this is safe.
    repeatable = tool.effect in ("pure", "read")
    return repeatable and isinstance(error, OSError) and not isinstance(error, LASTING)


async def retry(
    attempt: Callable[[], Awaitable[T]],
    first: Exception,
    policy: Retry,
    *,
    key: str,
    again: Callable[[BaseException], bool],
    waiting: Callable[[int, BaseException, float], None],
) -> T:
    """What a later attempt comes to, after the first ended in `first`; else the last error.

    `key` is the call's own: it spreads the waits of different calls, and a run that is simulated or
    repeated waits as it did.
    `again` says of an error whether to try once more; `waiting` hears of each wait: the number of
    the attempt that failed, its error, the seconds until the next.
    """
    from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

    failed: list[Exception] = [first]

    async def one() -> T:
        if failed:
            raise failed.pop()
        return await attempt()

    def before_sleep(state: RetryCallState) -> None:
        waiting(state.attempt_number, _error(state), state.upcoming_sleep)

    retrying = AsyncRetrying(
        sleep=asyncio.sleep,
        stop=stop_after_attempt(policy.attempts),
        wait=_waits(policy, key),
        retry=retry_if_exception(again),
        before_sleep=before_sleep,
        reraise=True,
    )
    return await retrying(one)


def _waits(policy: Retry, key: str) -> Callable[[RetryCallState], float]:
    """Exponential with full jitter, and never less than a server asked for."""

    def wait(state: RetryCallState) -> float:
        asked = getattr(_error(state), "retry_after_s", None)
        doubled = 2.0 ** min(state.attempt_number - 1, MOST_DOUBLINGS)
        most_s = min(policy.most_s, policy.first_s * doubled)
        return max(most_s * Random(f"{key}/{state.attempt_number}").random(), asked or 0.0)

    return wait


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome is not None else None
    assert error is not None, "tenacity waits only after an attempt that failed"
    return error
