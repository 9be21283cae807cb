"""The tools of `generate_image_cascade`: a small picture from a text, then larger ones of it.

Saharia et al. (2022): a frozen text encoder, a model that draws, and models that enlarge. Each
stage is a tool of its own, and its pictures' size is part of its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agentkit.budget import FREE
from agentkit.errors import ToolError, UsageError
from agentkit.media import image_of
from agentkit.tool import Context, Tool, tool
from agentkit.tools.checkpoint import Named
from agentkit.tools.device import torch
from agentkit.tools.diffusion import Pipeline, drawing, drawn, require_prompt
from agentkit.tools.pictures import open_picture

STAGES = ("cascade-icons-32", "cascade-icons-64")
_T5_TOKENS = 77  # what DeepFloyd's pipelines pad to, whatever the encoder's own limit is
_Seed = Annotated[int, Field(ge=0, lt=2**63)]


def generate_image_cascade(
    stages: Sequence[Named] = STAGES,
    *,
    text_encoder: Named | None = None,
    steps: int = 20,
    enlarging_steps: int = 4,
    guidance: float = 4.0,
    noise: int = 20,
    device: str | None = None,
) -> list[Tool[Any, Any]]:
    """The stages as tools: `draw_image_64(prompt)` gives an `Image[64]`, `enlarge_image_256` takes
    one and gives an `Image[256]`, and so on. A plan that puts them in another order is refused.

    Without more, agentkit's own small models draw 32 x 32 pixels and enlarge them to 64. `stages`
    may be the folders of any checkpoints in the form of DeepFloyd's: one of `IFPipeline`, then
    those of `IFSuperResolutionPipeline`. The text encoder is the first one's; a CLIP checkpoint's
    may be named in its place. `steps` are those of the drawing stage; one that enlarges is told
    nearly everything by the picture and needs few. `noise` is how much noise it puts on that
    picture (0 to 999): more forgives more.

        draw, enlarge = generate_image_cascade()
        small = draw(prompt="fox, noto style", seed=7)
    """
    if not stages:
        raise UsageError("expected the folders of one stage or more, came none")
    first, *others = [Pipeline(one, text_encoder=text_encoder, device=device) for one in stages]
    usual = {"num_inference_steps": steps, "guidance_scale": guidance}
    tools, side = [_drawing(first, usual)], first.side
    enlarging = {"num_inference_steps": enlarging_steps, "guidance_scale": 1.0}
    for one in others:
        tools.append(_enlarging(one, first, side, {**enlarging, "noise_level": noise}))
        side = one.side
    return tools


def _drawing(stage: Pipeline, usual: Mapping[str, Any]) -> Tool[Any, Any]:
    def draw(
        prompt: str, negative: str = "", seed: _Seed = 0, *, context: Context | None = None
    ) -> bytes:
        """Draw a small picture of what a text says, to be enlarged.

        Args:
            prompt: What to draw, in a few words.
            negative: What it must not look like.
            seed: Another number, another picture.
        """
        require_prompt(prompt, negative)
        loaded = stage.load(context)
        with drawing:
            asked = {**usual, **_said(loaded, prompt, negative)}
            return drawn(loaded, asked, seed, context)

    side = stage.side
    draw.__annotations__["return"] = Annotated[bytes, image_of(side)]
    return _tool(draw, f"draw_image_{side}", f"{stage.name} {usual}")


def _enlarging(
    stage: Pipeline, first: Pipeline, before: int, usual: Mapping[str, Any]
) -> Tool[Any, Any]:
    def enlarge(
        image: Path, prompt: str, seed: _Seed = 0, *, context: Context | None = None
    ) -> bytes:
        """Draw a picture once more, larger and sharper.

        Args:
            image: The small picture.
            prompt: What it shows.
            seed: Another number, other details.
        """
        require_prompt(prompt)
        picture = open_picture(image)
        if picture.size != (before, before):
            raise ToolError(f"expected {before} x {before} pixels, came {picture.size}")
        words, loaded = first.load(context), stage.load(context)
        with drawing:
            asked = {**usual, **_said(words, prompt, ""), "image": picture}
            return drawn(loaded, asked, seed, context)

    side = stage.side
    enlarge.__annotations__["image"] = Annotated[Path, image_of(before)]
    enlarge.__annotations__["return"] = Annotated[bytes, image_of(side)]
    return _tool(enlarge, f"enlarge_image_{side}", f"{stage.name} {usual}")


def _tool(function: Callable[..., bytes], name: str, cache: str) -> Tool[Any, Any]:
    """A stage's tool; the sizes in its types are known only now."""
    return tool(
        name=name, effect="pure", cache=cache, concurrency=1, timeout_s=1800.0, expected_s=5.0,
        cost=FREE,
    )(function)  # fmt: skip


def _said(pipeline: Any, prompt: str, negative: str) -> dict[str, Any]:
    """The states of the prompts, by the pipeline's text encoder."""
    tokenizer, model = pipeline.tokenizer, pipeline.text_encoder
    if tokenizer.model_max_length >= _T5_TOKENS:
        states = pipeline.encode_prompt(prompt, negative_prompt=negative, clean_caption=False)
        return dict(zip(("prompt_embeds", "negative_prompt_embeds"), states, strict=True))
    tokens = tokenizer(
        [prompt, negative], padding="max_length", truncation=True, return_tensors="pt",
        max_length=tokenizer.model_max_length,
    )  # fmt: skip
    with torch("making pictures").inference_mode():
        both = model(tokens.input_ids.to(model.device))[0]
    return {"prompt_embeds": both[:1], "negative_prompt_embeds": both[1:]}
