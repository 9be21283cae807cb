"""Every night: what receipts and spoken mileage claims come to, by the rules of the handbook.

    0 2 * * *  agentkit run examples/nightly_report.py [INBOX REPORTS]       # by cron, at two

It reads receipt*.png and trip*.flac and writes REPORTS/DATE.md and an index of all reports. Nobody
looks on, so the plan is one that you have reviewed. Started again, a run that was cut off goes on
where it stopped. The exit code is 1 where something could not be paid; the report says why.
"""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

from agentkit import Agent, ToolError, open_store, tool
from agentkit.planners import Fixed

DATA = Path(__file__).parent / "data"
RULES = """
meals = search(query="a business meal with guests is paid up to", k=1)
car = search(query="who drives their own car gets euros per kilometre", k=1)
"""
RECEIPT = "paid_{0} = meal(receipt=read_image(image=file_{0}).text, rules=meals[0].text)\n"
TRIP = """
talk_{0} = transcribe(audio=file_{0})
said_{0} = extract(text=talk_{0}.text, fields=["kilometers by car"])
paid_{0} = drive(heard=talk_{0}.text, said=said_{0}, rules=car[0].text)
"""


def number(what: str, pattern: str, text: str) -> float:
    if found := re.search(pattern, text, re.I):
        return float(found[1])
    raise ToolError(f"there is no {what} in: {' '.join(text.split())}")


@tool(effect="pure")
def meal(receipt: str, rules: str) -> tuple[float, str]:
    """All of a meal with guests, up to the limit for each of them."""
    total = number("total", r"total\D*(\d+\.\d\d)", receipt)
    guests = number("number of guests", r"guests\D*(\d+)", receipt)
    limit = number("limit", r"up to (\d+) euros\s+per person", rules)
    return min(total, guests * limit), f"{guests:g} guests, at most {limit:g} euros each"


@tool(effect="pure")
def drive(heard: str, said: dict[str, Any], rules: str) -> tuple[float, str]:
    """Kilometres with one's own car. A number that was not heard is not believed."""
    km = number("number of kilometres", r"(\d+)", str(said))
    rate = number("rate", r"(\d\.\d+) euros\s+per kilometre", rules)
    number(f"{km:g} (which the model took from it)", rf"\b({km:g})\b", heard)
    return round(km * rate, 2), f"{km:g} km at {rate:g} euros; said: {heard}"


async def main() -> str:
    inbox, reports = map(Path, sys.argv[1:] or (DATA, "reports"))
    files = [*sorted(inbox.glob("receipt*.png")), *sorted(inbox.glob("trip*.flac"))]
    steps = [(TRIP if one.suffix == ".flac" else RECEIPT).format(n) for n, one in enumerate(files)]
    tools = [f"search:{DATA / 'handbook'}", "read_image", "transcribe", "extract", meal, drive]
    store = open_store(reports / ".agentkit")
    agent = Agent(tools=tools, planner=Fixed(RULES + "".join(steps) + "answer('')"), store=store)
    task = f"Report of {date.today()}: {', '.join(one.name for one in files)}"
    known = await store.journal.runs()
    left = [one.run for one in known if one.task == task and one.status != "answered"]
    inputs = {f"file_{n}": one for n, one in enumerate(files)}
    run = await (agent.resume(left[0]) if left else agent.run(task, inputs=inputs))
    await store.close()
    total, lines = 0.0, list[str]()
    for n, file in enumerate(files):
        end: Any = run.outcomes[f"paid_{n}"]
        cause: Any = end if end.ok else run.outcomes.get(end.failure.cause, end)
        euros, why = end.value or (0.0, f"not paid: {cause.failure.message}")
        total += euros
        lines.append(f"- {file.name}: {euros:.2f} euros; {why}")
    report = reports / f"{date.today()}.md"
    report.write_text("\n".join([f"# {total:.2f} euros\n", *lines, ""]))
    days = sorted(day.stem for day in reports.glob("2*.md"))
    (reports / "index.md").write_text("".join(f"- [{day}]({day}.md)\n" for day in days))
    if run.failures:
        sys.exit(f"error: not everything could be paid; {report} says why")
    return f"{total:.2f} euros: {report}"


if __name__ == "__main__":
    print(asyncio.run(main()))
