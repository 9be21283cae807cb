"""The file tools: text under one root, and nothing outside it."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentkit.errors import ToolError, UsageError
from agentkit.tools import files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a neighbour that must stay out of reach."""
    (tmp_path / "secret.txt").write_text("canary")
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_what_was_written_can_be_listed_and_read(root: Path) -> None:
    read, write, names = files(root)
    done = write(path="reports/2026/höhe.md", text="# Größe\n")
    assert (done.path, done.size_bytes) == ("reports/2026/höhe.md", 10)
    assert (root / "reports/2026/höhe.md").read_text("utf-8") == "# Größe\n"
    assert names() == ["reports/2026/höhe.md"]
    assert read(path="reports/2026/höhe.md").text == "# Größe\n"


def test_a_second_write_replaces_the_first_in_one_step(root: Path) -> None:
    _, write, names = files(root)
    write(path="a.txt", text="old")
    before = (root / "a.txt").stat().st_ino
    write(path="a.txt", text="new")
    assert (root / "a.txt").read_text() == "new"
    assert (root / "a.txt").stat().st_ino != before
    assert names() == ["a.txt"]  # no temporary file is left


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_that_is_written_anew_keeps_its_permissions(root: Path, mode: int) -> None:
    _, write, _ = files(root)
    (root / "a.txt").write_text("old")
    (root / "a.txt").chmod(mode)
    write(path="a.txt", text="new")
    assert ((root / "a.txt").read_text(), (root / "a.txt").stat().st_mode & 0o777) == ("new", mode)


OUTSIDE = [
    "../secret.txt", "/etc/passwd", "a/../../secret.txt", "./a", "a//b", "", ".", "..", "a/",
    "..\\secret.txt", "a\0b", "a\nb", "\x1b]0;x", ".env", ".git/hooks/pre-commit", "a/.hidden",
    "/".join("a" * 40),
]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_that_lead_elsewhere_are_refused(root: Path, path: str) -> None:
    read, write, _ = files(root)
    with pytest.raises(ToolError, match="expected a relative path"):
        read(path=path)
    with pytest.raises(ToolError, match="expected a relative path"):
        write(path=path, text="x")
    assert list(root.iterdir()) == []


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.sampled_from("./\\a\0~ é\ud800"), max_size=12))
def test_no_path_leaves_the_root(tmp_path: Path, path: str) -> None:
    inner = tmp_path / "inner" / "root"
    inner.mkdir(parents=True, exist_ok=True)
    try:
        files(inner)[1](path=path, text="x")
    except ToolError:
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["inner"]
    assert [p.name for p in (tmp_path / "inner").iterdir()] == ["root"]


def test_links_are_not_followed(root: Path) -> None:
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    (root / "up").symlink_to(root.parent)
    read, write, names = files(root)
    for path in ("link.txt", "up/secret.txt"):
        with pytest.raises(ToolError, match="link"):
            read(path=path)
        with pytest.raises(ToolError, match="link"):
            write(path=path, text="overwritten")
    assert names() == []
    assert (root.parent / "secret.txt").read_text() == "canary"


def test_a_folder_swapped_for_a_link_meanwhile_leads_nowhere(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder becomes a link between its creation and its use."""
    real = os.open
    swapped: list[bool] = []

    def open_after_swap(path: Any, flags: int, mode: int = 0o777, *, dir_fd: Any = None) -> int:
        if path == "sub" and not swapped:
            swapped.append(True)
            (root / "sub").rmdir()
            (root / "sub").symlink_to(root.parent)
        return real(path, flags, mode, dir_fd=dir_fd)

    _, write, _ = files(root)
    monkeypatch.setattr(os, "open", open_after_swap)
    monkeypatch.setattr(os, "supports_dir_fd", {open_after_swap})
    with pytest.raises(ToolError, match="file or a link"):
        write(path="sub/secret.txt", text="overwritten")
    assert swapped
    assert (root.parent / "secret.txt").read_text() == "canary"


def test_devices_pipes_and_folders_are_refused(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(root / "sock"))
        read, write, names = files(root)
        for path in ("pipe", "folder", "sock"):
            with pytest.raises(ToolError, match="link or a device|folder"):
                read(path=path)
            with pytest.raises(ToolError, match="link or a device|folder"):
                write(path=path, text="x")
        assert names() == []


def test_what_is_missing_or_no_text_is_told_in_a_sentence(root: Path) -> None:
    read, write, _ = files(root, most_bytes=10)
    (root / "latin").write_bytes(b"caf\xe9")
    (root / "binary").write_bytes(b"a\0b")
    (root / "big").write_bytes(b"x" * 11)
    (root / "plain").write_text("x")
    expected = {
        "missing.txt": "there is no such file; list_files gives the names",
        "latin": "expected text in UTF-8, came other bytes at 3",
        "binary": "a NUL byte",
        "big": "larger than 10 bytes",
        "plain/below": "not a folder",
        "n" * 300: "the name is too long",
    }
    for path, message in expected.items():
        with pytest.raises(ToolError, match=message):
            read(path=path)
    with pytest.raises(ToolError, match="write at most 10"):
        write(path="a", text="x" * 11)
    with pytest.raises(ToolError, match="UTF-8"):
        write(path="a", text="\ud800")


def test_no_room_on_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (root / "a.txt").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match=r"a\.txt: no room on the disk"):
        files(root)[1](path="a.txt", text="new")
    assert [(p.name, p.read_text()) for p in root.iterdir()] == [("a.txt", "old")]


def test_the_list_is_sorted_bounded_and_without_hidden_names(root: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", ".git/config", ".env", "c/odd\nname"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    assert files(root)[2]() == ["a.txt", "b/1.txt", "b/2.txt"]
    assert len(files(root, most_files=2)[2]()) == 2


def test_the_root_must_be_a_folder(root: Path) -> None:
    with pytest.raises(UsageError, match="create it first"):
        files(root / "missing")


def test_what_the_tools_declare(root: Path) -> None:
    read, write, names = files(root)
    assert [(t.effect, t.trusted) for t in (read, write, names)] == [
        ("read", False),
        ("write", True),
        ("read", False),
    ]
