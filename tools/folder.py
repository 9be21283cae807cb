"""Reading and writing below one folder, whatever the names and links in it say.

Each part of a path is opened relative to the descriptor of the part before it, without following
links. So there is no moment between a check and its use in which a link could be slipped in.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentkit.errors import ToolError, UsageError

_DEEPEST = 32


class Folder:
    """The files below `root`, named by relative paths with `/`; dot names and links are refused."""

    def __init__(self, root: Path) -> None:
        if os.open not in os.supports_dir_fd:
            raise UsageError("files() needs an operating system with openat (Linux, macOS)")
        self._root = root

    def read(self, path: str, most_bytes: int) -> bytes:
        """The file's bytes. Raises `ToolError` if there are more than `most_bytes`."""
        with self._parent(path, create=False) as (parent, name), _told(path):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not block
            file = os.open(name, flags, dir_fd=parent)
            with os.fdopen(file, "rb") as opened:
                _require_regular(path, os.fstat(file).st_mode)
                data = opened.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise ToolError(f"{path}: larger than {most_bytes:,} bytes; read a smaller file")
        return data

    def write(self, path: str, data: bytes) -> None:
        """Put the bytes at `path` in one step: readers see the old file or the new one, and whoever
        could not read the old one cannot read the new one."""
        with self._parent(path, create=True) as (parent, name), _told(path):
            mode = None
            with suppress(FileNotFoundError):
                there = os.stat(name, dir_fd=parent, follow_symlinks=False)
                _require_regular(path, there.st_mode)
                mode = there.st_mode & 0o777
            temporary = f".{secrets.token_hex(8)}.tmp"
            try:
                _write_new(temporary, parent, data, mode)
                os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
                raise
            os.fsync(parent)

    def names(self, most: int) -> list[str]:
        """The paths of the regular files, sorted; at most `most`."""
        found: list[str] = []
        for at, folders, files in os.walk(self._root):  # follows no links
            folders[:] = sorted(filter(_plain, folders))
            places = (Path(at, name) for name in files if _plain(name))
            found += [
                place.relative_to(self._root).as_posix() for place in places if _regular(place)
            ]
            if len(found) >= most:
                break
        return sorted(found)[:most]

    @contextmanager
    def _parent(self, path: str, *, create: bool) -> Generator[tuple[int, str]]:
        """A descriptor of the folder that holds the last part of `path`, and that part."""
        *folders, name = _parts(path)
        flags = os.O_RDONLY | os.O_DIRECTORY
        try:
            here = os.open(self._root, flags)
        except OSError as error:
            raise ToolError(f"the folder of files cannot be opened: {error.strerror}") from None
        try:
            with _told(path):
                for folder in folders:
                    if create:
                        with suppress(FileExistsError):
                            os.mkdir(folder, dir_fd=here)
                    below = os.open(folder, flags | os.O_NOFOLLOW, dir_fd=here)
                    os.close(here)
                    here = below
            yield here, name
        finally:
            os.close(here)


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    wrong = next((part for part in parts if not _plain(part)), None)
    if wrong is not None or len(parts) > _DEEPEST:
        raise ToolError(
            f"path: expected a relative path such as 'notes/report.md' (no '..', no leading '/', "
            f"no names that begin with a dot), came {path[:200]!r}"
        )
    return parts


def _plain(part: str) -> bool:
    return part.isprintable() and "\\" not in part and not part.startswith(".") and part != ""


def _regular(place: Path) -> bool:
    try:
        return stat.S_ISREG(place.lstat().st_mode)
    except OSError:  # removed meanwhile
        return False


def _require_regular(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise ToolError(f"{path}: is a folder; give the path of a file in it")
    if not stat.S_ISREG(mode):
        raise ToolError(f"{path}: is a link or a device, not a plain file")


def _write_new(name: str, parent: int, data: bytes, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(name, flags, 0o644, dir_fd=parent), "wb") as file:
        if mode is not None and mode != os.fstat(file.fileno()).st_mode & 0o777:
            os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


_REASONS = {
    errno.ENOENT: "there is no such file; list_files gives the names",
    errno.ELOOP: "is a link, and links are not followed",
    errno.ENOTDIR: "a part of the path is a file or a link, not a folder",
    errno.EISDIR: "is a folder; give the path of a file in it",
    errno.ENAMETOOLONG: "the name is too long; use a shorter one",
    errno.ENXIO: "is a link or a device, not a plain file",
    errno.ENOSPC: "no room on the disk; free some and try again",
    errno.EACCES: "permission denied; choose another path",
}


@contextmanager
def _told(path: str) -> Generator[None]:
    """Failures of the operating system as a `ToolError` that says what to do."""
    try:
        yield
    except UnicodeEncodeError:
        raise ToolError(f"path: expected a name in UTF-8, came {path[:200]!r}") from None
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise ToolError(f"{path}: {reason}") from None
