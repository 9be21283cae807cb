"""`agentkit` as a process of its own: through pipes, or before a terminal with its keyboard."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENTS = Path(__file__).parent / "agents.py"
COMMAND = [sys.executable, "-W", "error", "-m", "agentkit"]
CTRL_C = b"\x03"
LONGEST_S = 60
"""A command that says nothing for so long says nothing any more."""

_ON_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background would be born without
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # its Ctrl-C is for this process
os.execv(sys.argv[1], sys.argv[1:])
"""


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of this process's but the home and its caches, where the models are."""
    home = os.environ.get("HOME", str(folder))
    plain = {"PYTHONPATH": str(ROOT), "HOME": home, "PATH": "/usr/bin:/bin", "TERM": "xterm"}
    caches = {name: os.environ[name] for name in ("XDG_CACHE_HOME",) if name in os.environ}
    return {**plain, **caches, **(more or {})}


def agentkit(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command, run to its end in the folder, with pipes instead of a terminal."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(folder, env),
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run(folder: Path, agent: str, *more: str) -> subprocess.CompletedProcess[str]:
    """`agentkit run` with one of the agents of this folder."""
    return agentkit(folder, "run", "Do it.", "--agent", f"{AGENTS}:{agent}", *more)


def hinted(text: str, command: str) -> list[str]:
    """The arguments of the first `agentkit COMMAND …` that the text tells to type."""
    found = re.search(rf"agentkit ({command} [^;\n]*)", text)
    assert found is not None, text
    return shlex.split(found[1])


@dataclass
class Terminal:
    """A command whose standard error and keyboard are a terminal; standard output is a pipe."""

    process: subprocess.Popen[bytes]
    keyboard: int
    raw: bytes = b""
    screen: str = ""
    awaited: int = 0

    def until(self, text: str) -> str:
        """What the screen has got once the text stands on it, after all that was awaited before."""
        while (at := self.screen.find(text, self.awaited)) < 0:
            if not self._more():
                raise AssertionError(f"{text!r} never came: {self.screen!r}")
        self.awaited = at + len(text)
        return self.screen

    def press(self, key: bytes) -> None:
        os.write(self.keyboard, key)

    def press_waited(self, key: bytes) -> None:
        """Presses a key once the command waits for one: a Ctrl-C that comes between a prompt and
        that wait can be lost, for Python looks for it where it interrupts the wait."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] == "R":
            os.sched_yield()
        self.press(key)

    def end(self) -> tuple[int, str, str]:
        """Exit code, standard output, and all that the screen got."""
        while self._more():
            pass
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, (out or b"").decode(), self.screen

    def _more(self) -> bool:
        if not select.select([self.keyboard], [], [], LONGEST_S)[0]:
            raise AssertionError(f"nothing more came within {LONGEST_S} s: {self.screen!r}")
        try:
            found = os.read(self.keyboard, 65536)
        except OSError:  # Linux says so when nobody holds the other end any more
            return False
        self.raw += found
        # All of it anew: a read may end within a letter, or between the two that end a line.
        self.screen = self.raw.decode(errors="replace").replace("\r\n", "\n")
        return bool(found)


@contextmanager
def on_a_terminal(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, whole: bool = False
) -> Generator[Terminal]:
    """Starts a command before a terminal; kills it if it is still there at the end.

    Where it is the `whole`, standard output is the terminal too.
    """
    ours, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *COMMAND, *arguments],
        cwd=folder,
        env=environment(folder, env),
        stdin=its,
        stdout=its if whole else subprocess.PIPE,
        stderr=its,
        start_new_session=True,
    ) as process:
        os.close(its)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)
