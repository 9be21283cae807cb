"""Training of a denoiser: noise is added to clean data, and the model tells the velocity of it.

Salimans and Ho (2022), weighted as Hang et al. (2023) propose; the schedule ends in pure noise
(Lin et al. 2024), without which a white ground comes out grey.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.run import Mean, Run, quicken, rate

MOST_SNR = 5.0
DECAY = 0.998


@dataclass(frozen=True, slots=True)
class Batch:
    """Clean data (n, c, h, w), states of texts (n, tokens, width), and for an enlarging model what
    stands beside the noisy data, and how noisy that is itself, as a step of the schedule."""

    clean: Tensor
    states: Tensor
    beside: Tensor | None = None
    level: Tensor | None = None


def loss(model: Any, scheduler: Any, batch: Batch, chance: torch.Generator) -> Tensor:
    """The weighted mean square error of the velocity at random steps."""
    clean = batch.clean
    noise = torch.randn(clean.shape, generator=chance)
    steps = torch.randint(scheduler.config.num_train_timesteps, (len(clean),), generator=chance)
    given = scheduler.add_noise(clean, noise, steps)
    wanted = scheduler.get_velocity(clean, noise, steps)
    if batch.beside is not None:
        given = torch.cat([given, batch.beside], 1)
    given = given.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(given, steps, batch.states, class_labels=batch.level).sample
    error = (found.float()[:, : clean.shape[1]] - wanted).square().flatten(1).mean(1)
    power = scheduler.alphas_cumprod[steps]
    snr = power / (1 - power)
    return ((snr.clamp(max=MOST_SNR) + 1) / (snr + 1) * error).mean()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a training takes: the model, its schedule, where batches come from, and how long.

    `look` is told the averaged weights and the step, now and then; `held` is a batch that is never
    trained on. `compiled` takes minutes at the start and a third off each step of a U-Net in
    latents; convolutions over pixels gain nothing by it.
    """

    model: Any
    scheduler: Any
    batch: Callable[[torch.Generator], Batch]
    held: Batch
    look: Callable[[dict[str, Tensor], int], None]
    steps: int
    peak: float
    every: int = 500
    compiled: bool = False


def train(run: Run, plan: Plan, *, seed: int = 0) -> dict[str, Tensor]:
    """Trains to that many steps from the newest checkpoint; gives the averaged weights."""
    torch.manual_seed(seed)
    model = quicken(plan.model)
    _plain_attention(model)
    mean = Mean(model, DECAY)
    optimisers = _optimisers(model, plan.peak)
    parts = {"model": model, "mean": mean, **optimisers}
    begun = run.resume(parts)
    chance = torch.Generator().manual_seed(seed + begun)
    quick = torch.compile(model) if plan.compiled else model
    total = 0.0
    for step in range(begun, plan.steps):
        for group in (group for one in optimisers.values() for group in one.param_groups):
            group["lr"] = rate(step, plan.steps, plan.peak, warm=300, fall=0.8)
        found = loss(quick, plan.scheduler, plan.batch(chance), chance)
        found.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for one in optimisers.values():
            one.step()
        model.zero_grad()
        mean.update(model)
        total += float(found.detach())
        if (step + 1) % 50 == 0:
            run.log(step + 1, loss=total / 50)
            total = 0.0
        if (step + 1) % plan.every == 0 or step + 1 == plan.steps:
            run.keep(step + 1, parts)
            run.log(step + 1, held=_held_loss(plan, mean))
            plan.look(mean.weights, step + 1)
    return mean.weights


class Matrices(torch.optim.Muon):
    """Muon (Jordan et al. 2024) for matrices and for filters, a filter being a matrix with a row
    for each output. What is rare is learned sooner than by AdamW."""

    def __init__(self, parameters: Iterable[Tensor], peak: float) -> None:
        self._pairs = [(one, torch.nn.Parameter(_flat(one.detach()))) for one in parameters]
        apart = [one for one, matrix in self._pairs if one.data_ptr() != matrix.data_ptr()]
        assert not apart, "a filter that is not in channels_last would be trained as a copy"
        flat = [matrix for _, matrix in self._pairs]
        super().__init__(flat, peak, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")

    def step(self) -> None:  # type: ignore[override]
        """One step by the gradients of the parameters, whose memory the matrices share."""
        for one, matrix in self._pairs:
            assert one.grad is not None
            matrix.grad = _flat(one.grad)
        super().step()


def _flat(one: Tensor) -> Tensor:
    """A matrix as it is; a filter as a matrix in the order of its memory."""
    if one.dim() == 2:
        return one
    return one.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).flatten(1)


def _optimisers(model: Any, peak: float) -> dict[str, torch.optim.Optimizer]:
    """Of matrices and filters, and of the rest: vectors, and what has one row."""
    parameters = [*model.parameters()]
    matrices = [one for one in parameters if one.dim() in (2, 4) and len(one) > 1]
    rest = [one for one in parameters if one.dim() not in (2, 4) or len(one) == 1]
    return {
        "matrices": Matrices(matrices, peak),
        "rest": torch.optim.AdamW(rest, peak, weight_decay=0.01),
    }


@torch.no_grad()
def _held_loss(plan: Plan, mean: Mean) -> float:
    """Of the averaged weights, with the same noise each time."""
    kept = {name: one.clone() for name, one in plan.model.state_dict().items()}
    plan.model.load_state_dict(mean.weights)
    chance = torch.Generator().manual_seed(0)
    found = [loss(plan.model, plan.scheduler, plan.held, chance) for _ in range(4)]
    plan.model.load_state_dict(kept)
    return float(torch.stack(found).mean())


def _plain_attention(model: Any) -> None:
    """Written out: for a few dozen tokens the fused kernel's gradient is the slower one here."""
    from diffusers.models.attention_processor import AttnProcessor

    model.set_attn_processor(AttnProcessor())


def averaged(run: Run) -> tuple[dict[str, Tensor], int, int]:
    """The averaged weights of the newest checkpoint, how wide the texts are that they read, and the
    steps they had."""
    kept = torch.load(run.folder / "newest.pt", map_location="cpu", weights_only=True)
    weights: dict[str, Tensor] = kept["mean"]["weights"]
    texts = (one for name, one in weights.items() if name.endswith("attn2.to_k.weight"))
    return weights, next(texts).shape[1], int(kept["step"])
