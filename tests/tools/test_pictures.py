"""Pictures that are opened, what becomes of their pixels, and files that are none."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agentkit.errors import ToolError
from agentkit.tools.pictures import FORMATS, open_picture, png

PHOTO = Image.fromarray(np.random.default_rng(5).integers(0, 255, (24, 40, 3), np.uint8))
LOSSLESS = {"WEBP": {"lossless": True}}


def saved(picture: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    """The picture as a file."""
    made = io.BytesIO()
    picture.save(made, kind, **how)
    return made.getvalue()


def opened(folder: Path, content: bytes, **limits: int) -> Image.Image:
    path = folder / "a.jpg"  # its name never counts
    path.write_bytes(content)
    return open_picture(path, **limits)


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_gives_its_pixels(tmp_path: Path, kind: str) -> None:
    picture = opened(tmp_path, saved(PHOTO, kind, **LOSSLESS.get(kind, {})))
    assert (picture.mode, picture.size, picture.info) == ("RGB", (40, 24), {})
    if kind not in ("JPEG", "GIF"):  # these lose some
        assert picture.tobytes() == PHOTO.tobytes()


GREY = np.linspace(0, 1, 16).reshape(4, 4)
EIGHT = (GREY * 255).round().astype(np.uint8)
CLEAR = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
CLEAR.putpixel((1, 0), (255, 0, 0, 255))
MODES = {
    "grey": (saved(Image.fromarray(EIGHT)), EIGHT),
    "grey of 16 bits": (saved(Image.fromarray((GREY * 65535).round().astype(np.uint16))), EIGHT),
    "grey of 32 bits": (saved(Image.fromarray((GREY * 9e5).astype(np.int32)), "TIFF"), EIGHT),
    "floats": (saved(Image.fromarray((GREY * 7 - 3).astype(np.float32)), "TIFF"), EIGHT),
    "two colours": (saved(Image.new("1", (1, 1), 1)), [[255]]),
    "CMYK": (saved(Image.new("CMYK", (1, 1), (255, 255, 255, 0)), "TIFF"), [[0]]),
    "half clear": (saved(CLEAR), [[[255, 255, 255], [255, 0, 0]]]),
    "a clear palette": (saved(CLEAR, "GIF"), [[[255, 255, 255], [255, 0, 0]]]),
    "one pixel": (saved(Image.new("RGB", (1, 1), (1, 2, 3))), [[[1, 2, 3]]]),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb_on_white(tmp_path: Path, mode: str) -> None:
    content, expected = MODES[mode]
    wanted = np.asarray(expected)
    if wanted.ndim == 2:
        wanted = np.repeat(wanted[..., None], 3, axis=2)
    assert np.asarray(opened(tmp_path, content)).tolist() == wanted.tolist()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_it_is_upright_as_its_exif_says(tmp_path: Path, kind: str) -> None:
    half = Image.new("RGB", (40, 24), "black")
    half.paste("white", (20, 0, 40, 24))  # right
    tags = Image.Exif()
    tags[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    picture = opened(tmp_path, saved(half, kind, exif=tags))
    assert picture.size == (24, 40)
    above, below = picture.convert("L").resize((1, 2)).tobytes()
    assert (above < 32, below > 224) == (True, True)


def test_a_damaged_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    content = saved(PHOTO, "WEBP", exif=tags, lossless=True)
    assert opened(tmp_path, content).size == (24, 40)
    broken = content.replace(b"MM\0*", b"MM\0?").replace(b"II*\0", b"II?\0")
    assert opened(tmp_path, broken).tobytes() == PHOTO.tobytes()


def claimed(width: int, height: int) -> bytes:
    """A small file that claims a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


BAD = {
    "is empty (0 bytes); give another copy": b"",
    "not a picture (PNG, JPEG, WEBP, TIFF, BMP, GIF), it is text/plain": b"hello, this is text",
    "not a picture (PNG, JPEG, WEBP, TIFF, BMP, GIF), it is audio/flac": b"fLaC" + bytes(99),
    "not a picture (PNG, JPEG, WEBP, TIFF, BMP, GIF); give one": bytes(range(256)) * 9,
    "8000 x 8000 pixels, more than 40,000,000": claimed(8_000, 8_000),
    "more than 40,000,000 pixels; make it smaller": claimed(30_000, 30_000),
    "30000 x 100 pixels, a side of more than 20,000; make it smaller": claimed(30_000, 100),
    "the picture is damaged (": claimed(100, 100),
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_picture_is_told_in_a_sentence(tmp_path: Path, message: str) -> None:
    with pytest.raises(ToolError) as caught:
        opened(tmp_path, BAD[message])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_one_that_is_cut_off_is_damaged(tmp_path: Path, kind: str) -> None:
    content = saved(PHOTO, kind, **LOSSLESS.get(kind, {}))
    with pytest.raises(ToolError, match=r"the picture is (damaged|not)|the file is not a picture"):
        opened(tmp_path, content[: len(content) // 2])


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    """A whole picture, from which a thousand times the file's bytes come."""
    bomb = saved(Image.new("L", (2_000, 2_000)), optimize=True)
    assert len(bomb) < 4_000
    with pytest.raises(ToolError, match="2000 x 2000 pixels, more than 3,999,999 in all"):
        opened(tmp_path, bomb, most_pixels=3_999_999)
    assert opened(tmp_path, bomb).size == (2_000, 2_000)


def test_formats_outside_the_list_are_refused(tmp_path: Path) -> None:
    """An encapsulated PostScript file would start an interpreter."""
    with pytest.raises(ToolError, match="not a picture"):
        opened(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


def test_the_same_pixels_are_kept_as_the_same_bytes(tmp_path: Path) -> None:
    kept = png(PHOTO)
    noted = saved(PHOTO, icc_profile=b"a profile", dpi=(300, 300))
    assert png(opened(tmp_path, noted)) == png(opened(tmp_path, kept)) == kept
    labelled = PHOTO.copy()
    labelled.info["icc_profile"] = b"a profile"
    assert png(labelled) == kept
