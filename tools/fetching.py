"""How a call tells that it fetches its model."""

from __future__ import annotations

from collections.abc import Callable

from agentkit.tool import Context


def fetching(context: Context | None) -> Callable[[int, int], None]:
    """What `ensure` tells its progress to: the call's own, in bytes; nobody without a context."""

    def tell(done: int, total: int) -> None:
        if context is not None:
            context.progress(done, total, "bytes of the model")

    return tell
