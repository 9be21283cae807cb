"""What to type next about a run."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from agentkit.cli.settings import DEFAULT_STORE, STORE_VARIABLE
from agentkit.errors import (
    AgentkitError,
    BudgetReached,
    LimitReached,
    RunError,
    RunPaused,
    RunTaken,
    StoreError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Where a command keeps its run, and whether `agentkit resume` can go on with it."""

    store: str = DEFAULT_STORE
    resumable: bool = True

    def show(self, run: str) -> str:
        """The command that tells what the run did."""
        return f"agentkit show {run}{self._in_store()}"

    def whole(self, run: str) -> str:
        """The command that writes all that the run gave to a file."""
        return f"{self.show(run)} --json > {run.replace('/', '-')}.json"

    def stopped(self, run: str) -> str:
        """What can be done about a run that somebody stopped."""
        if not run:
            return "nothing had started"
        if self.resumable:
            return f"to go on with it: agentkit resume {run}{self._in_store()}"
        return f"what it did is kept: {self.show(run)}"

    def failed(self, error: AgentkitError) -> str:
        """What can be done about a run that failed; empty where the error is not a run's."""
        if not isinstance(error, RunError) or error.run_id is None:
            return ""
        if isinstance(error, BudgetReached):
            if not self.resumable:
                return self.stopped(error.run_id)
            return f"{self.stopped(error.run_id)} --budget {error.dimension}={error.wanted:f}"
        if isinstance(error, RunPaused):
            nodes = [shlex.quote(one.node) for one in error.questions]  # a map's have brackets
            allow = f"to allow it: agentkit approve {error.run_id}"
            return "\n".join(f"{allow} {node}{self._in_store()}" for node in nodes)
        kept = f"what the run did is kept: {self.show(error.run_id)}"
        if not self.resumable or isinstance(error, RunTaken):
            return kept
        if error.failed:  # resumed, it would end as it did
            again = f"to try it again, in a new run: agentkit fork {error.run_id}"
            said = (f"{again} {node}{self._in_store()}" for node in error.failed)
            return "\n".join((kept, *said))
        if isinstance(error, StoreError):
            return f"{kept}; once that is mended, {self.stopped(error.run_id)}"
        go_on = f"{kept}; {self.stopped(error.run_id)}"
        if isinstance(error, LimitReached):
            return f"{go_on} --limit {error.limit}={2 * error.value:g}"
        return go_on

    def _in_store(self) -> str:
        usual = os.environ.get(STORE_VARIABLE) or DEFAULT_STORE
        return "" if self.store == usual else f" --store {shlex.quote(self.store)}"
