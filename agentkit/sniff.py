"""What some bytes are: a media type from name and content, and a short preview of them in words.

Content decides where it has a signature; the name decides among texts and where content says
nothing. Only headers are read, so that a large file costs no more than a small one.
"""

from __future__ import annotations

import json
import struct
from pathlib import PurePath

HEAD_BYTES = 256 * 1024
"""How much of a file's beginning is enough for `media_type` and `preview`."""

PREVIEW_CHARS = 200

_SCANNED = 20 * PREVIEW_CHARS
"""How much of a text is looked at for its preview: it may begin with much white space."""

OCTETS = "application/octet-stream"

_BY_SUFFIX = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".amr": "audio/amr",
    ".bmp": "image/bmp",
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".m4a": "audio/mp4",
    ".markdown": "text/markdown",
    ".md": "text/markdown",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_STRUCTURED_TEXT = (
    "application/json", "application/jsonl", "application/toml", "application/xml",
    "application/yaml", "image/svg+xml",
)  # fmt: skip


def media_type(name: str, head: bytes, *, size_bytes: int | None = None) -> str:
    """The media type of a file called `name` (may be empty) that begins with `head`.

    `size_bytes` is the whole file's size, `len(head)` if not given. An empty file is what its
    name says.

    >>> media_type("photo.txt", b"\\x89PNG\\r\\n\\x1a\\n")
    'image/png'
    >>> media_type("notes.md", b"# Notes")
    'text/markdown'
    """
    named = _BY_SUFFIX.get(PurePath(name).suffix.lower())
    found = _signature(head)
    if found is not None:
        return found
    text = _text(head)
    if not text or not text.strip():
        return named or ("text/plain" if text else OCTETS)
    if named is not None and is_text(named):
        return named
    if (size_bytes is None or size_bytes <= len(head)) and _is_json(text):
        return "application/json"
    return "text/plain"


def is_text(media_type: str) -> bool:
    """Whether bytes of this type are meant to be read as text."""
    return media_type.startswith("text/") or media_type in _STRUCTURED_TEXT


def preview(media_type: str, head: bytes, *, size_bytes: int | None = None) -> str:
    """One short line about the content: the first words of a text, an image's size, a sound's
    duration. Empty where the header does not tell.

    >>> preview("text/plain", b"Dear all,\\nthe meeting is on Friday.")
    'Dear all, the meeting is on Friday.'
    """
    if not head:
        return "empty"
    if is_text(media_type):
        # Previews reach terminals and prompts: control characters must not.
        text = "".join(c if c.isprintable() else " " for c in (_text(head) or "")[:_SCANNED])
        words = " ".join(text.split())
        return words if len(words) <= PREVIEW_CHARS else words[: PREVIEW_CHARS - 1] + "…"
    try:
        if media_type == "audio/wav":
            return _wav(head)
        if media_type == "audio/flac":
            return _flac(head)
    except (struct.error, IndexError, ZeroDivisionError):
        return ""
    size = image_size(media_type, head)
    return f"{size[0]}x{size[1]} pixels" if size else ""


def _signature(head: bytes) -> str | None:
    for magic, found in _SIGNATURES:
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head[:64]:
        return _webm(head)
    if head[4:8] == b"ftyp":
        return _mp4(head)
    # Without an ID3 tag an MP3 begins with a frame: 11 sync bits, then layer III (binary 01).
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 != 0xF:
        return "audio/mpeg"
    return None


def _webm(head: bytes) -> str | None:
    """Audio where there are tracks of sound and none of pictures, as a browser records a voice."""
    if any(codec in head for codec in (b"V_VP8", b"V_VP9", b"V_AV1")):
        return "video/webm"
    return "audio/webm" if b"A_OPUS" in head or b"A_VORBIS" in head else None


def _mp4(head: bytes) -> str | None:
    """By its tracks where they are told at the beginning, else by a brand that is for sound."""
    tracks = {rest[8:12] for rest in head.split(b"hdlr")[1:]}
    if b"vide" in tracks:
        return "video/mp4"
    return "audio/mp4" if b"soun" in tracks or head[8:11] in (b"M4A", b"M4B") else None


def _text(head: bytes) -> str | None:
    """The bytes as text, or None if they are not; a character cut at the end is left out."""
    if b"\0" in head:
        return None
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return None
        return head[: error.start].decode("utf-8-sig")


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _wav(head: bytes) -> str:
    at, rate, channels, bytes_per_second = 12, 0, 0, 0
    while at + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, at)
        if name == b"fmt ":
            channels, rate, bytes_per_second = struct.unpack_from("<HII", head, at + 10)
        elif name == b"data":
            return f"{size / bytes_per_second:.1f} s, {rate} Hz, {_channels(channels)}"
        at += 8 + size + size % 2
    return ""


def _flac(head: bytes) -> str:
    # STREAMINFO comes first: 20 bits of rate, 3 of channels - 1, 5 of depth, 36 of sample count.
    packed = int.from_bytes(head[18:26], "big")
    rate, channels, samples = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    return f"{samples / rate:.1f} s, {rate} Hz, {_channels(channels)}"


def _channels(count: int) -> str:
    return f"{count} channel" + ("" if count == 1 else "s")


def image_size(media_type: str, head: bytes) -> tuple[int, int] | None:
    """Width and height of an image in pixels; None where its header does not tell."""
    try:
        if media_type == "image/png":
            return struct.unpack_from(">II", head, 16)
        if media_type == "image/gif":
            return struct.unpack_from("<HH", head, 6)
        if media_type == "image/webp":
            return _webp_size(head)
        if media_type == "image/jpeg":
            return _jpeg_size(head)
    except (struct.error, IndexError):
        return None
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = head[24:27], head[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        (length,) = struct.unpack_from(">H", head, at + 2)
        # Start of frame, but for the three codes in that range that mean tables or extensions.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + length
    return None
