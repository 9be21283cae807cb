"""The text in a picture, by PP-OCR on the processor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SURE = 0.85  # print is read with 0.95 and more, and upside down with less than 0.7
_reading = Lock()  # the engine keeps state between its steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the picture, from left to right; `confidence` from 0 to 1, of its weakest part."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Box:
    """A piece of text and where it stands."""

    left: float
    top: float
    bottom: float
    text: str
    confidence: float


def lines_of(picture: Picture, *, threads: int) -> tuple[Line, ...]:
    """The lines of an RGB picture from top to bottom; none where it has no text.

    Where it can hardly be read it is read upside down too, and the surer reading counts. Raises
    `MissingExtra` without rapidocr.
    """
    lines = _read(picture, threads)
    if not lines or _sureness(lines) >= _SURE:
        return lines
    return max(lines, _read(picture.rotate(180), threads), key=_sureness)


def _read(picture: Picture, threads: int) -> tuple[Line, ...]:
    import numpy as np

    with _reading:
        # Its own classifier of lines that stand on their head takes many long ones for such.
        found = _engine(threads)(np.asarray(picture), use_cls=False)
    boxes = [] if found.boxes is None else list(_boxes(found))
    return tuple(_line(row) for row in _rows(boxes))


def _sureness(lines: Sequence[Line]) -> float:
    """The mean confidence, by characters."""
    count = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / max(1, count)


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
