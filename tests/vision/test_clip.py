"""CLIP: labels, similarity and search with the model that agentkit carries, and with another."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as pillow

from agentkit import Agent, Image, tool
from agentkit.errors import ModelError, ToolError, UsageError
from agentkit.models.catalog import Entry, damage, ensure, entry, remove, state
from agentkit.models.weights import ModelFile
from agentkit.planners import Fixed
from agentkit.tools import image_text_similarity, label_image, search_images
from agentkit.tools.clip import CLIP
from agentkit.tools.device import Place, halving, place
from agentkit.tools.optional import imported
from agentkit.tools.pictures import open_picture

TORCH = imported("torch", feature="this test", package="torch", extra="vision")
LIBRARY = imported("transformers", feature="this test", package="transformers", extra="vision")
LEMON, CARROT, WHEEL = "01.png", "04.png", "06.png"


@pytest.fixture(scope="module")
def drawings(data: Path) -> Path:
    """Drawings that the model was not trained on, in this style, and a text about some."""
    return data / "drawings"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in the form that CLIP is published in, its weights at random."""
    folder = tmp_path_factory.mktemp("clip")
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = [*letters, *(f"{one}</w>" for one in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: n for n, word in enumerate(words)}
    layer = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2,
             "num_hidden_layers": 1, "projection_dim": 12}  # fmt: skip
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1}
    TORCH.manual_seed(0)
    config = LIBRARY.CLIPConfig(
        text_config={**layer, **ends, "vocab_size": len(words), "max_position_embeddings": 9},
        vision_config={**layer, "image_size": 32, "patch_size": 16},
        projection_dim=12,
    )
    LIBRARY.CLIPModel(config).save_pretrained(folder)
    LIBRARY.CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    LIBRARY.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=size).save_pretrained(
        folder
    )
    return folder


def test_labels_are_told_the_surest_first(drawings: Path) -> None:
    labels = label_image()(image=drawings / LEMON, labels=["dog", "lemon", "train"])
    assert [one.label for one in labels][0] == "lemon" and labels[0].score > 0.8
    assert sum(one.score for one in labels) == pytest.approx(1, abs=0.01)
    assert label_image()(image=drawings / CARROT)[0].label == "carrot", "of everyday things"


def test_of_calls_made_at_once_a_file_that_is_no_picture_fails_alone(drawings: Path) -> None:
    tool = label_image(["lemon", "carrot", "ferris wheel"])
    paths = [drawings / name for name in (LEMON, "notes.md", CARROT, WHEEL)]
    lemon, text, carrot, wheel = tool(image=paths)
    assert [one[0].label for one in (lemon, carrot, wheel)] == ["lemon", "carrot", "ferris wheel"]
    assert isinstance(text, ToolError) and "not a picture" in str(text)


@pytest.mark.parametrize("labels", [[], ["cat", "cat"], ["cat", " "]])
def test_labels_must_be_words_and_different(labels: list[str]) -> None:
    with pytest.raises(UsageError, match="expected 1 to 1000 different labels"):
        label_image(labels)


@pytest.mark.parametrize(("shown", "kept"), [(LEMON, "kept"), (WHEEL, None)])
def test_a_plan_goes_on_only_where_another_nodes_picture_shows_what_it_should(
    drawings: Path, shown: str, kept: str | None
) -> None:
    @tool(effect="pure")
    def draw(wish: str) -> Image:
        """Draw something."""
        return drawings / shown

    @tool(effect="pure")
    def keep(picture: Image) -> str:
        """Keep a picture."""
        return "kept"

    plan = """
made = draw(wish="a lemon")
seen = image_text_similarity(image=made, text="a lemon")
if seen.sureness > 0.5:
    done = keep(picture=made)
answer(f"{seen.sureness}")
"""
    tools = [draw, keep, image_text_similarity()]
    run = Agent(tools=tools, planner=Fixed(plan), store="memory").run_sync("a lemon")
    assert run.outcomes["done"].value == kept
    assert run.outcomes["done"].status == ("value" if kept else "skipped")


def test_pictures_and_texts_are_found_by_words_and_by_a_picture(
    drawings: Path, tmp_path: Path
) -> None:
    find = search_images(drawings, index=tmp_path)
    found = find(query="ferris wheel", k=2)
    assert [found.pictures[0].source, len(found.pictures)] == [WHEEL, 2]
    assert (found.texts[0].location, found.texts[0].source) == ("line 3", "notes.md")
    assert found.unread == ""
    assert find(like=drawings / CARROT).pictures[0].source == CARROT
    for wrong in ({}, {"query": "a", "like": drawings / CARROT}):
        with pytest.raises(ToolError, match="either query, in words, or like, a picture"):
            find(**wrong)


