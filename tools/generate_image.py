"""The tool `generate_image`: a picture from a text, by latent diffusion (Rombach et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agentkit.budget import FREE
from agentkit.errors import ToolError, UsageError
from agentkit.media import Media
from agentkit.tool import Context, Tool, tool
from agentkit.tools.checkpoint import Named
from agentkit.tools.diffusion import MOST_STEPS, Pipeline, drawing, drawn, require_prompt

DEFAULT = "diffusion-icons"
_MULTIPLE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture, always PNG; its size in pixels, and the seed that makes it again."""

    image: Annotated[bytes, Media("image/png")]
    width: int
    height: int
    seed: int


def generate_image(
    *,
    model: Named = DEFAULT,
    text_encoder: Named | None = None,
    steps: int = 25,
    guidance: float = 4.0,
    size: tuple[int, int] | None = None,
    most_side: int = 1024,
    models: Path | None = None,
    device: str | None = None,
) -> Tool[Any, Any]:
    """A tool that draws what a text says.

    Without more, agentkit's own small model draws: 64 x 64 pixels, one thing, in the manner of
    emoji ("fox", "red apple, noto style"); its styles are flat, noto and twemoji. `model` may be
    the folder of any text-to-image checkpoint in diffusers' form. `size` is width and height, the
    model's own if not given; sides are multiples of 8 up to `most_side`. `steps` and `guidance`
    are what a call has that names none.

    The same seed gives the same bytes, on one machine with the same libraries.

        picture = generate_image()(prompt="fox, flat style", seed=7)
        Path("fox.png").write_bytes(picture.image)
    """
    pipeline = Pipeline(model, text_encoder=text_encoder, models=models, device=device)
    _require_settings(steps, size, most_side)
    usual: dict[str, Any] = {"num_inference_steps": steps, "guidance_scale": guidance}
    if size is not None:
        usual |= {"width": size[0], "height": size[1]}
    return _tool(pipeline, usual)


def _tool(pipeline: Pipeline, usual: Mapping[str, Any]) -> Tool[Any, Any]:
    """The tool that asks the pipeline, and what a call asks that names nothing else."""

    @tool(name="generate_image", effect="pure", cache=f"{pipeline.name} {usual}", concurrency=1,
          timeout_s=1800.0, expected_s=5.0, cost=FREE)  # fmt: skip
    def generate(
        prompt: str,
        negative: str = "",
        seed: Annotated[int, Field(ge=0, lt=2**63)] = 0,
        steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = None,
        guidance: Annotated[float, Field(ge=1.0, le=30.0)] | None = None,
        *,
        context: Context | None = None,
    ) -> Drawn:
        """Draw a picture of what a text says.

        Args:
            prompt: What to draw, in a few words.
            negative: What it must not look like.
            seed: Another number, another picture.
            steps: How many steps it takes; more are slower and seldom better.
            guidance: How closely it keeps to the prompt.
        """
        require_prompt(prompt, negative)
        asked: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative, **usual}
        asked |= {} if steps is None else {"num_inference_steps": steps}
        asked |= {} if guidance is None else {"guidance_scale": guidance}
        loaded = pipeline.load(context)
        with drawing:
            image = drawn(loaded, asked, seed, context)
        width, height = _size_of(image)
        return Drawn(image=image, width=width, height=height, seed=seed)

    return generate


def _require_settings(steps: int, size: tuple[int, int] | None, most_side: int) -> None:
    if not 1 <= steps <= MOST_STEPS:
        raise UsageError(f"expected 1 to {MOST_STEPS} steps, came {steps}")
    for side in size or ():
        if side % _MULTIPLE or not 0 < side <= most_side:
            raise UsageError(
                f"expected sides that are multiples of {_MULTIPLE}, up to {most_side}, came {size}"
            )


def _size_of(image: bytes) -> tuple[int, int]:
    from agentkit.sniff import image_size

    size = image_size("image/png", image)
    if size is None:
        raise ToolError("the model gave no picture; try another seed")
    return size
