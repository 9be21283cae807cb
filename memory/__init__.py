"""What outlives a run: conversations, and the plans that served well.

Give them to an agent with the store that its runs are kept in:

    store = open_store(".agentkit")
    agent = Agent(store=store, memory=[Conversation(store.journal), Episodes(store.journal)])
"""

from __future__ import annotations

from agentkit.memory.conversation import Conversation
from agentkit.memory.episodes import Episodes

__all__ = ["Conversation", "Episodes"]
