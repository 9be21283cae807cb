"""What a number that was worked out may count: what those count that it was made from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from agentkit.plan.graph import Plan, needs
from agentkit.planners.digest import render, without_program
from agentkit.types import Json

MOST = 6
"""Words for one number; more would say nothing about it."""

_SIGNS = "$€£¥₹%‰"
_BESIDE = re.compile(
    rf"([{_SIGNS}])[ \t]?\d"
    rf"|\d[ \t]?([{_SIGNS}])"
    r"|\d(?!(?:st|nd|rd|th)\b)[ \t]?([^\W\d_]{1,20})(?!\w)"
)


def beside(text: str) -> list[str]:
    """The word or sign beside each number that has one, in their order.

    >>> beside("The 3rd order: 14 people at 17.50 euros, £5 off; in 2026, by §4a1")
    ['people', 'euros', '£']
    """
    return [match[1] or match[2] or match[3] for match in _BESIDE.finditer(text)]


def units_of(name: str, plan: Plan, values: Mapping[str, Json]) -> list[str]:
    """What a number may count, what is most likely first; nothing for what is no number.

    A tool gives a number without its unit, and a small model that writes of it makes one up. The
    texts that the number was made from have it, beside their own numbers. Where a source has none,
    it is looked for in what that was made from.
    """
    number = without_program(values.get(name))
    if isinstance(number, bool) or not isinstance(number, int | float):
        return []
    found: Counter[str] = Counter()
    left, seen = [name], {name}
    while left:
        node = plan.nodes.get(left.pop())
        sources = sorted(needs(node) & values.keys() - seen) if node is not None else ()
        seen.update(sources)
        for source in sources:
            words = beside(render(values[source]))
            found.update(words)
            if not words:
                left.append(source)
    return [word for word, _ in found.most_common(MOST)]
