"""Pictures from texts, by pipelines in the form that the field publishes them in: tiny and random,
of the real classes."""

from __future__ import annotations

import importlib
import io
import json
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from agentkit import Agent
from agentkit.artifacts import FolderArtifacts
from agentkit.errors import PlanRefused, ToolError, UsageError
from agentkit.planners import Fixed
from agentkit.tool import Context
from agentkit.tools import generate_image, generate_image_cascade
from agentkit.tools.checkpoint import quietly
from agentkit.tools.device import place
from tests.examples.process import EXAMPLES, finished
from tests.tools.told import Call

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{one}</w>" for one in LETTERS)]
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
UNET = {"layers_per_block": 1, "block_out_channels": (8, 16), "norm_num_groups": 4,
        "cross_attention_dim": 16, "attention_head_dim": 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")}  # fmt: skip

# What the library does with arrays of torch, which numpy 2 warns of; users do not see it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def libraries() -> tuple[Any, Any]:
    """diffusers and transformers, with torch's dice as they always fall."""
    importlib.import_module("torch").manual_seed(3)
    return importlib.import_module("diffusers"), importlib.import_module("transformers")


@pytest.fixture(scope="module")
def words(libraries: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A text model that reads letters, and its tokenizer."""
    _, library = libraries
    longest = 77
    model = library.CLIPTextModel(
        library.CLIPTextConfig(vocab_size=len(WORDS), max_position_embeddings=longest, **TEXT)
    )
    tokenizer = library.CLIPTokenizer(
        vocab={word: n for n, word in enumerate(WORDS)}, merges=[], model_max_length=longest
    )
    return {"text_encoder": model.eval(), "tokenizer": tokenizer}


@pytest.fixture(scope="module")
def stable(
    libraries: tuple[Any, Any], words: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A Stable Diffusion of some ten thousand parameters, for pictures of 16 x 16 pixels."""
    library, _ = libraries
    pipeline = library.StableDiffusionPipeline(
        **words,
        vae=library.AutoencoderKL(
            block_out_channels=(4, 8), norm_num_groups=2, latent_channels=4, sample_size=16,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        unet=library.UNet2DConditionModel(sample_size=8, in_channels=4, out_channels=4, **UNET),
        scheduler=library.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    return saved(pipeline, tmp_path_factory.mktemp("stable"))


@pytest.fixture(scope="module")
def cascade(
    libraries: tuple[Any, Any], words: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """DeepFloyd's two kinds of pipeline, for pictures of 8 and of 16 pixels; the second without a
    text encoder, as a later stage may be kept."""
    library, _ = libraries
    none = dict.fromkeys(("safety_checker", "feature_extractor", "watermarker"))
    noise = library.DDPMScheduler(variance_type="learned_range")
    draw = library.IFPipeline(
        **words, **none, scheduler=noise, requires_safety_checker=False,
        unet=library.UNet2DConditionModel(sample_size=8, in_channels=3, out_channels=6, **UNET),
    )  # fmt: skip
    enlarge = library.IFSuperResolutionPipeline(
        tokenizer=None, text_encoder=None, **none, scheduler=noise, requires_safety_checker=False,
        image_noising_scheduler=library.DDPMScheduler(),
        unet=library.UNet2DConditionModel(
            sample_size=16, in_channels=6, out_channels=6, class_embed_type="timestep", **UNET
        ),
    )  # fmt: skip
    return [saved(one, tmp_path_factory.mktemp("stage")) for one in (draw, enlarge)]


def saved(pipeline: Any, folder: Path) -> Path:
    library = importlib.import_module("diffusers.utils.logging")
    library.disable_progress_bar()
    with quietly():
        pipeline.save_pretrained(folder)
    library.enable_progress_bar()
    return folder


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_checkpoint_draws_what_diffusers_draws_with_it(
    libraries: tuple[Any, Any], stable: Path
) -> None:
    library, torch = libraries[0], importlib.import_module("torch")
    picture = generate_image(model=stable, steps=2, guidance=3.0)(prompt="red fox", seed=5)
    assert (picture.width, picture.height, picture.seed) == (16, 16, 5)
    with quietly():
        pipeline = library.StableDiffusionPipeline.from_pretrained(stable, dtype=place().dtype)
    pipeline.set_progress_bar_config(disable=True)
    chance = torch.Generator("cpu").manual_seed(5)
    asked = {"num_inference_steps": 2, "guidance_scale": 3.0, "generator": chance}
    (same,) = pipeline("red fox", negative_prompt="", **asked).images
    assert np.array_equal(pixels(picture.image), np.asarray(same))


def test_the_same_seed_gives_the_same_bytes_and_what_is_asked_counts(stable: Path) -> None:
    draw = generate_image(model=stable, steps=2, size=(24, 16))
    first = draw(prompt="red fox", seed=1)
    assert first.image == draw(prompt="red fox", seed=1).image
    others = [draw(prompt="red fox", seed=2), draw(prompt="blue fox", seed=1),
              draw(prompt="red fox", seed=1, negative="b"),
              draw(prompt="red fox", seed=1, steps=3),
              draw(prompt="red fox", seed=1, guidance=9.0)]  # fmt: skip
    assert len({first.image, *(one.image for one in others)}) == 6
    assert (first.width, first.height) == (24, 16)


def test_our_own_model_draws_with_the_text_encoder_of_clip_icons() -> None:
    draw = generate_image(steps=2)
    picture = draw(prompt="red apple, noto style", seed=7)
    assert (picture.width, picture.height) == (64, 64)
    assert picture.image == draw(prompt="red apple, noto style", seed=7).image
    red, green, blue = pixels(picture.image).reshape(-1, 3).mean(0)
    assert red > max(green, blue)


def test_our_own_cascade_draws_small_and_enlarges(tmp_path: Path) -> None:
    draw, enlarge = generate_image_cascade(steps=4)
    small = draw(prompt="red apple, noto style", seed=7)
    (tmp_path / "small.png").write_bytes(small)
    large = pixels(enlarge(image=tmp_path / "small.png", prompt="red apple, noto style"))
    assert (pixels(small).shape, large.shape) == ((32, 32, 3), (64, 64, 3))
    red, green, blue = large.reshape(-1, 3).mean(0)
    assert red > max(green, blue)
    reduced = large.reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(reduced - pixels(small)).mean() < 10  # it is the same picture


def test_in_a_plan_the_picture_is_an_artifact_and_steps_are_told(
    stable: Path, tmp_path: Path
) -> None:
    draw, call = generate_image(model=stable, steps=3), Call(FolderArtifacts(tmp_path))
    context = cast("Context", call)
    result = cast("dict[str, Any]", draw.finish(
        draw(**draw.prepare({"prompt": "fox", "seed": 1}, context)), context))  # fmt: skip
    assert (result["image"]["media_type"], result["image"]["preview"]) == (
        "image/png",
        "16x16 pixels",
    )
    assert call.told == [(n, 3, "steps") for n in (1, 2, 3)]
    with pytest.raises(ValueError, match="steps"):
        draw.prepare({"prompt": "fox", "steps": 1_000}, context)


def test_stages_draw_and_enlarge_in_their_order_only(cascade: list[Path], tmp_path: Path) -> None:
    draw, enlarge = generate_image_cascade(cascade, steps=2, enlarging_steps=2)
    assert (draw.name, enlarge.name) == ("draw_image_8", "enlarge_image_16")
    right = (
        "small = draw_image_8(prompt='fox', seed=4)\n"
        "large = enlarge_image_16(image=small, prompt='fox', seed=4)\nanswer('done')"
    )

    def run(plan: str) -> Any:
        agent = Agent(tools=[draw, enlarge], planner=Fixed(plan), store=tmp_path / "store")
        return agent.run_sync("Draw a fox.")

    large = run(right).outcomes["large"].value
    assert (large["media_type"], large["preview"]) == ("image/png", "16x16 pixels")
    with pytest.raises(PlanRefused, match=r"expected Image\[8\] for 'image' .* found Image\[16\]"):
        run(right.replace("answer", "again = enlarge_image_16(image=large, prompt='fox')\nanswer"))
    small = draw(prompt="fox", seed=4)
    assert pixels(small).shape == (8, 8, 3)
    (tmp_path / "small.png").write_bytes(small)
    again = enlarge(image=tmp_path / "small.png", prompt="fox", seed=4)
    assert again == FolderArtifacts(tmp_path / "store" / "artifacts").read(large["sha256"])
    (tmp_path / "other.png").write_bytes(again)
    with pytest.raises(ToolError, match=r"expected 8 x 8 pixels, came \(16, 16\)"):
        enlarge(image=tmp_path / "other.png", prompt="fox")


def test_the_example_shows_why_another_order_is_refused_then_draws(
    cascade: list[Path], tmp_path: Path
) -> None:
    example = str(EXAMPLES / "imagen_cascade.py")
    shown = finished((sys.executable, example, "--stages", *map(str, cascade), "red fox"), tmp_path)
    assert "expected Image[8]" in shown and "found Image[16]" in shown, shown
    drawn = [tmp_path / "cascade" / f"{name}.png" for name in ("small", "large")]
    assert [pixels(one.read_bytes()).shape for one in drawn] == [(8, 8, 3), (16, 16, 3)]


BAD = {
    "the prompt is empty; say what to draw": " \n",
    "the prompt has 50,000 characters, and at most 2,000 are taken": "a" * 50_000,
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_drawn_is_told_in_a_sentence(message: str, stable: Path) -> None:
    with pytest.raises(ToolError) as caught:
        generate_image(model=stable)(prompt=BAD[message])
    assert message in str(caught.value)


CHANGES: dict[str, dict[str, Any]] = {
    "wants code that comes with it": {"extra": ["its_own", "Code"]},
    "wants code that comes": {"_class_name": ["its_own", "Pipeline"]},
    "has no folder 'image_encoder'; complete it": {"image_encoder": ["transformers", "CLIPModel"]},
}


@pytest.mark.parametrize("message", CHANGES)
def test_a_folder_that_is_no_checkpoint_is_refused(
    message: str, stable: Path, tmp_path: Path
) -> None:
    index = json.loads((stable / "model_index.json").read_text("utf-8"))
    (tmp_path / "model_index.json").write_text(json.dumps(index | CHANGES[message]), "utf-8")
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        (tmp_path / part).symlink_to(stable / part)
    with pytest.raises(UsageError, match=message):
        generate_image(model=tmp_path)(prompt="fox")


def test_what_is_no_folder_of_diffusers_or_no_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a folder with a model_index\.json"):
        generate_image(model=tmp_path)(prompt="fox")
    with pytest.raises(UsageError, match="multiples of 8, up to 1024, came"):
        generate_image(size=(60, 64))
