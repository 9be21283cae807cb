"""How a browser is let in: by the link that the server printed, or by its token in a form.

It then keeps a cookie that no script can read and no other site can make it send.
"""

from __future__ import annotations

from secrets import compare_digest

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from agentkit.serve.guard import cookie_of, has_cookie
from agentkit.serve.page import forms, listing
from agentkit.serve.page.site import Site, onward

KEPT_S = 30 * 24 * 3600


async def front(site: Site, request: Request) -> ASGIApp:
    """`/`: the runs, for who is in; with the token in the address, the way in."""
    if (token := request.query_params.get("token")) is not None:
        return _let_in(site, token)
    if not has_cookie(request.scope["headers"], site.token):
        return site.page("door", status=401, said="")
    return await listing.runs(site, request)


async def enter(site: Site, request: Request) -> ASGIApp:
    """The token, from the form."""
    given = await forms.read(request, site.server.bounds)
    return _let_in(site, given.text("token"))


async def leave(site: Site, request: Request) -> ASGIApp:
    """The browser forgets the cookie."""
    response = onward("/")
    response.delete_cookie(cookie_of(site.token)[0], httponly=True, samesite="strict")
    return response


def _let_in(site: Site, token: str) -> Response:
    if not compare_digest(token.strip().encode(), site.token.encode()):
        said = "That is not the token that the server printed when it started."
        return site.page("door", status=401, said=said)
    name, value = cookie_of(site.token)
    response = onward("/")
    response.set_cookie(name, value, max_age=KEPT_S, httponly=True, samesite="strict")
    return response
