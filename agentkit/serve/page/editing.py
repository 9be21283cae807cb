"""Arguments as a person edits them: JSON in a form, without what is too long for one."""

from __future__ import annotations

import json
from collections.abc import Mapping

from agentkit.report.preview import json_preview
from agentkit.text import inert
from agentkit.types import Json


def editable(args: Mapping[str, Json]) -> dict[str, Json]:
    """Those that are edited; one that a page shows only a part of stays as it is.

    >>> editable({"to": "Ann", "text": "x" * 20_000})
    {'to': 'Ann'}
    """
    return {name: value for name, value in args.items() if json_preview(value).cut is None}


def written(value: Json) -> str:
    """A value as JSON to edit, which reads back as the same whatever characters are in it."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if inert(text) == text else json.dumps(value, indent=2)
