"""The grammar of a short program whose numbers come from the texts that it is to work on.

A small model invents numbers, and it lists all that it reads before it computes. Under this grammar
(GBNF) it can do neither.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable

from agentkit.types import Json

MOST_STEPS = 8

ALWAYS = (*range(13), 24, 30, 60, 100, 365, 1000)
"""Numbers that stand in few texts and in many calculations."""

_SEPARATORS = (r",(?=\S)", r";(?=\S)", r"\t", r"\|")

_NUMBER = re.compile(r"(?P<number>\d+(?:[.,]\d+)*)(?P<percent>\s*(?:%|per ?cent))?", re.IGNORECASE)

_UNITS = dict(
    zip(
        "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split(),
        range(13, 21),
        strict=True,
    )
)
_TENS = dict(
    zip("thirty forty fifty sixty seventy eighty ninety".split(), range(30, 100, 10), strict=True)
)
_WORDS = {**_UNITS, **_TENS, "hundred": 100, "thousand": 1000, "half": 0.5, "quarter": 0.25}


def numbers_in(text: str) -> list[str]:
    """The numbers of a text as a program writes them; of a percentage also the share and factors.

    >>> numbers_in("12 lamps, 15% off")
    ['12', '1.15', '0.85', '0.15', '15']
    """
    found: dict[str, None] = {}
    for match in _NUMBER.finditer(text):
        said = match["number"]
        parts = re.split("[.,]" if said.count(".") > 1 else ",", said)
        for spelled in (said.replace(",", ""), said.replace(",", "."), *parts):
            if spelled.count(".") < 2:
                found |= dict.fromkeys(_forms(spelled, percent=match["percent"] is not None))
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in _WORDS:
            found[str(_WORDS[word])] = None
    return [*found]


def _forms(spelled: str, *, percent: bool) -> list[str]:
    """A number without leading zeros, as it stands and, of a percentage, as a factor."""
    plain = spelled.lstrip("0") or "0"
    plain = f"0{plain}" if plain.startswith(".") else plain
    value = float(plain)
    short = f"{value:g}"
    shares = [1 + value / 100, 1 - value / 100, value / 100] if percent else []
    return [*(f"{share:.4f}".rstrip("0") for share in shares), plain, *[short] * ("e" not in short)]


def program_grammar(text: str, values: Iterable[Json]) -> str:
    """GBNF of a program: a comment that says what is worked out from what, a few assignments, the
    last one to `result`.

    Its numbers are those of `text`, shares of its percentages, and a few that always make sense. A
    line multiplies before it adds, so that no order of operations can be missed. Calls, indices and
    literals are free where one of the `values` is rows; prose is read and not taken apart.
    """
    numbers = dict.fromkeys([*numbers_in(text), *map(str, ALWAYS)])
    free = '(name [([] | [[{"] | name "." [a-z]) number? (other+ number)* other*'
    choose = '("min" | "max") "(" term (", " term){1,8} ")"'
    return "\n".join(
        (
            f'root ::= comment step{{0,{MOST_STEPS}}} "result = " (value | name)',
            r'comment ::= "# " [^\n=]{8,120} "\n"',
            'step ::= [a-z] [a-z_]{2,40} " = " value "\\n"',
            "value ::= number | term (times{1,6} plus{0,3} | plus{1,6} | choice) | data",
            'times ::= (" * " | " / ") term',
            'plus ::= (" + " | " - ") term',
            'choice ::= compare | " if " term compare " else " term',
            'compare ::= (" < " | " <= " | " > " | " >= " | " == ") term',
            "term ::= name | number",
            "name ::= [a-z] [a-z_]{0,40} ([0-9] [0-9]?)?",
            f"data ::= {free if any(map(is_rows, values)) else choose}",
            r'other ::= [^0-9.\n#;] | "." [a-z]',
            f"number ::= {' | '.join(map(json.dumps, numbers))}",
        )
    )


def is_rows(value: Json) -> bool:
    """Whether a value is numbers, records or a table, and not prose, passages or pages.

    >>> is_rows("name,points\\nKim,4"), is_rows("Two chairs,\\nplease."), is_rows([1.5, 2.5])
    (True, False, True)
    """
    match value:
        case str():
            return _is_table(value)
        case list():
            return bool(value) and not any(map(_is_page, value))
        case dict():
            return not _is_page(value) and any(not isinstance(part, str) for part in value.values())
        case _:
            return False


def _is_page(value: Json) -> bool:
    """A passage, a page, a transcript: its text is what counts."""
    return isinstance(value, dict) and isinstance(value.get("text"), str)


def _is_table(text: str) -> bool:
    """Lines with the same number of the same separator in each; a comma of prose has a space."""
    lines = [line for line in text.splitlines() if line.strip()]
    counts = ({len(re.findall(mark, line)) for line in lines} for mark in _SEPARATORS)
    return len(lines) > 1 and any(len(found) == 1 and found != {0} for found in counts)


def careless(code: str) -> bool:
    """Whether a program names what it does not need, or one thing twice; False if it is no Python.

    >>> careless("chairs = 4\\neuros = 3\\nresult = chairs * 2")
    True
    """
    try:
        names = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    except SyntaxError:
        return False
    read = {"result"} | {name.id for name in names if isinstance(name.ctx, ast.Load)}
    bound = Counter(name.id for name in names if isinstance(name.ctx, ast.Store))
    return not read.issuperset(bound) or max(bound.values(), default=0) > 1
