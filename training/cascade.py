"""The cascade: a U-Net that draws 32 x 32 pixels from a text, and one that enlarges them to 64.

    python -m training.cascade base runs/cascade-base --text DIR --steps 4000
    python -m training.cascade larger runs/cascade-larger --text DIR --steps 2000
    python -m training.cascade larger runs/cascade-larger --export weights/cascade-icons/larger

Saharia et al. (2022), in the form of DeepFloyd's pipelines: the text encoder is frozen; the second
model sees the small picture enlarged, with noise on it, and is told how much, so that it forgives
what the first one does. Of its six outputs three are unused: the variance, which is not learned.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from training import denoise
from training.autoencoder import signed, unsigned
from training.captions import Captions, captions, encoder
from training.diffusion import DROPPED, POOL_HEADS, may_be_mirrored
from training.drawings import Drawings, load, sheet
from training.run import Run

SMALL, LARGE = 32, 64
MOST_LEVEL = 400
"""How much noise is on the small picture at most, as a step of the schedule."""
BATCHES = {"base": 64, "larger": 32}
PEAK = 2e-3


def made(stage: str, width: int) -> Any:
    """The stage's U-Net with random weights, for texts whose states have that width."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    common: dict[str, Any] = {
        "layers_per_block": 1,
        "mid_block_type": None,
        "cross_attention_dim": width,
        "norm_num_groups": 8,
        "out_channels": 6,
    }
    if stage == "base":
        return UNet2DConditionModel(
            sample_size=SMALL,
            in_channels=3,
            block_out_channels=(32, 64, 128),
            down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            attention_head_dim=(2, 2, 4),
            addition_embed_type="text",
            addition_embed_type_num_heads=POOL_HEADS,
            **common,
        )
    return UNet2DConditionModel(
        sample_size=LARGE,
        in_channels=6,
        block_out_channels=(16, 32, 64, 96),
        down_block_types=("DownBlock2D", "DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 2, 2, 3),
        class_embed_type="timestep",
        **common,
    )


def schedule() -> Any:
    """Of the noise; also what draws, with pixels kept in range."""
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        thresholding=True,
        sample_max_value=1.0,
        variance_type=None,
    )


def noising() -> Any:
    """Of the noise on small pictures, and what trains: it knows the velocity."""
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    return DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
    )


