"""Transcription with the real Whisper weights, and recordings that are none."""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from agentkit.errors import ToolError
from agentkit.tool import Context
from agentkit.tools import transcribe
from agentkit.tools.audio import RATE, read_audio
from agentkit.tools.listening import cuts
from agentkit.tools.transcribe import Transcript
from benchmarks.word_errors import word_errors, words

LISTEN = transcribe(language="en")


def wav(samples: NDArray[Any], rate: int = RATE, channels: int = 1) -> bytes:
    """A WAV file with these 16-bit samples."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return made.getvalue()


def tone(seconds: float, rate: int = RATE) -> NDArray[np.float64]:
    """A sine of 440 Hz at a third of full scale."""
    return 10_000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


@dataclass
class Follower:
    """A context that keeps what progress it was told."""

    told: list[tuple[float, float | None, str]] = field(
        default_factory=list[tuple[float, float | None, str]]
    )

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        self.told.append((done, total, unit))


@pytest.fixture(scope="module")
def call(data: Path) -> tuple[Transcript, Follower]:
    """The example call, written down once."""
    follower = Follower()
    return LISTEN(audio=data / "call.flac", context=cast("Context", follower)), follower


def test_the_words_and_numbers_of_the_call_are_heard(call: tuple[Transcript, Follower]) -> None:
    text = call[0].text
    for fact in ("Lakeside House", "September", "three days", "two nights", "14 people",
                 "Northgate", "approve"):  # fmt: skip
        assert fact in text


def test_segments_have_times_in_order(call: tuple[Transcript, Follower]) -> None:
    talk, _ = call
    assert (talk.language, talk.seconds) == ("en", pytest.approx(19.9, abs=0.1))
    times = [time for one in talk.segments for time in (one.start_s, one.end_s)]
    assert times == sorted(times)
    assert len(talk.segments) >= 3
    assert 0 <= times[0] < times[-1] <= talk.seconds
    assert talk.text == " ".join(one.text for one in talk.segments)


def test_progress_is_told_in_seconds(call: tuple[Transcript, Follower]) -> None:
    talk, follower = call
    assert len(follower.told) == len(talk.segments)
    done, total, unit = follower.told[-1]
    assert (unit, total) == ("s", talk.seconds)
    assert done == pytest.approx(talk.segments[-1].end_s, abs=0.01)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 1)])
def test_recordings_become_mono_at_16_khz(tmp_path: Path, rate: int, channels: int) -> None:
    samples = np.repeat(tone(1.5, rate), channels)
    (tmp_path / "a.wav").write_bytes(wav(samples, rate, channels))
    read = read_audio(tmp_path / "a.wav", most_s=10)
    assert read.dtype == np.float32
    assert len(read) == pytest.approx(1.5 * RATE, abs=RATE * 0.01)
    assert float(np.abs(read).max()) == pytest.approx(0.305, abs=0.03)


def test_a_recording_inside_a_video_container(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as opened:
        container: Any = opened  # its types leave parts unknown
        stream = container.add_stream("aac", rate=RATE)
        frame = av.AudioFrame.from_ndarray(
            tone(1.0).astype(np.float32)[None] / 32768, format="fltp", layout="mono"
        )
        frame.sample_rate = RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert len(read_audio(tmp_path / "a.mp4", most_s=10)) == pytest.approx(RATE, abs=RATE * 0.2)


NOISE = np.random.default_rng(0).normal(0, 3000, RATE * 2).clip(-30_000, 30_000)
BAD = {
    "empty (0 bytes)": b"",
    "not a recording that can be read": b"hello, this is text\n" * 50,
    "no sound in it": None,  # a picture
    "holds no sound (0 seconds)": wav(np.zeros(0)),
    "cut off: 1.0 of its 3.0 seconds": wav(tone(3.0))[: 44 + 2 * RATE],
    "lasts longer than": wav(tone(5.0)),
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_speech_is_told_in_a_sentence(tmp_path: Path, data: Path, message: str) -> None:
    content = BAD[message]
    path = tmp_path / "a.wav"
    path.write_bytes((data / "canteen.png").read_bytes() if content is None else content)
    with pytest.raises(ToolError) as caught:
        transcribe(language="en", most_s=3.5)(audio=path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


NOTHING = {
    "the recording is silent for all of its 2 seconds": np.zeros(2 * RATE),
    "no speech was heard in the recording of 2 seconds": tone(2.0),
}


@pytest.mark.parametrize("note", NOTHING)
def test_where_nothing_is_said_the_text_is_empty_and_the_note_says_so(
    tmp_path: Path, note: str
) -> None:
    (tmp_path / "a.wav").write_bytes(wav(NOTHING[note]))
    heard = LISTEN(audio=tmp_path / "a.wav")
    assert (heard.text, heard.segments, heard.seconds, heard.note) == ("", (), 2.0, note)


def test_six_hours_are_refused_by_their_header(tmp_path: Path) -> None:
    """A file with a hole: nothing of it is read."""
    path = tmp_path / "day.wav"
    size = 6 * 3600 * 8_000 * 2
    head = bytearray(wav(np.zeros(0), rate=8_000))
    head[4:8], head[40:44] = (36 + size).to_bytes(4, "little"), size.to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
    with pytest.raises(ToolError, match="lasts longer than 3 hours; cut it into shorter ones"):
        LISTEN(audio=path)


def test_media_under_another_name_are_read_all_the_same(tmp_path: Path, data: Path) -> None:
    (tmp_path / "a.mp3").write_bytes((data / "call.flac").read_bytes())
    assert len(read_audio(tmp_path / "a.mp3", most_s=30)) == pytest.approx(19.9 * RATE, rel=0.01)


PAUSE_S = 5


@pytest.fixture(scope="module")
def in_windows(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Transcript:
    """The example call with a long pause in it, heard in three windows, with the words' times."""
    samples = read_audio(data / "call.flac", most_s=30)
    _, pause, _ = cuts(samples, window_s=15.0)
    silence = np.zeros(PAUSE_S * RATE)
    path = tmp_path_factory.mktemp("paused") / "call.wav"
    path.write_bytes(wav(32767 * np.concatenate([samples[:pause], silence, samples[pause:]])))
    return transcribe(window_s=9.0, words=True, threads=2)(audio=path)


