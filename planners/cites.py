"""Citations: `[node]` after what an answer took from it; never of what does not exist."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

# A word in brackets that a `(` follows is the text of a link.
_CITE = re.compile(r" ?\[(?=[^\]]{1,400}\])([a-z_]\w*(?:, ?[a-z_]\w*)*)\](?!\()", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(\d])|\n+")
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]{3,}")
_OPEN = re.compile(r" ?\[[^\]\n]{0,400}\]?$| $")

LEAST_SHARE = 0.34
"""Of a sentence's words (numbers count three times) that a source must have to be its source."""


def cited(text: str, known: Collection[str]) -> tuple[str, ...]:
    """The names that a text cites, in order, each once."""
    found = [name for match in _CITE.finditer(text) for name in re.split(", ?", match[1])]
    return tuple(dict.fromkeys(name for name in found if name in known))


def without_unknown(text: str, known: Collection[str]) -> str:
    """The text without citations of names that are not known.

    >>> without_unknown("Tea is 3 euros [menu]. Cake is free [rumour].", {"menu"})
    'Tea is 3 euros [menu]. Cake is free.'
    """

    def kept(match: re.Match[str]) -> str:
        names = [name for name in re.split(", ?", match[1]) if name in known]
        lead = " " if match[0].startswith(" ") else ""
        return f"{lead}[{', '.join(names)}]" if names else ""

    return _CITE.sub(kept, text)


@dataclass(slots=True)
class CiteFilter:
    """Takes an answer in pieces and passes it on without citations of what does not exist."""

    known: Collection[str]
    _held: str = field(default="", init=False)

    def feed(self, piece: str) -> str:
        """What can be shown now; a bracket waits for its end and what follows it."""
        text = self._held + piece
        match = _OPEN.search(text)
        at = match.start() if match else len(text)
        self._held = text[at:]
        return without_unknown(text[:at], self.known)

    def close(self) -> str:
        """The rest."""
        text, self._held = self._held, ""
        return without_unknown(text, self.known)


def sentences(text: str) -> Iterator[tuple[str, str]]:
    """Each sentence or line of a text with the space that follows it."""
    start = 0
    for match in _SENTENCE.finditer(text):
        yield text[start : match.start()], match[0]
        start = match.end()
    if text[start:]:
        yield text[start:], ""


def attached(sentence: str, sources: Mapping[str, str]) -> str:
    """The sentence with the source that holds most of its words; as it is where none holds enough.

    >>> attached("The ferry leaves at 9:40.", {"menu": "tea 3 euros", "times": "ferry 9:40"})
    'The ferry leaves at 9:40 [times].'
    """
    best = None if cited(sentence, sources) else source_of(sentence, sources)
    if best is None:
        return sentence
    body = sentence.rstrip(".!?:")
    return f"{body} [{best}]{sentence[len(body) :]}"


def source_of(sentence: str, sources: Mapping[str, str]) -> str | None:
    """The source that holds most of the sentence's words; None where none holds enough."""
    words = _weighed(sentence)
    total = sum(words.values())
    if not total:
        return None
    shares = {
        name: sum(weight for word, weight in words.items() if word in held) / total
        for name, held in ((name, _weighed(text)) for name, text in sources.items())
    }
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best is not None and shares[best] >= LEAST_SHARE else None


def _weighed(text: str) -> dict[str, int]:
    return {
        word: 3 if word[0].isdigit() else 1
        for word in (match[0].casefold() for match in _WORD.finditer(text))
    }
