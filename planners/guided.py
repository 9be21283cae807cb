"""Plans of small models, decoded statement by statement under a grammar of what fits.

A model of one or two billion parameters writes the plan language well and its types badly, and it
does not mend a plan from a list of errors. So the errors are made impossible: before each statement
the grammar of all statements that make sense there is generated, and the model chooses among them.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from itertools import chain, count
from keyword import kwlist

from agentkit.messages import Message, Request
from agentkit.models.complete import complete
from agentkit.plan.builtins import FUNCTIONS
from agentkit.plan.check import check_patch, scope_of
from agentkit.plan.graph import Call, Guard, Map, Node, Patch, names_in, needs
from agentkit.plan.problem import Problem
from agentkit.plan.program import parse_program
from agentkit.plan.scope import Scope
from agentkit.planners.grammar import Choices, statement_grammar
from agentkit.planners.prompting import GuidedPrompt, guided_prompt
from agentkit.planners.references import holds_media
from agentkit.protocols import Brief

MOST_STATEMENTS = 12
STATEMENT_TOKENS = 160
RESERVED = frozenset((*kwlist, *FUNCTIONS, "answer", "observe"))
QUERIES = frozenset(("query",))
"""Parameters that select: what a value is looked up by is still to be told to who answers."""

_QUOTE = re.compile(r"[\"“]([^\"“”{}\\\n]{1,160})[\"”]")
_PATH = re.compile(r"[\w./-]*\w\.[A-Za-z]\w{0,4}\b")
_CONDITION = re.compile(r"\b(if|unless|when|in case)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_BOUND = re.compile(r"^ *(?P<name>[a-z_]\w*) = (?P<call>.*)\n", re.MULTILINE)
_TOOL = re.compile(r"([a-z_]\w*)\(")


@dataclass(slots=True)
class Draft:
    """A plan as far as it is written: its text, its checked scope, what is still to be used."""

    scope: Scope
    text: str = ""
    unread: set[str] = field(default_factory=set[str])
    fresh: set[str] = field(default_factory=set[str])
    unused: set[str] = field(default_factory=set[str])
    carried: set[str] = field(default_factory=set[str])
    calls: set[str] = field(default_factory=set[str])
    barred: set[str] = field(default_factory=set[str])

    def choices(self, task: str) -> Choices:
        """What the next statement may be made of."""
        barred = self.barred | self._only_result()
        tools = {name: tool for name, tool in self.scope.tools.items() if name not in barred}
        paths = tuple(dict.fromkeys(_PATH.findall(task)))
        has_nodes = bool(self.scope.plan.nodes)
        return Choices(
            types=self.scope.types,
            tools=tools,
            focus=frozenset(self.unread or self.fresh),
            carried=frozenset(self.carried),
            paths=paths,
            quotes=tuple(_QUOTE.findall(task)),
            may_answer=has_nodes
            and not self.unused
            and all(json.dumps(path) in self.text for path in paths),
            may_guard=bool(_CONDITION.search(task)),
            may_lack_values=not has_nodes and len(_NUMBER.findall(task)) > 1,
        )

    def _only_result(self) -> set[str]:
        """The tool whose result is all there is to go on with: it is not called upon that again."""
        if len(self.carried) != 1:
            return set()
        node = self.scope.plan.nodes.get(*self.carried)
        return {node.tool} if isinstance(node, Call) and needs(node) else set()

    def add(self, node: Node) -> None:
        """Note what a node has used, and what it makes for others to use."""
        used, consumed = needs(node), _consumed(node)
        made_from_bytes = not self.unread.isdisjoint(used)
        for names in (self.unread, self.unused, self.fresh):
            names -= used
        self.carried -= consumed
        if isinstance(node, Guard):
            return
        self.carried.add(node.id)
        if made_from_bytes:
            self.fresh.add(node.id)


async def guided(brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
    """The patches of a plan that passes the check, each as soon as its statement is written, and
    what the plan language has no reading for.

    Raises `ModelError` where the model fails.
    """
    if brief.plan.answer is not None:
        return  # the plan stands; the synthesizer tells what failed
    draft = _begin(brief)
    prompt = guided_prompt(brief)
    for _ in range(MOST_STATEMENTS):
        statement = await _next(brief, prompt, draft)
        if not statement.endswith("\n"):  # the answer, or nothing sensible is left
            break
        statement = _renamed(statement, draft)
        if _repeats(statement, draft):
            continue
        patches, problems = parse_program(statement, brief.tools, draft.scope.plan)
        for problem in problems:
            yield problem
        for patch in patches:
            checked = check_patch(draft.scope, patch)
            if checked.accepted:
                draft.scope = checked.scope
                for node in patch.add:
                    draft.add(node)
                yield patch
        draft.text += statement
    patches, problems = parse_program(_answer(draft), brief.tools, draft.scope.plan)
    proposals: list[Patch | Problem] = [*problems, *patches]
    for proposal in proposals:
        yield proposal


def _begin(brief: Brief) -> Draft:
    scope = scope_of(brief.plan, brief.tools)
    inputs = set(brief.plan.inputs)
    media = {name for name in inputs if holds_media(scope.types[name])}
    draft = Draft(scope, unread=set(media), unused=set(inputs), carried=inputs - media)
    for node in brief.plan.nodes.values():
        draft.add(node)
    return draft


async def _next(brief: Brief, prompt: GuidedPrompt, draft: Draft) -> str:
    """The next statement, `answer(`, or nothing where no statement makes sense."""
    grammar = statement_grammar(draft.choices(brief.task))
    if grammar is None:
        return ""
    request = Request(
        messages=(*prompt.messages, Message("assistant", draft.text)),
        constant=prompt.constant,
        purpose="plan",
        grammar=grammar,
        max_tokens=STATEMENT_TOKENS,
    )
    return (await complete(brief.model, request)).text


def _renamed(statement: str, draft: Draft) -> str:
    """The statement under a name that is free: a taken one gets a number rather than a refusal."""
    found = _BOUND.search(statement)
    if found is None:
        return statement
    name = found["name"].rstrip("_")
    taken = draft.scope.types.keys() | draft.scope.tools.keys() | RESERVED
    numbered = (f"{name}_{number}" for number in count(2))
    free = next(new for new in chain((name,), numbered) if new not in taken)
    start, end = found.span("name")
    return statement[:start] + free + statement[end:]


def _repeats(statement: str, draft: Draft) -> bool:
    """Whether the plan has this very call; then the model is not offered its tool again."""
    found = _BOUND.search(statement)
    call = found["call"] if found else statement
    if call not in draft.calls:
        draft.calls.add(call)
        return False
    draft.barred |= set(_TOOL.findall(call)) & draft.scope.tools.keys()
    return True


def _answer(draft: Draft) -> str:
    names = [name for name in draft.scope.types if name in draft.carried]
    return f"answer(using=[{', '.join(names)}])\n"


def _consumed(node: Node) -> set[str]:
    """The names whose values have gone into this node; a query only selects."""
    match node:
        case Call():
            return _data(node)
        case Map():
            found = {name for call in node.body for name in _data(call)}
            return found | (names_in(node.over) if node.var in found else set())
        case _:
            return set()


def _data(call: Call) -> set[str]:
    return {name for key, arg in call.args.items() if key not in QUERIES for name in names_in(arg)}
