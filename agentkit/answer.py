"""Makes a run's answer from what its nodes came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agentkit.errors import RunError
from agentkit.outcome import Outcome
from agentkit.plan.evaluate import evaluate
from agentkit.plan.graph import Answer, Guard, Observe, Plan, Ref, needs
from agentkit.planners.synthesize import Synthesis, synthesize
from agentkit.protocols import Model
from agentkit.types import Json, Schema


async def make_answer(
    *,
    task: str,
    plan: Plan,
    inputs: Mapping[str, Json],
    outcomes: Mapping[str, Outcome],
    model: Model,
    output_schema: Schema | None,
    instructions: str,
    show: Callable[[str], None],
) -> Synthesis:
    """The answer that the plan asks for; without one, a synthesis over its last results.

    Raises `RunError` naming the first failure where nothing is left to answer from.
    """
    answer = plan.answer or _from_leaves(plan)
    values = {**inputs, **{name: end.value for name, end in outcomes.items() if end.ok}}
    wanted = needs(answer)
    if answer.text is not None and output_schema is None and wanted <= values.keys():
        text = str(evaluate(answer.text, values))
        show(text)
        return Synthesis(text=text, data=text, cites=tuple(sorted(wanted & outcomes.keys())))
    if wanted and not wanted & values.keys():
        raise RunError(_nothing_left(wanted, plan, outcomes))
    return await synthesize(
        model=model,
        task=task,
        answer=answer,
        plan=plan,
        outcomes=outcomes,
        inputs=inputs,
        output_schema=output_schema,
        instructions=instructions,
        show=show,
    )


def _from_leaves(plan: Plan) -> Answer:
    """An answer over every result that no other node uses."""
    used = {name for node in plan.nodes.values() for name in needs(node)}
    leaves = [
        node.id
        for node in plan.nodes.values()
        if node.id not in used and not isinstance(node, (Guard, Observe))
    ]
    return Answer(using=tuple(Ref(name) for name in leaves))


def _nothing_left(wanted: frozenset[str], plan: Plan, outcomes: Mapping[str, Outcome]) -> str:
    ends = [outcomes[name] for name in plan.nodes if name in wanted and name in outcomes]
    causes = {end.failure.cause or "" for end in ends if end.failure} & outcomes.keys()
    roots = [(name, outcomes[name].failure) for name in sorted(causes | (wanted & outcomes.keys()))]
    failed = [f"{name}: {failure.message}" for name, failure in roots if failure]
    return "nothing is left to answer from; " + "; ".join(dict.fromkeys(failed))
