"""Budgets: what a run may spend, what a call costs at most, what has been spent. Pure data.

>>> from decimal import Decimal
>>> budget = Budget(usd=Decimal("0.50"), tokens=20_000)
>>> spent = Spent(tokens=1200, usd=Decimal("0.02"))
>>> {dimension: shown(dimension, left) for dimension, left in left_of(budget, spent).items()}
{'tokens': '18,800 tokens', 'usd': '$0.48'}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias, get_args

from agentkit.errors import UsageError
from agentkit.types import Json

Dimension = Literal["tokens", "usd", "seconds", "calls"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

WhenOver = Literal["refuse", "ask", "go"]
"""What becomes of a plan that could cost more than is left, or nobody knows how much: the planner
has to write another (`refuse`), somebody is asked (`ask`), or it starts (`go`). In each case no
call starts that no longer fits."""

Amounts: TypeAlias = Mapping[Dimension, Decimal]
"""Amounts by dimension; one that is not there is unknown."""

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one call of a tool costs at most, each attempt; None is unknown, which is never 0.

    `tokens` are those that it lets the agent's model read and write (their price is added by
    itself), `usd` the money besides, `seconds` how long it takes (its `timeout_s` if not given),
    `calls` those of other tools that it makes, as an agent does.

    >>> Cost(usd="0.02")
    Cost(tokens=None, usd=Decimal('0.02'), seconds=None, calls=None)
    """

    tokens: int | None = None
    usd: Decimal | None = None
    seconds: float | None = None
    calls: int | None = None

    def __post_init__(self) -> None:
        _exact(self, "Cost", positive=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may spend over its whole life, resumes included; None is no bound.

    `tokens` are those that its models read and write, `usd` is exact (`Decimal("0.50")` or its
    text), `seconds` count while it runs, `calls` are those of tools, each attempt.

    >>> Budget(usd="0.50").usd
    Decimal('0.50')
    >>> Budget(usd=0.5)
    Traceback (most recent call last):
    agentkit.errors.UsageError: expected Budget(usd=…) as a Decimal, an int or a text; found 0.5
    """

    tokens: int | None = None
    usd: Decimal | None = None
    seconds: float | None = None
    calls: int | None = None
    when_over: WhenOver = "go"

    def __post_init__(self) -> None:
        _exact(self, "Budget", positive=True)
        if self.when_over not in get_args(WhenOver):
            known = ", ".join(get_args(WhenOver))
            raise UsageError(f"expected when_over as one of {known}; found {self.when_over!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a run has spent. Of a dimension in `unknown` it spent at least this much."""

    tokens: int = 0
    usd: Decimal = NOTHING
    seconds: float = 0.0
    calls: int = 0
    unknown: frozenset[Dimension] = field(default_factory=frozenset[Dimension])


def _exact(one: Budget | Cost, what: str, *, positive: bool) -> None:
    """Money as a Decimal; a float has lost what it was meant to be."""
    if one.usd is not None:
        if isinstance(one.usd, float | bool):
            message = f"expected {what}(usd=…) as a Decimal, an int or a text; found {one.usd!r}"
            raise UsageError(message)
        try:
            object.__setattr__(one, "usd", Decimal(one.usd))
        except InvalidOperation:
            raise UsageError(f"expected {what}(usd=…) as money; found {one.usd!r}") from None
    for dimension in DIMENSIONS:
        amount: Any = getattr(one, dimension, None)
        if amount is not None and not (amount > 0 if positive else amount >= 0):
            least = "more than 0" if positive else "at least 0"
            raise UsageError(f"{what}({dimension}=…) is {least}; found {amount}")


def amounts(one: Budget | Cost | Spent) -> dict[Dimension, Decimal]:
    """The amounts that are known, each as a Decimal."""
    found: dict[Dimension, Decimal] = {}
    for dimension in DIMENSIONS:
        amount: int | float | Decimal | None = getattr(one, dimension, None)
        if amount is not None:
            found[dimension] = Decimal(str(amount) if isinstance(amount, float) else amount)
    return found


def left_of(budget: Budget, spent: Spent) -> dict[Dimension, Decimal]:
    """What is left of each bound; less than nothing where more was spent."""
    gone = amounts(spent)
    return {dimension: most - gone[dimension] for dimension, most in amounts(budget).items()}


def shown(dimension: Dimension, amount: Decimal) -> str:
    """An amount for people: `$0.48`, `1,200 tokens`, `3 calls`, `2.5 seconds`."""
    if dimension == "usd":
        exact = f"{amount:f}"
        whole, _, part = exact.partition(".")
        return f"${whole}.{part.rstrip('0').ljust(2, '0')}"
    text = f"{amount:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} {dimension[:-1] if amount == 1 else dimension}"


def spent_text(spent: Spent) -> str:
    """What a run has spent, for people.

    >>> spent_text(Spent(tokens=1200, calls=3, unknown=frozenset({"usd"})))
    '1,200 tokens, at least $0.00, 0 seconds, 3 calls'
    """
    return ", ".join(
        f"{'at least ' if dimension in spent.unknown else ''}{shown(dimension, amount)}"
        for dimension, amount in amounts(replace(spent, seconds=round(spent.seconds, 1))).items()
    )


def amounts_to_json(known: Amounts) -> dict[str, Json]:
    """Amounts as an event carries them: money as text, tokens and calls as numbers."""
    return {
        name: str(amount) if name in ("usd", "seconds") else int(amount)
        for name, amount in known.items()
    }


def cost_to_json(cost: Cost) -> dict[str, Json]:
    """What a call said that it cost.

    >>> cost_from_json(cost_to_json(Cost(usd="0.01", tokens=7))) == Cost(usd="0.01", tokens=7)
    True
    """
    return amounts_to_json(amounts(cost))


def cost_from_json(data: Mapping[str, Any]) -> Cost:
    """The cost that an event carries."""
    seconds = data.get("seconds")
    return Cost(
        tokens=data.get("tokens"),
        usd=data.get("usd"),
        seconds=None if seconds is None else float(seconds),
        calls=data.get("calls"),
    )


def parse_budget(given: tuple[str, ...]) -> dict[str, Any]:
    """`("usd=0.50", "tokens=20000")` as fields of `Budget`; the later one of a name counts.

    >>> parse_budget(("usd=0.50", "tokens=20000", "when_over=ask"))
    {'usd': Decimal('0.50'), 'tokens': 20000, 'when_over': 'ask'}
    """
    read: Mapping[str, Any] = {
        "tokens": int, "usd": Decimal, "seconds": float, "calls": int, "when_over": str,
    }  # fmt: skip
    values: dict[str, Any] = {}
    for text in given:
        name, _, amount = text.partition("=")
        if name not in read:
            raise UsageError(f"expected a budget among {', '.join(read)}; got {name!r}")
        try:
            values[name] = read[name](amount)
        except (ValueError, InvalidOperation):
            raise UsageError(f"expected a number in --budget {name}=N; got {amount!r}") from None
    Budget(**values)  # says which of them is out of bounds
    return values


FREE = Cost(tokens=0, usd=Decimal(0))
"""A call that costs nothing but time."""

NO_FEE = Cost(usd=Decimal(0))
"""A call that costs no more than what it asks the agent's model."""
