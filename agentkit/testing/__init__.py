"""What tests of things made with agentkit need: a scripted model, conformance suites."""

from __future__ import annotations

from agentkit.models.scripted import Answer, Scripted, ScriptedModel

__all__ = ["Answer", "Scripted", "ScriptedModel"]
