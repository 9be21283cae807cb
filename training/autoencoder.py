"""The autoencoder of the latent diffusion: 64 x 64 pixels to 8 x 8 x 8 latents and back.

python -m training.autoencoder runs/autoencoder --drawings DIR --steps 2000
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.drawings import Drawings, load, sheet
from training.run import Mean, Run, quicken, rate

CHANNELS = (16, 32, 96, 96)
LATENT = 8
BATCH = 32
PEAK = 1.5e-3
KL = 1e-3
"""Of the mean divergence of a latent from the unit normal; next to the loss of a pixel."""
MOST_SHIFT = 4


def made() -> Any:
    """An autoencoder of random weights."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    stages = len(CHANNELS)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * stages,
        up_block_types=("UpDecoderBlock2D",) * stages,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        latent_channels=LATENT,
        norm_num_groups=8,
        sample_size=64,
        mid_block_add_attention=False,
    )


def signed(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    """uint8 (n, h, w, 3) as float32 (n, 3, h, w) from -1 to 1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def unsigned(images: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The other way round; what is out of range is cut."""
    scaled = ((images.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return scaled.permute(0, 2, 3, 1).contiguous().numpy()


def varied(images: Tensor, free: Sequence[bool] | None = None) -> Tensor:
    """Shifted by a few pixels over white, and those that are free to be mirrored or not."""
    wide = F.pad(images, (MOST_SHIFT,) * 4, value=1.0)
    size, shown = images.shape[-1], []
    for one, may in zip(wide, free or [True] * len(images), strict=True):
        top, left = random.randint(0, 2 * MOST_SHIFT), random.randint(0, 2 * MOST_SHIFT)
        cut = one[:, top : top + size, left : left + size]
        shown.append(cut.flip(-1) if may and random.random() < 0.5 else cut)
    return torch.stack(shown).contiguous(memory_format=torch.channels_last)


def difference(found: Tensor, wanted: Tensor) -> Tensor:
    """Of pixels, of edges in both directions, and of areas of 4 x 4."""
    error = found - wanted
    down, across = error[..., 1:, :] - error[..., :-1, :], error[..., 1:] - error[..., :-1]
    coarse = F.avg_pool2d(error, 4)
    return error.abs().mean() + down.abs().mean() + across.abs().mean() + coarse.abs().mean()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler, from the unit normal, the mean over latents."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


@torch.no_grad()
def reconstruction(model: Any, images: Tensor) -> tuple[float, Tensor]:
    """Peak signal-to-noise ratio in decibels over all pixels, and what came back."""
    parts = [
        model.decode(model.encode(some).latent_dist.mode()).sample for some in images.split(64)
    ]
    back = torch.cat(parts).float().clamp(-1, 1)
    error = (back - images).square().mean() / 4
    return float(-10 * torch.log10(error)), back


@torch.no_grad()
def scale(model: Any, images: Tensor) -> float:
    """What latents are multiplied by to have a standard deviation of one."""
    found = [model.encode(some).latent_dist.sample() for some in images.split(64)]
    return float(1 / torch.cat(found).std())


def train(run: Run, drawings: Drawings, *, steps: int, seed: int = 0) -> None:
    """Trains to that many steps, from the newest checkpoint, and saves the model."""
    torch.manual_seed(seed)
    random.seed(seed)
    model = quicken(made())
    mean = Mean(model, 0.995)
    optimiser = torch.optim.AdamW(model.parameters(), PEAK, weight_decay=1e-4)
    parts = {"model": model, "mean": mean, "optimiser": optimiser}
    shown, held = (
        drawings.rows("train"),
        signed(drawings.pixels[drawings.rows("pair", "name")[:256]]),
    )
    for step in range(run.resume(parts), steps):
        for group in optimiser.param_groups:
            group["lr"] = rate(step, steps, PEAK)
        images = varied(signed(drawings.pixels[np.random.choice(shown, BATCH)]))
        loss, kl = _stepped(model, optimiser, images)
        mean.update(model)
        if (step + 1) % 50 == 0:
            run.log(step + 1, loss=loss, kl=kl)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            run.keep(step + 1, parts)
            _look(run, mean, held, step + 1)
    _saved(run, mean, signed(drawings.pixels[shown[::8]]))


def _stepped(model: Any, optimiser: Any, images: Tensor) -> tuple[float, float]:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        latent = model.encode(images).latent_dist
        found = model.decode(latent.sample()).sample
    kl = divergence(latent.mean.float(), latent.logvar.float())
    loss = difference(found.float(), images)
    (loss + KL * kl).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach()), float(kl.detach())


def _averaged(mean: Mean) -> Any:
    model = made()
    model.load_state_dict(mean.weights)
    return model.eval()


def _look(run: Run, mean: Mean, held: Tensor, step: int) -> None:
    from PIL import Image

    decibels, back = reconstruction(_averaged(mean), held)
    run.log(step, psnr=decibels)
    pairs = torch.stack([held[:32], back[:32]], 1).flatten(0, 1)
    Image.fromarray(sheet(unsigned(pairs), 16)).save(run.folder / "reconstruction.png")


def _saved(run: Run, mean: Mean, images: Tensor) -> None:
    model = _averaged(mean)
    model.register_to_config(scaling_factor=round(scale(model, images), 4))
    model.save_pretrained(run.folder / "export")


def main() -> None:
    """Read the arguments and train."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--drawings", type=Path)
    arguments.add_argument("--steps", type=int, default=2000)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    train(Run(given.folder), load(given.drawings), steps=given.steps)


if __name__ == "__main__":
    main()
