"""Recordings as samples: any format that FFmpeg reads, made mono, 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import ToolError
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from numpy.typing import NDArray

RATE = 16_000
"""Samples a second, as the speech model wants them."""

_SILENCE = 0.001  # peak below -60 dB


def read_audio(path: Path, *, most_s: float) -> NDArray[np.float32]:
    """The samples: mono float32 in [-1, 1], shape (samples,), 16,000 a second.

    Raises `ToolError` where the file is empty, is no recording, is cut off, silent, or lasts longer
    than `most_s` seconds; `MissingExtra` without PyAV.
    """
    import numpy as np

    imported("av", feature="reading a recording", package="av", extra="speech")
    import av
    from av.error import FFmpegError

    if path.stat().st_size == 0:
        raise ToolError("the recording is empty (0 bytes); record it again")
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise ToolError("the file has no sound in it; give a recording, such as .wav")
            declared_s = _declared_s(container, path)
            samples = _decode(container, most_s)
    except FFmpegError as error:
        what = error.strerror.lower() if error.strerror else "unknown format"
        raise ToolError(f"the file is not a recording that can be read: {what}") from None
    seconds = len(samples) / RATE
    if declared_s - seconds > max(1.0, 0.05 * declared_s):
        raise ToolError(
            f"the recording is cut off: {seconds:.1f} of its {declared_s:.1f} seconds are there; "
            "get a whole copy of it"
        )
    if len(samples) == 0:
        raise ToolError("the recording holds no sound (0 seconds); record it again")
    if float(np.abs(samples).max()) < _SILENCE:
        raise ToolError(f"the recording is silent for all of its {seconds:.1f} seconds")
    return samples


def _decode(container: InputContainer, most_s: float) -> NDArray[np.float32]:
    import numpy as np
    from av.audio.resampler import AudioResampler

    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    parts: list[NDArray[Any]] = []
    total = 0
    for frame in (*_frames(container), None):  # None drains the resampler
        for made in resampler.resample(frame):
            parts.append(made.to_ndarray()[0])
            total += made.samples
        if total > most_s * RATE:
            raise ToolError(f"the recording lasts longer than {most_s / 3600:g} hours; split it")
    joined = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    return joined.astype(np.float32) / 32768.0


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    """The frames up to the first damaged one; what is missing then shows in the length."""
    from av.error import InvalidDataError

    try:
        for frame in container.decode(audio=0):
            frame.pts = None  # the resampler would refuse gaps
            yield frame
    except InvalidDataError:
        return


def _declared_s(container: InputContainer, path: Path) -> float:
    """How long the file says that it lasts."""
    said = container.duration or 0
    seconds = said / 1_000_000
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        # FFmpeg trims a WAV's length to the bytes that are there; the header knows better.
        size, there = int.from_bytes(head[4:8], "little") + 8, path.stat().st_size
        if there < size < 0xFFFFFFF0:
            seconds *= size / there
    return seconds
