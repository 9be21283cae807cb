"""Recordings cut in the middle are refused in every usual format, and whole ones never are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from agentkit.errors import ToolError
from agentkit.sniff import media_type
from agentkit.tools.audio import RATE, read_audio

SECONDS = 8
FORMATS: dict[str, tuple[str, str, dict[str, str]]] = {
    "wav": ("wav", "pcm_s16le", {}),
    "flac": ("flac", "flac", {}),
    "vorbis": ("ogg", "vorbis", {}),
    "opus": ("ogg", "libopus", {}),
    "mp3": ("mp3", "libmp3lame", {}),
    "mp3 that declares no length": ("mp3", "libmp3lame", {"write_xing": "0"}),
    "aac": ("adts", "aac", {}),
    "m4a": ("mp4", "aac", {"movflags": "faststart"}),
    "webm": ("webm", "libopus", {}),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Eight seconds of noise in every format."""
    noise = np.random.default_rng(7).normal(0, 3000, SECONDS * RATE).clip(-30_000, 30_000)
    folder = tmp_path_factory.mktemp("whole")
    return {name: encoded(folder / "a", noise, *how) for name, how in FORMATS.items()}


def encoded(path: Path, sound: Any, form: str, codec: str, options: dict[str, str]) -> bytes:
    """The file that FFmpeg makes of the samples."""
    rate = 48_000 if codec == "libopus" else RATE
    with av.open(str(path), "w", format=form, options=options) as opened:
        container: Any = opened  # its types leave parts unknown
        layout = "stereo" if codec == "vorbis" else "mono"
        stream = container.add_stream(codec, rate=rate, layout=layout)
        stream.codec_context.options = {"strict": "experimental"}
        frame = av.AudioFrame.from_ndarray(sound.astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate)
        for made in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(made))
        container.mux(stream.encode(None))
    return path.read_bytes()


def heard(folder: Path, content: bytes) -> float:
    """Seconds that are read of a file with this content."""
    path = folder / "recording"
    path.write_bytes(content)
    return len(read_audio(path, most_s=100)) / RATE


@pytest.mark.parametrize("name", FORMATS)
def test_a_whole_recording_is_read_to_its_end(
    name: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    assert heard(tmp_path, whole[name]) == pytest.approx(SECONDS, abs=0.3)


@pytest.mark.parametrize(("name", "file"), [("m4a", "a.mp4"), ("webm", "a.webm"), ("webm", "")])
def test_a_container_without_pictures_is_a_recording(
    name: str, file: str, whole: dict[str, bytes]
) -> None:
    kind = "mp4" if name == "m4a" else name
    assert media_type(file, whole[name]) == f"audio/{kind}"


@pytest.mark.parametrize(("form", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_one_with_pictures_is_a_video(form: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    with av.open(str(path), "w", format=form, options={"movflags": "faststart"}) as opened:
        container: Any = opened
        stream = container.add_stream(codec, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert media_type("", path.read_bytes()) == f"video/{form}"


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("name", FORMATS)
def test_one_that_is_cut_is_refused(
    name: str, share: float, whole: dict[str, bytes], tmp_path: Path
) -> None:
    content = whole[name][: int(len(whole[name]) * share)]
    with pytest.raises(ToolError, match="the recording is cut off.*get a whole copy of it"):
        heard(tmp_path, content)


@pytest.mark.parametrize("name", ["mp3 that declares no length", "aac"])
def test_one_that_does_not_say_how_long_it_is_is_read_no_further_than_the_limit(
    name: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(whole[name])
    with pytest.raises(ToolError, match="lasts longer than .* hours; cut it into shorter ones"):
        read_audio(tmp_path / "a", most_s=4)


@pytest.mark.parametrize("name", ["mp3", "mp3 that declares no length", "aac"])
def test_one_with_a_hole_is_refused(name: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    content, third = whole[name], len(whole[name]) // 3
    with pytest.raises(ToolError, match="the recording is cut off"):
        heard(tmp_path, content[:third] + bytes(2000) + content[third + 2000 :])


@pytest.mark.parametrize("tag", [b"TAG" + b"x" * 125, bytes(3000)])
def test_a_tag_after_the_sound_is_no_cut(
    tag: bytes, whole: dict[str, bytes], tmp_path: Path
) -> None:
    content = whole["mp3 that declares no length"] + tag
    assert heard(tmp_path, content) == pytest.approx(SECONDS, abs=0.3)


def test_a_tag_before_the_sound_does_not_hide_its_length(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    tag = b"ID3\4\0\0\0\0\x40\0" + bytes(8192)
    assert heard(tmp_path, tag + whole["mp3"]) == pytest.approx(SECONDS, abs=0.3)
    with pytest.raises(ToolError, match=r"cut off: \d\.\d of its 8\.\d seconds are there"):
        heard(tmp_path, tag + whole["mp3"][: len(whole["mp3"]) // 2])
