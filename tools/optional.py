"""Libraries that an extra installs, imported at first use."""

from __future__ import annotations

import importlib
from typing import Any

from agentkit.errors import MissingExtra


def imported(module: str, *, feature: str, package: str, extra: str) -> Any:
    """The module. Raises `MissingExtra` that names the package and the extra that installs it.

    >>> imported("json", feature="reading", package="json", extra="none").loads("[1]")
    [1]
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(feature, package, extra) from error
