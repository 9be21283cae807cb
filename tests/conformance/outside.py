"""What others have made and the tests here use, by exact version: installed into the user's cache.

Of npm everything is in one folder, with a Node of its own; of PyPI in one environment.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "agentkit" / "conformance"
NODE = "node@22.23.3"
NPM = (
    "@modelcontextprotocol/conformance@0.1.16",
    "@modelcontextprotocol/inspector@2.12.0",
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
)


def node_modules(*pins: str) -> Path:
    """A folder with these packages of npm in it. Skips the test where they cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    all_of_them = (NODE, *pins)
    folder = _folder("npm", all_of_them)
    if not (folder / "made.json").exists():
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}')
        _run(["npm", "install", "--silent", "--no-fund", "--no-audit", *all_of_them], folder)
        (folder / "made.json").write_text(json.dumps(all_of_them))
    return folder / "node_modules"


def environment(*pins: str) -> Path:
    """The `bin` folder of an environment with these packages of PyPI in it. Skips likewise."""
    folder = _folder("python{}.{}".format(*sys.version_info), pins)
    if not (folder / "made.json").exists():
        _run([sys.executable, "-m", "venv", str(folder)], Path.cwd())
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
        _run([*pip, "--disable-pip-version-check", *pins], folder)
        (folder / "made.json").write_text(json.dumps(pins))
    return folder / "bin"


def node(modules: Path) -> str:
    """The Node that came with the packages."""
    return str(modules / "node" / "bin" / "node")


def program(modules: Path, package: str) -> list[str]:
    """The command of a package's only program, or of the one named as it is."""
    folder = modules / package
    found = json.loads((folder / "package.json").read_text("utf-8"))["bin"]
    path = found if isinstance(found, str) else next(iter(found.values()))
    return [node(modules), str(folder / path)]


def line(command: Sequence[str]) -> str:
    """The command as one text."""
    return shlex.join(command)


def _folder(kind: str, pins: Sequence[str]) -> Path:
    folder = CACHE / f"{kind}-{sha256(json.dumps(pins).encode()).hexdigest()[:12]}"
    if not (folder / "made.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        print(f"installing {', '.join(pins)} into {folder} ...", file=sys.stderr, flush=True)
    return folder


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        pytest.skip(f"{' '.join(command[-2:])} cannot be installed here: {said[-1]}")
