"""The tool `describe_image`: a caption, what may be in it, and the text in a picture.

Three models look at one picture: one captions it, CLIP compares it with labels, and PP-OCR reads
what is written in it, as `read_image` does. Each says how sure it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.budget import FREE
from agentkit.media import Image
from agentkit.tool import Context, Tool, tool
from agentkit.tools.captions import DEFAULT, Caption, Captioner
from agentkit.tools.checkpoint import Named
from agentkit.tools.clip import CLIP
from agentkit.tools.clip import DEFAULT as CLIP_DEFAULT
from agentkit.tools.label_image import Label, checked, everyday, labelled
from agentkit.tools.ocr import Line, lines_of
from agentkit.tools.pictures import MOST_PIXELS, open_picture

_STEPS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a picture shows. `caption` is a few words, and `confidence` from 0 to 1 says how likely
    they were to the model; `labels` are those that fit best, the surest first, and add up to at
    most 1; `text` is what is written in it, and `lines` the same by line with how sure each is.
    Width and height in pixels."""

    caption: str
    confidence: float
    labels: tuple[Label, ...]
    text: str
    lines: tuple[Line, ...]
    width: int
    height: int


def describe_image(
    labels: Sequence[str] | None = None,
    *,
    captions: Named = DEFAULT,
    clip: Named = CLIP_DEFAULT,
    device: str | None = None,
    most_pixels: int = MOST_PIXELS,
    threads: int = 1,
) -> Tool[Any, Any]:
    """A tool that says what a picture shows: a caption, labels and the text in it.

    `captions` is a name in the catalogue, or the folder of a checkpoint of BLIP, GIT or a vision
    encoder with a decoder; `clip` one of CLIP. `labels` is what may be in it, some hundred everyday
    things where nothing is given. agentkit's own models know drawings, not photographs. Raises
    `UsageError` for labels that are empty or given twice.

        describe_image()(image=Path("sign.png")).caption
    """
    captioner, sight = Captioner(captions, device=device), CLIP(clip, device=device)
    wanted = everyday() if labels is None else checked(labels, "describe_image")
    kept = f"{captioner.name}, {sight.name}, {'|'.join(wanted)}"

    @tool(name="describe_image", effect="pure", cache=kept, trusted=False, concurrency=1,
          timeout_s=600.0, expected_s=4.0, cost=FREE)  # fmt: skip
    def describe(image: Image, *, context: Context | None = None) -> Description:
        """Say what a picture shows: a caption, labels that fit, and the text in it.

        Args:
            image: The picture.
        """

        def done(steps: int) -> None:
            if context is not None:
                context.progress(steps, _STEPS, "looks")

        picture = open_picture(image, most_pixels=most_pixels)
        (said,) = captioner.describe([picture])
        done(1)
        (fitting,) = labelled(sight, [sight.glance(picture)], wanted)
        done(2)
        lines = lines_of(picture, threads=threads)
        done(3)
        return _description(said, fitting, lines, picture.size)

    return describe


def _description(
    said: Caption, fitting: Sequence[Label], lines: tuple[Line, ...], size: tuple[int, int]
) -> Description:
    return Description(
        caption=said.text,
        confidence=said.confidence,
        labels=tuple(fitting),
        text="\n".join(line.text for line in lines),
        lines=lines,
        width=size[0],
        height=size[1],
    )
