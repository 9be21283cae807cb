"""CLIP (Radford et al. 2021), small: which words fit which drawing, in both directions.

    python -m training.clip --runs runs/clip                  # goes on where it was stopped
    python -m training.clip --runs runs/sharper --sharpen runs/clip --export weights/clip-icons

A batch has each thing once, so that all other texts in it are wrong. While it trains the picture
tower sees half of the patches (Li et al. 2023), but all of them in the last steps. The text tower
is also held to what MiniLM makes of the same words, which gives meaning to names never drawn.

Then the picture tower alone is sharpened, against a text tower that stays as it is (Zhai et al.
2022): texts are vectors now, so each picture is compared with those of all things at once.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel

from training.drawings import SIZE, Drawings, load, prompts
from training.words import LONGEST, meanings, narrowed, tokenizer, vocabulary

_MEAN = _STD = 0.5
_EVERY = 100
"""Steps between two checkpoints, and two measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One training; the same settings and seed give the same weights on the same machine."""

    steps: int = 700
    batch: int = 256
    rate: float = 8e-4
    warm_steps: int = 60
    decay: float = 0.1
    patches: float = 0.5
    whole_from: float = 0.85
    """The share of the steps after which the picture tower sees all patches."""
    meaning: float = 1.0
    """How much the loss against MiniLM counts."""
    width: int = 192
    picture_layers: int = 6
    text_layers: int = 4
    common: int = 6000
    seed: int = 0
    sharpen: bool = False
    """Train the picture tower alone, from the weights of a finished run."""


def model_of(settings: Settings, words: dict[str, int]) -> CLIPModel:
    """An untrained model of transformers' own class."""
    width = settings.width
    tower = {
        "hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": width // 64,
        "projection_dim": width, "hidden_act": "gelu",
    }  # fmt: skip
    text = {
        "vocab_size": len(words), "num_hidden_layers": settings.text_layers,
        "max_position_embeddings": LONGEST, "pad_token_id": words["[PAD]"],
        "bos_token_id": words["[CLS]"], "eos_token_id": words["[SEP]"],
    }  # fmt: skip
    vision = {"num_hidden_layers": settings.picture_layers, "image_size": SIZE, "patch_size": 8}
    config = CLIPConfig(
        text_config={**tower, **text}, vision_config={**tower, **vision}, projection_dim=width
    )
    config._attn_implementation = "eager"  # the fused one is twice as slow here, backwards
    return CLIPModel(config)


