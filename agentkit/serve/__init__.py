"""agentkit as a server: agents and tools for clients that are not Python programs.

Over HTTP, agents as models of an OpenAI-compatible API, and their runs:

app.py           the application: routes behind the guard
guard.py         who may ask at all: host, origin, token, sizes
operation.py     an operation: where it is, what it takes and gives
openapi.py       the document of all operations, made from them
server.py        what operations share: agents, store, runs, streams, counts
live.py          the runs that this process carries on
stream.py        server-sent events, for as long as somebody listens
conversation.py  the messages of a client as what an agent is asked
client_tools.py  tools that the client runs: a run waits for them as for an approval
turn.py          one turn of a conversation: the events of a run as text, calls, an end
chat.py, responses.py, models.py, runs.py, artifacts.py, upkeep.py    the operations
start.py         a socket, uvicorn, and an end that leaves runs resumable

As an MCP server: mcp.py and its neighbours.
"""
