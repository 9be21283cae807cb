"""Pictures, opened with care: measured before they are decoded, upright, on white, in plain RGB.

picture = open_picture(Path("photo.jpg"))
kept = png(picture.resize((64, 64)))
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit import sniff
from agentkit.errors import ToolError
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MOST_BYTES = 50_000_000
MOST_PIXELS = 40_000_000
LONGEST_SIDE = 20_000
_ORIENTATION = 0x0112
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")


def open_picture(
    path: Path, *, most_pixels: int = MOST_PIXELS, longest_side: int = LONGEST_SIDE
) -> Picture:
    """The picture, or the first one of several: mode RGB, upright as its EXIF says, transparent
    parts white, grey of 16 bits or more brought down to 8, nothing but the pixels.

    Its format is found by its content, whatever its name is. Raises `ToolError` where the file is
    empty, no picture, damaged or cut off, or larger than 50 MB; and, before anything is decoded,
    where the picture has more than `most_pixels` or a side longer than `longest_side`.
    `MissingExtra` without Pillow.
    """
    pillow = imported("PIL.Image", feature="reading a picture", package="pillow", extra="image")
    from PIL import UnidentifiedImageError

    _require_size(path)
    try:
        with pillow.open(path, formats=FORMATS) as picture:
            _require_small(picture.size, most_pixels, longest_side)
            picture.load()
            return _plain(_upright(picture))
    except UnidentifiedImageError:
        raise ToolError(_no_picture(path)) from None
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        raise ToolError(
            f"the picture has more than {most_pixels:,} pixels; make it smaller"
        ) from None
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's, for damaged files
        raise ToolError(f"the picture is damaged ({error}); get a whole copy of it") from None


def png(picture: Picture) -> bytes:
    """The picture's pixels as a PNG file: the same pixels give the same bytes, with one Pillow."""
    made = io.BytesIO()
    _bare(picture.copy()).save(made, "PNG", compress_level=6)
    return made.getvalue()


def _require_size(path: Path) -> None:
    size = path.stat().st_size
    if not 0 < size <= MOST_BYTES:
        what = "empty (0 bytes)" if size == 0 else f"larger than {MOST_BYTES:,} bytes"
        raise ToolError(f"the picture is {what}; give another copy of it")


def _require_small(size: tuple[int, int], most_pixels: int, longest_side: int) -> None:
    width, height = size
    if width * height > most_pixels:
        what = f"more than {most_pixels:,} in all"
    elif max(size) > longest_side:
        what = f"a side of more than {longest_side:,}"
    else:
        return
    raise ToolError(f"the picture has {width} x {height} pixels, {what}; make it smaller")


def _no_picture(path: Path) -> str:
    with path.open("rb") as file:
        kind = sniff.media_type("", file.read(sniff.HEAD_BYTES))
    found = "" if kind == sniff.OCTETS or kind.startswith("image/") else f", it is {kind}"
    return f"the file is not a picture ({', '.join(FORMATS)}){found}; give one in these formats"


def _upright(picture: Picture) -> Picture:
    from PIL.Image import Transpose

    turns: dict[object, Transpose] = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        turn = turns.get(picture.getexif().get(_ORIENTATION))
    except SyntaxError:  # a damaged EXIF in a whole picture
        return picture
    return picture if turn is None else picture.transpose(turn)


def _plain(picture: Picture) -> Picture:
    from PIL import Image as pillow

    if picture.mode[0] in "IF":
        return _bare(_eight_bits(picture).convert("RGB"))
    if not picture.has_transparency_data:
        return _bare(picture.convert("RGB"))
    ground = pillow.new("RGBA", picture.size, "white")
    return _bare(pillow.alpha_composite(ground, picture.convert("RGBA")).convert("RGB"))


def _bare(picture: Picture) -> Picture:
    """Without the colour profile, comments and so on that came with it."""
    picture.info = {}
    return picture


def _eight_bits(picture: Picture) -> Picture:
    """Grey of more bits, which Pillow would cut at 255: of 16 by what these can hold, of 32 and of
    floats from the darkest to the brightest."""
    import numpy as np
    from PIL import Image as pillow

    grey = np.nan_to_num(np.asarray(picture).astype(np.float64), posinf=0.0, neginf=0.0)
    sixteen = picture.mode.startswith("I;16")
    low, high = (0.0, 65535.0) if sixteen else (float(grey.min()), float(grey.max()))
    return pillow.fromarray(((grey - low) * 255 / max(high - low, 1e-12)).round().astype(np.uint8))
