"""API documents (OpenAPI 2.0, 3.0, 3.1) as tools: one for each operation.

A document is read (`read.py`, `yaml_text.py`), brought into one dialect (`dialect.py`) and becomes
operations (`operations.py`, `body.py`, `answer.py`) whose schemas are JSON Schema 2020-12
(`schema.py`). All of that is pure. A call makes a request of an operation and arguments
(`request.py`), sends it with credentials (`credentials.py`, `transport.py`), and reads the answer
(`call.py`). `toolset.py` is what a user holds.
"""

from __future__ import annotations

from agentkit.tools.openapi.operation import Operation, Refused
from agentkit.tools.openapi.toolset import OpenApi

__all__ = ["OpenApi", "Operation", "Refused"]
