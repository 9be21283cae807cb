"""Plans of the embedded model on the 40 tasks of `planning_tasks/`, and what comes of them.

    python benchmarks/planning.py --check            the 20 tasks kept aside, against the goals
    python benchmarks/planning.py --split dev        the 20 that prompts are tuned on
    python benchmarks/planning.py --raw              the same model, without grammar and check
    python benchmarks/planning.py --model local:qwen2.5-coder-0.5b

What was measured is kept below `--scratch`, by a hash of the task, the model and the planners'
code and prompts, so that an interrupted run goes on where it stood.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TASKS = Path(__file__).resolve().parent / "planning_tasks"
sys.path[:0] = [str(ROOT), str(TASKS.parent)]

from planning_tasks.distractors import DISTRACTORS  # noqa: E402
from table import Row, exit_code, show  # noqa: E402

from agentkit import Agent  # noqa: E402
from agentkit.errors import AgentkitError  # noqa: E402
from agentkit.inputs import read_inputs  # noqa: E402
from agentkit.messages import Request  # noqa: E402
from agentkit.models import complete, model  # noqa: E402
from agentkit.plan.check import check_patch, scope_of  # noqa: E402
from agentkit.plan.graph import Call, Map, Plan, apply  # noqa: E402
from agentkit.plan.program import parse_program  # noqa: E402
from agentkit.plan.source import to_source  # noqa: E402
from agentkit.planners import Fixed, Program  # noqa: E402
from agentkit.planners.prompting import guided_prompt  # noqa: E402
from agentkit.protocols import Brief  # noqa: E402
from agentkit.store import open_store  # noqa: E402
from agentkit.tool import Tool  # noqa: E402
from agentkit.tools import named, search  # noqa: E402

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one task. `right` is None where only the plan was asked for."""

    id: str
    plan: str
    typed: bool
    tools: list[str]
    right_tools: bool
    plan_s: float
    answer: str = ""
    right: bool | None = None


def built_in(folder: Path, index: Path) -> dict[str, Tool]:
    """The built-in tools over a copy of the task's files, and the ten that no task needs."""
    tools: list[Tool] = [search(TASKS / "handbook", index=index), *DISTRACTORS]
    for name in ("transcribe", "read_image", "language", "python", f"files:{folder}"):
        tools += named(name)
    return {tool.name: tool for tool in tools}


def inputs_of(task: dict[str, Any]) -> dict[str, object]:
    """The task's inputs as an agent takes them: paths of media, plain values."""
    return {
        name: TASKS / "media" / (given.get("audio") or given["image"])
        if "value" not in given
        else given["value"]
        for name, given in task["inputs"].items()
    }


async def planned(brief: Brief, *, raw: bool) -> tuple[Plan, bool]:
    """The plan that the model writes, and whether all of it passed the check."""
    scope, typed = scope_of(brief.plan, brief.tools), True
    if raw:
        request = Request(messages=guided_prompt(brief), purpose="plan", max_tokens=240,
                          stop=("\n\n", "Task:"))  # fmt: skip
        text = (await complete(brief.model, request)).text
        found, problems = parse_program(text, brief.tools, brief.plan)
        proposals: list[Any] = [*found, *problems]
    else:
        proposals = [proposal async for proposal in Program().propose(brief)]
    plan = brief.plan
    for proposal in proposals:
        checked = check_patch(scope, proposal) if hasattr(proposal, "add") else None
        if checked is None or not checked.accepted:
            typed = False
            continue
        scope, plan = checked.scope, apply(plan, proposal)
    return plan, typed and plan.answer is not None


def used(plan: Plan) -> list[str]:
    """The names of the tools that a plan calls."""
    calls = [node for node in plan.nodes.values() if isinstance(node, Call)]
    calls += [call for node in plan.nodes.values() if isinstance(node, Map) for call in node.body]
    return sorted({call.tool for call in calls})


def holds(text: str, groups: list[list[str]]) -> bool:
    """Whether of each group one alternative is in the text; numbers in any spelling."""
    numbers = {float(found.replace(",", "")) for found in NUMBER.findall(text)
               if found.replace(",", "").count(".") < 2}  # fmt: skip
    folded = text.casefold()

    def there(wanted: str) -> bool:
        if re.fullmatch(r"\d+(\.\d+)?", wanted) and not wanted.startswith("0"):
            return any(abs(float(wanted) - number) < 0.006 for number in numbers)
        return wanted.casefold() in folded

    return all(any(there(wanted) for wanted in group) for group in groups)


async def measured(task: dict[str, Any], llm: Any, options: argparse.Namespace) -> Measured:
    """Plan the task and, unless only plans are asked for, run the plan and look at the result."""
    folder = Path(tempfile.mkdtemp(prefix="planning-"))
    try:
        shutil.copytree(TASKS / "files", folder / "files")
        tools = built_in(folder / "files", Path(options.scratch) / "index")
        store = open_store("memory")
        try:
            _, schemas = read_inputs(inputs_of(task), store.artifacts)
        finally:
            await store.close()
        brief = Brief(task=task["task"], plan=Plan(inputs=schemas), tools=tools, model=llm)
        start = time.perf_counter()
        plan, typed = await planned(brief, raw=options.raw)
        seconds = time.perf_counter() - start
        names = used(plan)
        fine = any(sorted(wanted) == names for wanted in task["tools"])
        done = Measured(task["id"], to_source(plan), typed, names, fine, round(seconds, 2))
        if options.plans_only:
            return done
        return await run(done, plan, task, tools, llm, folder / "files")
    finally:
        shutil.rmtree(folder)


