"""Pure expressions: what they come to, and what they refuse."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.errors import EvaluationError, InvalidPlan
from agentkit.plan.bounds import MAX_SIZE, size
from agentkit.plan.evaluate import evaluate
from agentkit.plan.expression import expression
from agentkit.types import Json
from tests.plan.plans import INPUTS, sources, values

SCOPE: dict[str, Json] = {
    "hits": [{"text": "red", "score": 0.9}, {"text": "blue", "score": 0.2}],
    "talk": {"text": "two boxes", "seconds": 12, "items": {"a b": 1}},
    "n": 3,
    "nothing": None,
}


def value(source: str) -> Json:
    return evaluate(expression(source), SCOPE)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("talk.text", "two boxes"),
        ("talk['items']['a b']", 1),
        ("hits[-1].text", "blue"),
        ("hits[n - 2].text", "blue"),
        ("talk.text[:3] + '!'", "two!"),
        ("hits[1:][0].score", 0.2),
        ("f'{n:>4}|{hits[0].score:.0%}|{talk.text!r}|{n:{n}}'", "   3|90%|'two boxes'|  3"),
        ("n ** 2 // 2 - 7 % 4 + -n", -2),
        ("1 if n > 2 else 0", 1),
        ("0 < n <= 3 and 'box' in talk.text", True),
        ("nothing is None or nothing.text", True),
        ("nothing or 'none'", "none"),
        ("[h.text for h in hits if h.score > 0.5]", ["red"]),
        ("[[x for x in range(x)] + [x] for x in range(3)]", [[0], [0, 1], [0, 1, 2]]),
        ("{h.text: i for i, h in enumerate(hits)}", {"red": 0, "blue": 1}),
        ("[a + b for a, (b, c) in [[1, [2, 3]]]]", [3]),
        ("sum(h.score * 10 for h in hits)", 11.0),
        ("sum([[1], [2]], [])", [1, 2]),
        ("sorted([h.score for h in hits])", [0.2, 0.9]),
        ("max([], default='none')", "none"),
        ("list(zip('ab', range(2)))", [["a", 0], ["b", 1]]),
        ("dict([['a', 1]], b=2)", {"a": 1, "b": 2}),
        ("dict(frame=1, pairs=[n])", {"frame": 1, "pairs": [3]}),
        ("2 ** 1022 == 2 ** 511 * 2 ** 511 and (-3) ** 3", -27),
        ("round(n, -10 ** 9), round(n), round(1234, -2), round(2.5, None)", [0, 3, 1200, 2]),
        ("round(2.345, 1), len(hits), str(n), int('7'), float(n), abs(-n)",
         [2.3, 2, "3", 7, 3.0, 3]),
        ("any(h.score > 0.5 for h in hits), all(h.score > 0.5 for h in hits)", [True, False]),
    ],
)  # fmt: skip
def test_values(source: str, expected: Json) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("talk.txt", "found 'txt'; did you mean 'text'?"),
        ("hits.text", "to look up 'text' in; found a list of 2"),
        ("hits[2]", "an index below 2; found 2"),
        ("talk[0]", "'text', 'seconds', 'items'; found 0"),
        ("missing.text", "a known name; found 'missing'"),
        ("[x for x in n]", "a list to go through; found a number"),
        ("[a for a, b in hits]", "a list of 2; found an object"),
        ("n + 'a'", "found a number and a text"),
        ("n < 'a'", "not supported"),
        ("1 / (n - 3)", "division by zero"),
        ("{n: 1}", "a text as the key of an object; found a number"),
        ("dict([[1, 2]])", "texts as the keys"),
        ("int('x')", "invalid literal"),
        ("float('nan')", "a finite real number"),
        ("(-8) ** 0.5", "a finite real number"),
    ],
)
def test_errors_say_what_was_expected_and_found(source: str, message: str) -> None:
    with pytest.raises(EvaluationError) as error:
        value(source)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "source",
    [
        "9 ** 9 ** 9",
        "2 ** 1022 * 4",
        "'a' * 10 ** 9",
        "10 ** 9 * [n]",
        "range(10 ** 12)",
        "[1 for a in range(1000) for b in range(1000)]",
        "[talk.text * 10 ** 6 for a in range(20)]",
        "[1 for a in range(100) if talk.text * 10 ** 5 == talk.text * 10 ** 5]",
        "f'{n:999999999}'",
        "f'{n:\u0669\u0669\u0669\u0669}'",
        "[len(f'{n:999}') for a in range(60_000)]",
        "[sum(hits) for a in range(60_000) for hits in [[n] * 1000]]",
        "round(8 * 10 ** 307, -308)",
        "f'{n:.{n * 10 ** 6}f}'",
        "f'{0xd800 + n:c}'",
        "[" * 12 + "'" + "a" * 10_000 + "'" + "][0] * 30" * 12,
        "sum([hits * 100 for a in range(2000)], [])",
        "[hits, hits] * 10 ** 6",
        "str(range(10 ** 5)) + str([range(10 ** 5)] * 100)",
    ],
)
def test_no_expression_can_hang_or_fill_the_memory(source: str) -> None:
    with pytest.raises(EvaluationError):
        value(source)


def test_doubling_over_many_statements_ends_at_the_bound() -> None:
    scope: dict[str, Json] = {"x": ["some text"]}
    with pytest.raises(EvaluationError):
        for _ in range(64):
            scope["x"] = evaluate(expression("[x, x]"), scope)
    assert size(scope["x"]) <= MAX_SIZE


@pytest.mark.parametrize(
    "source",
    [
        "talk.text.upper()", "lambda: 1", "open('f')", "{1, 2}", "b'x'", "1j", "...", "1e999",
        "'\\ud800'", "[*hits]", "{**talk}", "x[1, 2]", "x is y", "(y := 1)", "1 @ 2", "~1",
        "{1: 2}", "len(*hits)", "sorted(hits, key=len)", "max(**talk)", "", "1 +", "\0",
        "-" * 3000 + "1",
    ],
)  # fmt: skip
def test_what_is_not_covered_is_refused_before_it_runs(source: str) -> None:
    with pytest.raises(InvalidPlan):
        expression(source)


class Fields(dict[str, Any]):
    """Lets Python itself read `h.text`, to say what an expression should come to."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def python_value(source: str, scope: dict[str, Any]) -> Any:
    """What CPython makes of a source that this test has written, as JSON."""
    names = {name: json.loads(json.dumps(item), object_hook=Fields) for name, item in scope.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its compiler warns of `False is None` and the like
        found = eval(source, {"__builtins__": {}, **FUNCTIONS, **names})
    return json.loads(json.dumps(found, allow_nan=False))


FUNCTIONS: dict[str, Any] = {
    function.__name__: function
    for function in (len, min, max, sum, round, abs, sorted, str, int, float, bool, any, all)
} | {"range": range, "zip": zip, "enumerate": enumerate, "list": list, "dict": dict}


@settings(max_examples=200)
@given(sources, st.fixed_dictionaries({name: values for name in INPUTS}))
def test_a_value_is_what_python_says(source: str, scope: dict[str, Json]) -> None:
    arg = expression(source)
    try:
        found = evaluate(arg, scope)
    except EvaluationError:
        return
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == python_value(source, scope)
