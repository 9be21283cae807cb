"""Makes a run's answer from what its nodes came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from agentkit.errors import EvaluationError, RunError
from agentkit.outcome import Failure, Outcome
from agentkit.plan.evaluate import evaluate
from agentkit.plan.graph import Answer, Call, Guard, Map, Observe, Plan, Ref, needs
from agentkit.planners.synthesize import Synthesis, synthesize
from agentkit.protocols import Model
from agentkit.text import cut
from agentkit.types import Json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MOST_OF_A_FAILURE = 2000
"""Characters of a node's failure in the run's own error; the node's outcome has all of it."""


async def make_answer(
    *,
    task: str,
    plan: Plan,
    inputs: Mapping[str, Json],
    outcomes: Mapping[str, Outcome],
    model: Model,
    output: TypeAdapter[Any] | None,
    instructions: str,
    show: Callable[[str], None],
) -> Synthesis:
    """The answer that the plan asks for; without one, a synthesis over its last results.

    Raises `RunError` where nothing is left to answer from.
    """
    answer = plan.answer or _from_leaves(plan, outcomes)
    values = {**inputs, **{name: end.value for name, end in outcomes.items() if end.ok}}
    wanted = needs(answer)
    draft = _draft(answer, values) if wanted <= values.keys() else None
    if draft is not None and draft.ok and output is None:
        text = str(draft.value)
        show(text)
        return Synthesis(text=text, data=text, cites=tuple(sorted(wanted & outcomes.keys())))
    if wanted and not wanted & values.keys():
        raise _nothing_left(wanted, plan, outcomes)
    return await synthesize(
        model=model,
        task=task,
        answer=answer,
        plan=plan,
        outcomes=outcomes,
        inputs=inputs,
        draft=draft,
        output=output,
        instructions=instructions,
        show=show,
    )


def _draft(answer: Answer, values: Mapping[str, Json]) -> Outcome | None:
    """What the plan's own text for the answer comes to; None where the plan has none."""
    if answer.text is None:
        return None
    try:
        return Outcome("value", str(evaluate(answer.text, values)))
    except EvaluationError as error:
        return Outcome("failed", failure=Failure("EvaluationError", str(error)))


def _from_leaves(plan: Plan, outcomes: Mapping[str, Outcome]) -> Answer:
    """An answer over every result that no other result was made from."""
    nodes = [node for node in plan.nodes.values() if not isinstance(node, (Guard, Observe))]
    # What came to nothing leaves what it was to be made from as the last result.
    results = [node for node in nodes if node.id in outcomes and outcomes[node.id].ok] or nodes
    used = {name for node in results for name in needs(node)}
    leaves = [node.id for node in results if node.id not in used]
    return Answer(using=tuple(Ref(name) for name in leaves))


def _nothing_left(wanted: frozenset[str], plan: Plan, outcomes: Mapping[str, Outcome]) -> RunError:
    ends = [outcomes[name] for name in plan.nodes if name in wanted and name in outcomes]
    causes = {end.failure.cause or "" for end in ends if end.failure} & outcomes.keys()
    roots = {name: outcomes[name] for name in sorted(causes | (wanted & outcomes.keys()))}
    said = "; ".join(
        f"{name}: {cut(end.failure.message, MOST_OF_A_FAILURE)}"
        for name, end in roots.items()
        if end.failure
    )
    error = RunError(f"nothing is left to answer from; {said}")
    error.failed = tuple(
        name
        for name, end in roots.items()
        if end.status == "failed" and isinstance(plan.nodes.get(name), Call | Map)
    )
    return error