async def run(
    done: Measured, plan: Plan, task: dict[str, Any], tools: dict[str, Tool], llm: Any, files: Path
) -> Measured:
    """Run the plan and compare what comes of it with what the task expects."""
    agent = Agent(model=llm, tools=[*tools.values()], planner=Fixed(plan), store="memory")
    try:
        answer = (await agent.run(task["task"], inputs=inputs_of(task))).answer
    except AgentkitError as error:
        return replace(done, answer=f"{type(error).__name__}: {error}", right=False)
    expect = task["expect"]
    right = holds(answer, expect.get("answer", []))
    if "file" in expect:
        path = files / expect["file"]["name"]
        right = path.exists() and holds(path.read_text("utf-8"), expect["file"]["contains"])
    return replace(done, answer=answer, right=right)


def key(task: dict[str, Any], options: argparse.Namespace) -> str:
    """What a measurement depends on, as a hash."""
    code = [p for p in sorted((ROOT / "planners").rglob("*")) if p.suffix in (".py", ".md")]
    code += sorted((ROOT / "tools").rglob("*.md")) + [ROOT / "tools" / "language.py"]
    said = [json.dumps(task), options.model, str(options.raw), str(options.plans_only)]
    text = "\0".join([*said, *(path.read_text("utf-8") for path in code)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


async def measure_all(tasks: list[dict[str, Any]], options: argparse.Namespace) -> list[Measured]:
    """Every task, from the scratch folder where it was measured before."""
    scratch, llm = Path(options.scratch), model(options.model)
    warm = False
    results: list[Measured] = []
    for task in tasks:
        path = scratch / f"{key(task, options)}.json"
        if not path.exists():
            if not warm:  # the prefix is evaluated once, and not part of a plan's time
                await _warm(llm, options)
                warm = True
            done = await measured(task, llm, options)
            path.write_text(json.dumps(asdict(done)), encoding="utf-8")
        one = Measured(**json.loads(path.read_text("utf-8")))
        results.append(one)
        said = {True: "right", False: "wrong", None: "-"}[one.right]
        kind = f"{'typed' if one.typed else 'UNTYPED'} {'tools' if one.right_tools else 'TOOLS'}"
        print(f"{one.id:20} {kind} {said:5} {one.plan_s:5.1f} s", file=sys.stderr, flush=True)
    return results


async def _warm(llm: Any, options: argparse.Namespace) -> None:
    tools = built_in(TASKS / "files", Path(options.scratch) / "index")
    brief = Brief(task="warm", plan=Plan(), tools=tools, model=llm)
    await complete(llm, Request(messages=guided_prompt(brief), purpose="plan", max_tokens=1))


def rows(results: list[Measured], *, goals: bool) -> list[Row]:
    """The table; goals count for the embedded default model under its grammar."""

    def share(goal: str, least: float, hits: list[bool]) -> Row:
        part = sum(hits) / max(1, len(hits))
        return Row(goal, f"{sum(hits)}/{len(hits)} = {part:.0%}", part >= least if goals else None)

    ran = [one.right for one in results if one.right is not None]
    table = [
        share("well-typed after at most one repair: 100 %", 1.0, [one.typed for one in results]),
        share("right set of tools: >= 80 %", 0.8, [one.right_tools for one in results]),
        *([share("right result: >= 65 %", 0.65, ran)] if ran else []),
    ]
    longest = max(one.plan_s for one in results)
    middle = median(one.plan_s for one in results)
    figure = f"{middle:.1f} s median, {longest:.1f} s longest"
    return [*table, Row("a plan, prefix cached: <= 15 s", figure, middle <= 15 if goals else None)]


def main() -> int:
    """Measure, print, and say by the exit code whether a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--split", choices=("dev", "held"), default="held")
    parser.add_argument("--model", default="local:")
    parser.add_argument("--raw", action="store_true", help="without grammar, repair and check")
    parser.add_argument("--plans-only", action="store_true", help="do not run the plans")
    parser.add_argument("--scratch", default=str(ROOT / ".agentkit" / "planning"))
    options = parser.parse_args()
    chosen = json.loads((TASKS / "split.json").read_text("utf-8"))[options.split]
    lines = (TASKS / "tasks.jsonl").read_text("utf-8").splitlines()
    tasks = [task for task in map(json.loads, lines) if task["id"] in chosen]
    Path(options.scratch).mkdir(parents=True, exist_ok=True)
    results = asyncio.run(measure_all(tasks, options))
    table = rows(results, goals=options.model == "local:" and not options.raw)
    way = "raw" if options.raw else "guided"
    show(f"Planning: {options.model} {way}, {len(tasks)} tasks ({options.split})", table)
    return exit_code(table, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