def test_in_windows_the_same_is_heard_at_the_same_times(
    in_windows: Transcript, call: tuple[Transcript, Follower]
) -> None:
    whole = words(call[0].text)
    assert word_errors(whole, words(in_windows.text)) <= 0.05 * len(whole)
    times = [time for one in in_windows.segments for time in (one.start_s, one.end_s)]
    assert times == sorted(times)
    assert times[0] == pytest.approx(call[0].segments[0].start_s, abs=0.5)
    assert times[-1] == pytest.approx(call[0].segments[-1].end_s + PAUSE_S, abs=0.5)
    assert in_windows.language == "en"  # found out, once for all windows


def test_words_have_times_within_their_segment(in_windows: Transcript) -> None:
    for segment in in_windows.segments:
        times = [time for word in segment.words for time in (word.start_s, word.end_s)]
        assert times == sorted(times)
        assert segment.start_s - 0.5 <= times[0] <= times[-1] <= segment.end_s + 0.5
        assert " ".join(word.text for word in segment.words).split() == segment.text.split()


def test_noise_is_not_heard_as_one_sentence_again_and_again(tmp_path: Path, data: Path) -> None:
    """Heard once only, this is "I'm going to do a little bit of the same thing", over and over."""
    faint = 0.2 * read_audio(data / "call.flac", most_s=30)
    noisy = faint + np.random.default_rng(0).normal(0, 0.15, len(faint))
    (tmp_path / "a.wav").write_bytes(wav(np.clip(noisy, -1, 1) * 32767))
    heard = transcribe(language="en", voice_only=False, threads=2)(audio=tmp_path / "a.wav")
    said = [one.text for one in heard.segments]
    assert len(said) == len(set(said))


def test_windows_are_cut_at_pauses_and_none_is_too_long() -> None:
    """Noise with a pause of half a second a little off the middle."""
    sound = np.random.default_rng(3).normal(0, 0.1, 40 * RATE).astype(np.float32)
    sound[22 * RATE : 22 * RATE + RATE // 2] = 0
    start, cut, end = cuts(sound, window_s=30.0)
    assert (start, end) == (0, len(sound))
    assert 22.0 <= cut / RATE <= 22.5
    assert cuts(sound, window_s=40.0) == [0, len(sound)]
    for seconds in (10.1, 12.0, 17.3, 39.9):
        bounds = cuts(sound[: int(seconds * RATE)], window_s=10.0)
        assert all(5.0 <= (end - start) / RATE <= 10.0 for start, end in pairwise(bounds))


def test_a_recording_cut_in_the_middle_is_refused(tmp_path: Path, data: Path) -> None:
    whole = (data / "call.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ToolError, match=r"cut off: 9\.7 of its 19\.9 seconds are there"):
        LISTEN(audio=tmp_path / "a.flac")


def test_a_wav_header_that_lies_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """A stream's header has no true length: all ones, or zero."""
    for size in (0, 0xFFFFFFFF):
        data = bytearray(wav(tone(1.0)))
        data[4:8] = struct.pack("<I", size)
        (tmp_path / "a.wav").write_bytes(data)
        assert len(read_audio(tmp_path / "a.wav", most_s=5)) == RATE


def test_what_the_tool_declares() -> None:
    assert (LISTEN.name, LISTEN.effect, LISTEN.trusted) == ("transcribe", "pure", False)
    properties = cast("dict[str, Any]", LISTEN.input_schema["properties"])
    assert [*properties] == ["audio"]
    assert properties["audio"]["contentMediaType"] == "audio/*"


def test_what_one_model_heard_is_not_kept_for_another() -> None:
    other = (transcribe(model="whisper-large"), transcribe(voice_only=False))
    more = (transcribe(into_english=True), transcribe(words=True), transcribe(window_s=20.0))
    tools = [LISTEN, transcribe(), *other, *more]
    assert len({tool.cache for tool in tools}) == len(tools)
    assert all(isinstance(tool.cache, str) for tool in tools)
