"""How a recording is heard: what is speech in it, in windows that are cut where it is quietest.

Whisper hears 30 seconds at once. By itself it begins each window where it understood the last one
to end, so a word guessed otherwise moves all windows behind it. Here they are fixed beforehand: one
after another or several at once, the same is heard.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentkit.tools.audio import RATE
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW_S = 30.0
"""What Whisper hears at once."""

_FRAME = RATE // 50  # 20 ms
_PAUSE_FRAMES = 20  # a cut falls into the quietest 0.4 s
_USUAL = 0.8  # of a window: how long it is, so that
_NEAR = 0.125  # of that the cuts may be off their places and none is longer than a window

# Whisper's own limits. What is beyond them it decodes anew with chance; here none may be in it.
_MOST_REPEATED = 2.4  # how far the text can be compressed
_LEAST_LIKELY = -1.0  # the mean logarithm of its tokens' probabilities
_CAREFUL: Mapping[str, Any] = MappingProxyType(
    {"beam_size": 5, "repetition_penalty": 1.2, "no_repeat_ngram_size": 4}
)
"""Without the penalty "6½" was heard as a hundred numbers, none of them four times."""

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


Stretch = tuple[int, int]
"""Where speech begins and ends, in samples."""


def cuts(samples: NDArray[np.float32], *, window_s: float) -> list[int]:
    """Where the windows begin and end: about equal, at most `window_s`, cut at pauses.

    `samples`: mono float32, shape (samples,), 16,000 a second.
    """
    import numpy as np

    seconds = len(samples) / RATE
    count = ceil(seconds / window_s / _USUAL) if seconds > window_s else 1
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
    window_s: float,
    at_once: int,
    told: Told,
) -> tuple[list[Segment], str]:
    """The segments in order, and the language, one for all; no segments where none speaks."""
    import numpy as np

    stretches = _speech(samples) if wanted.voice_only else [(0, len(samples))]
    if not stretches:
        return [], ""
    speech = np.concatenate([samples[slice(*stretch)] for stretch in stretches])
    if wanted.language is None:
        only, *others = whisper.supported_languages
        wanted = replace(wanted, language=whisper.detect_language(speech)[0] if others else only)
    windows = [*pairwise(cuts(speech, window_s=window_s))]

    def listen(window: Stretch) -> list[Segment]:
        return [*_window(whisper, speech[slice(*window)], wanted)]

    heard: list[Segment] = []
    with ThreadPoolExecutor(at_once, thread_name_prefix="agentkit-hear") as threads:
        for (start, _), found in zip(windows, threads.map(listen, windows), strict=True):
            for one in found:
                heard.append(_placed(_later(one, start / RATE), stretches))
                told(heard[-1].end_s)
    return heard, wanted.language or ""


def _speech(samples: NDArray[np.float32]) -> list[Stretch]:
    """Where somebody speaks; pauses of less than two seconds are part of it."""
    package = "faster-whisper"
    vad = imported("faster_whisper.vad", feature="transcribing", package=package, extra="speech")
    return [(one["start"], one["end"]) for one in vad.get_speech_timestamps(samples)]


def _window(whisper: Any, samples: NDArray[np.float32], wanted: Wanted) -> Iterator[Segment]:
    """The segments with text; times from the start of these samples."""

    def listen(first: int, end: int | None, **how: Any) -> Iterable[Any]:
        found: Iterable[Any]
        found, _ = whisper.transcribe(
            samples[first:end],
            language=wanted.language,
            task="translate" if wanted.into_english else "transcribe",
            temperature=0.0,
            condition_on_previous_text=False,  # one misheard sentence would colour the next
            word_timestamps=wanted.words,
            **how,
        )
        return found

    def again(run: Sequence[Any]) -> Iterator[Segment]:
        first = int(run[0].start * RATE)
        found = listen(first, int(run[-1].end * RATE), **_CAREFUL)
        return (_later(_segment(one), first / RATE) for one in found)

    return (one for one in _reliable(listen(0, None, beam_size=1), again) if one.text)


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
    return _timed(segment, lambda at_s: at_s + by_s, lambda at_s: at_s + by_s)


def _placed(segment: Segment, stretches: Sequence[Stretch]) -> Segment:
    """The segment with its times in the recording, of which the stretches were heard."""
    ends = [end / RATE for end in accumulate(end - start for start, end in stretches)]
    skipped = [end / RATE - heard_s for (_, end), heard_s in zip(stretches, ends, strict=True)]

    def begin(at_s: float) -> float:
        return at_s + skipped[min(bisect_right(ends, at_s), len(ends) - 1)]

    def end(at_s: float) -> float:
        return at_s + skipped[min(bisect_left(ends, at_s), len(ends) - 1)]

    return _timed(segment, begin, end)


def _timed(
    segment: Segment, begin: Callable[[float], float], end: Callable[[float], float]
) -> Segment:
    def times(one: Segment | Word) -> tuple[float, float]:
        return round(begin(one.start_s), 2), round(end(one.end_s), 2)

    words = [(word, *times(word)) for word in segment.words]
    start_s, end_s = times(segment)
    return Segment(
        start_s=start_s,
        end_s=end_s,
        text=segment.text,
        words=tuple(Word(start_s=a, end_s=b, text=word.text) for word, a, b in words),
    )
