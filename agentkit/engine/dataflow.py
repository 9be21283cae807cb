"""Who can run: the bookkeeping of needs and ends. Pure: no clock, no tasks.

A node that ended releases or poisons its dependants, and nobody else, in time linear in its edges.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from agentkit.engine.item import Item
from agentkit.errors import UsageError
from agentkit.outcome import Failure, Outcome


class Dataflow:
    """Items by id, the ones that just became ready, and how many have not ended."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.ready: deque[Item] = deque()
        self.open = 0
        self._leaving: dict[str, Item] = {}
        """Items that were removed while their call ran, until it is over."""

    def add(self, item: Item, needs: Iterable[Item], known: Outcome | None = None) -> bool:
        """Link a new item to what it needs. Returns whether it was skipped at once.

        An outcome that is `known` already, from before a resume, stands. A call that still runs
        under its id is waited for as well: two would take each other's intents and runs for theirs.
        """
        self.items[item.id] = item
        self.open += 1
        item.waits += item.id in self._leaving
        self.link(item, needs)
        failure = None if known is not None else _verdict(item)
        outcome = known if failure is None else Outcome("skipped", failure=failure, attempts=0)
        if outcome is not None:
            self.end(item, outcome)
        elif item.waits == 0:
            self.ready.append(item)
        return failure is not None

    def link(self, item: Item, needs: Iterable[Item]) -> None:
        """Make an item that has not run wait for these too."""
        for need in needs:
            need.dependants.append(item)
            item.needs.append(need)
            if need.outcome is None:
                item.waits += 1
            elif not need.outcome.ok:
                _poison(item, need, need.outcome)

    def end(self, item: Item, outcome: Outcome) -> list[Item]:
        """Note how an item ended. Returns the items that are skipped in consequence."""
        skipped: list[Item] = []
        todo = [(item, outcome)]
        while todo:
            ended, outcome = todo.pop()
            ended.outcome, ended.state = outcome, "ended"
            self.open -= 1
            for user in ended.dependants:
                if user.outcome is not None:
                    continue
                user.waits -= 1
                if not outcome.ok:
                    _poison(user, ended, outcome)
                if user.waits == 0 or user.cause is not None or user.guard is not None:
                    failure = _verdict(user)
                    if failure is not None:
                        skipped.append(user)
                        # The place in the list is taken now; its own users follow in turn.
                        user.outcome = Outcome("skipped", failure=failure, attempts=0)
                        todo.append((user, user.outcome))
                    elif user.waits == 0:
                        self.ready.append(user)
        return skipped

    def remove(self, items: Iterable[Item]) -> None:
        """Forget items that have ended, and that no item that stays needs."""
        for item in items:
            del self.items[item.id]
            if item.task is not None:
                self._leaving[item.id] = item
            for need in item.needs:
                need.dependants.remove(item)

    def left(self, item: Item) -> None:
        """An item's call is over: what has its id by now need not wait for it any more."""
        if self._leaving.get(item.id) is not item:
            return
        del self._leaving[item.id]
        if (new := self.items.get(item.id)) is not None and new.outcome is None:
            new.waits -= 1
            if new.waits == 0:
                self.ready.append(new)

    def drop(self, item: Item, outcome: Outcome) -> None:
        """Note how an item ended, without consequences for those that need it."""
        item.outcome, item.state = outcome, "ended"
        self.open -= 1

    def open_below(self, names: Iterable[str]) -> set[str]:
        """The ids that have not ended, of these and all that they need.

        Raises `UsageError` for an unknown one.
        """
        found: set[str] = set()
        seen: set[str] = set()
        todo = [self.item(name) for name in names]
        while todo:
            item = todo.pop()
            skipped = item.outcome is not None and item.outcome.status == "skipped"
            if item.id in seen or not (skipped or item.outcome is None):
                continue
            seen.add(item.id)
            todo += item.needs
            if not skipped:
                found.add(item.id)
        return found

    def item(self, name: str) -> Item:
        """The item of this id. Raises `UsageError` if there is none."""
        try:
            return self.items[name]
        except KeyError:
            raise UsageError(f"expected the id of a node; found {name!r}") from None

    def users_of(self, items: Iterable[Item]) -> list[Item]:
        """These items and all that need them, directly or through others."""
        found = dict.fromkeys(items)
        todo = list(found)
        while todo:
            for user in todo.pop().dependants:
                if user not in found:
                    found[user] = None
                    todo.append(user)
        return list(found)


def root(item: Item, outcome: Outcome) -> str:
    """The node to blame for an item without a value: itself, or what kept it from running."""
    failure = outcome.failure
    if outcome.status == "skipped" and failure is not None and failure.cause is not None:
        return failure.cause
    return item.id


def _poison(user: Item, need: Item, outcome: Outcome) -> None:
    if not user.tolerant and user.cause is None and need is not user.guard:
        user.cause = root(need, outcome)


def _verdict(item: Item) -> Failure | None:
    """Why an item will not run, as far as can be said now.

    The guard speaks first, so that the reason does not depend on what happens to end sooner.
    """
    if item.guard is not None:
        guard = item.guard.outcome
        if guard is None:
            return None
        if not guard.ok:
            return _after_guard(item.guard, guard)
        if bool(guard.value) is not item.holds:
            return Failure("Guarded", f"{item.guard.id} is not {item.holds}", cause=item.guard.id)
    if item.cause is not None:
        return _blocked(item.cause)
    return None


def _after_guard(guard: Item, outcome: Outcome) -> Failure:
    cause = root(guard, outcome)
    if outcome.failure is not None and outcome.failure.kind == "Guarded":
        return Failure("Guarded", f"{guard.id} was not reached", cause=cause)
    return _blocked(cause)


def _blocked(cause: str) -> Failure:
    return Failure("Blocked", f"needs the value of {cause}, which came to none", cause=cause)
