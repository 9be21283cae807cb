"""What is counted and measured over all runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider
from opentelemetry.util.types import AttributeValue

from agentkit.telemetry import names

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(14))


class Meters:
    """The instruments; without a provider those of the program's own one."""

    def __init__(self, provider: MeterProvider | None) -> None:
        meter = (provider or metrics.get_meter_provider()).get_meter("agentkit")
        self._durations = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="How long calls of models took.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens that calls of models used, where the model's server counted them.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._nodes = meter.create_counter(
            "agentkit.nodes", unit="{node}", description="Nodes of plans that ended, by outcome."
        )
        self._runs = meter.create_counter(
            "agentkit.runs", unit="{run}", description="Ends of runs, by outcome."
        )

    def chat(self, about: Mapping[str, AttributeValue], data: Mapping[str, Any]) -> None:
        """A call of a model that ended with this data of `model.answered`."""
        failed = {names.ERROR: data["error"]["kind"]} if data.get("error") else {}
        self._durations.record(data["seconds"], {**about, **failed})
        usage = data["usage"]
        if usage["calls"] and not usage["estimated"]:
            for kind in ("input", "output"):
                self._tokens.record(usage[f"{kind}_tokens"], {**about, names.TOKEN_TYPE: kind})

    def nodes(self, counts: Mapping[tuple[str, str | None], int]) -> None:
        """Nodes of a plan that ended, by outcome and by what they called, if they called one."""
        for (outcome, tool), count in counts.items():
            named = {} if tool is None else {names.TOOL: tool}
            self._nodes.add(count, {names.OUTCOME: outcome, **named})

    def run(self, outcome: str, agent: str) -> None:
        """A run that ended, or waits."""
        self._runs.add(1, {names.OUTCOME: outcome, names.AGENT: agent})
