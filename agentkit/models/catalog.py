"""Model files that agentkit can fetch: which there are, and how to have them on disk.

Weights are large, and a registry of packages takes them only in pieces. An entry says which files
make a model, from which sources their bytes can come, and what each must hash to. A source whose
bytes are others is refused, whoever runs it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

from agentkit.errors import ModelError, UsageError
from agentkit.models.assemble import (
    MODEL_FILES_ELSEWHERE,
    Progress,
    assemble,
    complete,
    exclusive,
    quiet,
    require_room,
    writing,
)
from agentkit.models.entries import KNOWN
from agentkit.models.licences import licence_text
from agentkit.models.place import OFFLINE_VARIABLE, SHIPPED, cache_folder, fetching_is_off
from agentkit.models.weights import Entry, ModelFile
from agentkit.models.wheels import sweep
from agentkit.nearest import nearest

__all__ = [
    "ENTRIES",
    "Entry",
    "State",
    "cache_folder",
    "damage",
    "disk_bytes",
    "ensure",
    "entry",
    "home",
    "present",
    "remove",
    "state",
]

ENTRIES: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in KNOWN})
"""What can be fetched, by name."""

State: TypeAlias = Literal["here", "damaged", "begun", "absent"]
"""`damaged`: a file has another size than it should; `begun`: some of the bytes are there."""

_LOCK = ".lock"


def entry(name: str) -> Entry:
    """The entry of that name. Raises `UsageError` that lists what exists.

    >>> entry("minilm").licence
    'Apache-2.0'
    """
    if name in ENTRIES:
        return ENTRIES[name]
    near = nearest(name, ENTRIES)
    hint = f"; did you mean {near!r}?" if near else ""
    raise UsageError(f"expected one of the models {', '.join(ENTRIES)}, got {name!r}{hint}")


def home(model: Entry, folder: Path) -> Path:
    """Where the model's files are, or would be: below `folder`, or in agentkit if it ships them."""
    return (SHIPPED if model.shipped else folder) / model.name


def present(model: Entry, folder: Path) -> bool:
    """Whether all files of the model are at their `home`, complete."""
    return not _missing(model, home(model, folder))


def state(model: Entry, folder: Path) -> State:
    """How far the model is at its `home`, by the sizes of its files; nothing is read."""
    target = home(model, folder)
    missing = _missing(model, target)
    if not missing:
        return "here"
    if any((target / file.name).exists() for file in missing):
        return "damaged"
    begun = any((target / file.name).exists() for file in model.files)
    return "begun" if begun or any(target.glob("*.partial")) else "absent"


def damage(model: Entry, folder: Path, *, by_size: bool = False) -> Iterator[str]:
    """What is wrong with the model's files at their `home`, one sentence a file.

    They are read whole, unless `by_size`.
    """
    for file in model.files:
        path = home(model, folder) / file.name
        if not path.is_file():
            yield f"{path} is missing"
        elif (size := path.stat().st_size) != file.size_bytes:
            yield f"{path} should have {file.size_bytes:,} bytes and has {size:,}"
        elif not by_size:
            with path.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
            if found != file.sha256:
                yield f"{path} should have the sha256 {file.sha256} and has {found}"


def remove(model: Entry, folder: Path) -> int:
    """Deletes all that is kept of the model under `folder`; gives the bytes that are free again.

    Waits for whoever fetches it. The lock stays: somebody may be waiting for it. What comes with
    agentkit stays.
    """
    target = home(model, folder)
    if model.shipped or not target.is_dir():
        return 0
    advice = "its owner can delete it"
    with exclusive(target, advice=advice), writing(target, advice=advice):
        freed = disk_bytes(target)
        for path in target.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()
    return freed


def disk_bytes(folder: Path) -> int:
    """Bytes of all files in the folder and below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def ensure(
    name: str | Entry,
    folder: Path | None = None,
    *,
    progress: Progress = quiet,
    offline: bool | None = None,
    waiting: Callable[[], None] | None = None,
) -> Path:
    """The folder that holds the model's files, fetched first where they are not there yet.

    Blocking: call it in a thread. Interrupted, it goes on from what is there the next time. Two
    processes that want the same model wait for each other, and `waiting` is told by the one that
    has to. `progress(done, total)` is told in bytes. With `offline` nothing is fetched; None asks
    `AGENTKIT_OFFLINE`. Raises `UsageError` for an unknown name, `ModelError` where the files
    cannot be had or are not the expected ones, `StoreError` where there is no room or no
    permission.
    """
    model = name if isinstance(name, Entry) else entry(name)
    target = home(model, folder or cache_folder())
    if not (missing := _missing(model, target)):
        return target
    if model.shipped:
        raise _incomplete(model, target, missing)
    if fetching_is_off() if offline is None else offline:
        raise _switched_off(model, target, missing)
    advice = MODEL_FILES_ELSEWHERE
    with exclusive(target, advice=advice, waiting=waiting), writing(target, advice=advice):
        missing = _missing(model, target)  # another process may have fetched them meanwhile
        wanted = sum(file.size_bytes for file in missing)
        have = model.size_bytes - wanted
        if missing:
            sweep(target)
            require_room(target, model.name, wanted)
            assemble(missing, target, lambda done, _: progress(have + done, model.size_bytes))
            (target / "LICENSE").write_text(licence_text(model), "utf-8")
    return target


def _switched_off(model: Entry, target: Path, missing: list[ModelFile]) -> ModelError:
    why = f" by {OFFLINE_VARIABLE}" if fetching_is_off() else ""
    return ModelError(
        f"the files of {model.name} ({', '.join(file.name for file in missing)}) are not in "
        f"{target}, and fetching is switched off{why}; fetch them once with a network: "
        f"agentkit models pull {model.name}, or copy that folder from a machine that has it"
    )


def _incomplete(model: Entry, target: Path, missing: list[ModelFile]) -> ModelError:
    return ModelError(
        f"the files of {model.name} ({', '.join(file.name for file in missing)}) come with "
        f"agentkit and are not whole in {target}; install agentkit again"
    )


def _missing(model: Entry, target: Path) -> list[ModelFile]:
    return [file for file in model.files if not complete(file, target)]
