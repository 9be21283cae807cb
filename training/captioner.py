"""A captioner, small: the name of what is drawn, word by word, from what CLIP's tower sees.

    python -m training.captioner runs/captioner --clip weights/clip-icons   # goes on where it was
    python -m training.captioner runs/captioner --clip weights/clip-icons --export FOLDER

Transformers' own `VisionEncoderDecoderModel`: CLIP's picture tower, and a GPT-2 that looks at what
it sees. The tower's lower layers stay as CLIP's, and are not kept a second time. The upper ones are
trained in the first steps, with the decoder; then what the tower sees is worked out once, and the
decoder goes on alone.
"""

# torch's types leave parts unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from training.clip import pictured, varied
from training.drawings import Drawings, Split, load
from training.run import Mean, Run, rate
from training.words import tokenizer, vocabulary

_library: Any = import_module("transformers")

LONGEST = 24
"""Tokens of a caption, with the two around it."""

_EVERY = 200
"""Steps between two checkpoints, and two measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One training; the same settings and seed give the same weights on the same machine."""

    steps: int = 3000
    joint: int = 600
    """The first steps, in which upper layers of the tower are trained too."""
    variants: int = 6
    """How often each drawing is looked at, varied, for the other steps."""
    batch: int = 128
    rate: float = 1e-3
    decay: float = 0.1
    dropout: float = 0.2
    smoothing: float = 0.1
    layers: int = 2
    upper: int = 3
    """Layers of the tower that are trained too, from above."""
    seed: int = 0


def model_of(settings: Settings, words: dict[str, int], clip: Path) -> Any:
    """The tower of CLIP with an untrained decoder, as wide as it."""
    tower = _library.CLIPVisionModel.from_pretrained(
        clip, attn_implementation="eager", dtype=torch.float32
    )
    ends = {
        "bos_token_id": words["[CLS]"], "eos_token_id": words["[SEP]"],
        "pad_token_id": words["[PAD]"],
    }  # fmt: skip
    decoder = _library.GPT2Config(
        vocab_size=len(words), n_positions=LONGEST, n_embd=tower.config.hidden_size,
        n_layer=settings.layers, n_head=max(1, tower.config.hidden_size // 64), **ends,
        add_cross_attention=True, is_decoder=True, attn_pdrop=settings.dropout,
        resid_pdrop=settings.dropout, embd_pdrop=settings.dropout,
    )  # fmt: skip
    decoder._attn_implementation = "eager"  # the fused one is slower here, backwards
    config = _library.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        tower.config, decoder, decoder_start_token_id=ends["bos_token_id"], **ends
    )
    return _library.VisionEncoderDecoderModel(
        config, encoder=tower, decoder=_library.GPT2LMHeadModel(decoder)
    )


def trained(model: Any, settings: Settings) -> dict[str, nn.Parameter]:
    """What is not CLIP's own: the decoder, and the tower's upper layers; the others are held."""
    layers = model.encoder.config.num_hidden_layers
    upper = [f".layers.{layers - 1 - n}." for n in range(settings.upper)]
    found: dict[str, nn.Parameter] = {}
    for name, value in model.named_parameters():
        if name.startswith("decoder.") or any(part in name for part in upper):
            found[name] = value
        else:
            value.requires_grad_(False)
    return found


