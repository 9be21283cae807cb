"""The artifact folder: same bytes once, whole or not at all, verified when read."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError, UsageError
from tests.processes import finished

from .test_sniff import wav


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_same_bytes_are_stored_once(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path)
    first = store.put(b"bytes", media_type="text/plain", name="a.txt")
    second = store.put(b"bytes", media_type="text/csv", name="b.csv")
    (path,) = files(tmp_path)
    assert first.sha256 == second.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert path == store.path(first.sha256)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert (first.name, second.media_type) == ("a.txt", "text/csv")


@given(st.binary(max_size=3000))
def test_what_was_put_is_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-bytes"
    store = FolderArtifacts(folder, sync="process")
    handle = store.put(data, media_type="application/octet-stream")
    assert store.read(handle.sha256) == data
    assert handle.size_bytes == len(data)


def test_a_file_keeps_its_name_and_tells_what_it_is(tmp_path: Path) -> None:
    source = tmp_path / "call.wav"
    source.write_bytes(wav(3))
    store = FolderArtifacts(tmp_path / "store")
    handle = store.put_file(source)
    assert (handle.media_type, handle.name) == ("audio/wav", "call.wav")
    assert handle.preview == "3.0 s, 16000 Hz, 1 channel"
    assert store.read(handle.sha256) == source.read_bytes()
    assert store.put_file(source, media_type="audio/x-own").media_type == "audio/x-own"
    assert files(store.folder) == [store.path(handle.sha256)]


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    store = FolderArtifacts(tmp_path / "store", sync="process")
    tracemalloc.start()
    handle = store.put_file(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert handle.size_bytes == 64 * 1024 * 1024
    assert peak < 8 * 1024 * 1024


def test_altered_bytes_are_refused(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path)
    handle = store.put(b"the truth", media_type="text/plain")
    path = store.path(handle.sha256)
    path.chmod(0o644)
    path.write_bytes(b"the lie!!")
    with pytest.raises(StoreError, match="damaged.*restore it from a backup"):
        store.read(handle.sha256)


def test_a_file_cut_short_is_written_again(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path)
    handle = store.put(b"the whole truth", media_type="text/plain")
    path = store.path(handle.sha256)
    path.chmod(0o644)
    path.write_bytes(b"the who")
    store.put(b"the whole truth", media_type="text/plain")
    assert store.read(handle.sha256) == b"the whole truth"


@pytest.mark.parametrize("sha256", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_what_is_not_there_is_said(tmp_path: Path, sha256: str) -> None:
    store = FolderArtifacts(tmp_path)
    with pytest.raises(StoreError):
        store.path(sha256)
    with pytest.raises(StoreError):
        store.read(sha256)


def test_a_missing_source_is_the_callers_error(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path / "store")
    with pytest.raises(UsageError, match="no file at .*check the path"):
        store.put_file(tmp_path / "absent.wav")
    with pytest.raises(UsageError, match="expected a file, but .* is a folder"):
        store.put_file(tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StoreError, match="a file is where the folder should be: remove it"):
        FolderArtifacts(tmp_path / "store").put(b"x", media_type="text/plain")


OUT_OF_ROOM = """
import resource, signal, sys
from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    FolderArtifacts(sys.argv[1]).put(b"x" * 10_000, media_type="text/plain")
except StoreError as error:
    sys.exit(str(error))
"""


def test_no_room_is_one_sentence_and_leaves_no_debris(tmp_path: Path) -> None:
    """A real limit on file size, in a process of its own: the kernel refuses the write."""
    done = finished([sys.executable, "-c", OUT_OF_ROOM, str(tmp_path)])
    assert done.returncode == 1
    assert "file too large; free some room and resume the run" in done.stderr
    assert files(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_each_errno_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=r"cannot store an artifact in .*: .*; .*another store"):
        FolderArtifacts(tmp_path).put(b"x", media_type="text/plain")
    assert files(tmp_path) == []


def test_many_threads_store_the_same_bytes(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path, sync="process")
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for number in range(50):
            store.put(b"%d" % number, media_type="text/plain")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(tmp_path)) == 50
