"""Public data sets of plans, read into plans and tools of agentkit."""
