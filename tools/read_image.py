"""The tool `read_image`: the text in a picture, by PP-OCR on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from agentkit.budget import FREE
from agentkit.errors import ToolError
from agentkit.media import Image
from agentkit.tool import Tool, tool
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_BYTES = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
_reading = Lock()  # the engine keeps state between its steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the picture, from left to right; `confidence` from 0 to 1, of its weakest part."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All text, one line of the picture a line; empty where there is none. Size in pixels."""

    text: str
    lines: tuple[Line, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Box:
    """A piece of text and where it stands."""

    left: float
    top: float
    bottom: float
    text: str
    confidence: float


def read_image(*, most_pixels: int = 40_000_000, threads: int = 1) -> Tool[Any, Any]:
    """A tool that reads the text in a picture (PNG, JPEG, WebP, TIFF, BMP, GIF).

    menu = read_image()(image=Path("menu.png"))
    """

    @tool(name="read_image", effect="pure", cache=True, trusted=False, concurrency=1,
          timeout_s=300.0, expected_s=3.0, cost=FREE)  # fmt: skip
    def read(image: Image) -> Reading:
        """Read the text in a picture, such as a photo of a page, a receipt or a notice.

        Args:
            image: The picture.
        """
        pixels = _pixels(image, most_pixels)
        with _reading:
            found = _engine(threads)(pixels)
        boxes = [] if found.boxes is None else list(_boxes(found))
        lines = tuple(_line(row) for row in _rows(boxes))
        height, width = pixels.shape[:2]
        text = "\n".join(line.text for line in lines)
        return Reading(text=text, lines=lines, width=width, height=height)

    return read


def _pixels(path: Path, most_pixels: int) -> NDArray[Any]:
    """The picture upright: uint8, shape (height, width, 3), red green blue."""
    import numpy as np

    imported("PIL.Image", feature="reading a picture", package="pillow", extra="image")
    from PIL import Image as pillow
    from PIL import ImageOps, UnidentifiedImageError

    size = path.stat().st_size
    if not 0 < size <= _MOST_BYTES:
        what = "empty (0 bytes)" if size == 0 else f"larger than {_MOST_BYTES:,} bytes"
        raise ToolError(f"the picture is {what}; give another copy of it")
    try:
        with pillow.open(path, formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > most_pixels:
                raise ToolError(
                    f"the picture has {width} x {height} pixels, more than {most_pixels:,} in all; "
                    "make it smaller"
                )
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except UnidentifiedImageError:
        raise ToolError(f"the file is not a picture ({', '.join(_FORMATS)})") from None
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        raise ToolError(
            f"the picture has more than {most_pixels:,} pixels; make it smaller"
        ) from None
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's, for damaged files
        raise ToolError(f"the picture is damaged ({error}); get a whole copy of it") from None
    white = pillow.new("RGBA", upright.size, "white")
    return np.asarray(pillow.alpha_composite(white, upright).convert("RGB"))


@lru_cache(maxsize=1)
def _engine(threads: int) -> Any:
    library = imported("rapidocr", feature="reading pictures", package="rapidocr", extra="image")
    return library.RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        }
    )


def _boxes(found: Any) -> Iterator[_Box]:
    for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        xs, ys = corners.T.tolist()  # from an array of shape (4, 2)
        yield _Box(min(xs), min(ys), max(ys), text, float(score))


def _rows(boxes: Sequence[_Box]) -> list[list[_Box]]:
    """Pieces that stand side by side, from top to bottom, each row from left to right."""
    rows: list[list[_Box]] = []
    for box in sorted(boxes, key=lambda one: one.top + one.bottom):
        middle = (box.top + box.bottom) / 2
        if rows and rows[-1][0].top < middle < rows[-1][0].bottom:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [sorted(row, key=lambda one: one.left) for row in rows]


def _line(row: Sequence[_Box]) -> Line:
    text = " ".join(box.text for box in row)
    return Line(text=text, confidence=round(min(box.confidence for box in row), 3))
