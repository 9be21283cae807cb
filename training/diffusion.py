"""The latent diffusion: a U-Net that draws in the autoencoder's latents what a text says.

    python -m training.diffusion runs/diffusion --autoencoder DIR --text DIR --steps 10000
    python -m training.diffusion runs/diffusion --autoencoder DIR --export weights/diffusion-icons

Rombach et al. (2022): the text encoder is frozen, one caption in eight is left out for guidance.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training import denoise
from training.autoencoder import LATENT, signed, varied
from training.captions import Captions, captions, encoder
from training.drawings import Drawing, Drawings, load, sheet
from training.run import Run

CHANNELS = (96, 160)
HEADS = (3, 5)
POOL_HEADS = 6
BATCH = 64
PEAK = 1.2e-3
DROPPED = 0.12
VARIANTS = 4
"""Of each drawing in latents: as it is, and moved or mirrored."""


def made(width: int) -> Any:
    """A U-Net of random weights for texts whose states have that width.

    It attends to the states, and what it pools of them is added to the time, as in Imagen (Saharia
    et al. 2022): that tells every layer which thing is meant. At first it adds nothing.
    """
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    model: Any = UNet2DConditionModel(
        sample_size=8,
        in_channels=LATENT,
        out_channels=LATENT,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        mid_block_type=None,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=width,
        attention_head_dim=HEADS,  # the library takes it for their number
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=POOL_HEADS,
    )
    torch.nn.init.zeros_(model.add_embedding.norm2.weight)
    return model


def schedule() -> Any:
    """Of the noise; also what draws."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,  # what the library wants to read; trailing steps do not use it
    )


def may_be_mirrored(one: Drawing) -> bool:
    """Not what has writing, or a side in its name."""
    sided = {"left", "right", "clock", "o'clock", "keycap", "arrow", "button"} & {*one.name.split()}
    return one.group not in ("symbol", "flag") and not sided


@torch.no_grad()
def latents(drawings: Drawings, autoencoder: Any) -> Tensor:
    """float16 (n, variants, 2, c, h, w): mean and deviation of each, scaled to a deviation of 1."""
    random.seed(0)
    clean, found = signed(drawings.pixels), []
    free = [may_be_mirrored(one) for one in drawings.all]
    for variant in range(VARIANTS):
        parts: list[Tensor] = []
        for at in range(0, len(clean), 64):
            some = clean[at : at + 64]
            moved = varied(some, free[at : at + 64]) if variant else some
            with torch.autocast("cpu", dtype=torch.bfloat16):
                latent = autoencoder.encode(moved).latent_dist
            parts.append(torch.stack([latent.mean, latent.std], 1).half())
        found.append(torch.cat(parts))
    return torch.stack(found, 1) * autoencoder.config.scaling_factor


def batch(
    kept: Tensor, said: Captions, rows: np.ndarray[Any, Any], count: int, chance: torch.Generator,
    *, dropped: float = DROPPED,
) -> denoise.Batch:  # fmt: skip
    """Drawings of these rows by chance, most of them as they are."""
    chosen = rows[torch.randint(len(rows), (count,), generator=chance).numpy()]
    variant = torch.randint(8 * VARIANTS, (count,), generator=chance)
    variant = torch.where(variant < VARIANTS, variant, 0)
    mean, deviation = kept[torch.from_numpy(chosen), variant].float().unbind(1)
    clean = mean + deviation * torch.randn(mean.shape, generator=chance)
    seed = int(torch.randint(2**31, (1,), generator=chance))
    states = said.of(chosen.tolist(), random.Random(seed), dropped=dropped)
    return denoise.Batch(clean, states)


