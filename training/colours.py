"""The word for a picture's main colour."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

COLOURS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "grey", "white",
)  # fmt: skip
_HUES = (
    (12, "red"), (40, "orange"), (68, "yellow"), (170, "green"), (255, "blue"), (295, "purple"),
    (342, "pink"), (361, "red"),
)  # fmt: skip


def main_colour(rgba: NDArray[np.uint8]) -> str:
    """The word of `COLOURS` for most of what is opaque; uint8, shape (height, width, 4).

    >>> square = np.full((4, 4, 4), (200, 30, 30, 255), dtype=np.uint8)
    >>> main_colour(square)
    'red'
    """
    shown = rgba[rgba[..., 3] > 127][:, :3]
    colours, counts = np.unique(shown // 8 * 8 + 4, axis=0, return_counts=True)
    areas: Counter[str] = Counter()
    for (red, green, blue), count in zip(colours.tolist(), counts.tolist(), strict=True):
        areas[word(red, green, blue)] += count
    return max(COLOURS, key=lambda name: areas[name])


def word(red: int, green: int, blue: int) -> str:
    """The word of `COLOURS` for one colour, each part from 0 to 255.

    >>> word(120, 70, 30), word(250, 160, 200), word(240, 240, 240)
    ('brown', 'pink', 'white')
    """
    high, low = max(red, green, blue), min(red, green, blue)
    if high < 56:
        return "black"
    if high - low < 0.16 * high:
        return "white" if high > 215 else "grey" if high > 80 else "black"
    hue = _hue(red, green, blue)
    name = next(name for end, name in _HUES if hue < end)
    if name == "orange" and high < 190:
        return "brown"
    if name == "red" and high < 150:
        return "brown" if green > 0.3 * red else "red"
    if name == "red" and low > 140:
        return "pink"
    return name


def _hue(red: int, green: int, blue: int) -> float:
    """Degrees from 0 up to 360; the parts must differ."""
    high, low = max(red, green, blue), min(red, green, blue)
    if high == red:
        return 60 * ((green - blue) / (high - low) % 6)
    if high == green:
        return 60 * ((blue - red) / (high - low) + 2)
    return 60 * ((red - green) / (high - low) + 4)
