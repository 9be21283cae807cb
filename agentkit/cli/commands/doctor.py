"""`agentkit doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import click

from agentkit.cli.settings import VARIABLES, store_option
from agentkit.cli.text import count_bytes
from agentkit.errors import AgentkitError
from agentkit.store import is_url

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "local": ("xllamacpp",),
    "python": ("pydantic-monty",),
    "search": ("faiss-cpu", "numpy", "onnxruntime", "pypdf", "tokenizers"),
    "speech": ("av", "faster-whisper", "numpy"),
    "image": ("numpy", "onnxruntime", "pillow", "rapidocr"),
    "postgres": ("asyncpg",),
}
"""The packages that each extra brings; a test compares it with pyproject.toml."""


class Finding(NamedTuple):
    """One line: what was looked at, whether it is well, and what was found or what to do."""

    what: str
    ok: bool
    detail: str


@click.command("doctor", short_help="Say what is installed and what is missing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@store_option
def command(as_json: bool, store: str) -> int:
    """Say what is installed, which extras and models are missing, which keys are set."""
    found = [*findings(store, os.environ)]
    if as_json:
        print(json.dumps([one._asdict() for one in found], indent=2))
        return 0
    for one in found:
        print(f"{'ok  ' if one.ok else 'none'}  {one.what:<28}  {one.detail}")
    return 0


def findings(store: str, env: Mapping[str, str]) -> Iterator[Finding]:
    """Everything doctor looks at. Never the value of a key."""
    yield Finding("python", True, platform.python_version())
    yield Finding("agentkit", True, version("agentkit"))
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if not installed(name)]
        do = f"missing {', '.join(missing)}: pip install 'agentkit[{extra}]'"
        there = ", ".join(f"{name} {installed(name)}" for name in packages)
        yield Finding(f"extra {extra}", not missing, do if missing else there)
    yield from _models()
    for provider, name in keys().items():
        word = "set" if env.get(name) else f"not set: only needed for {provider}:"
        yield Finding(name, bool(env.get(name)), word)
    yield _database(store) if is_url(store) else _store(Path(store))


def keys() -> dict[str, str]:
    """The variable that holds the key of each provider."""
    return {provider: variables["api_key"] for provider, variables in VARIABLES.items()}


def installed(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _models() -> Iterator[Finding]:
    from agentkit.models.catalog import ENTRIES, cache_folder, present

    for entry in ENTRIES.values():
        here = present(entry, cache_folder())
        do = f"{count_bytes(entry.download_bytes)} to fetch: agentkit models pull {entry.name}"
        yield Finding(f"model {entry.name}", here, str(cache_folder()) if here else do)


def _database(url: str) -> Finding:
    from agentkit.cli.stored import summaries

    try:
        found = summaries(url, 1)
    except AgentkitError as error:
        return Finding("store", False, str(error))
    return Finding("store", True, f"PostgreSQL answers; {'runs' if found else 'no runs'} in it")


def _store(store: Path) -> Finding:
    place = next(path for path in (store, *store.resolve().parents) if path.exists())
    free = count_bytes(shutil.disk_usage(place).free)
    if not os.access(place, os.W_OK):
        return Finding(f"store {store}", False, f"cannot write in {place}; give --store FOLDER")
    return Finding(f"store {store}", True, f"{free} free")
