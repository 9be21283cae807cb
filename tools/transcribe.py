"""The tool `transcribe`: speech to text with times, by Whisper on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from agentkit.budget import FREE
from agentkit.errors import ToolError
from agentkit.media import Audio
from agentkit.models.catalog import ensure
from agentkit.tool import Context, Tool, tool
from agentkit.tools.audio import RATE, read_audio
from agentkit.tools.optional import imported

_loading = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of speech; times in seconds from the start."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said: all of it, its language (as `en`), the recording's length, and its parts."""

    text: str
    language: str
    seconds: float
    segments: tuple[Segment, ...]


def transcribe(
    *,
    language: str | None = None,
    voice_only: bool = True,
    most_s: float = 3 * 3600.0,
    model: str = "whisper-base",
    models: Path | None = None,
    threads: int | None = None,
) -> Tool[Any, Any]:
    """A tool that writes down what is said in a recording.

    `language` (as `en`) saves its detection, `voice_only` skips what is not speech, `models` is
    where model files are kept. The model is loaded at first use and decodes without chance, so the
    same recording gives the same text.

        talk = transcribe()(audio=Path("call.flac"))
    """

    heard_by = f"{model}, language {language}, voice only {voice_only}"

    @tool(name="transcribe", effect="pure", cache=heard_by, trusted=False, concurrency=1,
          timeout_s=3600.0, expected_s=10.0, cost=FREE)  # fmt: skip
    def listen(audio: Audio, *, context: Context | None = None) -> Transcript:
        """Write down what is said in a recording.

        Args:
            audio: The recording.
        """
        samples = read_audio(audio, most_s=most_s)
        with _loading:  # else two first calls would both fetch and load
            folder = ensure(model, models, progress=_fetching(context))
            whisper = _load(folder, threads or min(4, os.cpu_count() or 1))
        found, about = whisper.transcribe(
            samples,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,  # one misheard sentence would colour the next
            vad_filter=voice_only,
        )
        seconds = round(len(samples) / RATE, 2)
        segments = tuple(_segments(found, seconds, context))
        if not segments:
            raise ToolError(f"no speech was heard in the recording of {seconds:g} seconds")
        text = " ".join(one.text for one in segments)
        return Transcript(text=text, language=about.language, seconds=seconds, segments=segments)

    return listen


def _fetching(context: Context | None) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        if context is not None:
            context.progress(done, total, "bytes of the model")

    return tell


def _segments(found: Iterable[Any], seconds: float, context: Context | None) -> Iterable[Segment]:
    for one in found:  # each step decodes up to 30 seconds
        text = one.text.strip()
        if text:
            yield Segment(start_s=round(one.start, 2), end_s=round(one.end, 2), text=text)
        if context is not None:
            context.progress(min(one.end, seconds), seconds, "s")


@lru_cache(maxsize=1)
def _load(folder: Path, threads: int) -> Any:
    package = "faster-whisper"
    library = imported("faster_whisper", feature="transcribing", package=package, extra="speech")
    return library.WhisperModel(
        str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
    )
