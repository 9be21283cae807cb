"""`import agentkit` is light, and what it offers is small and on purpose."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = frozenset(
    "torch faiss transformers openai anthropic mcp starlette numpy networkx jsonschema httpx2 "
    "xllamacpp onnxruntime tokenizers faster_whisper rapidocr cv2 PIL pypdf pydantic_monty rich "
    "click tenacity hypothesis asyncpg jinja2".split()
)


def loaded_by(code: str) -> set[str]:
    """The top-level names of all modules that the code makes a fresh Python load."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines[1:]}


def test_import_loads_nothing_heavy() -> None:
    loaded = loaded_by("import agentkit")
    assert "agentkit" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "module", ["agentkit.cli", "agentkit.protocols", "agentkit.plan.graph", "agentkit.testing"]
)
def test_modules_everybody_imports_load_no_model_runtime(module: str) -> None:
    runtimes = HEAVY - {"hypothesis", "jsonschema", "networkx", "tenacity"}
    assert loaded_by(f"import {module}") & runtimes == set()


def test_help_loads_click_and_little_else() -> None:
    code = "from agentkit.cli import main; main(['--help'])"
    assert loaded_by(code) & (HEAVY - {"click"}) == set()


def test_exported_names() -> None:
    """What `from agentkit import …` offers. More than 20 names would be too many to learn."""
    import agentkit

    names = sorted(agentkit.__all__)
    assert len(names) <= 20
    assert [name for name in names if not hasattr(agentkit, name)] == []
    assert names == EXPORTED


EXPORTED = sorted(
    "Agent AgentkitError Artifact Audio Budget Context Cost Event Image Limits Patch Plan Retry "
    "Run RunError Tool ToolError UsageError open_store tool".split()
)
