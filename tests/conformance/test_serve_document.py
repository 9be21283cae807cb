"""schemathesis over the server's own OpenAPI document, all phases."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conformance.outside import environment
from tests.conformance.serve_process import TOKEN, served


def test_the_server_does_what_its_document_says(tmp_path: Path) -> None:
    programs = environment("schemathesis==4.32.5")
    with served(tmp_path / "store") as url:
        done = subprocess.run(
            [
                str(programs / "schemathesis"), "run", f"{url}/openapi.json",
                "-H", f"Authorization: Bearer {TOKEN}", "-n", "40", "--seed", "1",
            ],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:]
    assert "18 selected / 18 total" in done.stdout
