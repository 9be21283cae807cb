"""What tests of things made with agentkit need: a scripted model, runs as tests, conformance."""

from __future__ import annotations

from agentkit.models.scripted import Answer, Scripted, ScriptedModel
from agentkit.testing.replay import assert_replays, load_run, save_run

__all__ = [
    "Answer", "Scripted", "ScriptedModel", "assert_replays", "load_run", "save_run",
]  # fmt: skip
