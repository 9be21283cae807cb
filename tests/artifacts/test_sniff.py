"""What bytes are: signatures win over names, names decide among texts."""

from __future__ import annotations

import io
import json
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.sniff import PREVIEW_CHARS, media_type, preview


def wav(
    seconds: float, *, rate: int = 16_000, channels: int = 1, list_chunk: bool = False
) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0" * int(seconds * rate * channels * 2))
    data = buffer.getvalue()
    extra = b"LIST" + struct.pack("<I", 5) + b"INFOx" + b"\0"
    return data[:12] + extra + data[12:] if list_chunk else data


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02"


def jpeg(width: int, height: int) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 1000) + b"e" * 998
    tables = b"\xff\xc4" + struct.pack(">H", 4) + b"tt"
    frame = b"\xff\xc2" + struct.pack(">HBHH", 8, 8, height, width) + b"\x03"
    return b"\xff\xd8" + exif + tables + frame


def flac(seconds: int, *, rate: int = 44_100, channels: int = 2) -> bytes:
    packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | seconds * rate
    return b"fLaC\0\0\0\x22" + b"\0" * 10 + packed.to_bytes(8, "big") + b"\0" * 16


WEBP_LOSSY = b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 640 | 1 << 14, 480)
WEBP_LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 479 << 14)
WEBP_EXTENDED = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x7f\x02\0\xdf\x01\0"

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

CASES = {
    "wav": (wav(1.5), "audio/wav", "1.5 s, 16000 Hz, 1 channel"),
    "wav list": (wav(2, channels=2, list_chunk=True), "audio/wav", "2.0 s, 16000 Hz, 2 channels"),
    "flac": (flac(7), "audio/flac", "7.0 s, 44100 Hz, 2 channels"),
    "ogg": (b"OggS\0\x02" + b"\0" * 30, "audio/ogg", ""),
    "mp3 with a tag": (b"ID3\x04\0\0", "audio/mpeg", ""),
    "amr": (b"#!AMR\n\x3c", "audio/amr", ""),
    "mp3 without": (b"\xff\xfb\x90\x64\0\0", "audio/mpeg", ""),
    "png": (png(800, 600), "image/png", "800x600 pixels"),
    "jpeg": (jpeg(1024, 768), "image/jpeg", "1024x768 pixels"),
    "gif": (b"GIF89a" + struct.pack("<HH", 16, 9) + b"\0", "image/gif", "16x9 pixels"),
    "webp lossy": (WEBP_LOSSY, "image/webp", "640x480 pixels"),
    "webp lossless": (WEBP_LOSSLESS, "image/webp", "640x480 pixels"),
    "webp extended": (WEBP_EXTENDED, "image/webp", "640x480 pixels"),
    "tiff": (b"MM\0*\0\0\0\x08", "image/tiff", ""),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "application/pdf", ""),
    "json": (b' {"a": [1, 2]}', "application/json", '{"a": [1, 2]}'),
    "text": ("Grüße, {not: json}".encode(), "text/plain", "Grüße, {not: json}"),
    "utf-16 text": ("hello".encode("utf-16"), "application/octet-stream", ""),
    "noise": (b"\x00\x01\x02", "application/octet-stream", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_content_tells(case: str) -> None:
    data, kind, words = CASES[case]
    assert media_type("", data) == kind
    assert preview(kind, data) == words


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("notes.md", b"# Notes", "text/markdown"),
        ("TABLE.CSV", b"a,b\n1,2", "text/csv"),
        ("data.jsonl", b'{"a": 1}', "application/jsonl"),
        ("drawing.svg", b"<svg/>", "image/svg+xml"),
        ("photo.txt", png(1, 1), "image/png"),
        ("call.wav", b"this is no recording", "text/plain"),
        ("call.wav", b"", "audio/wav"),
        ("page.bmp", b"BM\x8a\0", "image/bmp"),
        ("report.docx", b"PK\x03\x04\0\0", DOCX),
        ("", b"", "application/octet-stream"),
    ],
)  # fmt: skip
def test_names_decide_where_content_does_not(name: str, data: bytes, kind: str) -> None:
    assert media_type(name, data) == kind


def test_json_is_recognised_only_when_all_of_it_was_seen() -> None:
    head = json.dumps([1, 2]).encode()
    assert media_type("", head, size_bytes=len(head)) == "application/json"
    assert media_type("", head, size_bytes=len(head) + 1) == "text/plain"


def test_long_text_is_cut_and_a_split_character_left_out() -> None:
    words = preview("text/plain", "žluť ".encode() * 200)
    assert len(words) == PREVIEW_CHARS
    assert words.endswith("…")
    assert preview("text/plain", "kůň".encode()[:-1]) == "ků"
    assert media_type("", "kůň".encode()[:-1]) == "text/plain"


def test_a_preview_has_no_control_characters() -> None:
    assert preview("text/plain", b"a\x1b[31mred\x07\r\nb\xe2\x80\xae") == "a [31mred b"


def test_empty_is_said() -> None:
    assert preview("audio/wav", b"") == "empty"


@given(st.binary(max_size=200), st.sampled_from([c[0][:64] for c in CASES.values()]))
def test_cut_and_broken_headers_never_raise(noise: bytes, start: bytes) -> None:
    for data in (noise, start + noise, start[: len(noise) % 60]):
        kind = media_type("file.bin", data)
        assert isinstance(preview(kind, data), str)
