"""Captions of pictures, by any model of transformers that writes them from the pixels alone.

captions = Captioner()                                   # agentkit's own, for drawings
captions = Captioner(Path("blip-image-captioning-base")) # or any checkpoint of BLIP, GIT, ...
(seen,) = captions.describe([open_picture(Path("cat.png"))])
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.tools.checkpoint import (
    FROM_DISK,
    WEIGHTS,
    Named,
    folder_of,
    is_folder,
    quietly,
    read_config,
    stamp,
)
from agentkit.tools.device import Place, halving, place
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

DEFAULT = "captioner-icons"
BATCH = 32
"""Pictures that are captioned at once."""

_FEATURE = "describing pictures"
_LONGEST = 40  # tokens of a caption
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "blip": "BlipForConditionalGeneration",
        "git": "GitForCausalLM",
        "vision-encoder-decoder": "VisionEncoderDecoderModel",
    }
)
_ENCODER, _ENCODER_HASH = "encoder_from", "encoder_sha256"
"""In the `config.json` of a captioner that is kept without what is CLIP's: whose, and its hash."""
_loading = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a picture shows, in words; `confidence` from 0 to 1 is how likely its tokens were, in
    the geometric mean."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The model, what makes its inputs of pictures, and its words."""

    model: Any
    pictures: Any
    words: Any
    place: Place


class Captioner:
    """A model that captions, by its name in the catalogue or by the folder of a checkpoint.

    Any BLIP, GIT, or vision encoder with a language decoder. It is loaded at first use, once a
    process for each device; where it runs and with which numbers is told in
    `agentkit.tools.device`. The same picture gets the same caption: nothing is drawn by lot.
    """

    def __init__(self, model: Named = DEFAULT, *, device: str | None = None) -> None:
        self._model = model
        self._device = device

    @property
    def name(self) -> str:
        """What the captions depend on: the model, by the hash or the state of its files."""
        return f"captions {stamp(self._model)}"

    def describe(self, pictures: Sequence[Picture]) -> list[Caption]:
        """A caption each, of RGB pictures; as each would get alone, but for rounding. Blocking.

        Raises `MissingExtra` without torch or transformers, `UsageError` for a folder that holds no
        model of these kinds, `ToolError` where memory does not do for one picture.
        """
        loaded = self._loaded()
        return [*halving(lambda some: _captions(loaded, some), pictures, batch=BATCH)]

    def _loaded(self) -> _Loaded:
        with _loading:
            there = place(self._device, feature=_FEATURE)
            folder = folder_of(self._model)
            changed = stamp(self._model) if is_folder(self._model) else ""
            return _load(folder, changed, there)


@lru_cache(maxsize=2)
def _load(folder: Path, changed: str, place: Place) -> _Loaded:
    library = imported("transformers", feature=_FEATURE, package="transformers", extra="vision")
    config = read_config(folder)
    kind = str(config.get("model_type"))
    if kind not in _KINDS:
        raise UsageError(
            f"expected a checkpoint that captions pictures ({', '.join(_KINDS)}) in {folder}, "
            f"came {kind!r}"
        )
    how = {**FROM_DISK, "dtype": place.dtype}
    with quietly():
        if _ENCODER in config:
            encoder = _encoder(config, folder)
            model = _completed(library, folder, encoder, how)
        else:
            encoder, model = folder, getattr(library, _KINDS[kind]).from_pretrained(folder, **how)
        pictures = library.AutoImageProcessor.from_pretrained(
            encoder, local_files_only=True, backend="pil"
        )
        words = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = model.to(place.device).eval().requires_grad_(False)
    return _Loaded(model, pictures, words, place)


def _encoder(config: Mapping[str, Any], folder: Path) -> Path:
    """The folder of the CLIP whose tower it sees with. Raises `UsageError` where that is another
    than it was trained with."""
    encoder = folder_of(config[_ENCODER])
    with (encoder / WEIGHTS).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != config.get(_ENCODER_HASH):
        raise UsageError(
            f"the captioner in {folder} was trained with other weights than those in {encoder}; "
            "take both from one version of agentkit"
        )
    return encoder


def _completed(library: Any, folder: Path, encoder: Path, how: Mapping[str, Any]) -> Any:
    """CLIP's tower with the layers of it that were trained on, and the decoder."""
    files = imported("safetensors.torch", feature=_FEATURE, package="safetensors", extra="vision")
    tower = library.CLIPVisionModel.from_pretrained(encoder, **how)
    config = library.VisionEncoderDecoderConfig.from_pretrained(folder, local_files_only=True)
    model = library.VisionEncoderDecoderModel(config, encoder=tower).to(how["dtype"])
    given = files.load_file(folder / WEIGHTS)
    missing, unknown = model.load_state_dict(given, strict=False)
    model.tie_weights()
    if unknown or any(name.startswith("decoder.transformer") for name in missing):
        raise UsageError(f"the weights in {folder} are not those of its config.json")
    model.generation_config = library.GenerationConfig.from_pretrained(
        folder, local_files_only=True
    )
    return model


def _captions(loaded: _Loaded, pictures: Sequence[Picture]) -> list[Caption]:
    import torch

    pixels = loaded.pictures(images=[*pictures], return_tensors="pt").pixel_values
    with quietly(), torch.inference_mode():
        made = loaded.model.generate(
            pixel_values=pixels.to(loaded.place.device, loaded.place.dtype),
            max_new_tokens=_longest(loaded.model.config),
            do_sample=False,
            num_beams=1,
            return_dict_in_generate=True,
            output_scores=True,
        )
    scores = torch.stack(made.scores, dim=1)  # shape (pictures, tokens, vocabulary)
    return [_caption(loaded.words, *one) for one in zip(made.sequences, scores, strict=True)]


def _longest(config: Any) -> int:
    words = getattr(config, "decoder", None) or getattr(config, "text_config", config)
    return int(min(_LONGEST, words.max_position_embeddings - 1))


def _caption(words: Any, sequence: Any, scores: Any) -> Caption:
    """From all tokens of a caption, and the scores of those that were written."""
    tokens = sequence[-len(scores) :]
    padding = (tokens == words.pad_token_id).nonzero()
    count = max(1, int(padding[0])) if len(padding) else len(tokens)
    likely = scores[:count].float().log_softmax(dim=-1).gather(1, tokens[:count, None])
    return Caption(
        text=words.decode(sequence, skip_special_tokens=True).strip(),
        confidence=round(float(likely.mean().exp()), 3),
    )
