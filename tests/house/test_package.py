"""What is handed to users: the wheel, the pinned versions, the commands that the README names."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from agentkit.cli.commands.doctor import EXTRAS
from tests.house.names import name_of, normal
from tests.processes import finished

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PLACES = {"agentkit": ROOT / "agentkit"} | {
    f"agentkit/{name}": ROOT / name for name in ("tools", "planners", "memory", "weights")
}
"""Where each package's files live; a walk does not follow the links."""
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.packaging
def test_wheel_holds_agentkit_and_nothing_else(tmp_path: Path) -> None:
    copy = tmp_path / "source"
    shutil.copytree(
        ROOT,
        copy,
        symlinks=True,
        ignore=shutil.ignore_patterns(
            ".git",
            ".venv",
            "build",
            "*.egg-info",
            ".agentkit",
            ".*_cache",
            "__pycache__",
            ".hypothesis",  # others write there meanwhile
        ),
    )
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(tmp_path), "."]
    done = finished(command, cwd=copy)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"agentkit"}
    ours = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert ours == {
        f"{place}/{path.relative_to(folder)}"
        for place, folder in PLACES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_dependency_is_pinned_for_us_and_bounded_for_users() -> None:
    pinned = {normal(pin.partition("==")[0]) for pin in PINS}
    asked = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        asked += [need for need in extra if not need.startswith("agentkit[")]
    assert [need for need in asked if not re.search(r"[=>]=\d", need)] == []
    assert {name_of(need) for need in asked} - pinned == set()


def test_pins_are_plain_versions_and_no_gpu_stack() -> None:
    assert [
        pin for pin in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+_-]+", pin)
    ] == []
    assert [pin for pin in PINS if re.match(r"nvidia|triton|cuda", pin, re.I)] == []


def test_doctor_knows_the_extras() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {name: {normal(one) for one in packages} for name, packages in EXTRAS.items()} == {
        name: {name_of(need) for need in extras[name]} for name in EXTRAS
    }
    assert set(extras) == {*EXTRAS, "all", "train", "test", "dev"}


@pytest.mark.parametrize("command", ["demo", "test", "check", "bench", "clean"])
def test_make_knows_the_command(command: str) -> None:
    done = finished(["make", "-n", command], cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in readme
    assert "make test" in readme
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")
