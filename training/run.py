"""What the trainings share: a folder that a stopped one goes on from, a mean of weights, speed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn


class Run:
    """A folder with the newest checkpoint and a log of figures, one JSON object a line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._began = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)

    def resume(self, parts: Mapping[str, Any]) -> int:
        """Loads what was kept into the parts (with `load_state_dict`); the steps done, else 0."""
        path = self.folder / "newest.pt"
        if not path.exists():
            return 0
        kept = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(kept[name])
        return int(kept["step"])

    def keep(self, step: int, parts: Mapping[str, Any]) -> None:
        """Writes the checkpoint whole, or leaves the one before it."""
        temporary = self.folder / "newest.partial"
        torch.save({"step": step, **{k: one.state_dict() for k, one in parts.items()}}, temporary)
        temporary.replace(self.folder / "newest.pt")

    def log(self, step: int, **figures: float) -> None:
        """A line of the log, printed too."""
        line = {"step": step, "s": round(time.monotonic() - self._began, 1)}
        line |= {name: round(value, 5) for name, value in figures.items()}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)


class Mean:
    """The exponential moving mean of a model's weights, younger at the beginning."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self.weights = {name: one.detach().clone() for name, one in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Takes in the weights after a step."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        now = model.state_dict()
        mine = [one for one in self.weights.values() if one.is_floating_point()]
        theirs = [now[name] for name, one in self.weights.items() if one.is_floating_point()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"steps": self._steps, "weights": self.weights}

    def load_state_dict(self, kept: Mapping[str, Any]) -> None:
        """Goes on from there."""
        self._steps = int(kept["steps"])
        self.weights = {name: one.clone() for name, one in kept["weights"].items()}


def rate(step: int, steps: int, peak: float, *, warm: int = 200, fall: float = 0.3) -> float:
    """The learning rate: up over `warm` steps, level, and down to a fiftieth over the last part.

    >>> [rate(step, 1000, 1.0) for step in (0, 199, 500, 999)]
    [0.005, 1.0, 1.0, 0.02]
    """
    left = (steps - 1 - step) / max(1, steps * fall)
    level = 1.0 if left >= 1 else 0.02 + 0.98 * (1 - math.cos(math.pi * max(0.0, left))) / 2
    return peak * min(1.0, (step + 1) / warm) * level


def quicken(model: nn.Module) -> nn.Module:
    """The model in the layout that convolutions are fastest in on this processor.

    The one exception is the normalisation by groups: its gradient in bfloat16 takes some twenty
    times as long in that layout, so it gets the other one.
    """
    for module in model.modules():
        if isinstance(module, nn.GroupNorm):
            module.forward = MethodType(_group_norm, module)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _group_norm(self: nn.GroupNorm, x: Tensor) -> Tensor:
    weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
    normal = nn.functional.group_norm(x.contiguous(), self.num_groups, weight, bias, self.eps)
    return normal.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else normal
