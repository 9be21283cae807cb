"""What a browser sends, as the words of the server's operations. Raises `Refused`."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from agentkit.given import read_json
from agentkit.serve import run_words as words
from agentkit.serve.body import misfit, read_bytes
from agentkit.serve.bounds import Bounds
from agentkit.serve.files import Sent
from agentkit.serve.refused import Refused
from agentkit.types import Json

Words = TypeVar("Words", bound=BaseModel)
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


@dataclass(frozen=True, slots=True)
class Given:
    """A form that was sent: its texts by name, and its files in order."""

    texts: Mapping[str, str]
    chosen: tuple[tuple[str, str, bytes], ...] = ()
    """Of each file its name, its media type as the browser says, its bytes."""

    def text(self, name: str) -> str:
        """A field, empty where it is not there."""
        return self.texts.get(name, "")

    def object(self, name: str) -> dict[str, Json]:
        """A field that holds a JSON object; empty where nothing stands in it."""
        written = self.text(name).strip()
        try:
            found = read_json(written or "{}")
        except ValueError as error:
            raise Refused(400, f"{name}: expected a JSON object; {error}", param=name) from None
        if not isinstance(found, dict):
            raise Refused(400, f"{name}: expected a JSON object, {{…}}; got {written[:60]}")
        return found

    def files(self) -> dict[str, dict[str, str]]:
        """The files that were chosen, named as those of a chat are: `image_1`, `audio_1` …"""
        counted: Counter[str] = Counter()
        found: dict[str, dict[str, str]] = {}
        for name, said, data in self.chosen:
            kind = said.partition(";")[0].strip().lower()
            kind = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
            sort = Sent(kind, "").kind
            counted[sort] += 1
            url = f"data:{kind};base64,{b64encode(data).decode()}"
            found[f"{sort}_{counted[sort]}"] = {"data": url, "name": name}
        return found


async def read(request: Request, bounds: Bounds) -> Given:
    """The form, as large and as long in coming as is allowed."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = await read_bytes(request, bounds)

    async def whole() -> AsyncGenerator[bytes, None]:
        yield data
        yield b""

    if kind == "application/x-www-form-urlencoded":
        return await _given(await FormParser(request.headers, whole()).parse())
    if kind != "multipart/form-data":
        raise Refused(415, f"expected a form; got {kind or 'none'!r}")
    try:
        parser = MultiPartParser(request.headers, whole(), max_part_size=bounds.body_bytes)
        return await _given(await parser.parse())
    except MultiPartException as error:
        raise Refused(400, f"the form: {error.message}") from None


async def _given(form: FormData) -> Given:
    texts: dict[str, str] = {}
    chosen: list[tuple[str, str, bytes]] = []
    try:
        for name, found in form.multi_items():
            if isinstance(found, str):
                texts[name] = found
            elif found.filename:
                chosen.append((found.filename, found.content_type or "", await found.read()))
    finally:
        await form.close()
    return Given(texts, tuple(chosen))


def start(given: Given, agent: str, session: str | None = None) -> words.Start:
    """What to start."""
    files = given.files()
    task = given.text("task")
    if not task.strip() and files:
        task = " ".join(f"[{name}]" for name in files)
    return of(words.Start, agent=agent, task=task, files=files, session=session)


def of(kind: type[Words], **fields: object) -> Words:
    """These words. Raises `Refused` where they are not that."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise misfit(error, "the form") from None
