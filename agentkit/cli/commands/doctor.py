"""`agentkit doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from agentkit.cli.exits import FAILED
from agentkit.cli.settings import DEFAULT_MODEL, MODEL_VARIABLE, READ, model_of, store_option
from agentkit.errors import AgentkitError, UsageError
from agentkit.models.place import OFFLINE_VARIABLE, cache_folder, fetching_is_off
from agentkit.store import is_url
from agentkit.text import count_bytes, inert

if TYPE_CHECKING:
    from agentkit.models.catalog import Entry

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "local": ("xllamacpp",),
    "python": ("pydantic-monty",),
    "search": ("faiss-cpu", "numpy", "onnxruntime", "pypdf", "tokenizers"),
    "speech": ("av", "faster-whisper", "hibari-tts", "numpy"),
    "image": ("numpy", "onnxruntime", "pillow", "rapidocr"),
    "vision": (
        "diffusers",
        "faiss-cpu",
        "numpy",
        "pillow",
        "safetensors",
        "torch",
        "transformers",
    ),
    "page": ("jinja2",),
    "postgres": ("asyncpg",),
    "mcp": ("mcp",),
    "server": ("jinja2", "python-multipart", "starlette", "uvicorn"),
    "openapi": ("numpy", "pyyaml"),
    "schedule": ("cronsim",),
    "watch": ("watchfiles",),
    "otel": ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"),
}
"""The packages that each extra brings; a test compares it with pyproject.toml."""

_LEAST_FREE_BYTES = 50_000_000


class Finding(NamedTuple):
    """One line: what was looked at, whether it is there and well, what was found or what to do.

    `broken` is what has to be mended; what is not there may just not be wanted.
    """

    what: str
    ok: bool
    detail: str
    broken: bool = False


@click.command("doctor", short_help="Say what is installed and what is missing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--verify", is_flag=True, help="Read the models' files and compare their sha256.")
@click.option("--torch", is_flag=True, help="Load PyTorch and ask it for accelerators.")
@store_option
def command(as_json: bool, verify: bool, torch: bool, store: str) -> int:
    """Say what is installed, which extras and models are missing, which variables are set.

    Ends with 1 where something is broken: a damaged model, a store that cannot be used.
    """
    found = [*findings(store, os.environ, verify=verify, torch=torch)]
    if as_json:
        print(json.dumps([one._asdict() for one in found], indent=2))
    else:
        width = max(len(one.what) for one in found)
        for one in found:
            word = "ok" if one.ok else "bad" if one.broken else "none"
            print(f"{word:<4}  {inert(one.what):<{width}}  {inert(one.detail)}")
    return FAILED if any(one.broken for one in found) else 0


def findings(
    store: str, env: Mapping[str, str], *, verify: bool = False, torch: bool = False
) -> Iterator[Finding]:
    """Everything doctor looks at. Never the value of a variable."""
    yield Finding("python", True, f"{platform.python_version()} on {platform.platform()}")
    yield Finding("agentkit", True, version("agentkit"))
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if not installed(name)]
        do = f"missing {', '.join(missing)}: pip install 'agentkit[{extra}]'"
        there = ", ".join(f"{name} {installed(name)}" for name in packages)
        yield Finding(f"extra {extra}", not missing, do if missing else there)
    yield _chosen(env)
    yield _models_folder()
    yield from _models(verify)
    yield _database(store) if is_url(store) else _store(Path(store))
    yield from _device(torch)
    for name, what in READ.items():
        is_set = bool(env.get(name))
        yield Finding(name, is_set, "set" if is_set else f"not set: {what.replace('`', '')}")


def installed(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _chosen(env: Mapping[str, str]) -> Finding:
    """The model that a task gets where none is named."""
    from agentkit.models import model

    asked = env.get(MODEL_VARIABLE)
    try:
        made = model(model_of("", env))
    except UsageError as error:
        return Finding("default model", False, f"{MODEL_VARIABLE}: {error}", broken=True)
    why = f"by {MODEL_VARIABLE}" if asked else f"{DEFAULT_MODEL}, as none is named"
    return Finding("default model", True, f"{made.name} ({why})")


def _models_folder() -> Finding:
    folder = cache_folder()
    place = _existing(folder)
    free = count_bytes(shutil.disk_usage(place).free)
    if fetching_is_off():
        return Finding("models", True, f"{folder}; {OFFLINE_VARIABLE} is set: none is fetched")
    if not os.access(place, os.W_OK):
        do = "what is there can be used; to fetch others set XDG_CACHE_HOME=FOLDER"
        return Finding("models", False, f"cannot write in {place}: {do}")
    return Finding("models", True, f"{folder}; {free} free")


def _models(verify: bool) -> Iterator[Finding]:
    from agentkit.models.catalog import ENTRIES

    for entry in ENTRIES.values():
        yield _model(entry, verify)


def _model(entry: Entry, verify: bool) -> Finding:
    from agentkit.cli.commands.models import remedy
    from agentkit.models.catalog import damage, state

    found, what = state(entry, cache_folder()), f"model {entry.name}"
    if found in ("absent", "begun") and not entry.shipped:
        more = "more of " if found == "begun" else ""
        size = count_bytes(entry.download_bytes)
        return Finding(what, False, f"{more}{size} to fetch: agentkit models pull {entry.name}")
    if wrong := [*damage(entry, cache_folder(), by_size=not verify)]:
        return Finding(what, False, f"{wrong[0]}: {remedy(entry)}", broken=True)
    checked = "sha256 checked" if verify else "by its size"
    return Finding(what, True, f"{count_bytes(entry.size_bytes)} here, {checked}")


def _database(url: str) -> Finding:
    from agentkit.cli.stored import summaries

    try:
        found = summaries(url, 1)
    except AgentkitError as error:
        return Finding("store", False, str(error), broken=True)
    return Finding("store", True, f"PostgreSQL answers; {'runs' if found else 'no runs'} in it")


def _store(store: Path) -> Finding:
    from agentkit.cli.stored import summaries

    what, place = "store", _existing(store)
    journal = store / "journal.sqlite"
    for path in (place, journal) if journal.exists() else (place,):
        if not os.access(path, os.W_OK):
            return Finding(what, False, f"cannot write in {path}; give --store FOLDER", broken=True)
    free = shutil.disk_usage(place).free
    if free < _LEAST_FREE_BYTES:
        return Finding(
            what, False, f"{store}: only {count_bytes(free)} free; make room", broken=True
        )
    if not journal.exists():
        return Finding(what, True, f"{store}, made by the first run; {count_bytes(free)} free")
    try:
        found = summaries(str(store), 1)
    except AgentkitError as error:
        return Finding(what, False, str(error), broken=True)
    runs = "runs" if found else "no runs"
    return Finding(what, True, f"{store}, {runs} in it; {count_bytes(free)} free")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(one for one in (path, *path.resolve().parents) if one.exists())


def _device(torch: bool) -> Iterator[Finding]:
    yield Finding("processor", True, f"{os.cpu_count()} CPUs, {platform.machine()}")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield Finding("memory", True, count_bytes(size))
    there = installed("torch")
    if not there:
        yield Finding("accelerator", False, "not looked for without PyTorch; none is needed")
    elif torch:
        yield _accelerator(there)
    else:
        yield Finding("accelerator", False, f"PyTorch {there} knows: agentkit doctor --torch")


def _accelerator(there: str) -> Finding:
    from importlib import import_module
    from typing import Any

    torch: Any = import_module("torch")
    found: list[str] = []
    if torch.cuda.is_available():
        found += [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("MPS")
    said = f"PyTorch {there}: {', '.join(found) or 'neither CUDA nor MPS'}"
    return Finding("accelerator", bool(found), said)
