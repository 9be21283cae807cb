"""What a client is told where a request cannot be served: in OpenAI's form, everywhere."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agentkit.errors import AgentkitError, BudgetReached, ModelError, UsageError
from agentkit.serve.reply import Reply

_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class Refused(Exception):
    """A request that is not served: the status, a sentence, and a word for programs.

    `retry_after_s` says after how many seconds it may be tried again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param
        self.retry_after_s = retry_after_s


def answer(refused: Refused) -> Response:
    """The response that says so."""
    headers = {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Reply(told(refused), refused.status, headers)


def told(refused: Refused) -> dict[str, Any]:
    """The body.

    >>> told(Refused(404, "there is no agent 'x'"))["error"]["type"]
    'not_found_error'
    """
    kind = _KINDS.get(refused.status)
    if kind is None:
        kind = "server_error" if refused.status >= 500 else "invalid_request_error"
    error = {"message": str(refused), "type": kind, "param": refused.param, "code": refused.code}
    return {"error": error}


def of_error(error: AgentkitError) -> Refused:
    """What became of a request whose run, or whose store, did not go well.

    Clients try again by themselves after 409, 429 and 5xx: a run that failed costs as much the
    second time, so only what may pass by itself has such a status.
    """
    match error:
        case UsageError():
            return Refused(400, str(error))
        case ModelError(retryable=True):
            return Refused(503, str(error), code="model_unavailable", retry_after_s=5)
        case BudgetReached():
            return Refused(402, str(error), code="budget_reached")
        case _:
            return Refused(422, str(error), code="run_failed")


async def on_refused(request: Request, error: Exception) -> Response:
    """For the application: what an operation raised."""
    assert isinstance(error, Refused), "registered for nothing else"
    return answer(error)


async def on_agentkit_error(request: Request, error: Exception) -> Response:
    """For the application: an error of agentkit's own."""
    assert isinstance(error, AgentkitError), "registered for nothing else"
    return answer(of_error(error))


async def on_http_error(request: Request, error: Exception) -> Response:
    """For the application: no such path, no such method."""
    assert isinstance(error, HTTPException), "registered for nothing else"
    said = f"{request.method} {request.url.path}: {error.detail.lower()}; see /openapi.json"
    response = answer(Refused(error.status_code, said))
    response.headers.update(error.headers or {})
    return response


async def on_surprise(request: Request, error: Exception) -> Response:
    """For the application: what nobody foresaw. Its text stays here: it may hold a secret."""
    return answer(Refused(500, f"{type(error).__name__}: a fault of the server's; see its log"))
