"""Runs an example as a user does, and replays each of its runs as soon as it has ended.

python -m tests.examples.replayed EXAMPLE.py [ARGUMENT ...]
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

import agentkit.agent as agents
from agentkit.carry_on import Equipment, carry_on
from agentkit.record import Recorder
from agentkit.replay.replay import replay


async def and_again(equipment: Equipment[Any], recorder: Recorder) -> Any:
    """`carry_on`, and the replay of what it wrote. Raises `Diverged`."""
    run = await carry_on(equipment, recorder)
    done = await replay(equipment, await equipment.store.journal.events(recorder.run))
    print(f"identical: {done.events} events", file=sys.stderr)
    return run


if __name__ == "__main__":
    setattr(agents, "carry_on", and_again)  # noqa: B010
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
