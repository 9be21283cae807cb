"""Artifacts in tools: handles in the plan, paths and bytes in the function."""

from __future__ import annotations

import struct
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from pydantic import TypeAdapter

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError, UsageError
from agentkit.inputs import read_inputs
from agentkit.media import (
    Artifact,
    Audio,
    AudioBytes,
    Image,
    ImageBytes,
    Media,
    image_of,
    matches,
)
from agentkit.plan.check import check
from agentkit.plan.graph import Call, Const, Node, Plan, Ref
from agentkit.plan.stubs import stubs
from agentkit.sniff import media_type as media_type_of
from agentkit.tool import Context, tool

PNG = b"\x89PNG\r\n\x1a\n picture"


class Folder:
    """The least artifact store, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes, *, media_type: str, name: str = "") -> Artifact:
        key = sha256(data).hexdigest()
        (self.folder / key).write_bytes(data)
        return Artifact(key, media_type, len(data), name)

    def put_file(self, path: Path, *, media_type: str | None = None) -> Artifact:
        data = path.read_bytes()
        guessed = media_type or media_type_of(path.name, data)
        return self.put(data, media_type=guessed, name=path.name)

    def path(self, sha256: str) -> Path:
        return self.folder / sha256

    def read(self, sha256: str) -> bytes:
        if not self.path(sha256).exists():
            raise StoreError(f"no artifact {sha256}")
        return self.path(sha256).read_bytes()


class Calling:
    """A context with a store."""

    def __init__(self, store: Folder) -> None:
        self.artifacts = store


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    folder = tmp_path / "store"
    folder.mkdir()
    return Folder(folder)


@pytest.fixture
def context(store: Folder) -> Context:
    return cast("Context", Calling(store))


def test_a_handle_becomes_what_the_parameter_asks_for(store: Folder, context: Context) -> None:
    @tool
    def look(path: Image, data: ImageBytes, handle: Artifact, others: list[Image]) -> int:
        return len(data)

    handle = asdict(store.put(PNG, media_type="image/png", name="a.png"))
    args: Any = {"path": handle, "data": handle, "handle": handle, "others": [handle]}
    kwargs = look.prepare(args, context)

    assert kwargs["path"].read_bytes() == PNG
    assert kwargs["data"] == PNG
    assert kwargs["handle"] == Artifact(**cast("Any", handle))
    assert kwargs["others"] == [kwargs["path"]]


def test_a_path_or_bytes_result_becomes_a_handle(
    tmp_path: Path, store: Folder, context: Context
) -> None:
    @tool
    def draw() -> ImageBytes:
        return PNG

    @tool
    def export() -> dict[str, Image]:
        (tmp_path / "b.png").write_bytes(PNG)
        return {"picture": tmp_path / "b.png"}

    drawn: Any = draw.finish(draw(), context)
    exported: Any = export.finish(export(), context)
    assert drawn["media_type"] == "image/png"
    assert exported["picture"]["name"] == "b.png"
    assert store.read(drawn["sha256"]) == PNG


def test_a_wrong_media_type_names_both(store: Folder, context: Context) -> None:
    @tool
    def listen(recording: Audio) -> AudioBytes:
        return PNG

    handle: Any = asdict(store.put(PNG, media_type="image/png", name="a.png"))
    expected = r"media type 'audio/\*', came 'image/png'"
    with pytest.raises(ValueError, match=rf"argument recording: .*{expected} \(a.png\)"):
        listen.prepare({"recording": handle}, context)
    with pytest.raises(ValueError, match=rf"result: .*{expected}"):
        listen.finish(PNG, context)


@pytest.mark.parametrize("value", ["a.png", 3, {"sha256": "x"}, None])
def test_what_is_no_handle_is_refused(value: Any, context: Context) -> None:
    @tool
    def look(picture: Image) -> None: ...

    with pytest.raises(ValueError, match="argument picture: expected an artifact handle"):
        look.prepare({"picture": value}, context)


def test_a_failing_store_fails_as_a_store(context: Context) -> None:
    @tool
    def look(picture: ImageBytes) -> None: ...

    @tool
    def draw() -> ImageBytes:
        return PNG

    class Full(Folder):
        def put(self, data: bytes, *, media_type: str, name: str = "") -> Artifact:
            raise StoreError("no room")

    handle: Any = asdict(Artifact("gone", "image/png", 1))
    with pytest.raises(StoreError, match="no artifact gone"):
        look.prepare({"picture": handle}, context)
    with pytest.raises(StoreError, match="no room"):
        draw.finish(PNG, cast("Context", Calling(Full(Path()))))


def test_the_schema_tells_the_media_type() -> None:
    assert TypeAdapter(Audio).json_schema()["title"] == "Audio"
    assert TypeAdapter(Audio).json_schema()["contentMediaType"] == "audio/*"
    assert TypeAdapter(Artifact).json_schema()["title"] == "Artifact"
    assert "contentMediaType" not in TypeAdapter(Artifact).json_schema()
    pdf = TypeAdapter(Annotated[Path, Media("application/pdf")])
    assert pdf.json_schema()["contentMediaType"] == "application/pdf"


def test_media_marks_only_files() -> None:
    def wrong(number: Annotated[int, Media("image/*")]) -> None: ...

    with pytest.raises(UsageError, match="wrong: parameter 'number'.*marks a Path, bytes"):
        tool(wrong)


def test_without_a_store_nothing_is_read() -> None:
    handle = asdict(Artifact("x", "image/png", 1))
    with pytest.raises(ValueError, match="without a store"):
        TypeAdapter(Image).validate_python(handle)


@pytest.mark.parametrize(
    ("media_type", "pattern", "fits"),
    [
        ("audio/wav", "audio/*", True),
        ("Audio/WAV; rate=16000", "audio/wav", True),
        ("image/png", "audio/*", False),
        ("audio/*", "audio/wav", False),
        ("audio/wav", "*/*", True),
        ("*/*", "audio/*", False),
    ],
)
def test_patterns_of_media_types(media_type: str, pattern: str, fits: bool) -> None:
    assert matches(media_type, pattern) is fits


def test_a_file_that_a_run_is_given_is_named_as_a_parameter_of_its_kind_is(tmp_path: Path) -> None:
    """Prompts tell inputs by these names, and examples are chosen by them."""
    store = FolderArtifacts(tmp_path / "artifacts")
    kinds = ("audio/flac", "image/png", "text/plain")
    given = {f"file{n}": Artifact("0" * 64, kind, 1) for n, kind in enumerate(kinds)}
    _, schemas = read_inputs(given, store)
    assert [schema["title"] for schema in schemas.values()] == ["Audio", "Image", "Artifact"]
    assert [schema["contentMediaType"] for schema in schemas.values()] == [*kinds]


def test_a_size_is_part_of_an_images_type(store: Folder, context: Context) -> None:
    @tool
    def draw(pixels: int) -> Annotated[bytes, image_of(32)]:
        return _png(pixels)

    @tool
    def enlarge(image: Annotated[bytes, image_of(32)]) -> Annotated[bytes, image_of(64)]:
        return _png(64)

    @tool
    def show(image: Image) -> int:
        return 1

    assert "def enlarge(image: Image[32]) -> Image[64]" in stubs({"enlarge": enlarge})
    drawn = cast("dict[str, Any]", draw.finish(draw(pixels=32), context))
    assert drawn["media_type"] == "image/png"
    assert enlarge.prepare({"image": drawn}, context)["image"] == _png(32)
    with pytest.raises(ValueError, match="expected an image of 32x32 pixels, came 48x48"):
        draw.finish(draw(pixels=48), context)
    with pytest.raises(ValueError, match="expected an image of 32x32 pixels, came 64x64"):
        enlarge.prepare({"image": asdict(store.put(_png(64), media_type="image/png"))}, context)
    tools = {tool.name: tool for tool in (draw, enlarge, show)}

    def problems(*order: str) -> list[str]:
        """Of a plan that draws, and then hands the picture on in this order."""
        nodes: dict[str, Node] = {"n0": Call(id="n0", tool="draw", args={"pixels": Const(32)})}
        for n, name in enumerate(order):
            nodes[f"n{n + 1}"] = Call(id=f"n{n + 1}", tool=name, args={"image": Ref(f"n{n}")})
        return [str(problem) for problem in check(Plan(nodes=nodes), tools)]

    assert problems("enlarge", "show") == []
    (message,) = problems("enlarge", "enlarge")
    assert "expected Image[32]" in message
    assert "found Image[64]" in message


def _png(pixels: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", pixels, pixels) + b"\x08\2\0\0\0"
