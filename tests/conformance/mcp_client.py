"""What the suite starts as a client: an agent that uses the suite's server, named last."""

from __future__ import annotations

import os
import sys

from agentkit import Agent
from agentkit.testing import ScriptedModel
from agentkit.tools import McpServer

PLANS = {
    "initialize": "answer('it is there')",
    "tools_call": "sum_of_both = suite_add_numbers(a=5, b=3)\nanswer(f'{sum_of_both}')",
    "sse-retry": "done = suite_test_reconnection()\nanswer(f'{done}')",
}

if __name__ == "__main__":
    with McpServer(sys.argv[-1], name="suite") as server:
        model = ScriptedModel(replies=[PLANS[os.environ["MCP_CONFORMANCE_SCENARIO"]]])
        print(Agent(model=model, tools=[server], store="memory").run_sync("Use it.").answer)
