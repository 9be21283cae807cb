"""A tool of your own: a typed function with a docstring is all it takes.

    python examples/custom_tool.py

The embedded model plans; the plan is checked against the tool's types before anything runs.
"""

from __future__ import annotations

from typing import Literal

from agentkit import Agent, ToolError, tool

RATES = {"USD": 0.92, "GBP": 1.17, "CHF": 1.05}


@tool(effect="pure")
def to_euros(amount: float, currency: Literal["USD", "GBP", "CHF"]) -> float:
    """Convert an amount of money to euros.

    Args:
        amount: The amount, not negative.
        currency: The currency that the amount is in.
    """
    if amount < 0:
        raise ToolError(f"expected an amount of money, got {amount}; give it without a sign")
    return round(amount * RATES[currency], 2)


def main() -> None:
    """Asks for two conversions and prints the plan and the answer."""
    from agentkit.plan.source import to_source

    agent = Agent(tools=[to_euros], store="memory")
    run = agent.run_sync("How many euros are 250 US dollars, and how many are 80 pounds?")
    print(to_source(run.plan))
    print(run.answer)


if __name__ == "__main__":
    main()
