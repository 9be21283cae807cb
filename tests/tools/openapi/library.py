"""A library's server of some thirty operations that serves its own OpenAPI document."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "integer"}
BOOK = {"$ref": "#/components/schemas/Book"}
BOOKS = {"type": "array", "items": BOOK}
ANY: dict[str, Any] = {"type": "object", "additionalProperties": True}
Endpoint = Callable[[Request], Awaitable[Response]]


def parameter(name: str, place: str, schema: Mapping[str, Any] = TEXT, **more: Any) -> Any:
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **more}


def body(schema: Mapping[str, Any], kind: str = "application/json") -> Any:
    return {"required": True, "content": {kind: {"schema": schema}}}


@dataclass
class Library:
    """The server's state, its routes, and its document, which are written side by side."""

    books: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    covers: dict[int, bytes] = field(default_factory=dict[int, bytes])
    texts: dict[int, str] = field(default_factory=dict[int, str])
    seen: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    busy: int = 1
    routes: list[Route] = field(default_factory=list[Route])
    paths: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def app(self) -> Starlette:
        self._books()
        self._files()
        self._styles()
        self._secured()
        self._odd()
        self.routes.append(Route("/openapi.json", self._document))
        return Starlette(routes=self.routes)

    def document(self) -> dict[str, Any]:
        fields = {"id": {**NUMBER, "readOnly": True}, "title": TEXT, "pages": NUMBER}
        book = {"type": "object", "properties": fields, "required": ["id", "title"]}
        ways: Any = {
            "in_header": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "in_query": {"type": "apiKey", "in": "query", "name": "key"},
            "in_cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
            "basic": {"type": "http", "scheme": "basic"},
            "bearer": {"type": "http", "scheme": "bearer"},
            "oauth": {"type": "oauth2", "flows": {}},
        }
        return {
            "openapi": "3.1.0",
            "info": {"title": "Library", "version": "1"},
            "servers": [{"url": "/"}],
            "paths": self.paths,
            "components": {"schemas": {"Book": book}, "securitySchemes": ways},
        }

    def paths_and_methods(self) -> list[str]:
        return [f"{method} {path}" for path, item in self.paths.items() for method in item]

    async def _document(self, request: Request) -> Response:
        return JSONResponse(self.document())

    def add(
        self, method: str, path: str, id: str, endpoint: Endpoint, answer: Any = None, **more: Any
    ) -> None:
        async def noted(request: Request) -> Response:
            self.seen.append({"what": id, "headers": dict(request.headers)})
            return await endpoint(request)

        route = path.replace("{id}", "{id:int}").replace("{word}", "{word:path}")
        self.routes.append(Route(route, noted, methods=[method]))
        content = {} if answer is None else {"application/json": {"schema": answer}}
        content = more.pop("content", content)
        said = {"operationId": id, "responses": {"200": {"description": "", "content": content}}}
        self.paths.setdefault(path, {})[method.lower()] = {**said, **more}

    def _books(self) -> None:
        one, new = [parameter("id", "path", NUMBER)], {"requestBody": body(BOOK)}
        self.add("GET", "/books", "listBooks", self._list, BOOKS, summary="All books.")
        self.add("POST", "/books", "addBook", self._add, BOOK, tags=["change"], **new)
        self.add("GET", "/books/{id}", "getBook", self._get, BOOK, parameters=one)
        self.add("PUT", "/books/{id}", "putBook", self._put, BOOK, parameters=one, **new)
        self.add("PATCH", "/books/{id}", "patchBook", self._put, BOOK, parameters=one, **new)
        self.add("DELETE", "/books/{id}", "removeBook", self._remove, parameters=one)
        self.add("HEAD", "/found", "isThere", self._nothing)

    async def _list(self, request: Request) -> Response:
        return JSONResponse([*self.books.values()])

    async def _add(self, request: Request) -> Response:
        sent = await request.json()  # first: while it waits, another book may be added
        number = len(self.books) + 1
        self.books[number] = {**sent, "id": number}
        return JSONResponse(self.books[number])

    async def _get(self, request: Request) -> Response:
        book = self.books.get(request.path_params["id"])
        return JSONResponse(book or {"error": "no such book"}, 200 if book else 404)

    async def _put(self, request: Request) -> Response:
        number, sent = request.path_params["id"], await request.json()
        self.books[number] = {**self.books[number], **sent}
        return JSONResponse(self.books[number])

    async def _remove(self, request: Request) -> Response:
        self.books.pop(request.path_params["id"], None)
        return Response(status_code=204)

    async def _nothing(self, request: Request) -> Response:
        return Response()

    def _files(self) -> None:
        one = [parameter("id", "path", NUMBER)]
        png: Any = {"image/png": {}}
        plain = {"text/plain": {"schema": TEXT}}
        file = {"type": "string", "contentMediaType": "image/png"}
        form = {
            "type": "object",
            "properties": {"cover": file, "others": {"type": "array", "items": file}, "note": TEXT},
            "required": ["cover"],
        }
        sent = body({"type": "object", "properties": {"q": TEXT, "tags": {"type": "array"}}},
                    "application/x-www-form-urlencoded")  # fmt: skip
        self.add("GET", "/books/{id}/cover", "getCover", self._cover, parameters=one, content=png)
        self.add("PUT", "/books/{id}/cover", "putCover", self._put_cover, ANY, parameters=one,
                 requestBody=body({}, "image/png"))  # fmt: skip
        self.add("GET", "/books/{id}/text", "getText", self._text, parameters=one, content=plain)
        self.add("PUT", "/books/{id}/text", "putText", self._put_text, ANY, parameters=one,
                 requestBody=body(TEXT, "text/plain"))  # fmt: skip
        self.add("POST", "/scans", "scan", self._scan, ANY,
                 requestBody=body(form, "multipart/form-data"))  # fmt: skip
        self.add("POST", "/searches", "findBooks", self._form, ANY, requestBody=sent)
        self.add("GET", "/report", "report", self._report, content={"application/pdf": {}})

    async def _cover(self, request: Request) -> Response:
        return Response(self.covers[request.path_params["id"]], media_type="image/png")

    async def _put_cover(self, request: Request) -> Response:
        self.covers[request.path_params["id"]] = data = await request.body()
        return JSONResponse({"bytes": len(data), "type": request.headers["content-type"]})

    async def _text(self, request: Request) -> Response:
        return PlainTextResponse(self.texts[request.path_params["id"]])

    async def _put_text(self, request: Request) -> Response:
        self.texts[request.path_params["id"]] = (await request.body()).decode()
        return JSONResponse({})

    async def _scan(self, request: Request) -> Response:
        raw = await request.body()
        names = ("cover", "others", "note")
        parts = {name: raw.count(b'name="%s"' % name.encode()) for name in names}
        return JSONResponse({"parts": parts, "pictures": raw.count(PNG)})

    async def _form(self, request: Request) -> Response:
        return JSONResponse({"sent": (await request.body()).decode()})

    async def _report(self, request: Request) -> Response:
        return Response(b"%PDF-1.7 nothing", media_type="application/pdf")

    def _styles(self) -> None:
        many, thing = {"type": "array", "items": TEXT}, {"type": "object"}
        places = [
            parameter("plain", "query"), parameter("each", "query", many),
            parameter("bars", "query", many, style="pipeDelimited", explode=False),
            parameter("deep", "query", thing, style="deepObject"),
            parameter("as.json", "query", content={"application/json": {"schema": thing}}),
            parameter("X-Note", "header"), parameter("crumb", "cookie"),
        ]  # fmt: skip
        self.add("GET", "/echo/{word}", "echo", self._echo, ANY,
                 parameters=[parameter("word", "path"), *places])  # fmt: skip

    async def _echo(self, request: Request) -> Response:
        return JSONResponse({
            "path": request.scope["raw_path"].decode(), "query": request.url.query,
            "note": request.headers.get("x-note"), "crumb": request.cookies.get("crumb"),
        })  # fmt: skip

    def _secured(self) -> None:
        for way in ("in_header", "in_query", "in_cookie", "basic", "bearer", "oauth"):
            path, id = f"/secured/{way}", f"secured_{way}"
            self.add("GET", path, id, self._told, ANY, security=[{way: []}])
        self.add("GET", "/guarded", "guarded", self._refused, ANY, security=[{"in_query": []}])

    async def _told(self, request: Request) -> Response:
        """Says back everything, the secret too."""
        kept = ("x-key", "authorization", "cookie")
        said = {name: request.headers[name] for name in kept if name in request.headers}
        return JSONResponse({**said, "url": str(request.url), request.url.query or "q": 1})

    async def _refused(self, request: Request) -> Response:
        return PlainTextResponse(f"no entry with {request.url}", 403)

    def _odd(self) -> None:
        self.add("GET", "/busy", "busy", self._busy, TEXT)
        self.add("POST", "/broken", "broken", self._broken, TEXT)
        self.add("GET", "/unlike", "unlike", self._unlike, BOOK)
        self.add("POST", "/unlike", "makeUnlike", self._unlike, BOOK)
        self.add("GET", "/large", "large", self._large, TEXT)
        self.add("GET", "/away", "away", self._away, TEXT, security=[{"in_header": []}])
        self.add("GET", "/moved", "moved", self._moved, BOOKS)
        self.add("GET", "/no-json", "noJson", self._no_json, ANY)

    async def _busy(self, request: Request) -> Response:
        self.busy -= 1
        if self.busy >= 0:
            return PlainTextResponse("later", 503, {"retry-after": "0"})
        return JSONResponse("now")

    async def _broken(self, request: Request) -> Response:
        return JSONResponse({"error": "out of paper"}, 500)

    async def _unlike(self, request: Request) -> Response:
        return JSONResponse({"id": "seven", "title": 7})

    async def _large(self, request: Request) -> Response:
        return PlainTextResponse("x" * 100_000)

    async def _away(self, request: Request) -> Response:
        return RedirectResponse("http://elsewhere.example/take")

    async def _moved(self, request: Request) -> Response:
        return RedirectResponse("/books")

    async def _no_json(self, request: Request) -> Response:
        return Response("{not json", media_type="application/json")