class Trainer:
    """A model, its optimiser and its data."""

    def __init__(self, settings: Settings, drawings: Drawings, clip: Path) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.drawings = settings, drawings
        self.clip_sha256 = hashlib.sha256((clip / "model.safetensors").read_bytes()).hexdigest()
        self.rows = drawings.rows("train")
        named = [replace(drawings.all[row], tags=()) for row in self.rows.tolist()]
        self.tokenizer = tokenizer(words := vocabulary(named, 0))
        self.model = model_of(settings, words, clip)
        self.trained = trained(self.model, settings)
        self.pixels = torch.from_numpy(drawings.pixels).permute(0, 3, 1, 2)
        names = [one.name for one in drawings.all]
        found = self.tokenizer(names, padding="max_length", max_length=LONGEST, truncation=True)
        self.ids = torch.tensor(found["input_ids"])
        self.optimiser = torch.optim.AdamW(self._groups(), betas=(0.9, 0.98))
        self.mean = Mean(self.model, 0.99)

    def _groups(self) -> list[dict[str, Any]]:
        """Matrices decay, and the tower learns more slowly; `times` is of the rate."""
        found: list[dict[str, Any]] = []
        for part, times in (("decoder.", 1.0), ("encoder.", 0.4)):
            values = [value for name, value in self.trained.items() if name.startswith(part)]
            for decay, many in ((self.settings.decay, True), (0.0, False)):
                chosen = [value for value in values if (value.ndim > 1) == many]
                found.append({"params": chosen, "weight_decay": decay, "times": times, "lr": 0.0})
        return found

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"model": self.model, "optimiser": self.optimiser, "mean": self.mean}

    def step(self, n: int) -> float:
        """One batch, its loss. What it draws at random depends on the seed and the step alone."""
        settings = self.settings
        if n == settings.joint:
            self.model.load_state_dict(self.mean.weights)
        rng = np.random.default_rng([settings.seed, n])
        torch.manual_seed(settings.seed * 1_000_003 + n)
        chosen = rng.choice(len(self.rows), settings.batch, replace=False)
        for group in self.optimiser.param_groups:
            group["lr"] = group["times"] * settings.rate * self._pace(n)
        self.model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            if n < settings.joint:
                seen = self._look(self.rows[chosen], torch.default_generator)
            else:
                variants = rng.integers(settings.variants, size=settings.batch)
                seen = self.seen[variants, chosen]
            loss = self._loss(seen, self.ids[self.rows[chosen]])
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        self.optimiser.step()
        self.mean.update(self.model)
        return loss.item()

    def _pace(self, n: int) -> float:
        """Up to 1 in the first steps, level while the tower is trained, down along a cosine."""
        alone = n - self.settings.joint
        if alone < 0:
            return min(1.0, (n + 1) / min(200, self.settings.joint))
        return rate(alone, self.settings.steps - self.settings.joint, 1.0, warm=1, fall=0.95)

    def _look(self, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """What the tower sees of drawings, varied: shape (n, patches and one, width)."""
        pixels = varied(pictured(self.pixels[rows]), generator)
        seen: Tensor = self.model.encoder(pixel_values=pixels).last_hidden_state
        return seen

    @cached_property
    def seen(self) -> Tensor:
        """The same of all drawings: shape (variants, drawings, patches and one, width)."""
        variants: list[Tensor] = []
        self.model.eval()
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            for n in range(self.settings.variants):
                own = torch.Generator().manual_seed(self.settings.seed * 1_000_003 - n - 1)
                parts = np.array_split(self.rows, max(1, len(self.rows) // 256))
                variants.append(torch.cat([self._look(rows, own).bfloat16() for rows in parts]))
        self.model.train()
        return torch.stack(variants).clone()

    def _loss(self, seen: Tensor, ids: Tensor) -> Tensor:
        ids = ids[:, : int((ids != self.tokenizer.pad_token_id).sum(dim=1).max())]
        logits = self.model.decoder(input_ids=ids[:, :-1], encoder_hidden_states=seen).logits
        return F.cross_entropy(
            logits.float().flatten(0, 1),
            ids[:, 1:].flatten(),
            ignore_index=self.tokenizer.pad_token_id,
            label_smoothing=self.settings.smoothing,
        )

    def averaged(self) -> Any:
        """A copy with the averaged weights, to be measured or exported."""
        copy = _library.VisionEncoderDecoderModel(self.model.config)
        copy.load_state_dict(self.mean.weights)
        return copy.eval()

    @torch.inference_mode()
    def captions(self, rows: Sequence[int]) -> list[str]:
        """What it says of these drawings."""
        pixels = pictured(self.pixels[np.asarray(rows)])
        model = self.averaged()
        made = model.generate(pixel_values=pixels, max_new_tokens=LONGEST - 1, do_sample=False)
        return [
            text.strip() for text in self.tokenizer.batch_decode(made, skip_special_tokens=True)
        ]


def shared(said: str, name: str) -> float:
    """The F1 of the words that caption and name have in common.

    >>> shared("red apple", "green apple"), shared("a cat", "cat")
    (0.5, 0.6666666666666666)
    """
    both = (Counter(said.split()) & Counter(name.split())).total()
    return 2 * both / max(1, len(said.split()) + len(name.split()))


def measured(trainer: Trainer, split: Split) -> dict[str, float]:
    """The share of drawings whose caption is their name, and the mean F1 of the words."""
    rows: list[int] = trainer.drawings.rows(split).tolist()
    names = [trainer.drawings.all[row].name for row in rows]
    said = trainer.captions(rows)
    exact = sum(one == name for one, name in zip(said, names, strict=True)) / len(rows)
    words = sum(map(shared, said, names)) / len(rows)
    return {f"{split}_exact": exact, f"{split}_f1": words}


def export(trainer: Trainer, folder: Path, *, encoder: str = "clip-icons") -> None:
    """What is not CLIP's own as fp16 safetensors, of averaged weights, with the tokenizer.

    `encoder` is where the rest is: CLIP's name in the catalogue, or its folder.
    """
    model = trainer.averaged()
    settings: Any = model.config
    settings.encoder_from, settings.encoder_sha256 = encoder, trainer.clip_sha256
    settings.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    trainer.tokenizer.save_pretrained(folder)
    weights = {name: trainer.mean.weights[name].half().contiguous() for name in trainer.trained}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def plot(log: Path, to: Path) -> None:
    """The loss, and exact names of held-out drawings, by step."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    figure: Any = import_module("matplotlib.figure").Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([one["step"] for one in lines], [one["loss"] for one in lines], label="loss")
    axes.set(xlabel="step", ylabel="loss")
    right = axes.twinx()
    for name, style in (("pair_exact", "--"), ("pair_f1", ":")):
        right.plot([one["step"] for one in lines], [one[name] for one in lines], style, label=name)
    right.set(ylabel="held-out drawings", ylim=(0, 1))
    figure.legend(loc="outside upper center", ncols=3)
    figure.savefig(to, dpi=100)


def main() -> None:
    """Train, or export what is trained."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--clip", type=Path, required=True, help="the folder of our CLIP")
    parser.add_argument("--steps", type=int, default=Settings().steps)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument("--export", type=Path, help="write the weights there and train no more")
    asked = parser.parse_args()
    trainer = Trainer(Settings(steps=asked.steps, seed=asked.seed), load(), asked.clip)
    run = Run(asked.runs)
    done = run.resume(trainer.parts())
    if asked.export is not None:
        export(trainer, asked.export)
        return
    losses: list[float] = []
    for n in range(done, asked.steps):
        losses.append(trainer.step(n))
        if (n + 1) % _EVERY == 0 or n + 1 == asked.steps:
            run.keep(n + 1, trainer.parts())
            found = measured(trainer, "pair") | measured(trainer, "name")
            run.log(n + 1, loss=sum(losses) / len(losses), **found)
            plot(asked.runs / "log.jsonl", asked.runs / "loss.png")
            losses.clear()


if __name__ == "__main__":
    main()
