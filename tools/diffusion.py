"""Diffusion pipelines of diffusers, by name or by folder, and how they are asked.

A checkpoint is a folder with a `model_index.json`, as published ones are. Its weights are read as
safetensors, and no code comes with it. Ours have no text encoder of their own: it is CLIP's.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
from collections.abc import Generator, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentkit.errors import ToolError, UsageError
from agentkit.tools.checkpoint import FROM_DISK, Named, folder_of, is_folder, quietly, stamp
from agentkit.tools.device import halving, place, torch
from agentkit.tools.fetching import fetching
from agentkit.tools.optional import imported
from agentkit.tools.pictures import png

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from agentkit.tool import Context

MOST_CHARACTERS = 2_000
"""Of a prompt; a text encoder reads a few dozen words of it."""

MOST_STEPS = 150

_INDEX = "model_index.json"
_FEATURE = "making pictures"
_TEXT_OF: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("diffusion-icons", "cascade-icons-32", "cascade-icons-64"), "clip-icons")
)
"""Whose text encoder a model of the catalogue was trained with."""

_loading = Lock()
drawing = Lock()
"""Held while a pipeline works: a picture takes all cores, and pipelines keep state."""


class Pipeline:
    """A pipeline of diffusers, loaded at first use, once a process for each device."""

    def __init__(
        self,
        model: Named,
        *,
        text_encoder: Named | None = None,
        models: Path | None = None,
        device: str | None = None,
    ) -> None:
        """`text_encoder` is the folder or the name of a CLIP checkpoint whose text model is taken
        in place of the pipeline's own."""
        self._model, self._models, self._device = model, models, device
        self._text = text_encoder
        if text_encoder is None and not is_folder(model):
            self._text = _TEXT_OF.get(str(model))

    @property
    def name(self) -> str:
        """What a kept result depends on."""
        text = "" if self._text is None else f" with {stamp(self._text)}"
        return f"{stamp(self._model)}{text}"

    def folder(self, context: Context | None = None) -> Path:
        """Where its files are, fetched first if need be."""
        folder = folder_of(self._model, self._models, progress=fetching(context))
        if not (folder / _INDEX).is_file():
            raise UsageError(
                f"expected a checkpoint of diffusers in {folder}, a folder with a {_INDEX}"
            )
        return folder

    def load(self, context: Context | None = None) -> Any:
        """The pipeline of diffusers, on its device.

        Raises `MissingExtra` without torch, transformers or diffusers, `UsageError` for a folder
        that is no checkpoint, or one that wants code of its own run.
        """
        imported("transformers", feature=_FEATURE, package="transformers", extra="vision")
        text = None if self._text is None else folder_of(self._text, self._models)
        where = place(self._device, feature=_FEATURE)
        with _loading:
            return _loaded(self.folder(context), text, where.device)

    @property
    def side(self) -> int:
        """Pixels along each side of its pictures, by its U-Net's configuration."""
        path = self.folder() / "unet" / "config.json"
        try:
            return int(json.loads(path.read_text("utf-8"))["sample_size"])
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(f"expected the sample_size of a U-Net in {path}") from None


@lru_cache(maxsize=4)
def _loaded(folder: Path, text: Path | None, device: str) -> Any:
    library = imported("diffusers", feature=_FEATURE, package="diffusers", extra="vision")
    index = _index(folder)
    where = place(device)
    given: dict[str, Any] = {} if text is None else _text_model(text, where.dtype)
    for name, (whose, _) in index.items():
        if whose is None or name in given or (folder / name).is_dir():
            continue
        raise UsageError(
            f"the checkpoint in {folder} has no folder {name!r}; complete it"
            + (", or name a text_encoder" if name in ("text_encoder", "tokenizer") else "")
        )
    with _silent():
        found: Any = library.DiffusionPipeline.from_pretrained(
            folder, **FROM_DISK, **given, dtype=where.dtype
        )
    found.set_progress_bar_config(disable=True)
    return found.to(where.device)


def _index(folder: Path) -> dict[str, tuple[str | None, str | None]]:
    """The parts of a pipeline. Raises `UsageError` for one that is not diffusers' own."""
    try:
        said: dict[str, Any] = json.loads((folder / _INDEX).read_text("utf-8"))
        parts: dict[str, tuple[str | None, str | None]] = {
            name: (of[0], of[1]) for name, of in said.items() if type(of) is list and name[0] != "_"
        }
        kind: Any = said["_class_name"]
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise UsageError(f"{folder / _INDEX} cannot be read: {error}") from None
    whose = {library for library, _ in parts.values() if library is not None}
    if not isinstance(kind, str) or whose - {"diffusers", "transformers"} - _SAFETY:
        raise UsageError(
            f"the checkpoint in {folder} wants code that comes with it; only the pipelines of "
            "diffusers itself are run"
        )
    return parts


_SAFETY = frozenset({"stable_diffusion", "deepfloyd_if"})
"""Folders of diffusers that hold what looks through pictures."""


def _text_model(folder: Path, dtype: Any) -> dict[str, Any]:
    library = imported("transformers", feature=_FEATURE, package="transformers", extra="vision")
    with quietly():
        return {
            "text_encoder": library.CLIPTextModel.from_pretrained(folder, **FROM_DISK, dtype=dtype),
            "tokenizer": library.AutoTokenizer.from_pretrained(folder, local_files_only=True),
        }


@contextlib.contextmanager
def _silent() -> Generator[None]:
    """Inside, neither library draws bars or tells anything but errors."""
    logging: Any = importlib.import_module("diffusers.utils.logging")
    loudness = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with quietly():
            yield
    finally:
        logging.set_verbosity(loudness)
        logging.enable_progress_bar()


def drawn(pipeline: Any, asked: Mapping[str, Any], seed: int, context: Context | None) -> bytes:
    """One picture as a PNG file: what the pipeline makes of these arguments, those it knows.

    Chance comes from the seed alone, on the processor, whatever the device is.
    """
    library = torch(_FEATURE)
    known = inspect.signature(pipeline.__call__).parameters
    given = {name: value for name, value in asked.items() if name in known}
    given |= _told(known, context, int(asked["num_inference_steps"]))
    given["generator"] = library.Generator("cpu").manual_seed(seed)

    def make(_: object) -> list[Picture]:
        with _silent(), library.inference_mode():
            found = pipeline(**given)
        if any(getattr(found, "nsfw_content_detected", None) or ()):
            raise ToolError("the checkpoint's own safety checker refused the picture; ask anew")
        return list(found.images)

    (picture,) = halving(make, [None], batch=1)
    return png(picture)


def _told(known: Mapping[str, Any], context: Context | None, steps: int) -> dict[str, Any]:
    """How a pipeline tells its steps, by the one or the other of its two ways."""
    if context is None:
        return {}

    def after(_: Any, step: int, __: Any, kept: dict[str, Any]) -> dict[str, Any]:
        context.progress(step + 1, steps, "steps")
        return kept

    if "callback_on_step_end" in known:
        return {"callback_on_step_end": after}

    def count(step: int, *_: Any) -> None:
        context.progress(step + 1, steps, "steps")

    return {"callback": count} if "callback" in known else {}


def require_prompt(prompt: str, negative: str = "") -> None:
    """Raises `ToolError` for a prompt that is empty or longer than any encoder reads."""
    if not prompt.strip():
        raise ToolError("the prompt is empty; say what to draw")
    longest = max(len(prompt), len(negative))
    if longest > MOST_CHARACTERS:
        raise ToolError(
            f"the prompt has {longest:,} characters, and at most {MOST_CHARACTERS:,} are taken; "
            "say it shorter"
        )
