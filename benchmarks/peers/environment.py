"""The engines that are measured; those of others from PyPI, each in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = Path.home() / ".cache" / "agentkit" / "peers"
PEERS: Mapping[str, Sequence[str]] = {
    "langgraph": ("langgraph==1.2.22", "langgraph-checkpoint-sqlite==3.1.2"),
    "dbos": ("dbos==3.4.0",),
}


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine under test: its script, the interpreter that has it, the mode it is run in."""

    name: str
    script: str
    python: Path
    mode: str = ""

    def command(self, job: str, folder: Path, shape: str, count: int) -> list[str]:
        mode = [self.mode] if self.mode else []
        script = str(HERE / self.script)
        return [str(self.python), script, job, str(folder), shape, str(count), *mode]

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT), "HOME": str(Path.home()), "PATH": "/usr/bin:/bin"}


class NotThere(Exception):
    """An environment could not be made; says why."""


def ours(mode: str) -> Engine:
    """agentkit in one of its modes."""
    return Engine(f"agentkit {mode}", "with_agentkit.py", Path(sys.executable), mode)


def peer(name: str) -> Engine:
    """A peer in its own environment, made if need be. Raises `NotThere`."""
    pins = PEERS[name]
    python = "python{}.{}".format(*sys.version_info)
    folder = CACHE / f"{python}-{'-'.join(pins).replace('==', '-')}"
    made = folder / "made.json"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {', '.join(pins)} into {folder} ...", file=sys.stderr, flush=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
        _run([*pip, "--disable-pip-version-check", *pins])
        made.write_text(json.dumps(pins))
    return Engine(name, f"with_{name}.py", folder / "bin" / "python")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise NotThere(f"{' '.join(command[-2:])} cannot be installed: {said[-1]}")
