"""Plans of the embedded model on the 40 tasks of `planning_tasks/`, and what comes of them.

    python benchmarks/planning.py --check            the 20 tasks kept aside, against the goals
    python benchmarks/planning.py --split dev        the 20 that prompts are tuned on
    python benchmarks/planning.py --split tuning     29 more to tune on, over the examples' data
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
from agentkit.messages import Message, Request  # noqa: E402
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
class Place:
    """Where the tasks of a split and what they work on lie."""

    tasks: Path
    handbook: Path
    media: Path


OWN = Place(TASKS / "tasks.jsonl", TASKS / "handbook", TASKS / "media")
EXAMPLES = Place(TASKS / "tuning.jsonl", ROOT / "examples/data/handbook", ROOT / "examples/data")


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
    run_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """With what, and how, tasks are measured."""

    llm: Any
    place: Place
    scratch: Path
    raw: bool
    plans_only: bool
    verbose: bool

    def tools(self, folder: Path) -> dict[str, Tool]:
        """The built-in tools over a copy of the task's files, and the ten that no task needs."""
        found: list[Tool] = [search(self.place.handbook, passages=3, index=self.scratch / "index")]
        for name in ("transcribe", "read_image", "language", "python", f"files:{folder}"):
            found += named(name)
        return {tool.name: tool for tool in [found[0], *DISTRACTORS, *found[1:]]}

    def inputs(self, task: dict[str, Any]) -> dict[str, object]:
        """The task's inputs as an agent takes them: paths of media, plain values."""
        return {
            name: self.place.media / (given.get("audio") or given["image"])
            if "value" not in given
            else given["value"]
            for name, given in task["inputs"].items()
        }


async def planned(brief: Brief, *, raw: bool) -> tuple[Plan, bool]:
    """The plan that the model writes, and whether all of it passed the check."""
    scope, typed = scope_of(brief.plan, brief.tools), True
    if raw:
        prompt = guided_prompt(brief)
        request = Request(
            messages=prompt.messages, constant=prompt.constant, purpose="plan", max_tokens=240
        )
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


async def measured(task: dict[str, Any], setting: Setting) -> Measured:
    """Plan the task and, unless only plans are asked for, run the plan and look at the result."""
    folder = Path(tempfile.mkdtemp(prefix="planning-"))
    try:
        shutil.copytree(TASKS / "files", folder / "files")
        tools = setting.tools(folder / "files")
        store = open_store("memory")
        try:
            _, schemas = read_inputs(setting.inputs(task), store.artifacts)
        finally:
            await store.close()
        brief = Brief(task=task["task"], plan=Plan(inputs=schemas), tools=tools, model=setting.llm)
        await _warm(brief)  # the prefix is evaluated once, and not part of a plan's time
        start = time.perf_counter()
        plan, typed = await planned(brief, raw=setting.raw)
        seconds = time.perf_counter() - start
        names = used(plan)
        fine = any(sorted(wanted) == names for wanted in task["tools"])
        done = Measured(task["id"], to_source(plan), typed, names, fine, round(seconds, 2))
        return (
            done if setting.plans_only else await run(done, plan, task, setting, folder / "files")
        )
    finally:
        shutil.rmtree(folder)


async def run(
    done: Measured, plan: Plan, task: dict[str, Any], setting: Setting, files: Path
) -> Measured:
    """Run the plan and compare what comes of it with what the task expects."""
    tools = [*setting.tools(files).values()]
    agent = Agent(model=setting.llm, tools=tools, planner=Fixed(plan), store="memory")
    start = time.perf_counter()
    try:
        answer = (await agent.run(task["task"], inputs=setting.inputs(task))).answer
    except AgentkitError as error:
        return replace(done, answer=f"{type(error).__name__}: {error}", right=False)
    expect = task["expect"]
    right = holds(answer, expect.get("answer", []))
    if "file" in expect:
        path = files / expect["file"]["name"]
        right = path.exists() and holds(path.read_text("utf-8"), expect["file"]["contains"])
    return replace(done, answer=answer, right=right, run_s=round(time.perf_counter() - start, 2))