class Data:
    """What batches are made of: pictures and their texts, tokenized once."""

    def __init__(self, drawings: Drawings, words: dict[str, int]) -> None:
        self.drawings = drawings
        self.pixels = torch.from_numpy(drawings.pixels).permute(0, 3, 1, 2)
        self.tokenizer = tokenizer(words)
        self.words = [word for word in words if word.isalpha() and len(word) > 2]
        self.texts = sorted(
            {text for one in drawings.all for text in (*prompts(one), *_with_tags(one.name, one))}
            | {*self.words}
        )
        self.position = {text: n for n, text in enumerate(self.texts)}
        self.ids = self._tokens()
        self.meanings = torch.from_numpy(meanings(self.texts))
        self.things: dict[str, list[int]] = {}
        for row in drawings.rows("train").tolist():
            self.things.setdefault(drawings.all[row].code, []).append(row)

    def _tokens(self) -> Tensor:
        found = self.tokenizer(self.texts, padding="max_length", truncation=True)
        return torch.tensor(found["input_ids"])

    def batch(self, rng: np.random.Generator, size: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows of pictures of different things, and of a text of each."""
        codes = rng.permutation([*self.things])[:size]
        rows = np.array([rng.choice(self.things[code]) for code in codes])
        texts: list[int] = []
        for row in rows.tolist():
            one = self.drawings.all[row]
            choices = [*prompts(one), *_with_tags(one.name, one)]
            texts.append(self.position[str(rng.choice(choices))])
        return rows, np.array(texts)


def _with_tags(name: str, one: Any) -> list[str]:
    """The name with a word or two about it."""
    return [f"{name}, {tag}" for tag in one.tags[:4]] + [", ".join(one.tags[:3])] * bool(one.tags)


def pictured(pixels: Tensor) -> Tensor:
    """uint8 to what the model takes: float32 in [-1, 1], shape (n, 3, 64, 64)."""
    return (pixels.float() / 255 - _MEAN) / _STD


def varied(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture a little larger or smaller, moved, turned, brighter or darker; white around."""
    count = len(pixels)

    def some(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    angle, scale = some(-0.2, 0.2), some(0.8, 1.25)
    turn, lean = torch.cos(angle) * scale, torch.sin(angle) * scale
    left, top = some(-0.15, 0.15), some(-0.15, 0.15)
    rows = torch.stack([turn, -lean, left, lean, turn, top], dim=1)
    grid = F.affine_grid(rows.view(count, 2, 3), [*pixels.shape], align_corners=False)
    moved = F.grid_sample(pixels - 1, grid, align_corners=False) + 1  # zeros outside are white
    gain, shift = some(0.75, 1.2).view(-1, 1, 1, 1), some(-0.1, 0.1).view(-1, 1, 1, 1)
    return ((moved - 1) * gain + 1 + shift).clamp(-1, 1)


def picture_vectors(
    model: CLIPModel, pixels: Tensor, keep: float, generator: torch.Generator
) -> Tensor:
    """As `get_image_features`, from a random share of the patches."""
    tower = model.vision_model
    hidden = tower.embeddings(pixels)
    patches = hidden.shape[1] - 1
    if keep < 1:
        order = torch.rand(len(hidden), patches, generator=generator).argsort(dim=1)
        chosen = F.pad(order[:, : int(keep * patches)] + 1, (1, 0))
        hidden = hidden.gather(1, chosen[..., None].expand(-1, -1, hidden.shape[2]))
    hidden = tower.encoder(inputs_embeds=tower.pre_layrnorm(hidden)).last_hidden_state
    return model.visual_projection(tower.post_layernorm(hidden[:, 0]))


def text_vectors(model: CLIPModel, ids: Tensor) -> Tensor:
    """As `get_text_features`; columns that only pad are left out."""
    longest = int((ids != 0).sum(dim=1).max())
    hidden = model.text_model(input_ids=ids[:, :longest]).pooler_output
    return model.text_projection(hidden)


class Trainer:
    """A model, its optimiser and how far it is."""

    def __init__(self, settings: Settings, drawings: Drawings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.words = vocabulary(drawings.all, settings.common)
        self.data = Data(drawings, self.words)
        self.model = model_of(settings, self.words)
        self.to_meaning = nn.Linear(settings.width, self.data.meanings.shape[1])
        start = narrowed(meanings([*self.words]), settings.width, 0.05)
        self.model.text_model.embeddings.token_embedding.weight.data = torch.from_numpy(start)
        both = [*self.model.named_parameters(), *self.to_meaning.named_parameters()]
        matrices = [value for name, value in both if value.ndim > 1 and "embedding" not in name]
        others = [value for name, value in both if value.ndim < 2 or "embedding" in name]
        groups = [{"params": matrices, "weight_decay": settings.decay},
                  {"params": others, "weight_decay": 0.0}]  # fmt: skip
        self.optimiser = torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98))
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.done = 0
        self.log: list[dict[str, float]] = []

    def step(self) -> dict[str, float]:
        """One batch. What it draws at random depends on the seed and the step alone."""
        settings, n = self.settings, self.done
        rng = np.random.default_rng([settings.seed, n])
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + n)
        rows, texts = self.data.batch(rng, settings.batch)
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate * self._pace()
        keep = settings.patches if n < settings.whole_from * settings.steps else 1.0
        pixels = varied(pictured(self.data.pixels[rows]), generator)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pictures = picture_vectors(self.model, pixels, keep, generator)
        if settings.sharpen:
            contrast, apart = self._against_all(pictures.float(), rows, texts), torch.zeros(())
        else:
            free = rng.choice(len(self.data.texts), settings.batch // 4, replace=False)
            contrast, apart = self._against_each_other(pictures.float(), texts, free)
        self.optimiser.zero_grad()
        (contrast + settings.meaning * apart).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.model.logit_scale.data.clamp_(max=math.log(100))
        self._keep_average()
        self.done += 1
        return {"step": self.done, "contrast": contrast.item(), "meaning": apart.item()}

    def _against_each_other(
        self, pictures: Tensor, texts: NDArray[Any], free: NDArray[Any]
    ) -> tuple[Tensor, Tensor]:
        """The loss of pictures and texts of this batch; and how far the texts, and some that are of
        no picture, are from what MiniLM makes of them."""
        both = np.concatenate([texts, free])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said = text_vectors(self.model, self.data.ids[both]).float()
            meant = self.to_meaning(F.normalize(said, dim=1)).float()
        apart = 1 - F.cosine_similarity(meant, self.data.meanings[both]).mean()
        own = torch.arange(len(pictures))
        return self._contrast(pictures, said[: len(pictures)], own), apart

    def _against_all(self, pictures: Tensor, rows: NDArray[Any], texts: NDArray[Any]) -> Tensor:
        """The loss of pictures among one text of every thing, and of their texts among them."""
        asked = torch.tensor([self.data.position[name] for name in self.names])
        own = torch.tensor([self.columns[self.data.drawings.all[row].code] for row in rows])
        asked[own] = torch.from_numpy(texts)
        return self._contrast(pictures, self.said[asked], own)

    def _contrast(self, pictures: Tensor, texts: Tensor, own: Tensor) -> Tensor:
        """Cross entropy in both directions; `own` is each picture's text."""
        scores = F.normalize(pictures, dim=1) @ F.normalize(texts, dim=1).T
        logits = scores * self.model.logit_scale.exp()
        back = F.cross_entropy(logits.T[own], torch.arange(len(pictures)))
        return (F.cross_entropy(logits, own) + back) / 2

    def _pace(self) -> float:
        """Up to 1 in the warm steps, then down to 0 along a cosine."""
        settings = self.settings
        if self.done < settings.warm_steps:
            return (self.done + 1) / settings.warm_steps
        share = (self.done - settings.warm_steps) / (settings.steps - settings.warm_steps)
        return 0.5 * (1 + math.cos(math.pi * share))

    def _keep_average(self) -> None:
        """The weights shipped are a running mean of the last steps'."""
        share = min(0.98, (self.done + 1) / (self.done + 10))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - share)

    def averaged(self) -> CLIPModel:
        """A copy with the averaged weights, to be measured or exported."""
        copy = model_of(self.settings, self.words)
        copy.load_state_dict(self.average)
        return copy.eval()

    def save(self, folder: Path) -> None:
        """All that going on needs, in one step; read again without pickle's objects."""
        state = {
            "done": self.done, "log": self.log, "settings": asdict(self.settings),
            "model": self.model.state_dict(), "average": self.average,
            "to_meaning": self.to_meaning.state_dict(), "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        temporary = folder / "checkpoint.partial"
        torch.save(state, temporary)
        temporary.replace(folder / "checkpoint.pt")

    def begin_from(self, folder: Path) -> None:
        """Take the averaged weights of a finished run; its text tower stays as it is."""
        state = torch.load(folder / "checkpoint.pt", weights_only=True)
        self.model.load_state_dict(state["average"])
        self.average = state["average"]
        for part in (self.model.text_model, self.model.text_projection):
            part.requires_grad_(False)
        things = self.data.things
        self.columns = {code: n for n, code in enumerate(things)}
        self.names = [self.data.drawings.all[rows[0]].name for rows in things.values()]
        with torch.no_grad():
            parts = [text_vectors(self.model, ids) for ids in self.data.ids.split(256)]
        self.said = torch.cat(parts)

    def load(self, folder: Path) -> None:
        """Go on from the folder's checkpoint, if it has one."""
        path = folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["settings"] != asdict(self.settings):
            raise ValueError(f"{path} is of other settings: {state['settings']}")
        self.done, self.log = state["done"], state["log"]
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.to_meaning.load_state_dict(state["to_meaning"])
        self.optimiser.load_state_dict(state["optimiser"])


@torch.no_grad()
def recalls(model: CLIPModel, data: Data, rows: Sequence[int]) -> dict[str, float]:
    """The share of these pictures whose own name is the nearest of all their names, and back."""
    names = sorted({data.drawings.all[row].name for row in rows})
    found = data.tokenizer(names, padding=True, truncation=True, return_tensors="pt")
    texts = F.normalize(text_vectors(model, found["input_ids"]), dim=1)
    generator = torch.Generator()
    pixels = pictured(data.pixels[np.asarray(rows)])
    pictures = F.normalize(picture_vectors(model, pixels, 1.0, generator), dim=1)
    scores = pictures @ texts.T
    own = torch.tensor([names.index(data.drawings.all[row].name) for row in rows])
    right = (scores.argmax(dim=1) == own).float().mean()
    back = (own[scores.argmax(dim=0)] == torch.arange(len(names))).float().mean()
    return {"names": len(names), "picture_to_text": right.item(), "text_to_picture": back.item()}


def export(trainer: Trainer, folder: Path) -> None:
    """The averaged weights as fp16 safetensors, with the tokenizer and what pictures must be."""
    from transformers import CLIPImageProcessorPil

    pictures = CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE},
        image_mean=[_MEAN] * 3, image_std=[_STD] * 3,
    )  # fmt: skip
    trainer.averaged().half().save_pretrained(folder)
    pictures.save_pretrained(folder)
    trainer.data.tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def plot(log: Sequence[dict[str, float]], path: Path) -> None:
    """The two losses by step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("contrast", "meaning"):
        axes.plot([one["step"] for one in log], [one[name] for one in log], label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=100)


def trained(trainer: Trainer, folder: Path) -> Iterator[str]:
    """Trains to the last step; says how it goes every hundred steps."""
    splits = {part: trainer.data.drawings.rows(part).tolist() for part in ("pair", "name")}
    started, first = time.monotonic(), trainer.done
    while trainer.done < trainer.settings.steps:
        trainer.log.append(trainer.step())
        if trainer.done % _EVERY and trainer.done != trainer.settings.steps:
            continue
        trainer.save(folder)
        plot(trainer.log, folder / "loss.png")
        model = trainer.averaged()
        found = {part: recalls(model, trainer.data, rows) for part, rows in splits.items()}
        pace = (time.monotonic() - started) / (trainer.done - first)
        yield json.dumps({**trainer.log[-1], "seconds": round(pace, 2), **found})


def main() -> None:
    """Train, or export what is trained."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/clip"))
    parser.add_argument("--steps", type=int, default=Settings().steps)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument("--export", type=Path, help="where the weights go, RUNS/export if not said")
    parser.add_argument("--rate", type=float, default=Settings().rate)
    parser.add_argument("--sharpen", type=Path, help="begin from this run, train pictures alone")
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    sharpen = asked.sharpen is not None
    settings = Settings(steps=asked.steps, seed=asked.seed, rate=asked.rate, sharpen=sharpen)
    trainer = Trainer(settings, load())
    if sharpen:
        trainer.begin_from(asked.sharpen)
    trainer.load(asked.runs)
    for line in trained(trainer, asked.runs):
        print(line, flush=True)
    export(trainer, asked.export or asked.runs / "export")


if __name__ == "__main__":
    main()