def test_only_what_changed_is_looked_at_again(drawings: Path, tmp_path: Path) -> None:
    folder, told = tmp_path / "pictures", list[tuple[float, float | None]]()
    folder.mkdir()
    for name in (LEMON, CARROT):
        shutil.copy(drawings / name, folder)
    find = search_images(folder, index=tmp_path / "index")
    assert find(query="lemon").pictures[0].source == LEMON

    class Call:
        def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
            told.append((done, total))

    shutil.copy(drawings / WHEEL, folder / CARROT)
    (folder / "cut.png").write_bytes((drawings / LEMON).read_bytes()[:100])
    found = find(query="ferris wheel", context=Call())
    assert found.pictures[0].source == CARROT and told == [(1, 1)]
    assert found.unread.startswith("cut.png: the picture is damaged")


def test_a_published_checkpoint_runs_by_its_path_as_the_library_runs_it(
    published: Path, drawings: Path
) -> None:
    clip, texts = CLIP(published), ["abc", "a long text that is cut at the ninth token"]
    picture = open_picture(drawings / LEMON)
    numbers = place().dtype
    model = LIBRARY.CLIPModel.from_pretrained(published, dtype=numbers).eval()
    words = LIBRARY.CLIPTokenizer.from_pretrained(published)
    eye = LIBRARY.CLIPImageProcessorPil.from_pretrained(published)
    pixels = eye(picture, return_tensors="pt")["pixel_values"].to(numbers)
    inputs: Any = words(texts, padding=True, truncation=True, max_length=9, return_tensors="pt")
    with TORCH.no_grad():
        read = TORCH.nn.functional.normalize(
            model.get_text_features(**inputs).pooler_output.float()
        )
        seen = TORCH.nn.functional.normalize(model.get_image_features(pixels).pooler_output.float())
    assert TORCH.allclose(TORCH.tensor(clip.embed(texts)), read, atol=1e-5)
    assert TORCH.allclose(TORCH.tensor(clip.embed_pictures([picture])), seen, atol=1e-5)
    assert len(label_image(model=published)(image=drawings / LEMON)) == 5
    assert search_images(drawings, index=published / "i", model=published)(query="b").pictures


def test_a_line_of_pixels_and_a_single_one_are_pictures_too() -> None:
    lines = [pillow.new("RGB", size, "red") for size in ((1, 20_000), (20_000, 1), (1, 1))]
    assert [len(vector) for vector in CLIP().embed_pictures(lines)] == [192] * 3


def test_what_is_no_checkpoint_of_clip_is_refused(tmp_path: Path, published: Path) -> None:
    with pytest.raises(UsageError, match="expected the folder of a checkpoint"):
        CLIP(tmp_path / "nowhere").embed(["a"])
    shutil.copytree(published, tmp_path / "other")
    config = tmp_path / "other" / "config.json"
    config.write_text(config.read_text("utf-8").replace('"clip"', '"bert"'), "utf-8")
    with pytest.raises(UsageError, match="expected a checkpoint of CLIP in .*, came one of 'bert'"):
        CLIP(tmp_path / "other").embed(["a"])


def test_where_memory_ends_half_of_the_batch_is_tried() -> None:
    sizes: list[int] = []

    def three_at_most(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        if len(items) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return [-one for one in items]

    assert [*halving(three_at_most, range(8), batch=8)] == [-one for one in range(8)]
    assert sizes == [8, 4, 2, 2, 2, 2]


def test_one_item_too_large_is_told_and_other_errors_are_theirs() -> None:
    def fails(error: Exception) -> Any:
        def compute(items: Sequence[int]) -> list[int]:
            raise error

        return compute

    with pytest.raises(ToolError, match="not enough memory for the model, even for one item"):
        list(halving(fails(RuntimeError("can't allocate memory")), [1], batch=8))
    with pytest.raises(RuntimeError, match="shapes"):
        list(halving(fails(RuntimeError("shapes do not fit")), [1, 2], batch=8))


def test_a_named_device_decides_and_numbers_follow() -> None:
    tiles = TORCH.cpu.get_capabilities().get("amx_bf16", False)
    assert place("cpu") == Place("cpu", TORCH.bfloat16 if tiles else TORCH.float32)
    assert (place("mps").dtype, place("cuda:1").dtype) == (TORCH.float32, TORCH.float16)


def test_the_model_comes_with_agentkit_and_stays(tmp_path: Path) -> None:
    model = entry("clip-icons")
    assert ensure("clip-icons", tmp_path, offline=True).parent.name == "weights"
    assert (state(model, tmp_path), [*damage(model, tmp_path)]) == ("here", [])
    assert remove(model, tmp_path) == 0 and state(model, tmp_path) == "here"


def test_a_shipped_model_that_is_not_whole_says_what_to_do(tmp_path: Path) -> None:
    file = ModelFile("model.safetensors", "0" * 64, 1)
    lost = Entry(
        name="lost", files=(file,), licence="MIT", notice="Nobody", upstream="https://example.org",
        good_for="nothing", download_bytes=0, memory_bytes=0, shipped=True,
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"come with agentkit and are not whole.*install agentkit"):
        ensure(lost, tmp_path)
