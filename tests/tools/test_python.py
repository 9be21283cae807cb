"""The tool `python`: what it computes, what it says, and what it does not let out or in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import ToolError
from agentkit.tool import Context
from agentkit.tools import python
from agentkit.tools.sandbox import SandboxLimits
from agentkit.types import Json

RUN = python()


def value(code: str, **values: Any) -> Any:
    """The value that the tool gives for the code."""
    return RUN(code=code, values=values).value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sum(range(5))", 10),
        ("x = 3\nx * 2", 6),
        ("total = 14 * (2 * 95 + 3 * 48 + 36)", 5180),
        ("rows = [\n  1,\n  2,\n]", [1, 2]),
        ("n = 1\nn += 4", 5),
        ("{1: (2, 3)}", {"1": [2, 3]}),
        ("sorted({3, 1})", [1, 3]),
        ("import datetime\ndatetime.date(2026, 1, 31)", "2026-01-31"),
        ("from decimal import Decimal\nDecimal('0.5')", 0.5),
        ("import re\nre.findall('[0-9]+', 'a1b22')", ["1", "22"]),
        ("print('only printed')", None),
        ("if True:\n    x = 1", None),
        ("", None),
    ],
)
def test_value_is_that_of_the_last_statement(code: str, expected: object) -> None:
    assert value(code) == expected


def test_values_are_variables_and_prints_are_kept() -> None:
    done = RUN(code="print('n is', n)\nn + m['k'][0]", values={"n": 1, "m": {"k": [2]}})
    assert (done.value, done.stdout) == (3, "n is 1\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(JSON)
def test_json_passes_through_unchanged(given: Json) -> None:
    assert value("v", v=given) == given


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("a = 1\nb = a / 0", "line 2: ZeroDivisionError: division by zero (in `b = a / 0`)"),
        ("def f(v):\n    return v['k']\nf({})", "line 2: KeyError"),
        ("x ===3", "line 1: SyntaxError"),
        ("import numpy", "No module named 'numpy'"),
        ("import datetime\ndatetime.date.today()", "no clock in the sandbox; pass the date"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("float('nan')", "not a JSON number"),
        ("10 ** 5000", "more than 4,300 digits"),
        ("b'abc'", "a bytes"),
        ("lambda: 1\nclass A: pass\nA()", "no JSON"),
        ("v = []\nfor _ in range(100): v = [v]\nv", "nested deeper than 64"),
        ("'a' * 2_000_000", "at most 1,048,576"),
    ],
)
def test_an_error_says_where_and_why(code: str, message: str) -> None:
    with pytest.raises(ToolError) as caught:
        value(code)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd').read()",
        "open('/files/../etc/passwd').read()",
        "open('/files/out.txt', 'w').write('x')",
        "from pathlib import Path\nPath('/tmp/x').write_text('x')",
        "from pathlib import Path\nPath('/files').mkdir()",
        "import os\nos.system('true')",
        "import os\nos.environ['HOME']",
        "import os\nos.urandom(4)",
        "import socket",
        "import subprocess",
        "import ctypes",
        "__import__('os').listdir('/')[0]",
        "().__class__.__bases__[0].__subclasses__()",
    ],
)
def test_nothing_outside_is_within_reach(code: str) -> None:
    with pytest.raises(ToolError):
        value(code)


def test_environment_and_disk_look_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_TEST_SECRET", "canary")
    assert value("from pathlib import Path\n[str(p) for p in Path('/').iterdir()]") == []
    with pytest.raises(ToolError, match="os.getenv is not allowed"):
        value("import os\nos.getenv('AGENTKIT_TEST_SECRET')")


@pytest.mark.parametrize(
    "code", ["while True: pass", "try:\n  while 1: pass\nexcept BaseException: 5"]
)
def test_endless_code_is_stopped(code: str) -> None:
    quick = python(limits=SandboxLimits(run_s=0.2))
    with pytest.raises(ToolError, match="longer than its 0.2 s"):
        quick(code=code)


@pytest.mark.parametrize("code", ["'a' * (1 << 40)", "7 ** 50_000_000", "[0] * 50_000_000"])
def test_greedy_code_is_stopped(code: str) -> None:
    with pytest.raises(ToolError, match="more than its 64 MiB"):
        value(code)


def test_printed_text_is_cut() -> None:
    done = RUN(code="print('é' * 100_000)\n1")
    assert done.value == 1
    assert done.stdout.endswith("[output cut here]")
    assert len(done.stdout.encode()) < 66_000


def test_huge_message_is_cut() -> None:
    with pytest.raises(ToolError) as caught:
        value("raise ValueError('y' * 30_000_000)")
    assert len(str(caught.value)) < 1000


def test_state_does_not_outlive_a_call() -> None:
    value("kept = 1")
    with pytest.raises(ToolError, match="NameError"):
        value("kept")


def test_chance_repeats_itself() -> None:
    code = "import random\n[random.random() for _ in range(3)]"
    assert value(code) == value(code)


def test_variable_names_are_checked() -> None:
    with pytest.raises(ToolError, match="variable names as keys, came 'a b'"):
        RUN(code="1", values={"a b": 1})


@dataclass
class Call:
    """The context of a call, with an artifact store only."""

    artifacts: FolderArtifacts


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A context over a real store."""
    return cast("Context", Call(FolderArtifacts(tmp_path)))


def stored(context: Context, data: bytes, name: str) -> Json:
    """The handle of stored bytes, as it stands in a plan's values."""
    return asdict(context.artifacts.put(data, media_type="text/csv", name=name))


def test_given_files_can_be_read_and_no_others(context: Context) -> None:
    handle = stored(context, b"x,y\n1,2\n", "table.csv")
    code = "[open('/files/table.csv').read(), open('/files/table.csv', 'rb').read().decode()]"
    args = RUN.prepare({"code": code, "files": [handle]}, context)
    assert RUN.finish(RUN(**args), context) == {"value": ["x,y\n1,2\n"] * 2, "stdout": ""}
    args = RUN.prepare({"code": "open('/files/other.csv').read()", "files": [handle]}, context)
    with pytest.raises(ToolError, match="FileNotFoundError"):
        RUN(**args)


@pytest.mark.parametrize("name", ["../up", "a/b", "..", "nul\0"])
def test_file_names_are_plain(context: Context, name: str) -> None:
    args = RUN.prepare({"code": "1", "files": [stored(context, b"x", name)]}, context)
    with pytest.raises(ToolError, match="plain file names"):
        RUN(**args)


def test_given_files_have_a_limit(context: Context) -> None:
    small = python(limits=SandboxLimits(files_bytes=10))
    args = small.prepare({"code": "1", "files": [stored(context, b"x" * 11, "big")]}, context)
    with pytest.raises(ToolError, match="the sandbox takes 10"):
        small(**args)


def test_what_the_tool_declares() -> None:
    assert (RUN.name, RUN.effect, RUN.cache, RUN.trusted) == ("python", "pure", True, True)
    properties = cast("dict[str, Json]", RUN.input_schema["properties"])
    assert [*properties] == ["code", "values", "files"]
    assert RUN.input_schema["required"] == ["code"]