def key(task: dict[str, Any], setting: Setting) -> str:
    """What a measurement depends on, as a hash."""
    code = [p for p in sorted((ROOT / "planners").rglob("*")) if p.suffix in (".py", ".md")]
    code += sorted((ROOT / "tools").rglob("*.md")) + sorted((ROOT / "tools").glob("*.py"))
    said = [json.dumps(task), setting.llm.name, str(setting.raw), str(setting.plans_only)]
    text = "\0".join([*said, *(path.read_text("utf-8") for path in code)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


async def measure_all(tasks: list[dict[str, Any]], setting: Setting) -> list[Measured]:
    """Every task, from the scratch folder where it was measured before."""
    results: list[Measured] = []
    for task in tasks:
        path = setting.scratch / f"{key(task, setting)}.json"
        if not path.exists():
            done = await measured(task, setting)
            path.write_text(json.dumps(asdict(done)), encoding="utf-8")
        one = Measured(**json.loads(path.read_text("utf-8")))
        results.append(one)
        said = {True: "right", False: "wrong", None: "-"}[one.right]
        kind = f"{'typed' if one.typed else 'UNTYPED'} {'tools' if one.right_tools else 'TOOLS'}"
        seconds = f"{one.plan_s:5.1f} s + {one.run_s:5.1f} s"
        print(f"{one.id:20} {kind} {said:5} {seconds}", file=sys.stderr, flush=True)
        if setting.verbose:
            print(f"{one.plan}-> {one.answer}\n", file=sys.stderr, flush=True)
    return results


async def _warm(brief: Brief) -> None:
    """Has the model evaluate the constant part of the prompt, if it has not yet."""
    prompt = guided_prompt(brief)
    messages = (*prompt.messages[: prompt.constant], Message("user", "?"))
    request = Request(messages=messages, constant=prompt.constant, purpose="plan", max_tokens=1)
    await complete(brief.model, request)


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


def tasks_of(split: str, only: str) -> list[dict[str, Any]]:
    """The tasks of a split, or those of them whose id has a text in it."""
    lines = (EXAMPLES if split == "tuning" else OWN).tasks.read_text("utf-8").splitlines()
    tasks: list[dict[str, Any]] = [*map(json.loads, lines)]
    if split != "tuning":
        chosen = json.loads((TASKS / "split.json").read_text("utf-8"))[split]
        tasks = [task for task in tasks if task["id"] in chosen]
    return [task for task in tasks if only in task["id"]]


def main() -> int:
    """Measure, print, and say by the exit code whether a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--split", choices=("dev", "held", "tuning"), default="held")
    parser.add_argument("--only", default="", help="tasks whose id has this text in it")
    parser.add_argument("--model", default="local:")
    parser.add_argument("--raw", action="store_true", help="without grammar, repair and check")
    parser.add_argument("--plans-only", action="store_true", help="do not run the plans")
    parser.add_argument("--verbose", action="store_true", help="show each plan and answer")
    parser.add_argument("--scratch", default=str(ROOT / ".agentkit" / "planning"))
    options = parser.parse_args()
    setting = Setting(
        llm=model(options.model),
        place=EXAMPLES if options.split == "tuning" else OWN,
        scratch=Path(options.scratch),
        raw=options.raw,
        plans_only=options.plans_only,
        verbose=options.verbose,
    )
    setting.scratch.mkdir(parents=True, exist_ok=True)
    tasks = tasks_of(options.split, options.only)
    results = asyncio.run(measure_all(tasks, setting))
    goals = options.model == "local:" and not options.raw and options.split == "held"
    table = rows(results, goals=goals)
    way = "raw" if options.raw else "guided"
    show(f"Planning: {options.model} {way}, {len(tasks)} tasks ({options.split})", table)
    return exit_code(table, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
