"""Word error rate, after texts were made alike as Whisper's normaliser for English makes them.

That far as sentences need it: lower case, no marks, contractions written out, numbers as digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SMALL = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_LARGE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_SHORT = {
    "won't": "will not", "can't": "can not", "let's": "let us", "n't": " not", "'re": " are",
    "'ll": " will", "'ve": " have", "'m": " am", "'s": " is", "'d": " would",
}  # fmt: skip


def words(text: str) -> list[str]:
    """The words that count.

    >>> words("It's 4,500 euros, isn't it? In eighteen thirteen; twenty-one.")
    ['it', 'is', '4500', 'euros', 'is', 'not', 'it', 'in', '1813', '21']
    """
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower().replace("’", "'"))
    for short, long in _SHORT.items():
        plain = re.sub(rf"{short}\b", long, plain)
    return _numbered(re.findall(r"[^\W_]+", plain.replace("'", "")))


def _numbered(given: Sequence[str]) -> list[str]:
    """Runs of number words as digits: those that add up together, others side by side."""
    found: list[str] = []
    run: list[str] = []
    for word in (*given, ""):
        if word in _SMALL or (run and word in _LARGE):
            run.append(word)
            continue
        if run:
            found.append(_digits(run))
            run = []
        found.append(word)
    return found[:-1]


def _digits(run: Sequence[str]) -> str:
    pieces: list[int] = []  # what cannot be one number is read digit by digit, as years are
    whole = 0
    for word in run:
        value = _SMALL.get(word)
        if value is None:
            last = pieces.pop()
            if _LARGE[word] > 100:
                whole, last = whole + last * _LARGE[word], 0
            pieces.append(last * _LARGE[word])
        elif pieces and (pieces[-1] == 0 or pieces[-1] % 10 == 0) and value < 10 and pieces[-1]:
            pieces[-1] += value
        elif pieces and pieces[-1] % 100 == 0 and (pieces[-1] or whole):
            pieces[-1] += value
        else:
            pieces.append(value)
    if whole:
        return str(whole + sum(pieces))
    return "".join(map(str, pieces))


def word_errors(expected: Sequence[str], heard: Sequence[str]) -> int:
    """How many words must be put in, left out or changed.

    >>> word_errors(["a", "b", "c"], ["a", "c", "d"])
    2
    """
    row = list(range(len(heard) + 1))
    for count, wanted in enumerate(expected, start=1):
        diagonal, row[0] = row[0], count
        for at, word in enumerate(heard, start=1):
            best = min(row[at] + 1, row[at - 1] + 1, diagonal + (wanted != word))
            diagonal, row[at] = row[at], best
    return row[-1]


def error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Word errors for each word that was said, over pairs of what was said and what was heard."""
    wrong = said = 0
    for text, heard in pairs:
        expected = words(text)
        wrong += word_errors(expected, words(heard))
        said += len(expected)
    return wrong / said
