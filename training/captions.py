"""Captions of drawings as the states of a frozen text encoder, worked out once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.drawings import Drawing, Drawings, prompts

NOTHING = ""
"""The prompt of those trained without one, for guidance."""


def encoder(folder: Path) -> tuple[Any, Any]:
    """The tokenizer and the text model of a CLIP checkpoint's folder."""
    from transformers import AutoTokenizer, CLIPTextModel

    return AutoTokenizer.from_pretrained(folder), CLIPTextModel.from_pretrained(
        folder
    ).float().eval()


@torch.no_grad()
def states(tokenizer: Any, model: Any, texts: list[str]) -> Tensor:
    """float16 (n, tokens, width): what StableDiffusionPipeline gives a U-Net for each text."""
    found: list[Tensor] = []
    for at in range(0, len(texts), 256):
        tokens = tokenizer(
            texts[at : at + 256],
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        found.append(model(tokens.input_ids)[0].half())
    return torch.cat(found)


@dataclass(frozen=True, slots=True)
class Captions:
    """Of each drawing the rows of `states` that are its captions, the likelier ones more often."""

    states: Tensor
    rows: tuple[tuple[int, ...], ...]
    nothing: int

    def of(self, drawings: list[int], chance: random.Random, *, dropped: float) -> Tensor:
        """A caption of each, or of a share of them none: float32 (n, tokens, width)."""
        rows = [
            self.nothing if chance.random() < dropped else chance.choice(self.rows[one])
            for one in drawings
        ]
        return self.states[rows].float()


def captions(drawings: Drawings, folder: Path) -> Captions:
    """All captions of all drawings, through the text model in that folder."""
    tokenizer, model = encoder(folder)
    places: dict[str, int] = {NOTHING: 0}
    rows = tuple(
        tuple(places.setdefault(text, len(places)) for text in said(one)) for one in drawings.all
    )
    return Captions(states(tokenizer, model, [*places]), rows, places[NOTHING])


def said(one: Drawing) -> list[str]:
    """Its prompts, those that name the style twice, and its name with a tag."""
    all_prompts = prompts(one)
    style = f"{one.style} style"
    tagged = [f"{one.name}, {tag}, {style}" for tag in one.tags[:2] if tag not in one.name]
    return [*all_prompts, *[text for text in all_prompts if text.endswith(style)], *tagged]
