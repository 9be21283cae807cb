"""Bad input ends in one clear sentence that says what to do, and leaves the journal intact."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import pytest

from agentkit import open_store
from tests.processes import finished

from .server import half, serving

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
AGENTS = Path(__file__).parent / "agents.py"
PICTURE = (ROOT / "examples" / "data" / "receipt.png").read_bytes()


def agentkit(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, most_bytes: int = 0
) -> subprocess.CompletedProcess[str]:
    """A command of agentkit in a folder; with `most_bytes`, the kernel refuses longer files."""
    start = "from agentkit.cli import main; sys.exit(main())"
    if most_bytes:
        limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes})); "
        start = f"signal.signal(signal.SIGXFSZ, signal.SIG_IGN); {limit}{start}"
    return finished(
        [sys.executable, "-c", f"import resource, signal, sys; {start}", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def sentence(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line that says what went wrong; there is no traceback and no answer."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("error: ")]
    return line


def recording(path: Path, form: str, codec: str) -> bytes:
    """The example call in another format, as FFmpeg writes it."""
    rate = 48_000 if codec == "libopus" else 16_000
    source: Any = av.open(str(ROOT / "examples" / "data" / "call.flac"))
    target: Any = av.open(str(path), "w", format=form)  # their types leave parts unknown
    with source, target:
        stream = target.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        for frame in [*source.decode(audio=0), None]:
            for made in resampler.resample(frame):
                target.mux(stream.encode(made))
        target.mux(stream.encode(None))
    return path.read_bytes()


async def statuses(folder: Path) -> list[str]:
    """How the runs in the folder's journal ended; reading it is what proves it intact."""
    store = open_store(folder / ".agentkit")
    found = [each.status for each in await store.journal.runs()]
    for each in await store.journal.runs():
        assert await store.journal.events(each.run)
    await store.close()
    return found


def run(folder: Path, agent: str, *more: str) -> subprocess.CompletedProcess[str]:
    return agentkit(folder, "run", "Do it.", "--agent", f"{AGENTS}:{agent}", *more)


async def test_a_missing_file(tmp_path: Path) -> None:
    line = sentence(run(tmp_path, "listener", "--input", "call=nowhere.wav"), 2)
    assert "nowhere.wav" in line
    assert await statuses(tmp_path) == []


async def test_an_empty_recording(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(b"")
    line = sentence(run(tmp_path, "listener", "--input", "call=call.wav"), 1)
    assert "empty" in line
    assert await statuses(tmp_path) == ["failed"]


async def test_a_corrupt_pdf(tmp_path: Path) -> None:
    line = sentence(run(tmp_path, "reader"), 1)
    assert "broken.pdf" in line and "get a whole copy of it" in line
    assert await statuses(tmp_path) == ["failed"]


@pytest.mark.parametrize(
    ("name", "form", "codec"),
    [("a.wav", "wav", "pcm_s16le"), ("a.flac", "flac", "flac"), ("a.mp3", "mp3", "libmp3lame"),
     ("a.ogg", "ogg", "libopus")],
)  # fmt: skip
async def test_half_a_recording(tmp_path: Path, name: str, form: str, codec: str) -> None:
    whole = recording(tmp_path / "whole", form, codec)
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    line = sentence(run(tmp_path, "listener", "--input", f"call={name}"), 1)
    assert "the recording is cut off" in line and "get a whole copy of it" in line
    assert await statuses(tmp_path) == ["failed"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.png", bytes(range(256)) * 9, "the file is not a picture"),
        ("a.png", PICTURE[: len(PICTURE) // 2], "the picture is damaged"),
        ("a.png", b"", "the picture is empty"),
        ("a.txt", b"a letter", "expected Image"),
    ],
)
async def test_a_picture_that_is_none(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert why in sentence(run(tmp_path, "viewer", "--input", f"picture={name}"), 1)
    assert await statuses(tmp_path) == ["failed"]


async def test_a_tool_that_raises(tmp_path: Path) -> None:
    assert "the printer is on fire: rust" in sentence(run(tmp_path, "raising"), 1)
    assert await statuses(tmp_path) == ["failed"]


async def test_a_tool_that_returns_the_wrong_type(tmp_path: Path) -> None:
    line = sentence(run(tmp_path, "mistyped"), 1)
    assert "wrong_type" in line and "int" in line
    assert await statuses(tmp_path) == ["failed"]


async def test_a_model_that_never_stops(tmp_path: Path) -> None:
    assert "did not stop" in sentence(run(tmp_path, "endless"), 1)
    assert await statuses(tmp_path) == ["failed"]


async def test_a_server_that_drops_the_stream(tmp_path: Path) -> None:
    with serving(half) as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
        arguments = ("--agent", f"{AGENTS}:remote", "--model", "openai:any")
        line = sentence(agentkit(tmp_path, "run", "Do it.", *arguments, env=env), 1)
    assert "openai:any" in line and "dropped the connection" in line and "try again" in line
    assert await statuses(tmp_path) == ["failed"]


async def test_no_room_on_disk(tmp_path: Path) -> None:
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:roomy")
    line = sentence(agentkit(tmp_path, *arguments, most_bytes=200_000), 1)
    assert "free some room" in line
    assert await statuses(tmp_path) == ["running"]
    resumed = agentkit(tmp_path, "resume", "last")
    assert (resumed.returncode, len(resumed.stdout)) == (0, 5 * 90_000 + 1), resumed.stderr
    assert await statuses(tmp_path) == ["answered"]


async def test_an_unknown_model(tmp_path: Path) -> None:
    line = sentence(agentkit(tmp_path, "run", "Do it.", "--model", "nobody:knows"), 2)
    assert "nobody:knows" in line
    assert await statuses(tmp_path) == []
