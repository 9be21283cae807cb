"""The tool `transcribe`: speech to text with times, by Whisper."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Any

from agentkit.budget import FREE
from agentkit.media import Audio
from agentkit.tool import Context, Tool, tool
from agentkit.tools.audio import RATE, peak, read_audio
from agentkit.tools.checkpoint import Named, folder_of, stamp
from agentkit.tools.fetching import fetching
from agentkit.tools.listening import WINDOW_S, Segment, Told, Wanted, Word, hear
from agentkit.tools.optional import imported
from agentkit.tools.whisper import Whisper

__all__ = ["Segment", "Transcript", "Word", "transcribe"]

_SILENCE = 0.001  # peak below -60 dB
_loading = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said: all of it, its language (as `en`), the recording's length, and its parts.

    Where nothing was said the text is empty, and `note` says so.
    """

    text: str
    language: str
    seconds: float
    segments: tuple[Segment, ...]
    note: str = ""


def transcribe(
    *,
    language: str | None = None,
    into_english: bool = False,
    words: bool = False,
    voice_only: bool = True,
    window_s: float = WINDOW_S,
    most_s: float = 3 * 3600.0,
    model: Named = "whisper-base",
    models: Path | None = None,
    threads: int | None = None,
) -> Tool[Any, Any]:
    """A tool that writes down what is said in a recording: any format that FFmpeg reads.

    `language` (as `en`) saves its detection; `into_english` translates what is said; `words` gives
    each word's times too; `voice_only` skips what is not speech. What is longer than `window_s` is
    cut at pauses into windows, of which each of the `threads` hears one at a time: on any number of
    them the text is the same. What is longer than `most_s` is refused. `model` is a name in the
    catalogue, or the folder of any checkpoint of Whisper, converted for faster-whisper
    (`model.bin`) or in the form of transformers (`model.safetensors`). `models` is where model
    files are kept. The model is loaded at first use and decodes without chance, so the same
    recording gives the same text; where it repeats itself, or what it heard is unlikely, it listens
    once more with more care.

        talk = transcribe()(audio=Path("call.flac"))
    """
    wanted = Wanted(
        language=language, into_english=into_english, words=words, voice_only=voice_only
    )
    count = threads or min(4, os.cpu_count() or 1)

    @tool(name="transcribe", effect="pure",
          cache=f"{stamp(model)}, {wanted}, windows {window_s:g} s",
          trusted=False, concurrency=1, timeout_s=3600.0, expected_s=10.0, cost=FREE)  # fmt: skip
    def listen(audio: Audio, *, context: Context | None = None) -> Transcript:
        """Write down what is said in a recording.

        Args:
            audio: The recording.
        """
        samples = read_audio(audio, most_s=most_s)
        seconds = round(len(samples) / RATE, 2)
        if peak(samples) < _SILENCE:
            return _nothing("the recording is silent for all of its {} seconds", seconds)
        at_once = min(count, ceil(seconds / window_s))
        with _loading:  # else two first calls would both fetch and load
            folder = folder_of(model, models, progress=fetching(context))
            whisper = _load(folder, count // at_once, at_once)
        told = _following(context, seconds)
        found, said = hear(whisper, samples, wanted, window_s=window_s, at_once=at_once, told=told)
        return _transcript(found, said, seconds)

    return listen


def _transcript(found: Sequence[Segment], language: str, seconds: float) -> Transcript:
    if not found:
        return _nothing("no speech was heard in the recording of {} seconds", seconds)
    text = " ".join(one.text for one in found)
    return Transcript(text=text, language=language, seconds=seconds, segments=tuple(found))


def _nothing(why: str, seconds: float) -> Transcript:
    return Transcript(
        text="", language="", seconds=seconds, segments=(), note=why.format(f"{seconds:g}")
    )


def _following(context: Context | None, seconds: float) -> Told:
    def tell(done_s: float) -> None:
        if context is not None:
            context.progress(min(done_s, seconds), seconds, "s")

    return tell


@lru_cache(maxsize=1)
def _load(folder: Path, threads: int, at_once: int) -> Any:
    if not (folder / "model.bin").is_file():
        return Whisper(folder)
    package = "faster-whisper"
    library = imported("faster_whisper", feature="transcribing", package=package, extra="speech")
    return library.WhisperModel(
        str(folder),
        device="cpu",
        compute_type="int8",
        cpu_threads=threads,
        num_workers=at_once,
        local_files_only=True,
    )
