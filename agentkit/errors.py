"""Every error that agentkit raises.

    AgentkitError
    ├── UsageError          the developer's or the caller's: a wrong argument, an unknown model
    │   ├── MissingExtra    an optional dependency is not installed
    │   └── InvalidPlan     a plan's text or JSON form cannot be read
    ├── RunError            this run's
    │   ├── PlanRefused     the planner's plan still has problems after its repair turn
    │   ├── ModelError      the language model could not be reached or answered nonsense
    │   ├── LimitReached    nodes, depth, replans, seconds: a bound of the run was hit
    │   ├── RunCancelled    somebody stopped the run; it can be resumed
    │   ├── RunPaused       the run waits for somebody's decision
    │   │   └── BudgetReached   or for a larger budget
    │   ├── Diverged        a replay came to something else than the journal has
    │   └── StoreError      the journal or the artifact store cannot be read or written
    │       └── RunTaken    somebody else carries the run on
    └── ToolError           a tool's: told to the planner, poisons only the node's dependants
        └── EvaluationError a pure expression's, with the same consequences

A message says what was expected, what came, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from agentkit.budget import Budget, Dimension
    from agentkit.decisions import Question
    from agentkit.plan.problem import Problem


class AgentkitError(Exception):
    """The root of every error here; catch it to catch them all."""


class UsageError(AgentkitError):
    """The call itself is wrong: nothing has run, nothing was written."""


class MissingExtra(UsageError):
    """A feature needs a package that is not installed; the message names the extra."""

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(f"{feature} needs {package}: pip install 'agentkit[{extra}]'")
        self.extra = extra


class InvalidPlan(UsageError):
    """An expression, or a plan's JSON form, cannot be read; `problems` says where and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class RunError(AgentkitError):
    """A run could not go on. What it did until then is in the journal.

    `failed` are the calls and maps for whose failure nothing is left to answer from. Resumed, the
    run would end as it did; a fork of it makes one of them anew.
    """

    run_id: str | None = None
    failed: tuple[str, ...] = ()


class PlanRefused(RunError):
    """The plan was refused by the check, and the planner did not mend it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if len(problems) == 1:
            said = f"a problem left after repair: {problems[0]}"
        else:
            lines = "".join(f"\n  {problem}" for problem in problems)
            said = f"{len(problems)} problems left after repair:{lines}"
        super().__init__(f"the plan has {said}")
        self.problems = tuple(problems)


class ModelError(RunError):
    """A language model failed. `retryable` says whether the same call may succeed later."""

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class LimitReached(RunError):
    """A bound of the run was reached: which one, its value, and what was used."""

    def __init__(self, limit: str, value: float, used: float) -> None:
        super().__init__(
            f"the run's limit of {value:g} {limit} is reached (used {used:g}); "
            f"raise Limits({limit}=…) if the task needs more"
        )
        self.limit, self.value, self.used = limit, value, used


class RunCancelled(RunError):
    """The run was stopped before its end; `agentkit resume` goes on with it."""


class RunPaused(RunError):
    """Nothing can go on before somebody decides; nothing is lost, and nothing is kept in memory.

    `questions` are the calls that wait.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        calls = ", ".join(f"{one.node} ({one.tool})" for one in questions)
        why = f" ({questions[0].why})" if len(questions) == 1 else ""
        super().__init__(
            f"the run waits for approval of {calls}{why}; approve or deny, then resume it"
        )
        self.questions = tuple(questions)


class BudgetReached(RunPaused):
    """What is next does not fit into what is left of the budget; a larger one lets it go on.

    `dimension` is the bound of `budget` that is too small, `wanted` what it would have to be at
    least. `owner` is the run whose budget it is, where a call of a model did not fit: `run_id` is
    that of any run which stopped for it.
    """

    owner: str | None = None

    def __init__(
        self, message: str, *, dimension: Dimension, wanted: Decimal, budget: Budget | None = None
    ) -> None:
        RunError.__init__(self, message)
        self.questions = ()
        self.dimension: Dimension = dimension
        self.wanted = wanted
        self.budget = budget


class Diverged(RunError):
    """A replay came to something else than the journal has: the first such event.

    `seq` is its number in the journal, `node` its node, None for an event of the whole run;
    `expected` is what the journal has, `found` what the replay came to.
    """

    def __init__(self, *, seq: int, node: str | None, expected: str, found: str) -> None:
        where = f"event {seq}" if node is None else f"event {seq}, {node}"
        super().__init__(
            f"the replay diverges at {where}\n  the journal has: {expected}\n"
            f"  the replay came to: {found}"
        )
        self.seq, self.node, self.expected, self.found = seq, node, expected, found


class StoreError(RunError):
    """The journal or the artifact store failed: no room, no permission, unreadable."""


class RunTaken(StoreError):
    """Somebody else carries the run on, here or in another process: whoever is told this stops."""


class ToolError(AgentkitError):
    """Raise it in a tool to tell the planner what went wrong.

    `retryable=True` asks the engine to try again within the tool's retry policy, not before
    `retry_after_s` seconds have passed.
    """

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class EvaluationError(ToolError):
    """A pure expression has no value: a field that is not there, a bound that was reached."""


def said(error: BaseException) -> str:
    """An exception's message, or its name and arguments where it has none: `KeyError` has only the
    key.

    Whoever wrote the exception wrote how it says so too, and that may fail.

    >>> said(ValueError("no such day")), said(KeyError("day")), said(TimeoutError())
    ('no such day', "KeyError('day')", 'TimeoutError()')
    """
    try:
        named = type(error).__str__ is KeyError.__str__
        return repr(error) if named else str(error) or repr(error)
    except Exception as second:  # noqa: BLE001 - the tool's boundary
        return f"{type(error).__name__}; its message is lost to {type(second).__name__}"
