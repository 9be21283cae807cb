"""Recordings as samples: any format that FFmpeg reads, made mono, 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import ToolError
from agentkit.tools.optional import imported
from agentkit.tools.torn import declares_length, torn

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.packet import Packet
    from numpy.typing import NDArray

RATE = 16_000
"""Samples a second, as the speech model wants them."""


@dataclass(slots=True)
class _Heard:
    """What was read of a file so far: the last packet, and whether it could not be decoded."""

    last: Packet[Any] | None = None
    damaged: bool = False


def read_audio(path: Path, *, most_s: float) -> NDArray[np.float32]:
    """The samples: mono float32 in [-1, 1], shape (samples,), 16,000 a second.

    Raises `ToolError` where the file is empty, is no recording, is cut off, or lasts longer than
    `most_s` seconds by what it declares or by what is there; `MissingExtra` without PyAV. A cut is
    seen by the length that the file declares, or by a last page or frame that is not whole (Ogg,
    MP3, AAC); up to a second, or a twentieth, may be missing unnoticed, and more where an AMR or a
    live WebM was cut.
    """
    imported("av", feature="reading a recording", package="av", extra="speech")
    import av
    from av.error import EOFError as CutOff
    from av.error import FFmpegError

    if path.stat().st_size == 0:
        raise ToolError("the recording is empty (0 bytes); record it again")
    heard = _Heard()
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise ToolError("the file has no sound in it; give a recording, such as .wav")
            format_name, declared_s = container.format.name, _declared_s(container, path)
            if declared_s is not None:
                _require_short(declared_s, most_s)
            samples = _decode(container, heard, most_s)
    except CutOff:
        raise ToolError(
            "the recording is cut off before its sound begins; get a whole copy of it"
        ) from None
    except FFmpegError as error:
        what = error.strerror.lower() if error.strerror else "unknown format"
        raise ToolError(f"the file is not a recording that can be read: {what}") from None
    _require_whole(path, format_name, heard, len(samples) / RATE, declared_s)
    return samples


def peak(samples: NDArray[np.float32]) -> float:
    """The loudest sample, from 0 to 1, of mono float32 in [-1, 1], shape (samples,)."""
    return max(float(samples.max()), -float(samples.min()))


def _require_short(seconds: float, most_s: float) -> None:
    if seconds > most_s + 1.0:  # a declared length is not exact
        raise ToolError(
            f"the recording lasts longer than {most_s / 3600:g} hours; cut it into shorter ones"
        )


def _require_whole(
    path: Path, format_name: str, heard: _Heard, seconds: float, declared_s: float | None
) -> None:
    if declared_s is None:
        rest = path.stat().st_size / max(1, heard.last.pos or 0) if heard.last else 1.0
        declared_s = seconds * rest if heard.damaged else seconds
    if declared_s - seconds > max(1.0, 0.05 * declared_s):
        raise ToolError(
            f"the recording is cut off: {seconds:.1f} of its {declared_s:.1f} seconds are there; "
            "get a whole copy of it"
        )
    if seconds == 0:
        raise ToolError("the recording holds no sound (0 seconds); record it again")
    if heard.last is not None and torn(path, format_name, bytes(heard.last)):
        raise ToolError(
            f"the recording is cut off after {seconds:.1f} seconds: its last part is not whole; "
            "get a whole copy of it"
        )


def _decode(container: InputContainer, heard: _Heard, most_s: float) -> NDArray[np.float32]:
    import numpy as np
    from av.audio.resampler import AudioResampler

    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    parts: list[NDArray[Any]] = []
    total = 0
    for frame in chain(_frames(container, heard), (None,)):  # None drains the resampler
        for made in resampler.resample(frame):
            parts.append(made.to_ndarray()[0])
            total += made.samples
        _require_short(total / RATE, most_s)
    samples = np.empty(total, np.float32)
    np.concatenate([np.empty(0, np.int16), *parts], out=samples, casting="same_kind")
    samples /= 32768.0  # in place: three hours are 700 MB
    return samples


def _frames(container: InputContainer, heard: _Heard) -> Iterator[AudioFrame]:
    """The frames up to the first damaged one; what is missing then shows in the length."""
    from av.error import InvalidDataError

    try:
        for packet in container.demux(audio=0):
            if packet.size:
                heard.last = packet
            for frame in packet.decode():
                frame.pts = None  # the resampler would refuse gaps
                yield frame
    except InvalidDataError:
        heard.damaged = True


def _declared_s(container: InputContainer, path: Path) -> float | None:
    """How long the file says that it lasts; None where it does not say."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:3] == b"ID3":  # a tag of ours before the sound: four bytes of 7 bits say its size
            file.seek(10 + sum(byte << 7 * (3 - at) for at, byte in enumerate(head[6:10])))
            first = file.read(2048)
        else:
            first = head + file.read(2048)
    if not declares_length(container.format.name, first):
        return None
    seconds = (container.duration or 0) / 1_000_000
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        # FFmpeg trims a WAV's length to the bytes that are there; the header knows better.
        size, there = int.from_bytes(head[4:8], "little") + 8, path.stat().st_size
        if there < size < 0xFFFFFFF0:
            seconds *= size / there
    return seconds
