"""Checkpoints on this machine, in the form of transformers: a folder in place of a model's name."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from agentkit.errors import UsageError
from agentkit.models.assemble import Progress, quiet
from agentkit.models.catalog import ENTRIES, ensure

Named: TypeAlias = str | Path
"""A model: its name in the catalogue, or the folder of a checkpoint (`Path`, or text with `/`)."""

FROM_DISK: Mapping[str, Any] = MappingProxyType({"local_files_only": True, "use_safetensors": True})
"""How a model is loaded: from what is there, and no code with it."""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def is_folder(model: Named) -> bool:
    """Whether a folder is meant, not a name in the catalogue.

    >>> is_folder("whisper-base"), is_folder("./whisper-base"), is_folder(Path("whisper-base"))
    (False, True, True)
    """
    return isinstance(model, Path) or "/" in model or "\\" in model


def folder_of(model: Named, models: Path | None = None, *, progress: Progress = quiet) -> Path:
    """The folder with the model's files, fetched first where it is a name in the catalogue.

    Raises `UsageError` where the folder given is none.
    """
    if isinstance(model, str) and not is_folder(model):
        return ensure(model, models, progress=progress)
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise UsageError(f"expected the folder of a checkpoint, came {str(model)!r}, which is none")
    return folder


def stamp(model: Named) -> str:
    """What a kept result depends on: the name and the hash, or how a folder's files stand now.

    >>> stamp("minilm")
    'minilm 8199be6f'
    """
    if isinstance(model, str) and not is_folder(model):
        known = ENTRIES.get(model)
        return f"{model} {known.files[0].sha256[:8]}" if known else model
    files = [file.stat() for file in sorted(Path(model).expanduser().glob("*.*"))]
    return f"{model} {hash(tuple((one.st_size, one.st_mtime_ns) for one in files)):x}"


def read_config(folder: Path) -> Mapping[str, Any]:
    """What its `config.json` says. Raises `UsageError` where that is none, or has no weights that
    can be loaded without running code: `model.safetensors`, whole or in parts."""
    try:
        config: Any = json.loads((folder / CONFIG).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"expected a checkpoint with a {CONFIG} in {folder}: {error}") from None
    if not any((folder / name).is_file() for name in (WEIGHTS, f"{WEIGHTS}.index.json")):
        raise UsageError(
            f"expected {WEIGHTS} in {folder}; other weights are not loaded, "
            "for they may hold code: save them with safe_serialization"
        )
    return cast("dict[str, Any]", config) if isinstance(config, dict) else {}


@dataclass(slots=True)
class _Quiet:
    """How many are inside, and how loud it was before the first came."""

    inside: int = 0
    loudness: int = 0
    bars: bool = True


@contextlib.contextmanager
def quietly() -> Generator[None]:
    """Inside, transformers draws no bars and tells nothing but errors, on nobody's terminal."""
    from transformers import utils

    logging: Any = utils.logging  # half of it is typed
    with _quieting:
        if _quiet.inside == 0:
            _quiet.loudness = logging.get_verbosity()
            _quiet.bars = logging.is_progress_bar_enabled()
            logging.set_verbosity_error()
            logging.disable_progress_bar()
        _quiet.inside += 1
    try:
        yield
    finally:
        with _quieting:
            _quiet.inside -= 1
            if _quiet.inside == 0:
                logging.set_verbosity(_quiet.loudness)
                if _quiet.bars:
                    logging.enable_progress_bar()


_quiet = _Quiet()
_quieting = Lock()
