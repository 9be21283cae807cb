"""CLIP (Radford et al. 2021): pictures and texts as vectors that can be compared.

clip = CLIP()                                   # agentkit's own, for drawings
clip = CLIP(Path("clip-vit-base-patch32"))      # or any checkpoint of transformers' CLIPModel
(picture,) = clip.embed_pictures([open_picture(Path("cat.png"))])
cat, dog = clip.embed(["a cat", "a dog"])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.models.catalog import entry
from agentkit.tools.checkpoint import (
    FROM_DISK,
    Named,
    folder_of,
    is_folder,
    quietly,
    read_config,
    stamp,
)
from agentkit.tools.device import Place, halving, place, torch
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

DEFAULT = "clip-icons"
BATCH = 32
"""Pictures, or texts, that go through the model at once."""

_FEATURE = "comparing pictures with texts"
_NARROWEST = 4
"""The longer side of what is looked at is at most so many times the shorter."""
_MOST_CHARACTERS = 10_000
_loading = Lock()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The model, and what makes its inputs of texts and of pictures."""

    model: Any
    words: Any
    pictures: Any
    place: Place


class CLIP:
    """A CLIP model, by its name in the catalogue or by the folder of a checkpoint.

    It is loaded at first use, once a process for each device; where it runs and with which numbers
    is told in `agentkit.tools.device`. It fits `Embedder`. Of a long picture the middle is seen,
    of a long text the beginning.
    """

    def __init__(self, model: Named = DEFAULT, *, device: str | None = None) -> None:
        self._model = model
        self._device = device

    @property
    def name(self) -> str:
        """What the vectors depend on: the model, by the hash or the state of its files."""
        if isinstance(self._model, str) and not is_folder(self._model):
            return f"{self._model} {entry(self._model).files[0].sha256[:8]}"
        return f"clip {stamp(self._model)}"

    @property
    def dimensions(self) -> int:
        """Numbers of a vector."""
        return int(self._loaded().model.config.projection_dim)

    @property
    def sharpness(self) -> float:
        """What a cosine is multiplied by before a softmax; the model has learnt it."""
        return float(self._loaded().model.logit_scale.exp())

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Shape (len(texts), dimensions), float32 values, rows L2-normalised. Blocking.

        Raises `MissingExtra` without torch or transformers, `UsageError` for a folder that is no
        checkpoint of CLIP, `ToolError` where memory does not do for one text.
        """
        loaded = self._loaded()

        def some(part: Sequence[str]) -> list[list[float]]:
            longest = loaded.model.config.text_config.max_position_embeddings
            inputs = loaded.words(
                [text[:_MOST_CHARACTERS] for text in part],
                padding=True, truncation=True, max_length=longest, return_tensors="pt",
            )  # fmt: skip
            inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            return _vectors(loaded, loaded.model.get_text_features, inputs)

        return [*halving(some, texts, batch=BATCH)]

    def embed_pictures(self, pictures: Sequence[Picture]) -> list[list[float]]:
        """The same of pictures in RGB, as `open_picture` gives them."""
        return self.embed_glances([self.glance(one) for one in pictures])

    def glance(self, picture: Picture) -> Any:
        """What the model sees of a picture, some hundred kilobytes: so many can wait their turn."""
        loaded = self._loaded()
        return loaded.pictures(_middle(picture), return_tensors="pt")["pixel_values"][0]

    def embed_glances(self, glances: Sequence[Any]) -> list[list[float]]:
        """The vectors of what `glance` gave."""
        loaded = self._loaded()

        def some(part: Sequence[Any]) -> list[list[float]]:
            values = torch(_FEATURE).stack([*part]).to(loaded.place.dtype)
            return _vectors(loaded, loaded.model.get_image_features, {"pixel_values": values})

        return [*halving(some, glances, batch=BATCH)]

    def _loaded(self) -> _Loaded:
        with _loading:
            torch(_FEATURE)
            folder = folder_of(self._model)
            changed = stamp(self._model) if is_folder(self._model) else ""
            return _load(folder, changed, place(self._device, feature=_FEATURE))


@lru_cache(maxsize=2)
def _load(folder: Path, changed: str, place: Place) -> _Loaded:
    library = imported("transformers", feature=_FEATURE, package="transformers", extra="vision")
    kind = read_config(folder).get("model_type")
    if kind != "clip":
        raise UsageError(f"expected a checkpoint of CLIP in {folder}, came one of {kind!r}")
    with quietly():
        model = library.CLIPModel.from_pretrained(folder, dtype=place.dtype, **FROM_DISK)
        words = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        pictures = library.CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
    model = model.to(place.device).eval().requires_grad_(False)
    return _Loaded(model, words, pictures, place)


def _vectors(loaded: _Loaded, features: Any, inputs: dict[str, Any]) -> list[list[float]]:
    library = torch(_FEATURE)
    with library.inference_mode():
        on_device = {name: value.to(loaded.place.device) for name, value in inputs.items()}
        found = features(**on_device).pooler_output.float()
        found = library.nn.functional.normalize(found, dim=-1)
    vectors: list[list[float]] = found.cpu().tolist()
    return vectors


def _middle(picture: Picture) -> Picture:
    """Of a picture that is much longer than it is wide, or the other way round, the middle.

    The rest is not looked at anyhow; to enlarge all of it could take gigabytes.
    """
    width, height = picture.size
    most = _NARROWEST * min(width, height)
    if max(width, height) <= most:
        return picture
    left, top = max(0, width - most) // 2, max(0, height - most) // 2
    return picture.crop((left, top, left + min(width, most), top + min(height, most)))


def probabilities(
    pictures: Sequence[Sequence[float]], texts: Sequence[Sequence[float]], sharpness: float
) -> NDArray[Any]:
    """How surely each text, of these, is that of a picture: shape (pictures, texts), rows of 1."""
    import numpy as np

    logits = sharpness * (np.asarray(pictures) @ np.asarray(texts).T)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares
