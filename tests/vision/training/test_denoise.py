"""Training of a denoiser, tiny: it learns, and goes on from where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agentkit.tools.optional import imported

torch = imported("torch", feature="this test", package="torch", extra="vision")
imported("diffusers", feature="this test", package="diffusers", extra="vision")

from training import cascade, denoise  # noqa: E402 - after what it needs is known to be here
from training.run import Run  # noqa: E402

SIDE, WIDTH = 8, 12


def plan(steps: int, seen: list[int]) -> denoise.Plan:
    """Of two pictures, one dark and one light, which two texts stand for."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    pictures = torch.stack([torch.full((3, SIDE, SIDE), one) for one in (-0.8, 0.8)])
    states = torch.randn(2, 3, WIDTH)

    def batch(chance: Any) -> denoise.Batch:
        rows = torch.randint(2, (8,), generator=chance)
        return denoise.Batch(pictures[rows], states[rows])

    model = UNet2DConditionModel(
        sample_size=SIDE, in_channels=3, out_channels=6, layers_per_block=1,
        block_out_channels=(16,), down_block_types=("CrossAttnDownBlock2D",), mid_block_type=None,
        up_block_types=("CrossAttnUpBlock2D",), cross_attention_dim=WIDTH, attention_head_dim=2,
        norm_num_groups=4, addition_embed_type="text", addition_embed_type_num_heads=2,
    )  # fmt: skip
    return denoise.Plan(
        model=model,
        scheduler=cascade.noising(),
        batch=batch,
        held=batch(torch.Generator().manual_seed(1)),
        look=lambda _, step: seen.append(step),
        steps=steps,
        peak=0.05,
        every=15,
    )


def held(folder: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    return {line["step"]: line["held"] for line in lines if "held" in line}


def test_it_learns_and_goes_on_from_where_it_was(tmp_path: Path) -> None:
    seen: list[int] = []
    denoise.train(Run(tmp_path), plan(15, seen))
    weights = denoise.train(Run(tmp_path), plan(30, seen))
    told = held(tmp_path)
    assert (seen, [*told]) == ([15, 30], [15, 30])
    assert told[30] < 0.85 * told[15]
    kept, width, steps = denoise.averaged(Run(tmp_path))
    assert (width, steps) == (WIDTH, 30)
    assert all(torch.equal(kept[name], one) for name, one in weights.items())


def test_a_run_that_is_done_is_not_trained_further(tmp_path: Path) -> None:
    seen: list[int] = []
    first = denoise.train(Run(tmp_path), plan(15, seen))
    again = denoise.train(Run(tmp_path), plan(15, seen))
    assert seen == [15]
    assert all(torch.equal(again[name], one) for name, one in first.items())