def train(
    run: Run, drawings: Drawings, *, autoencoder: Path, text: Path, steps: int,
    begin: Path | None = None,
) -> None:  # fmt: skip
    """Trains to that many steps, from the newest checkpoint, and saves a pipeline.

    Without a checkpoint it begins with the weights of the pipeline `begin`, or with random ones.
    """
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    vae: Any = AutoencoderKL.from_pretrained(autoencoder).eval()
    said, kept = captions(drawings, text), latents(drawings, vae)
    rows, held = drawings.rows("train"), drawings.rows("pair")
    model, chance = made(said.states.shape[-1]), torch.Generator().manual_seed(1)
    if begin:
        model = type(model).from_pretrained(begin / "unet").float()
    export = run.folder / "export"

    def look(weights: dict[str, Tensor], step: int) -> None:
        _saved(export, weights, said.states.shape[-1], autoencoder)
        _grid(run, export, text, drawings, step)

    plan = denoise.Plan(
        model=model,
        scheduler=schedule(),
        batch=lambda chance: batch(kept, said, rows, BATCH, chance),
        held=batch(kept, said, held, 256, chance, dropped=0.0),
        look=look,
        steps=steps,
        peak=PEAK,
        compiled=True,
    )
    denoise.train(run, plan)


def _saved(folder: Path, weights: dict[str, Tensor], width: int, autoencoder: Path) -> None:
    """A folder for StableDiffusionPipeline, but for the text encoder, which is the checkpoint's."""
    model = made(width)
    model.load_state_dict(weights)
    model.save_pretrained(folder / "unet")
    schedule().save_pretrained(folder / "scheduler")
    shutil.copytree(autoencoder, folder / "vae", dirs_exist_ok=True)
    index = {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "BertTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")


def export(run: Run, autoencoder: Path, folder: Path) -> int:
    """Writes the averaged weights of the newest checkpoint as float16; the steps they had."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    weights, width, steps = denoise.averaged(run)
    _saved(folder, weights, width, autoencoder)
    for part, kind in (("unet", type(made(width))), ("vae", AutoencoderKL)):
        model: Any = kind.from_pretrained(folder / part)
        model.half().save_pretrained(folder / part)
    return steps


def pipeline(folder: Path, text: Path) -> Any:
    """The checkpoint with that text encoder."""
    from diffusers import StableDiffusionPipeline

    tokenizer, model = encoder(text)
    found = StableDiffusionPipeline.from_pretrained(folder, tokenizer=tokenizer, text_encoder=model)
    found.set_progress_bar_config(disable=True)
    return found


def _grid(run: Run, export: Path, text: Path, drawings: Drawings, step: int) -> None:
    """Held-out drawings and below each what is drawn from its words."""
    from PIL import Image

    rows = [*drawings.rows("pair")[::37][:16], *drawings.rows("name")[::19][:8]]
    words = [f"{drawings.all[row].name}, {drawings.all[row].style} style" for row in rows]
    chance = [torch.Generator().manual_seed(n) for n in range(len(words))]
    drawn = pipeline(export, text)(
        words, height=64, width=64, num_inference_steps=25, guidance_scale=3.0,
        generator=chance, output_type="np",
    ).images  # fmt: skip
    found = (drawn * 255).round().astype(np.uint8)
    shown: list[Any] = []
    for at in range(0, len(rows), 8):
        shown += [*drawings.pixels[rows[at : at + 8]], *found[at : at + 8]]
    Image.fromarray(sheet(shown, 8)).save(run.folder / f"grid-{step:06d}.png")


def main() -> None:
    """Read the arguments and train."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--drawings", type=Path)
    arguments.add_argument("--autoencoder", type=Path, required=True)
    arguments.add_argument("--text", type=Path, help="a CLIP checkpoint's folder")
    arguments.add_argument("--steps", type=int, default=10_000)
    arguments.add_argument("--begin", type=Path, help="a pipeline to go on from")
    arguments.add_argument("--export", type=Path, help="write the weights there, train no more")
    given = arguments.parse_args()
    if given.export:
        print(export(Run(given.folder), given.autoencoder, given.export), "steps")
        return
    torch.set_num_threads(1)
    drawings = load(given.drawings)
    train(Run(given.folder), drawings, autoencoder=given.autoencoder, text=given.text,
          steps=given.steps, begin=given.begin)  # fmt: skip


if __name__ == "__main__":
    main()
