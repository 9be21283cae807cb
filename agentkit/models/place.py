"""Where model files are kept, and whether they may be fetched.

The one place outside the command line that reads the environment: a program and the command line
must look in the same folder, and who forbids fetching forbids it for both.
"""

from __future__ import annotations

import os
from pathlib import Path

OFFLINE_VARIABLE = "AGENTKIT_OFFLINE"
CACHE_VARIABLE = "XDG_CACHE_HOME"

SHIPPED = Path(__file__).resolve().parents[1] / "weights"
"""Where the models are that come with agentkit, a folder each."""


def cache_folder() -> Path:
    """Where model files are kept unless the caller says otherwise.

    `agentkit/models` in `XDG_CACHE_HOME` (an absolute path), else in `~/.cache`.
    """
    caches = Path(os.environ.get(CACHE_VARIABLE, ""))
    return (caches if caches.is_absolute() else Path.home() / ".cache") / "agentkit" / "models"


def fetching_is_off() -> bool:
    """Whether `AGENTKIT_OFFLINE` is set to anything but nothing, `0`, `false` or `no`."""
    return os.environ.get(OFFLINE_VARIABLE, "").casefold() not in ("", "0", "false", "no")
