"""The captioner's training, five steps of it: it goes on where it stopped, and gives what ships."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agentkit.errors import UsageError
from agentkit.tools.captions import Captioner
from agentkit.tools.checkpoint import quietly
from training.captioner import Settings, Trainer, export
from training.drawings import Drawing, Drawings
from training.run import Run

torch: Any = import_module("torch")
transformers: Any = import_module("transformers")

SETTINGS = Settings(steps=5, joint=2, variants=2, batch=4, layers=1, upper=1)
NAMES = ("red apple", "blue sea", "dog")


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), np.uint8)
    return Drawings(
        tuple(
            Drawing(name, name, style, name, (), "object", "red", "train")
            for name in NAMES
            for style in ("flat", "noto")
        ),
        pixels,
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP with two layers, of which one is trained on."""
    torch.manual_seed(0)
    tower = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    vision = tower | {"num_hidden_layers": 2, "image_size": 64, "patch_size": 32}
    text = tower | {"vocab_size": 9, "num_hidden_layers": 1, "bos_token_id": 1, "eos_token_id": 2}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    folder = tmp_path_factory.mktemp("clip")
    with quietly():
        transformers.CLIPModel(config).save_pretrained(folder)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64},
        image_mean=[0.5] * 3, image_std=[0.5] * 3,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def test_a_stopped_training_goes_on_and_what_it_exports_is_what_the_tool_says(
    drawings: Drawings, clip: Path, tmp_path: Path
) -> None:
    with quietly():
        whole, first, second = (Trainer(SETTINGS, drawings, clip) for _ in range(3))
        for n in range(5):
            whole.step(n)
        run = Run(tmp_path / "run")
        for n in range(3):
            first.step(n)
        run.keep(3, first.parts())
        for n in range(run.resume(second.parts()), 5):
            second.step(n)
        export(second, tmp_path / "export", encoder=str(clip))
    for name, value in whole.mean.weights.items():
        assert torch.equal(value, second.mean.weights[name]), name
    pictures = [Image.fromarray(one) for one in drawings.pixels]
    captions = Captioner(tmp_path / "export").describe(pictures)
    assert [one.text for one in captions] == second.captions(range(6))


def test_what_goes_with_another_clip_is_refused(
    drawings: Drawings, clip: Path, tmp_path: Path
) -> None:
    with quietly():
        export(Trainer(SETTINGS, drawings, clip), tmp_path, encoder=str(clip))
    with (clip / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    with pytest.raises(UsageError, match="was trained with other weights than those in"):
        Captioner(tmp_path).describe([Image.new("RGB", (64, 64))])
