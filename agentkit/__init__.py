"""agentkit: agents that plan."""
