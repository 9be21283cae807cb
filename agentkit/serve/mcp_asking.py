"""Approval by whoever sits at an MCP client: elicitation, as the client's protocol has it.

Up to 2025-11-25 the server asks during the call. From 2026-07-28 on a call that needs an answer
ends with the question; the client makes it again with the answer, and the run, which has waited in
its journal, goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentkit.decisions import Decision, Question, approve, deny
from agentkit.errors import RunPaused

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp_types import CallToolRequestParams, ElicitRequestFormParams, InputRequiredResult

MOST_SHOWN = 2000
"""Characters of a call's arguments."""

CANNOT_ASK = (
    "the call needs approval, and this client cannot ask its user (no elicitation): use one that "
    "can, or let the agent allow it"
)


class Asking:
    """An approver for the run of one call."""

    def __init__(self, ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> None:
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        self._ctx = ctx
        self._answers: dict[str, Any] = dict(params.input_responses or {})
        self._by_retry = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS

    async def __call__(self, questions: Sequence[Question]) -> Sequence[Decision]:
        """What the user decided; those who are to be asked later are left out."""
        if not self._can_ask():
            return [deny(one, CANNOT_ASK) for one in questions]
        if self._by_retry:
            known = [one for one in questions if one.key in self._answers]
            return [_decision(one, self._answers[one.key]) for one in known]
        return [_decision(one, await self._asked(one)) for one in questions]

    def later(self, pause: RunPaused, run: str) -> InputRequiredResult | None:
        """The questions that the client has to come back with answers to; None without any."""
        from mcp_types import ElicitRequest, InputRequiredResult

        if not (pause.questions and self._by_retry and self._can_ask()):
            return None
        asked = {one.key: ElicitRequest(params=_form(one)) for one in pause.questions}
        return InputRequiredResult(input_requests={**asked}, request_state=run)

    def _can_ask(self) -> bool:
        capabilities = self._ctx.session.client_capabilities
        return capabilities is not None and capabilities.elicitation is not None

    async def _asked(self, question: Question) -> Any:
        form = _form(question)
        return await self._ctx.session.elicit_form(
            form.message, form.requested_schema, related_request_id=self._ctx.request_id
        )


def _form(question: Question) -> ElicitRequestFormParams:
    from mcp_types import ElicitRequestFormParams

    args = json.dumps(dict(question.args), ensure_ascii=False)[:MOST_SHOWN]
    return ElicitRequestFormParams(
        message=f"May {question.tool} be called with {args}? ({question.why})",
        requested_schema={
            "type": "object",
            "properties": {"approve": {"type": "boolean", "title": f"Call {question.tool}"}},
            "required": ["approve"],
        },
    )


def _decision(question: Question, answer: Any) -> Decision:
    content: dict[str, Any] = getattr(answer, "content", None) or {}
    if getattr(answer, "action", "") == "accept" and content.get("approve") is True:
        return approve(question)
    return deny(question, f"the call of {question.tool} was not approved by the client's user")