def reduced(images: Tensor) -> Tensor:
    """(n, 3, 64, 64) to (n, 3, 32, 32), each pixel the mean of four."""
    return F.avg_pool2d(images, LARGE // SMALL)


def enlarged(images: Tensor) -> Tensor:
    """The other way, smoothly: as the pipeline does it before the model sees them."""
    return F.interpolate(images, (LARGE, LARGE), mode="bilinear", align_corners=True)


def batches(
    stage: str, drawings: Drawings, said: Captions
) -> Callable[[Any, int, torch.Generator], denoise.Batch]:
    """A function that gives a batch of the stage: of which rows, how many, by which chance.

    Half of what is enlarged is mirrored, if it may be; what is drawn from words is as it is.
    """
    images, noise = signed(drawings.pixels), noising()
    free = torch.tensor([may_be_mirrored(one) for one in drawings.all])

    def batch(rows: Any, count: int, chance: torch.Generator) -> denoise.Batch:
        chosen = torch.from_numpy(rows)[torch.randint(len(rows), (count,), generator=chance)]
        clean = images[chosen]
        seed = int(torch.randint(2**31, (1,), generator=chance))
        states = said.of(chosen.tolist(), random.Random(seed), dropped=DROPPED)
        if stage == "base":
            return denoise.Batch(reduced(clean), states)
        mirrored = free[chosen] & (torch.rand(count, generator=chance) < 0.5)
        clean = torch.where(mirrored[:, None, None, None], clean.flip(-1), clean)
        level = torch.randint(MOST_LEVEL, (count,), generator=chance)
        beside = enlarged(reduced(clean))
        beside = noise.add_noise(beside, torch.randn(beside.shape, generator=chance), level)
        return denoise.Batch(clean, states, beside, level)

    return batch


def train(stage: str, run: Run, drawings: Drawings, *, text: Path, steps: int) -> None:
    """Trains to that many steps, from the newest checkpoint, and saves a pipeline."""
    said = captions(drawings, text)
    batch = batches(stage, drawings, said)
    rows, held = drawings.rows("train"), drawings.rows("pair")
    width, count = said.states.shape[-1], BATCHES[stage]
    export = run.folder / "export"

    def look(weights: dict[str, Tensor], step: int) -> None:
        _saved(stage, export, weights, width)
        _grid(stage, run, export, text, drawings, step)

    plan = denoise.Plan(
        model=made(stage, width),
        scheduler=noising(),
        batch=lambda chance: batch(rows, count, chance),
        held=batch(held, 2 * count, torch.Generator().manual_seed(1)),
        look=look,
        steps=steps,
        peak=PEAK,
        every=250,
    )
    denoise.train(run, plan)


def _saved(stage: str, folder: Path, weights: dict[str, Tensor], width: int) -> None:
    """A folder for DeepFloyd's pipelines, but for the text encoder, which is the checkpoint's."""
    model = made(stage, width)
    model.load_state_dict(weights)
    model.save_pretrained(folder / "unet")
    schedule().save_pretrained(folder / "scheduler")
    index: dict[str, Any] = {
        "_class_name": "IFPipeline" if stage == "base" else "IFSuperResolutionPipeline",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "BertTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "watermarker": [None, None],
    }
    if stage == "larger":
        noising().save_pretrained(folder / "image_noising_scheduler")
        index["image_noising_scheduler"] = ["diffusers", "DDPMScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")


def export(stage: str, run: Run, folder: Path) -> int:
    """Writes the averaged weights of the newest checkpoint as float16; the steps they had."""
    weights, width, steps = denoise.averaged(run)
    _saved(stage, folder, weights, width)
    model = made(stage, width)
    model.load_state_dict(weights)
    model.half().save_pretrained(folder / "unet")
    return steps


def pipeline(folder: Path, text: Path) -> Any:
    """The stage's checkpoint with that text encoder."""
    from diffusers import DiffusionPipeline

    tokenizer, model = encoder(text)
    found = DiffusionPipeline.from_pretrained(folder, tokenizer=tokenizer, text_encoder=model)
    found.set_progress_bar_config(disable=True)
    return found


def _grid(stage: str, run: Run, export: Path, text: Path, drawings: Drawings, step: int) -> None:
    """Held-out drawings and below each what the stage makes of its words, or of it made small."""
    from PIL import Image

    from training.captions import states

    rows = [*drawings.rows("pair")[::37][:12], *drawings.rows("name")[::40][:4]]
    words = [f"{drawings.all[row].name}, {drawings.all[row].style} style" for row in rows]
    found = pipeline(export, text)
    asked: dict[str, Any] = {
        "prompt_embeds": states(found.tokenizer, found.text_encoder, words).float(),
        "negative_prompt_embeds": states(
            found.tokenizer, found.text_encoder, [""] * len(words)
        ).float(),
        "num_inference_steps": 20,
        "generator": [torch.Generator().manual_seed(n) for n in range(len(words))],
        "output_type": "pt",
        "guidance_scale": 3.0 if stage == "base" else 1.0,
    }
    held = signed(drawings.pixels[rows])
    if stage == "larger":
        asked |= {"image": reduced(held), "noise_level": 50}
        shown = torch.cat([held, enlarged(reduced(held)), found(**asked).images])
    else:
        shown = torch.cat([reduced(held), found(**asked).images])
    Image.fromarray(sheet(unsigned(shown), 16)).save(run.folder / f"grid-{step:06d}.png")


def main() -> None:
    """Read the arguments and train."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("stage", choices=("base", "larger"))
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--drawings", type=Path)
    arguments.add_argument("--text", type=Path, help="a CLIP checkpoint's folder")
    arguments.add_argument("--steps", type=int, default=4000)
    arguments.add_argument("--export", type=Path, help="write the weights there, train no more")
    given = arguments.parse_args()
    if given.export:
        print(export(given.stage, Run(given.folder), given.export), "steps")
        return
    torch.set_num_threads(1)
    train(given.stage, Run(given.folder), load(given.drawings), text=given.text, steps=given.steps)


if __name__ == "__main__":
    main()
