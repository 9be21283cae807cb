"""Whether a recording breaks off in its last part, for formats that do not declare how long it is.

An Ogg page, an MP3 frame and an AAC frame say how long they are themselves; one that is longer than
what is left of the file was cut. A cut that falls exactly between two of them cannot be seen.
"""

from __future__ import annotations

from pathlib import Path

_PAGE_BYTES = 65_307  # the longest page: a header of 27, 255 segments of 255
_KBIT_S = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Rates of a layer III frame by its index, for MPEG-1, and for MPEG-2 and 2.5."""
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Samples a second by index: MPEG-1, MPEG-2, MPEG-2.5."""


def torn(path: Path, format_name: str, last: bytes) -> bool:
    """Whether the file, of one of FFmpeg's formats, ends within its last page or packet `last`."""
    if format_name == "ogg":
        return _torn_page(path)
    whole = {"mp3": _mp3_bytes, "aac": _adts_bytes}.get(format_name)
    return whole is not None and len(last) < whole(last)


def _torn_page(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * _PAGE_BYTES))
        tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _mp3_bytes(frame: bytes) -> int:
    """How long the frame says that it is; 0 for what is none, such as a tag after the last one."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0
    version, rate, padding = frame[1] >> 3 & 3, frame[2] >> 2 & 3, frame[2] >> 1 & 1
    kbit_s = frame[2] >> 4
    if version == 1 or rate == 3 or kbit_s in (0, 15):
        return 0
    first = version == 3
    bits = 1000 * _KBIT_S[1 if first else 2][kbit_s]
    return (144 if first else 72) * bits // _RATES[version][rate] + padding


def _adts_bytes(frame: bytes) -> int:
    if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:
        return 0
    return (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5


def declares_length(format_name: str, head: bytes) -> bool:
    """Whether the file says how long it lasts; where it does not, FFmpeg guesses from its rate.

    An MP3 does if a tag stands in its first frame: `Xing`, `Info` or `VBRI`.
    """
    if format_name == "mp3":
        return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))
    return format_name not in ("aac", "amr")
