"""The calls of a run that wait for somebody's decision."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from agentkit.decisions import Approver, Decision, Question, decision_to_json, question_to_json
from agentkit.engine.context import Record
from agentkit.engine.item import Item
from agentkit.errors import RunPaused
from agentkit.state import RunState, caller, owner


async def nobody(questions: Sequence[Question]) -> Sequence[Decision]:
    """There is nobody to ask now."""
    return ()


class InnerPaused(RunPaused):
    """A call that is a run of its own waits; its questions are below the call's node."""


class Asked:
    """Items that wait, with their questions, and the decisions taken so far, by key.

    An item has one question about itself, or those of the run that its call is."""

    def __init__(self, record: Record, ask: Approver, state: RunState) -> None:
        self.decisions = dict(state.decisions)
        self._record, self._ask = record, ask
        self._known = {node: question.key for node, question in state.asked.items()}
        self._waiting: dict[str, tuple[Item, Question]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, item: Item, questions: Iterable[Question]) -> None:
        """The item waits from now on; what a journal knew as asked is not asked there again, unless
        the call had begun: then its questions say that it has stopped."""
        item.state = "asked"
        for question in questions:
            self._waiting[question.node] = (item, question)
            self._note(question, begun=item.begun)

    def _note(self, question: Question, *, begun: bool = False) -> None:
        if begun or self._known.get(question.node) != question.key:
            self._known[question.node] = question.key
            self._record("node.asked", question.node, question_to_json(question))

    def forget(self, items: Iterable[Item]) -> None:
        """These wait no more. They are asked about anew: a patch took their questions out of the
        run's state."""
        gone = {item.id for item in items}
        self._drop(gone)
        for name in [n for n in self._known if caller(n) in gone or owner(n) in gone]:
            del self._known[name]

    def _drop(self, gone: Container[str]) -> None:
        for name in [name for name, (item, _) in self._waiting.items() if item.id in gone]:
            del self._waiting[name]

    async def about_run(self, question: Question) -> Decision:
        """What is decided about the run itself. Raises `RunPaused` where nobody decides now."""
        if (known := self.decisions.get(question.key)) is not None:
            return known
        self._note(question)
        for decision in await self._ask([question]):
            if decision.key == question.key:
                self._record("node.decided", question.node, decision_to_json(decision))
                self.decisions[decision.key] = decision
                return decision
        raise RunPaused([question])

    async def decided(self) -> Sequence[Item]:
        """Ask about all that waits. Returns the items that may go on, and raises `RunPaused` where
        there is none."""
        waiting = sorted(self._waiting.values(), key=lambda one: one[0].order)
        questions = [question for _, question in waiting]
        decisions = await self._ask(questions)
        freed: dict[str, Item] = {}
        for decision in decisions:
            item, question = self._waiting.get(decision.node, (None, None))
            if item is None or question is None or question.key != decision.key:
                continue  # it is not waiting any more
            if decision.verdict == "not_done":
                continue  # that it was not made is why somebody is asked
            self._record("node.decided", decision.node, decision_to_json(decision))
            self.decisions[decision.key] = decision
            freed[item.id] = item
        if not freed:
            raise RunPaused(questions)
        self._drop(freed)  # what else was asked there is asked again if it comes to that
        return [*freed.values()]
