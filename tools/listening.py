"""How a recording is heard: whole, or in parts at once, cut where it is quietest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentkit.tools.audio import RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FRAME = RATE // 50  # 20 ms
_PAUSE_FRAMES = 20  # a cut falls into the quietest 0.4 s
_NEAR = 0.2  # of a part's length: how far from its place a cut may be

# Whisper's own limits. What is beyond them it decodes anew with chance; here none may be in it.
_MOST_REPEATED = 2.4  # how far the text can be compressed
_LEAST_LIKELY = -1.0  # the mean logarithm of its tokens' probabilities
_CAREFUL: Mapping[str, Any] = MappingProxyType({"beam_size": 5, "no_repeat_ngram_size": 4})

Told = Callable[[float], None]
"""Is told how many seconds of the recording have been heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word; times in seconds from the start."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of speech; times in seconds from the start; its words where they were asked for."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be heard, and how."""

    language: str | None
    into_english: bool
    words: bool
    voice_only: bool


def cuts(samples: NDArray[np.float32], *, part_s: float) -> list[int]:
    """Where the parts begin and end: equal parts of at most about `part_s`, cut at pauses.

    `samples`: mono float32, shape (samples,), 16,000 a second.
    """
    import numpy as np

    count = ceil(len(samples) / RATE / part_s)
    length = len(samples) / count
    found = [0]
    for number in range(1, count):
        first = int(length * (number - _NEAR)) // _FRAME
        frames = int(2 * _NEAR * length) // _FRAME
        near = samples[first * _FRAME : (first + frames) * _FRAME].reshape(-1, _FRAME)
        loud = np.cumsum(np.square(near).mean(axis=1, dtype=np.float64))
        pause = int(np.argmin(loud[_PAUSE_FRAMES:] - loud[:-_PAUSE_FRAMES]))
        found.append((first + pause + 1 + _PAUSE_FRAMES // 2) * _FRAME)
    return [*found, len(samples)]


def hear(
    whisper: Any,
    samples: NDArray[np.float32],
    wanted: Wanted,
    *,
    bounds: list[int],
    at_once: int,
    told: Told,
) -> tuple[list[Segment], str]:
    """The segments in order, and the language, one for all parts; no segments where none speaks."""
    if len(bounds) == 2:
        found, language = _part(whisper, samples, wanted)
        segments: list[Segment] = []
        for one in found:  # each step decodes up to 30 seconds
            segments.append(one)
            told(one.end_s)
        return segments, language
    if wanted.language is None:
        language, _, _ = whisper.detect_language(samples, vad_filter=wanted.voice_only)
        wanted = replace(wanted, language=language)

    def listen(bound: tuple[int, int]) -> list[Segment]:
        found, _ = _part(whisper, samples[slice(*bound)], wanted)
        return [_later(one, bound[0] / RATE) for one in found]

    heard: list[Segment] = []
    with ThreadPoolExecutor(at_once, thread_name_prefix="agentkit-hear") as threads:
        parts = zip(bounds, bounds[1:], strict=False)
        for part, end in zip(threads.map(listen, parts), bounds[1:], strict=True):
            heard += part
            told(end / RATE)
    return heard, wanted.language or ""


def _part(
    whisper: Any, samples: NDArray[np.float32], wanted: Wanted
) -> tuple[Iterator[Segment], str]:
    """The segments with text, and the language; times from the start of these samples."""

    def listen(first: int, end: int | None, **how: Any) -> tuple[Iterable[Any], Any]:
        found: tuple[Iterable[Any], Any] = whisper.transcribe(
            samples[first:end],
            language=wanted.language,
            task="translate" if wanted.into_english else "transcribe",
            temperature=0.0,
            condition_on_previous_text=False,  # one misheard sentence would colour the next
            vad_filter=wanted.voice_only,
            word_timestamps=wanted.words,
            **how,
        )
        return found

    def again(run: Sequence[Any]) -> Iterator[Segment]:
        first = int(run[0].start * RATE)
        found, _ = listen(first, int(run[-1].end * RATE), **_CAREFUL)
        return (_later(_segment(one), first / RATE) for one in found)

    found, about = listen(0, None, beam_size=1)
    return (one for one in _reliable(found, again) if one.text), about.language


def _reliable(
    found: Iterable[Any], again: Callable[[Sequence[Any]], Iterator[Segment]]
) -> Iterator[Segment]:
    """The segments; runs of them that repeat themselves, or are unlikely, as heard once more."""
    run: list[Any] = []
    for one in found:
        if one.compression_ratio > _MOST_REPEATED or one.avg_logprob < _LEAST_LIKELY:
            run.append(one)
            continue
        if run:
            yield from again(run)
            run = []
        yield _segment(one)
    if run:
        yield from again(run)


def _segment(one: Any) -> Segment:
    words = tuple(
        Word(start_s=round(word.start, 2), end_s=round(word.end, 2), text=word.word.strip())
        for word in one.words or ()
    )
    start_s, end_s = round(one.start, 2), round(one.end, 2)
    return Segment(start_s=start_s, end_s=end_s, text=one.text.strip(), words=words)


def _later(segment: Segment, by_s: float) -> Segment:
    def moved(at_s: float) -> float:
        return round(at_s + by_s, 2)

    words = tuple(
        replace(word, start_s=moved(word.start_s), end_s=moved(word.end_s))
        for word in segment.words
    )
    start_s, end_s = moved(segment.start_s), moved(segment.end_s)
    return replace(segment, start_s=start_s, end_s=end_s, words=words)
