"""`agentkit chat`: a conversation with an agent, each turn a run of the store."""
