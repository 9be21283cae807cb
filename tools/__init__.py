"""The built-in tools. Each name here is a factory: it gives a tool, or a list of tools.

    >>> from agentkit.tools import python
    >>> python()(code="6 * 7").value
    42

Importing this loads no heavy library; a tool loads what it needs when it is first called.
"""

from __future__ import annotations

from agentkit.tools.compute import compute

# A factory is imported here, never looked up lazily: it has the name of its module, and whoever
# imported the module first would otherwise find that under the name.
from agentkit.tools.describe_image import describe_image
from agentkit.tools.files import files
from agentkit.tools.generate_image import generate_image
from agentkit.tools.generate_image_cascade import generate_image_cascade
from agentkit.tools.label_image import image_text_similarity, label_image
from agentkit.tools.language import ask, extract, summarize, translate
from agentkit.tools.mcp import McpServer
from agentkit.tools.names import named
from agentkit.tools.openapi import OpenApi
from agentkit.tools.python import python
from agentkit.tools.rag import rag
from agentkit.tools.read_image import read_image
from agentkit.tools.search import search
from agentkit.tools.search_images import search_images
from agentkit.tools.speak import speak
from agentkit.tools.transcribe import transcribe

__all__ = [
    "McpServer",
    "OpenApi",
    "ask",
    "compute",
    "describe_image",
    "extract",
    "files",
    "generate_image",
    "generate_image_cascade",
    "image_text_similarity",
    "label_image",
    "named",
    "python",
    "rag",
    "read_image",
    "search",
    "search_images",
    "speak",
    "summarize",
    "transcribe",
    "translate",
]
