"""Checkpoints in the form that the field publishes them in: tiny, random, of the real classes.

What a tool makes of one is what transformers makes of it by itself.
"""

from __future__ import annotations

import importlib
import io
import wave
from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agentkit.errors import UsageError
from agentkit.tools import describe_image, transcribe
from agentkit.tools.audio import RATE
from agentkit.tools.captions import Captioner
from agentkit.tools.checkpoint import quietly
from agentkit.tools.device import place
from agentkit.tools.pictures import open_picture
from agentkit.tools.transcribe import Transcript

WINDOW_S = 2
TIMES = [f"<|{n * 0.02:.2f}|>" for n in range(WINDOW_S * 50 + 1)]
TOLD = ["<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>",
        "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]  # fmt: skip
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[DEC]", "a", "red", "blue", "dog", "on", "the", "sea"]
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
         "num_attention_heads": 2, "initializer_range": 0.5}  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Any:
    """transformers, with torch's dice as they always fall."""
    importlib.import_module("torch").manual_seed(5)
    return importlib.import_module("transformers")


@pytest.fixture(scope="module")
def whisper(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper of 13,000 parameters that hears letters, in windows of two seconds."""
    letters = {letter: n for n, letter in enumerate(("Ġ", *ascii_lowercase))}
    words = library.WhisperTokenizer(vocab=letters | {"<|endoftext|>": len(letters)}, merges=[])
    words.add_special_tokens({"additional_special_tokens": TOLD})
    words.add_tokens(TIMES)
    ids = {token: words.convert_tokens_to_ids(token) for token in TOLD}
    ends = {"eos_token_id": len(letters), "pad_token_id": len(letters)}
    start = {"decoder_start_token_id": ids["<|startoftranscript|>"]}
    model = library.WhisperForConditionalGeneration(
        library.WhisperConfig(
            vocab_size=len(words), d_model=16, encoder_layers=1, decoder_layers=1, init_std=1.0,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
            decoder_ffn_dim=32, max_source_positions=50 * WINDOW_S, max_target_positions=40,
            bos_token_id=len(letters), **ends, **start,
        )
    )  # fmt: skip
    model.generation_config = library.GenerationConfig(
        **ends, **start, max_length=24, is_multilingual=True, alignment_heads=[[0, 0]],
        no_timestamps_token_id=ids["<|notimestamps|>"], max_initial_timestamp_index=20,
        lang_to_id={token: ids[token] for token in ("<|en|>", "<|de|>")},
        task_to_id={name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")},
    )  # fmt: skip
    pictures = library.WhisperFeatureExtractor(chunk_length=WINDOW_S)
    folder = tmp_path_factory.mktemp("whisper")
    return saved(folder, model, library.WhisperProcessor(pictures, words))


def saved(folder: Path, *parts: Any) -> Path:
    with quietly():
        for part in parts:
            part.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """Makes a recording of noise of so many seconds."""
    folder = tmp_path_factory.mktemp("sound")

    def make(seconds: float) -> Path:
        samples = np.random.default_rng(1).normal(0, 3000, int(seconds * RATE)).astype("<i2")
        made = io.BytesIO()
        with wave.open(made, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        (folder / f"{seconds}.wav").write_bytes(made.getvalue())
        return folder / f"{seconds}.wav"

    return make


def letters(text: str) -> str:
    return text.replace(" ", "")


def heard(folder: Path, recording: Path, **options: Any) -> Transcript:
    return transcribe(model=folder, voice_only=False, **options)(audio=recording)


def test_a_whisper_hears_what_transformers_hears(
    library: Any, whisper: Path, sound: Callable[[float], Path]
) -> None:
    samples = np.random.default_rng(1).normal(0, 3000, WINDOW_S * RATE).astype("<i2") / 32768
    with quietly():
        of_model = library.WhisperForConditionalGeneration
        model = of_model.from_pretrained(whisper, dtype=place().dtype)
        processor = library.WhisperProcessor.from_pretrained(whisper)
        inputs = processor(samples, sampling_rate=RATE, return_tensors="pt").to(place().dtype)
        tokens = model.generate(**inputs, language="de", task="transcribe", return_timestamps=True)
    (said,) = processor.batch_decode(tokens, skip_special_tokens=True)
    talk = heard(whisper, sound(WINDOW_S), language="de")
    assert len(talk.text) > 3 and talk.language == "de"
    assert letters(talk.text) == letters(said)


def test_a_whisper_hears_window_after_window_with_times_of_words(
    whisper: Path, sound: Callable[[float], Path]
) -> None:
    talk = heard(whisper, sound(3.1 * WINDOW_S), words=True)
    assert talk.language in ("en", "de")
    starts = [one.start_s for one in talk.segments]
    assert starts == sorted(starts) and starts[-1] > WINDOW_S
    assert talk.segments[-1].end_s <= talk.seconds
    for one in talk.segments:
        times = [time for word in one.words for time in (word.start_s, word.end_s)]
        assert times == sorted(times)
        assert letters("".join(word.text for word in one.words)) == letters(one.text)


def test_a_whisper_knows_its_languages(whisper: Path, sound: Callable[[float], Path]) -> None:
    with pytest.raises(UsageError, match=r"a language of the checkpoint \(de, en\), came 'fr'"):
        heard(whisper, sound(WINDOW_S), language="fr")
    assert heard(whisper, sound(WINDOW_S), language="en", into_english=True).language == "en"


@pytest.fixture(scope="module")
def blip(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BLIP of 10,000 parameters with twelve words."""
    words = bert_words(library, bos_token="[DEC]")
    text = {"encoder_hidden_size": 16, "vocab_size": len(WORDS), "projection_dim": 16,
            "max_position_embeddings": 24, "bos_token_id": WORDS.index("[DEC]"),
            "eos_token_id": WORDS.index("[SEP]"), "sep_token_id": WORDS.index("[SEP]"),
            "pad_token_id": 0}  # fmt: skip
    config = library.BlipConfig(
        text_config=SMALL | text,
        vision_config=SMALL | {"image_size": 16, "patch_size": 8},
        projection_dim=16,
        image_text_hidden_size=16,
    )
    model = library.BlipForConditionalGeneration(config)
    pictures = library.BlipImageProcessorPil(size={"height": 16, "width": 16})
    folder = tmp_path_factory.mktemp("blip")
    return saved(folder, model, library.BlipProcessor(pictures, words))


def bert_words(library: Any, **special: str) -> Any:
    return library.BertTokenizer(vocab={word: n for n, word in enumerate(WORDS)}, **special)


@pytest.fixture(scope="module")
def joined(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT with a GPT-2, as many captioners are."""
    ends = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    tower = library.ViTConfig(**SMALL, image_size=16, patch_size=8)
    decoder = library.GPT2Config(
        vocab_size=len(WORDS), n_positions=20, n_embd=16, n_layer=1, n_head=2,
        initializer_range=0.5, add_cross_attention=True, is_decoder=True, **ends,
    )  # fmt: skip
    both = library.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        tower, decoder, decoder_start_token_id=2, **ends
    )
    pictures = library.ViTImageProcessorPil(size={"height": 16, "width": 16})
    folder = tmp_path_factory.mktemp("joined")
    model = library.VisionEncoderDecoderModel(both)
    return saved(folder, model, bert_words(library), pictures)


@pytest.fixture(scope="module")
def clip(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of 9,000 parameters."""
    tower = SMALL | {"projection_dim": 16}
    text = {"vocab_size": len(WORDS), "max_position_embeddings": 12, "bos_token_id": 2,
            "eos_token_id": 3, "pad_token_id": 0}  # fmt: skip
    config = library.CLIPConfig(
        text_config=tower | text,
        vision_config=tower | {"image_size": 16, "patch_size": 8},
        projection_dim=16,
    )
    pictures = library.CLIPImageProcessorPil(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
    folder = tmp_path_factory.mktemp("clip")
    return saved(folder, library.CLIPModel(config), bert_words(library), pictures)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six pictures of coarse noise."""
    folder = tmp_path_factory.mktemp("pictures")
    for n in range(6):
        pixels = np.random.default_rng(n).integers(0, 255, (2, 3, 3), np.uint8)
        Image.fromarray(pixels).resize((30, 20), Image.Resampling.NEAREST).save(folder / f"{n}.png")
    return sorted(folder.iterdir())


CAPTIONERS = {
    "blip": ("BlipForConditionalGeneration", "BlipImageProcessorPil", 23),
    "joined": ("VisionEncoderDecoderModel", "ViTImageProcessorPil", 19),
}
"""The classes, and how many tokens a caption can have beside its first."""


@pytest.mark.parametrize("kind", CAPTIONERS)
def test_a_captioner_says_what_transformers_says(
    request: pytest.FixtureRequest, library: Any, clip: Path, pictures: list[Path], kind: str
) -> None:
    folder: Path = request.getfixturevalue(kind)
    *names, most = CAPTIONERS[kind]
    of_model, of_pictures = (getattr(library, name) for name in names)
    with quietly():
        model, eyes = of_model.from_pretrained(folder), of_pictures.from_pretrained(folder)
        words = library.AutoTokenizer.from_pretrained(folder)
        inputs = eyes([Image.open(one) for one in pictures], return_tensors="pt")
        tokens = model.generate(**inputs, max_new_tokens=most, do_sample=False, num_beams=1)
    said = words.batch_decode(tokens, skip_special_tokens=True)
    opened = [open_picture(one) for one in pictures]
    found = Captioner(folder).describe(opened)
    assert len({one.text for one in found}) > 1
    assert [one.text for one in found] == [text.strip() for text in said]
    assert all(0 < one.confidence <= 1 for one in found)
    seen = describe_image(["a red dog", "the sea"], captions=folder, clip=clip)(image=pictures[1])
    assert (seen.caption, seen.confidence) == (found[1].text, pytest.approx(found[1].confidence))
    assert {one.label for one in seen.labels} == {"a red dog", "the sea"}
    assert sum(one.score for one in seen.labels) == pytest.approx(1, abs=1e-3)
    assert (seen.text, seen.lines, seen.width, seen.height) == ("", (), 30, 20)


def test_a_folder_that_is_no_such_checkpoint_is_told(
    tmp_path: Path, blip: Path, whisper: Path, clip: Path, pictures: list[Path], sound: Any
) -> None:
    told: list[str] = []
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    for folder in (tmp_path / "none", tmp_path, blip):
        with pytest.raises(UsageError) as caught:
            heard(folder, sound(WINDOW_S))
        told.append(str(caught.value))
    with pytest.raises(UsageError) as caught:
        describe_image(captions=whisper, clip=clip)(image=pictures[0])
    told.append(str(caught.value))
    assert "which is none" in told[0]
    assert "expected model.safetensors in" in told[1]
    assert "expected a checkpoint of Whisper in" in told[2] and "'blip'" in told[2]
    assert "captions pictures (blip, git, vision-encoder-decoder)" in told[3]
