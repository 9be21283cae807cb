"""The tool `read_image`: the text in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentkit.budget import FREE
from agentkit.media import Image
from agentkit.tool import Tool, tool
from agentkit.tools.ocr import Line, lines_of
from agentkit.tools.pictures import MOST_PIXELS, open_picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All text, one line of the picture a line; empty where there is none. Size in pixels."""

    text: str
    lines: tuple[Line, ...]
    width: int
    height: int


def read_image(*, most_pixels: int = MOST_PIXELS, threads: int = 1) -> Tool[Any, Any]:
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
        picture = open_picture(image, most_pixels=most_pixels)
        lines = lines_of(picture, threads=threads)
        text = "\n".join(line.text for line in lines)
        return Reading(text=text, lines=lines, width=picture.width, height=picture.height)

    return read
