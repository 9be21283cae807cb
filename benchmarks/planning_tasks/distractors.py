"""Ten working tools that no task needs. A planner has to leave them alone."""

from __future__ import annotations

import datetime
import hashlib
import random
import re
import unicodedata

from agentkit.tool import Tool, tool

LENGTHS_M = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0, "inch": 0.0254, "mile": 1609.344}
RATES = {"EUR": 1.0, "USD": 1.09, "GBP": 0.85, "CHF": 0.94, "SEK": 11.4, "DKK": 7.46}
OFFSETS_H = {"London": 0, "Berlin": 1, "Oslo": 1, "Athens": 2, "Tokyo": 9, "New York": -5}
ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
    (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


@tool(effect="pure")
def convert_length(value: float, from_unit: str, to_unit: str) -> float:
    """Convert a length between mm, cm, m, km, inch and mile."""
    return value * LENGTHS_M[from_unit] / LENGTHS_M[to_unit]


@tool(effect="pure")
def currency_rate(base: str, target: str) -> float:
    """The exchange rate between two currencies, from a fixed table."""
    return RATES[target] / RATES[base]


@tool(effect="pure")
def weekday(date: str) -> str:
    """The day of the week of a date (YYYY-MM-DD)."""
    return datetime.date.fromisoformat(date).strftime("%A")


@tool(effect="pure")
def slugify(text: str) -> str:
    """A text as a short name for web addresses."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


@tool(effect="pure")
def word_count(text: str) -> int:
    """The number of words in a text."""
    return len(text.split())


@tool(effect="pure")
def text_hash(text: str) -> str:
    """The SHA-256 checksum of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@tool(effect="pure")
def roman_numeral(number: int) -> str:
    """A whole number in Roman numerals."""
    numeral = ""
    for size, letters in ROMAN:
        count, number = divmod(number, size)
        numeral += letters * count
    return numeral


@tool(effect="read")
def roll_dice(sides: int = 6, count: int = 1) -> list[int]:
    """Throw dice and give the numbers thrown."""
    return [random.randint(1, sides) for _ in range(count)]


@tool(effect="read")
def city_time(city: str) -> str:
    """The time of day now in a city."""
    zone = datetime.timezone(datetime.timedelta(hours=OFFSETS_H[city]))
    return datetime.datetime.now(zone).strftime("%H:%M")


@tool(effect="pure")
def sort_lines(text: str) -> str:
    """The lines of a text in alphabetical order."""
    return "\n".join(sorted(text.splitlines()))


DISTRACTORS: tuple[Tool, ...] = (
    convert_length, currency_rate, weekday, slugify, word_count,
    text_hash, roman_numeral, roll_dice, city_time, sort_lines,
)  # fmt: skip
