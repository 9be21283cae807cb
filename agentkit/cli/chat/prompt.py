"""Lines as a person types them, with editing and history on a terminal; or as a pipe has them."""

from __future__ import annotations

import glob
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PROMPT = "> "
MOST_LINES = 1000
HISTORY = "chat_history"


def is_person() -> bool:
    """Whether somebody sits there who types and reads."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Lines:
    """The lines of standard input. Between terminals they can be edited, and those of former
    conversations come back with the arrow keys: they are kept in the folder."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self._history: Path | None = None
        stdin: Any = sys.stdin
        stdin.reconfigure(errors="replace")
        if is_person() and sys.stdout.isatty():
            self._history = folder / HISTORY
            _prepare(self._history, words)

    def read(self) -> str | None:
        """The next line, None after the last one. Blocking; Ctrl-C is a `KeyboardInterrupt`."""
        if self._history is not None:
            return self._edited(self._history)
        if is_person():
            print(PROMPT, end="", file=sys.stderr, flush=True)  # stdout is for answers alone
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None

    def _edited(self, history: Path) -> str | None:
        import readline

        before = readline.get_current_history_length()
        try:
            line = input(PROMPT)
        except EOFError:
            return None
        # At once, not at the end: the process may be killed before.
        if readline.get_current_history_length() > before:
            with suppress(OSError):
                readline.append_history_file(1, history)
        return line


def _prepare(history: Path, words: Sequence[str]) -> None:
    import readline

    with suppress(OSError):  # then nothing is kept, and the conversation goes on without
        history.parent.mkdir(parents=True, exist_ok=True)
        history.touch(mode=0o600)
        readline.read_history_file(history)
        readline.set_history_length(MOST_LINES)
        readline.write_history_file(history)

    def complete(text: str, place: int) -> str | None:
        if readline.get_begidx() == 0:
            found = [f"{word} " for word in words if word.startswith(text)]
        else:
            found = sorted(glob.glob(f"{glob.escape(text)}*"))
        return found[place] if place < len(found) else None

    readline.set_completer_delims(" ")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
