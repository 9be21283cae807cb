"""Evaluated prompt prefixes on disk, so that the next process need not evaluate them again.

A state costs about 28 KB a token for the 1.5B model and is read in milliseconds; evaluating the
same tokens takes tens of milliseconds each.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit.errors import ModelError
from agentkit.models.llama import Llama

if TYPE_CHECKING:
    import httpx2

LEAST_TOKENS = 48
"""A shorter prefix is evaluated sooner than it is worth a file."""


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The states of one model, in one folder, the least recently used going first."""

    folder: Path
    model_sha256: str
    most_bytes: int = 512_000_000

    def key(self, llama: Llama, tokens: Sequence[int]) -> str:
        """What a state is filed under: all that its bytes depend on."""
        said = f"{self.model_sha256} {llama.version} {','.join(map(str, tokens))}"
        return hashlib.sha256(said.encode()).hexdigest()

    async def warm(
        self, llama: Llama, client: httpx2.AsyncClient, slot: int, tokens: Sequence[int]
    ) -> None:
        """Puts the prefix into the slot: from its file, or by evaluating it and keeping that."""
        name = f"{self.key(llama, tokens)}.state"
        path = self.folder / name
        if path.exists():
            try:
                await llama.restore(client, slot, name)
                with contextlib.suppress(OSError):  # a folder that is read-only
                    os.utime(path)
                return
            except ModelError:  # damaged, by a full disk perhaps: made anew below
                with contextlib.suppress(OSError):
                    path.unlink()
        await llama.evaluate(client, slot, tokens)
        await self._keep(llama, client, slot, path)

    async def _keep(self, llama: Llama, client: httpx2.AsyncClient, slot: int, path: Path) -> None:
        new = path.with_name(f"{uuid.uuid4().hex}.new")
        # Without room, or where nothing can be written, the prefix is warm all the same, only not
        # for the next process.
        with contextlib.suppress(ModelError, OSError):
            await llama.save(client, slot, new.name)
            new.replace(path)
            self._prune()
        with contextlib.suppress(OSError):
            new.unlink()

    def _prune(self) -> None:
        states = [(path, path.stat()) for path in self.folder.glob("*.state")]
        kept = 0
        for path, stat in sorted(states, key=lambda state: state[1].st_mtime, reverse=True):
            kept += stat.st_size
            if kept > self.most_bytes:
                path.unlink(missing_ok=True)
