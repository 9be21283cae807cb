"""An answer with a type: a program goes on with its fields, not with its wording.

python examples/typed_answer.py
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from agentkit import Agent

HANDBOOK = Path(__file__).parent / "data" / "handbook"


class Reimbursement(BaseModel):
    """What the handbook says about using one's own car."""

    euros_per_km: float = Field(description="What is paid for each kilometre with one's own car")
    parking_limit_euros: float = Field(description="The most that is paid for parking a day")


def main() -> Reimbursement:
    """Asks the handbook, and computes with the typed answer."""
    agent = Agent(tools=[f"search:{HANDBOOK}"], output=Reimbursement, store="memory")
    run = agent.run_sync(
        "What does the company pay per kilometre with one's own car, and for parking?"
    )
    rates = run.output
    euros = 240 * rates.euros_per_km + 2 * rates.parking_limit_euros
    print(f"240 km and two days of parking: {euros:.2f} euros")
    print(f"sources: {', '.join(run.cites)}")
    return rates


if __name__ == "__main__":
    main()
