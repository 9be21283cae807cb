"""A model that writes any text of the grammar it is given: what a small model could do at worst."""

from __future__ import annotations

import random
import re

from agentkit.messages import Profile, Request
from agentkit.testing import ScriptedModel

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{\d+,\d+\}|[A-Za-z][\w-]*|[()|?]')


def walker(seed: int) -> ScriptedModel:
    """Chooses among the alternatives of each request's grammar at random."""
    choose = random.Random(seed)

    def reply(request: Request) -> str:
        assert request.grammar is not None
        rules = dict(line.split(" ::= ", 1) for line in request.grammar.split("\n"))
        return Walk(rules, choose).rule("root")

    profile = Profile(tools=False, grammar=True, prefill=True, guided=True)
    return ScriptedModel(replies=reply, profile=profile)


class Walk:
    """One random text of a grammar."""

    def __init__(self, rules: dict[str, str], choose: random.Random) -> None:
        self.rules, self.choose = rules, choose

    def rule(self, name: str) -> str:
        """A text of one rule."""
        tokens = TOKEN.findall(self.rules[name])
        text, rest = self.alternatives(tokens)
        assert not rest, rest
        return text

    def alternatives(self, tokens: list[str]) -> tuple[str, list[str]]:
        """One of the alternatives up to the end or a closing bracket."""
        texts: list[str] = []
        text = ""
        while tokens and tokens[0] != ")":
            if tokens[0] == "|":
                texts.append(text)
                text, tokens = "", tokens[1:]
                continue
            piece, tokens = self.repeated(tokens)
            text += piece
        return self.choose.choice([*texts, text]), tokens

    def repeated(self, tokens: list[str]) -> tuple[str, list[str]]:
        """An element as often as what follows it allows."""
        piece, rest = self.element(tokens)
        if rest and rest[0] == "?":
            return self.choose.choice(("", piece)), rest[1:]
        if rest and rest[0][0] == "{":
            low, high = map(int, rest[0][1:-1].split(","))
            times = self.choose.randint(low, min(high, low + 3))
            return "".join(self.element(tokens)[0] for _ in range(times)), rest[1:]
        return piece, rest

    def element(self, tokens: list[str]) -> tuple[str, list[str]]:
        """A literal, a class of characters, a group or another rule."""
        first, rest = tokens[0], tokens[1:]
        if first == "(":
            text, rest = self.alternatives(rest)
            return text, rest[1:]
        if first[0] == '"':
            return unescaped(first[1:-1]), rest
        if first[0] == "[":
            letters = "456" if first[1:4] == "0-9" else "qrstu"
            return self.choose.choice(letters), rest
        return self.rule(first), rest


def unescaped(text: str) -> str:
    """A GBNF literal's text."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
