"""Training of CLIP, tiny: it goes on where it was cut off as if it had not been."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.tools.optional import imported
from training.clip import Settings, Trainer, export
from training.drawings import Drawing, Drawings

READ = imported(
    "safetensors.numpy", feature="this test", package="safetensors", extra="vision"
).load_file
NAMES = ("cat", "dog", "sun", "tree", "house", "boat")
SETTINGS = Settings(
    steps=4, batch=4, warm_steps=1, width=64, picture_layers=1, text_layers=1, common=5
)


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    """Six things, each a square of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (len(NAMES), 64, 64, 3), dtype=np.uint8)
    some = Drawing("", "", "noto", "", ("thing",), "object", "red", "train")
    every = tuple(replace(some, code=name, name=name, icon=name) for name in NAMES)
    return Drawings(every, noise)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(bool((one[name] == other[name]).all()) for name in one)


def test_cut_off_and_begun_again_it_comes_to_the_same(drawings: Drawings, tmp_path: Path) -> None:
    whole, first = Trainer(SETTINGS, drawings), Trainer(SETTINGS, drawings)
    losses = [whole.step()["contrast"] for _ in range(4)]
    begun = [first.step()["contrast"] for _ in range(2)]
    first.save(tmp_path)
    second = Trainer(SETTINGS, drawings)
    second.load(tmp_path)
    assert begun + [second.step()["contrast"] for _ in range(2)] == losses
    assert same(whole.average, second.average)
    with pytest.raises(ValueError, match="is of other settings"):
        Trainer(replace(SETTINGS, seed=1), drawings).load(tmp_path)


def test_sharpened_its_texts_stay_as_they_are(drawings: Drawings, tmp_path: Path) -> None:
    first = Trainer(SETTINGS, drawings)
    first.step()
    first.save(tmp_path)
    sharper = Trainer(replace(SETTINGS, sharpen=True), drawings)
    sharper.begin_from(tmp_path)
    sharper.step()
    export(first, tmp_path / "first")
    export(sharper, tmp_path / "sharper")
    before = READ(tmp_path / "first" / "model.safetensors")
    after = READ(tmp_path / "sharper" / "model.safetensors")
    changed = {name.partition(".")[0] for name in before if (before[name] != after[name]).any()}
    assert changed - {"logit_scale"} == {"vision_model", "visual_projection"}
    assert all(value.dtype == np.float16 for value in after.values())
