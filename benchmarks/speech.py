"""Whether speech is heard right: recordings of people, what `speak` says, and ten minutes.

    python benchmarks/speech.py [../shared/data] [--check]

Beside `transcribe`: the plain faster-whisper library with the same weights and its own settings
(beams of five, temperatures up to one). Word errors are counted after Whisper's normalisation, as
far as `word_errors.py` has it. The ten minutes are paragraphs of xquad, spoken by `speak`; what is
heard of them by two threads is compared with what one thread hears, window after window.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import io
import json
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from table import Row, exit_code, show
from word_errors import error_rate, word_errors, words

from agentkit.errors import ToolError
from agentkit.models.catalog import ensure
from agentkit.tools import speak, transcribe
from agentkit.tools.speak import RATE

MOST_ERRORS = 0.05
LONG_S = 600.0
SEAMS = 0.01
THREADS = 2
SENTENCES = (
    "The repair of the bridge took fourteen months.",
    "Please send the signed contract to the office before Friday.",
    "We are looking for two engineers who enjoy working with old machines.",
    "The train to the harbour leaves every morning at half past seven.",
    "Nobody expected the meeting to last until the evening.",
    "She put the receipt in the blue folder next to the window.",
    "The council will vote on the new playground in the spring.",
    "Heavy lorries were banned while the cables were being replaced.",
    "He asked whether the invoice had already been paid.",
    "A storm is expected on Tuesday, with strong winds along the coast.",
    "The library lends books, films and musical instruments.",
    "Our neighbours are painting their house yellow.",
    "The doctor recommended a long walk after every meal.",
    "Tickets cost twelve dollars, and children pay half.",
    "It is cheaper to repair the roof than to build a new one.",
    "They met in Boston in the summer and moved to Chicago in the autumn.",
    "The water in the lake was clear enough to see the stones.",
    "Turn left at the church and cross the narrow bridge.",
    "The museum is closed on Mondays but open on public holidays.",
    "I would like a cup of coffee and a slice of apple cake.",
)


def plain() -> Callable[[Path], str]:
    """What hears a file as faster-whisper does by itself."""
    library: Any = importlib.import_module("faster_whisper")
    folder = str(ensure("whisper-base"))
    model = library.WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=THREADS)
    return lambda file: "".join(one.text for one in model.transcribe(str(file))[0])


def people(data: Path) -> list[Row]:
    """Recordings of people, against their transcripts."""
    place = data / "speech"
    if not place.is_dir():
        return [Row(f"skipped: there is no folder {place}", "")]
    lines = (place / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    said = [(one["text"], place / one["file"]) for one in map(json.loads, lines)]
    tool, library = transcribe(threads=THREADS), plain()
    ours = error_rate((text, tool(audio=file).text) for text, file in said)
    theirs = error_rate((text, library(file)) for text, file in said)
    return [
        Row(f"word errors in {len(said)} recordings, transcribe: no more than the library's",
            f"{ours:.1%}", ours <= theirs),
        Row(f"word errors in {len(said)} recordings, faster-whisper alone", f"{theirs:.1%}"),
    ]  # fmt: skip


def round_trip(folder: Path) -> list[Row]:
    """What is said is heard."""
    say, listen = speak(), transcribe(threads=THREADS)
    pairs: list[tuple[str, str]] = []
    file = folder / "sentence.wav"
    began, spoken_s = time.perf_counter(), 0.0
    speeches = [say(text=text) for text in SENTENCES]
    took_s = time.perf_counter() - began
    for text, speech in zip(SENTENCES, speeches, strict=True):
        file.write_bytes(speech.audio)
        spoken_s += speech.seconds
        pairs.append((text, listen(audio=file).text))
    wrong = error_rate(pairs)
    return [
        Row(f"word errors in {len(pairs)} sentences of speak <= {MOST_ERRORS:.0%}",
            f"{wrong:.1%}", wrong <= MOST_ERRORS),
        Row("speak: seconds of speech a second, loading included", f"{spoken_s / took_s:.1f}"),
    ]  # fmt: skip


def paragraphs(file: Path) -> Iterator[str]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def ten_minutes(corpus: Path, to: Path) -> str:
    """Writes ten minutes of speech; gives what was said."""
    say = speak()
    said: list[str] = []
    left_s = LONG_S
    with wave.open(str(to), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        for text in paragraphs(corpus):
            if left_s <= 0:
                break
            try:
                speech = say(text=text)
            except ToolError:  # letters of another script, say
                continue
            with wave.open(io.BytesIO(speech.audio)) as part:
                out.writeframes(part.readframes(part.getnframes()))
            said.append(text)
            left_s -= speech.seconds
    return "\n".join(said)


def heard(file: Path, **options: Any) -> tuple[str, float, float]:
    """The text, the seconds of the recording, and the seconds that it took."""
    tool = transcribe(**options)
    began = time.perf_counter()
    talk = tool(audio=file)
    return talk.text, talk.seconds, time.perf_counter() - began


def long_recording(data: Path, folder: Path) -> list[Row]:
    """In windows at once: faster than it was spoken, and the same as one after another."""
    corpus = data / "xquad_en" / "corpus.jsonl.gz"
    if not corpus.is_file():
        return [Row(f"skipped: there is no file {corpus}", "")]
    file = folder / "long.wav"
    said = ten_minutes(corpus, file)
    parts, seconds, parts_s = heard(file, threads=THREADS)
    whole, _, whole_s = heard(file, threads=1)
    library = plain()
    began = time.perf_counter()
    theirs = library(file)
    theirs_s = time.perf_counter() - began
    differ = word_errors(words(whole), words(parts))
    return [
        Row(f"{seconds:.0f} s of speech in windows on {THREADS} cores: faster than real time",
            f"{parts_s:.0f} s", parts_s < seconds),
        Row("one window after another", f"{whole_s:.0f} s"),
        Row(f"words that differ between the two, of {len(words(whole))}: at most {SEAMS:.0%}",
            f"{differ}", differ <= SEAMS * len(words(whole))),
        Row("word errors, transcribe", f"{error_rate([(said, parts)]):.1%}"),
        Row("word errors, faster-whisper alone", f"{error_rate([(said, theirs)]):.1%}"),
        Row("faster-whisper alone, with beams of five", f"{theirs_s:.0f} s"),
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="Speech: word errors and speed")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        table = [
            *people(given.data),
            *round_trip(Path(name)),
            *long_recording(given.data, Path(name)),
        ]
    show("Speech", table)
    return exit_code(table, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
