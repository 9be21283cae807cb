"""The benchmark of API documents: its samples fit, and it says why it is skipped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from benchmarks.samples import sample
from tests.processes import finished

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "openapi.py"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 9, "maxLength": 12},
        {"type": ["integer", "null"], "exclusiveMinimum": 4},
        {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
        {"anyOf": [{"type": "null"}, {"type": "string"}]},
        {
            "allOf": [{"$ref": "#/$defs/A"}, {"properties": {"a": {"type": "integer"}}}],
            "$defs": {"A": {"type": "object", "required": ["a"], "properties": {"a": {}}}},
        },
    ],
)
def test_a_sample_fits_its_schema(schema: Any) -> None:
    validator: Any = Draft202012Validator(schema)
    assert validator.is_valid(sample(schema, schema, None))


DOCUMENT = """{
    "openapi": "3.0.0",
    "components": {"securitySchemes": {"t": {"type": "mutualTLS"}}},
    "paths": {"/a": {"get": {}, "put": {"security": [{"t": []}]}}}
}"""


def run(data: Path) -> tuple[int, str]:
    root = {"PYTHONPATH": str(SCRIPT.parents[1])}
    done = finished([sys.executable, str(SCRIPT), str(data), "--check"], env=root)
    assert not done.stderr
    return done.returncode, done.stdout


def test_it_counts_and_names_what_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path) == (0, f"skipped: {tmp_path} has no openapi_docs, restgpt\n")
    for folder in ("openapi_docs", "restgpt"):
        (tmp_path / folder).mkdir()
    (tmp_path / "restgpt" / "api.json").write_text(DOCUMENT)
    code, said = run(tmp_path)
    assert code == 1
    assert "PUT /a: authentication by mutualTLS is not supported" in said
    assert "1 of 2  MISSED" in said
