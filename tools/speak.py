"""The tool `speak`: English text to speech, by the voice of hibari on the CPU."""

from __future__ import annotations

import io
import re
import unicodedata
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from pydantic import Field

from agentkit.budget import FREE
from agentkit.errors import ToolError
from agentkit.media import Media
from agentkit.models.catalog import ensure
from agentkit.tool import Context, Tool, tool
from agentkit.tools.fetching import fetching
from agentkit.tools.optional import imported

RATE = 24_000
"""Samples a second, as the voice gives them."""

_MODEL = "hibari"
_LIBRARY = {"feature": "speaking", "package": "hibari-tts", "extra": "speech"}
_LATIN_LETTERS = 0.9  # of all letters: a text below this share is in a script with no sounds here
_MOST_PHONEMES = 400  # at a time: the network's work grows with the square of it
_LONG_NUMBER = re.compile(r"\d[\d.,]{18,}\d")  # the library has words up to decillions
_LONG_WORD = re.compile(
    r"\S{33,}"
)  # it tries every stretch of a word that is not one, such as a URL
_MOST_LETTERS = 48
_speaking = Lock()  # one at a time, and the voice is loaded once


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A recording: always WAV, mono, 16 bit, `sample_rate` in Hz; its length, its parts' count."""

    audio: Annotated[bytes, Media("audio/wav")]
    sample_rate: int
    seconds: float
    parts: int


def speak(
    *,
    most_chars: int = 10_000,
    most_s: float = 1800.0,
    models: Path | None = None,
    threads: int = 1,
) -> Tool[Any, Any]:
    """A tool that says an English text, in one American voice.

    It speaks no other language: what is written in Latin letters is read as if it were English,
    and a text in other scripts is refused. Numbers, dates, units and common abbreviations are read
    as words, a number of twenty digits or more digit by digit; what has no sound, such as an emoji,
    is left out. A long text is spoken by sentences that are joined, up to `most_chars` and `most_s`
    seconds of speech. `models` is where model files are kept.

    The voice uses no chance: on one machine the same text gives the same bytes.

        speech = speak()(text="The repair took fourteen months.")
        Path("out.wav").write_bytes(speech.audio)
    """

    @tool(name="speak", effect="pure", cache="hibari 0.2.1", concurrency=1,
          timeout_s=900.0, expected_s=3.0, cost=FREE)  # fmt: skip
    def say(
        text: str,
        speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0,
        *,
        context: Context | None = None,
    ) -> Speech:
        """Say an English text aloud.

        Args:
            text: What to say, in English; other languages are not spoken.
            speed: How fast, 1 being usual.
        """
        _require_english(text, most_chars)
        imported("hibari", **_LIBRARY)  # before anything is fetched for it
        with _speaking:
            voice = _load(ensure(_MODEL, models, progress=fetching(context)), threads)
            parts = _phonemes(voice, text)
            sound = _sound(voice, parts, speed=speed, most_s=most_s, context=context)
        seconds = round(sum(map(len, sound)) / 2 / RATE, 2)
        return Speech(audio=_wav(sound), sample_rate=RATE, seconds=seconds, parts=len(parts))

    return say


def _require_english(text: str, most_chars: int) -> None:
    """Raises `ToolError` for a text that is empty, too long, or in letters that are not Latin."""
    if not text.strip():
        raise ToolError("the text is empty; give the words to say")
    if len(text) > most_chars:
        raise ToolError(
            f"the text has {len(text):,} characters, and at most {most_chars:,} are said at once; "
            "shorten it, or say it in parts"
        )
    letters = [c for c in text if c.isalpha()]
    foreign = [c for c in letters if not unicodedata.name(c, "").startswith("LATIN")]
    if len(letters) - len(foreign) < _LATIN_LETTERS * len(letters):
        raise ToolError(
            f"only English is spoken, and {len(foreign)} of the text's {len(letters)} letters are "
            f"not Latin (such as {foreign[0]!r}); translate it first"
        )


def _phonemes(voice: Any, text: str) -> Sequence[str]:
    """What to say, sentence by sentence, in the voice's alphabet; each part short enough for it."""
    plain = _LONG_WORD.sub(_in_pieces, _LONG_NUMBER.sub(_digits, text))
    try:
        found = [part for sounds in voice.phonemize(plain) for part in _cut(sounds)]
    except (LookupError, ValueError):  # the library's, for numbers that are none, such as ".¹"
        raise ToolError(
            "the text has a number or a sign that has no reading; write it in words"
        ) from None
    if not any(c.isalpha() for part in found for c in part):
        raise ToolError(
            f"the text has nothing that can be said, no letter and no digit: {text[:40]!r}"
        )
    return found


def _digits(number: re.Match[str]) -> str:
    return " ".join(number[0])


def _in_pieces(word: re.Match[str]) -> str:
    """A word that no dictionary has, apart at its signs, and where that does not help anywhere."""
    spaced = re.sub(r"(?<=[^\w'’])(?=\w)|(?<=_)", " ", word[0])
    return re.sub(rf"(\S{{{_MOST_LETTERS}}})(?=\S)", r"\1 ", spaced)


def _cut(sounds: str) -> Iterator[str]:
    """The phonemes in stretches of at most 400, between words where there are any."""
    while len(sounds) > _MOST_PHONEMES:
        at = sounds.rfind(" ", 1, _MOST_PHONEMES)
        at = at if at > 0 else _MOST_PHONEMES
        yield sounds[:at]
        sounds = sounds[at:].lstrip()
    if sounds:
        yield sounds


def _sound(
    voice: Any, parts: Sequence[str], *, speed: float, most_s: float, context: Context | None
) -> list[bytes]:
    """The samples of each part. Raises `ToolError` where they last longer than `most_s`."""
    sound: list[bytes] = []
    left = int(most_s * RATE)
    for number, part in enumerate(parts, start=1):
        sound.append(_pcm(voice.from_phonemes(part, speed=speed, seed=0)))
        left -= len(sound[-1]) // 2
        if left < 0:
            raise ToolError(
                f"the text would take more than {most_s / 60:g} minutes to say; say it in parts"
            )
        if context is not None:
            context.progress(number, len(parts), "parts")
    return sound


def _pcm(samples: Any) -> bytes:
    """Mono float32 in [-1, 1], shape (samples,), as 16-bit little-endian bytes."""
    import numpy as np

    pcm: bytes = (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
    return pcm


def _wav(sound: Sequence[bytes]) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(b"".join(sound))
    return made.getvalue()


@lru_cache(maxsize=1)
def _load(folder: Path, threads: int) -> Any:
    library = imported("hibari", **_LIBRARY)
    return library.Hibari(model=str(folder / "hibari.onnx"), threads=threads)
