"""Speech with the real voice: what it says is heard again, and texts that cannot be said."""

from __future__ import annotations

import io
import sys
import wave
from pathlib import Path
from typing import Any, cast

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import MissingExtra, ModelError, ToolError
from agentkit.tool import Context
from agentkit.tools import speak, transcribe
from agentkit.tools.speak import RATE, Speech
from benchmarks.word_errors import error_rate, words
from tests.tools.told import Call

SPEAK = speak()
SENTENCES = (
    "The repair of the bridge took fourteen months.",
    "Please send the signed contract to the office before Friday.",
    "We are looking for two engineers who enjoy working with old machines.",
    "The train to the harbour leaves every morning at half past seven.",
)


@pytest.fixture(scope="module")
def spoken() -> Speech:
    """The sentences, said once."""
    return SPEAK(text=" ".join(SENTENCES))


def test_what_is_said_is_heard(spoken: Speech, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(spoken.audio)
    heard = transcribe(language="en")(audio=tmp_path / "a.wav").text
    assert error_rate([(" ".join(SENTENCES), heard)]) <= 0.05


def test_numbers_are_alike_however_they_are_written() -> None:
    assert words("fourteen months") == words("14 months")
    assert words("four million two hundred thousand") == words("4,200,000")
    assert error_rate([("one two three four", "one two three")]) == 1.0  # 1234 is one word
    assert error_rate([("the cat sat down", "the cat sat")]) == 0.25


def test_the_recording_is_mono_wav_of_the_length_that_it_says(spoken: Speech) -> None:
    with wave.open(io.BytesIO(spoken.audio)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert file.getnframes() / RATE == pytest.approx(spoken.seconds, abs=0.01)
    assert (spoken.sample_rate, spoken.parts) == (RATE, len(SENTENCES))
    assert 8 < spoken.seconds < 30


def test_the_same_text_gives_the_same_bytes_and_speed_another_length() -> None:
    usual, again, slow = (SPEAK(text="Good morning.", speed=speed) for speed in (1.0, 1.0, 0.5))
    assert usual.audio == again.audio
    assert slow.seconds > 1.5 * usual.seconds


def test_in_a_plan_the_recording_is_an_artifact(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path)
    call = Call(store)
    context = cast("Context", call)
    arguments = SPEAK.prepare({"text": "Good morning. Good night."}, context)
    result = cast("dict[str, Any]", SPEAK.finish(SPEAK(**arguments), context))
    assert (result["audio"]["media_type"], result["parts"]) == ("audio/wav", 2)
    assert "24000 Hz, 1 channel" in result["audio"]["preview"]
    assert store.read(result["audio"]["sha256"])[:4] == b"RIFF"
    assert call.told[-2:] == [(1, 2, "parts"), (2, 2, "parts")]
    with pytest.raises(ValueError, match="speed"):
        SPEAK.prepare({"text": "Good morning.", "speed": 3.0}, context)
    schema = cast("dict[str, Any]", SPEAK.output_schema)
    assert schema["properties"]["audio"]["contentMediaType"] == "audio/wav"


@pytest.mark.parametrize(
    "text", ["1" * 300, "http://example.com/" + "a/" * 150, "a-" * 150, "word " * 150]
)
def test_what_never_ends_is_said_in_pieces(text: str) -> None:
    """Whole, each of these would fail, or take minutes."""
    assert SPEAK(text=text, speed=2.0).parts >= 2


BAD = {
    "the text is empty; give the words": " \n",
    "has 50,000 characters, and at most 10,000 are said at once": "a " * 25_000,
    "nothing that can be said, no letter and no digit: '...!? 😀'": "...!? 😀",
    "only English is spoken, and 9 of the text's 9 letters are not Latin": "Привет, мир",
    "a number or a sign that has no reading": "\x95ȵũÝ=.¹\x84",
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_said_is_told_in_a_sentence(message: str) -> None:
    with pytest.raises(ToolError) as caught:
        SPEAK(text=BAD[message])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_speech_has_a_longest_length() -> None:
    with pytest.raises(ToolError, match=r"more than 0\.05 minutes to say; say it in parts"):
        speak(most_s=3.0)(text=" ".join(SENTENCES))


def test_without_the_weights_the_error_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTKIT_OFFLINE", "1")
    with pytest.raises(ModelError, match="agentkit models pull hibari"):
        speak(models=tmp_path)(text="Good morning.")


def test_without_the_extra_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(MissingExtra, match=r"speaking needs hibari-tts: .*agentkit\[speech\]"):
        speak(models=tmp_path)(text="Good morning.")
    assert not any(tmp_path.iterdir())


def test_what_the_tool_declares() -> None:
    assert (SPEAK.name, SPEAK.effect, SPEAK.trusted) == ("speak", "pure", True)
    assert [*cast("dict[str, Any]", SPEAK.input_schema["properties"])] == ["text", "speed"]
