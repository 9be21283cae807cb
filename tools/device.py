"""Where a torch model runs and with which numbers, and what happens when memory ends.

The rule: the first that is there of CUDA, Apple's MPS and the processor. On CUDA float16, which
halves the memory and is what published weights are kept in; on a processor that multiplies
matrices of bfloat16 in hardware (AMX) these, which is twice as fast in batches; elsewhere float32,
because MPS overflows in half precision and other processors are slower so. Whoever knows better
names a device (`"cpu"`, `"cuda:1"`); the numbers follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from agentkit.errors import ToolError
from agentkit.tools.optional import imported

T = TypeVar("T")
R = TypeVar("R")

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass(frozen=True, slots=True)
class Place:
    """A device by torch's name for it, and torch's type of the numbers there."""

    device: str
    dtype: Any


def torch(feature: str) -> Any:
    """The library. Raises `MissingExtra` that names the feature where it is not installed."""
    return imported("torch", feature=feature, package="torch", extra="vision")


def place(device: str | None = None, *, feature: str = "this model") -> Place:
    """The device named, else the best there is, by the rule above."""
    library = torch(feature)
    if device is None:
        if library.cuda.is_available():
            device = "cuda"
        else:
            device = "mps" if library.backends.mps.is_available() else "cpu"
    return Place(device, _numbers(library, device.partition(":")[0]))


def _numbers(library: Any, kind: str) -> Any:
    if kind == "cuda":
        return library.float16
    tiles = kind == "cpu" and library.cpu.get_capabilities().get("amx_bf16", False)
    return library.bfloat16 if tiles else library.float32


def halving(
    compute: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T], *, batch: int
) -> Iterator[R]:
    """What `compute` gives for all items, in order, at most `batch` at a time.

    Where memory does not do for so many, half as many are tried, and that stays so. Raises
    `ToolError` where it does not do for one.

    >>> def twice(numbers):
    ...     if len(numbers) > 2:
    ...         raise MemoryError
    ...     return [2 * number for number in numbers]
    >>> [*halving(twice, range(5), batch=32)]
    [0, 2, 4, 6, 8]
    """
    start = 0
    while start < len(items):
        part = items[start : start + batch]
        try:
            found = compute(part)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if len(part) == 1:
                raise ToolError(
                    "there is not enough memory for the model, even for one item; close other "
                    "programs, take a smaller model, or run it on another device"
                ) from error
            batch = len(part) // 2
        else:
            yield from found
            start += len(part)


def out_of_memory(error: Exception) -> bool:
    """Whether it says that memory has ended: torch raises a plain `RuntimeError` on a processor."""
    text = str(error).casefold()
    return isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY)
