"""The names of the GenAI conventions that runs are told in; all of them are in development.

They are those of open-telemetry/semantic-conventions-genai at commit 004902b8cb70. Names of our own
begin with `agentkit.`.
"""

from __future__ import annotations

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"
CONVERSATION: Final = "gen_ai.conversation.id"
TOOL: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL: Final = "gen_ai.tool.call.id"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
REQUEST_MODEL: Final = "gen_ai.request.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
ERROR: Final = "error.type"

RUN: Final = "agentkit.run.id"
FORKED_FROM: Final = "agentkit.run.forked_from"
NODE: Final = "agentkit.node.id"
OUTCOME: Final = "agentkit.outcome"
"""How a run, or a node that came to no value, ended, as its event says; else `cut_off`."""
ATTEMPTS: Final = "agentkit.attempts"
"""Where it was not one."""
ATTEMPT: Final = "agentkit.attempt"
WAIT_S: Final = "agentkit.wait_s"
ELEMENTS: Final = "agentkit.elements"
TURN: Final = "agentkit.turn"
TURN_ENDED: Final = "agentkit.turn.ended"
PURPOSE: Final = "agentkit.purpose"
PROBLEMS: Final = "agentkit.problems"
VERDICT: Final = "agentkit.verdict"
COST_USD: Final = "agentkit.cost_usd"
ESTIMATED: Final = "agentkit.usage.estimated"
LEFT_AFTER: Final = "agentkit.left_after"
