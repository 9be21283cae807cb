"""What of a text is hidden before it is sent with a trace."""

from __future__ import annotations

import json

import pytest

from agentkit.telemetry.content import text, value

HIDDEN = {
    "Cookie: sid=abc; other=def\nHost: x": "Cookie: (hidden)\nHost: x",
    "curl -H 'Cookie: sid=abc; other=def' x": "curl -H 'Cookie: (hidden)' x",
    "use github_pat_11AB22CD_33ef44gh now": "use (hidden) now",
    "login --user ann --password hunter2 --now": "login --user ann --password (hidden) --now",
    "login --api-key 'two words' --now": "login --api-key (hidden) --now",
    'password="two words", user="ann"': 'password="(hidden)", user="ann"',
    r'password = "a \"quoted\" word" end': 'password = "(hidden)" end',
    json.dumps(
        json.dumps({"token": "two words", "n": 1})
    ): r'"{\"token\": \"(hidden)\", \"n\": 1}"',
    "Authorization: Bearer a1b2 and more": "Authorization: Bearer (hidden) and more",
    "token=a1b2&page=2": "token=(hidden)&page=2",
    "psql postgresql://ann:x1@db": "psql postgresql://ann:(hidden)@db",
}
SHOWN = [
    "A cookie, a token of love: the recipe of Ida",
    "login --no-password-prompt --now",
    "12 tokens, 3 words",
    "he said: 'two words'",
]


@pytest.mark.parametrize(("said", "shown"), HIDDEN.items())
def test_a_secret_is_hidden_whole_and_the_rest_is_not(said: str, shown: str) -> None:
    assert text(said) == shown
    assert value({"said": said}) == json.dumps({"said": shown})


@pytest.mark.parametrize("said", SHOWN)
def test_what_is_no_secret_stays(said: str) -> None:
    assert text(said) == said
