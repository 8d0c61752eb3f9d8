"""The documents of a folder: which files are sent, under which names, read as they are sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cli.errors import CommandError, UsageError


@dataclass
class Folder:
    """What was found: files by the names they are sent under, and what is left out."""

    files: dict[str, Path] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


def read_folder(root: Path) -> Folder:
    """Find the files of a folder and its sub-folders; a single file is a folder of one.

    Hidden entries and links to folders, which may lead anywhere, are skipped.
    """
    if root.is_file():
        return Folder({check_name(root.name): root})
    folder = Folder()
    for parent, folders, names in os.walk(root, onerror=refuse):
        for name in sorted(names):
            add_file(folder, root, Path(parent, name))
        for name in folders:
            path = Path(parent, name)
            if is_hidden(path) or path.is_symlink():
                folder.skipped.append(f"{path.relative_to(root).as_posix()}/")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    if not folder.files:
        raise UsageError(f"{root} has no files to send.")
    return folder


def add_file(folder: Folder, root: Path, path: Path) -> None:
    """Take one file, or note that it is skipped."""
    name = path.relative_to(root).as_posix()
    if is_hidden(path) or not path.is_file():
        folder.skipped.append(name)
    else:
        folder.files[check_name(name)] = path


def is_hidden(path: Path) -> bool:
    """Whether the name starts with a dot."""
    return path.name.startswith(".")


def check_name(name: str) -> str:
    """The name, if it can be sent."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UsageError(f"The name of {name!r} is not UTF-8; rename the file.") from None
    return name


def refuse(error: OSError) -> None:
    """Never send half of a folder."""
    raise UsageError(f"{error.filename} cannot be read: {error.strerror}.")


class FileStream:
    """A file in the shape httpx streams: opened when its turn comes, each piece reported."""

    def __init__(self, path: Path, report: Callable[[int], None]) -> None:
        self.path = path
        self.report = report
        self.size_bytes = path.stat().st_size
        self.unread_bytes = self.size_bytes
        self.file: IO[bytes] | None = None

    def tell(self) -> int:
        """Where httpx comes back to after it has asked for the size: the start."""
        return 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """How httpx learns the size; nothing moves, for each file is read once."""
        return self.size_bytes if whence == os.SEEK_END else offset

    def read(self, size: int) -> bytes:
        """The next piece."""
        try:
            self.file = self.file or self.path.open("rb")
            piece = self.file.read(size)
        except OSError as error:
            raise CommandError(f"{self.path} cannot be read: {error.strerror}.") from error
        self.check(piece)
        self.report(len(piece))
        return piece

    def check(self, piece: bytes) -> None:
        """The size is announced before the content, so it must not change on the way."""
        self.unread_bytes -= len(piece)
        has_ended = not piece
        if self.unread_bytes < 0 or (has_ended and self.unread_bytes):
            raise CommandError(f"{self.path} changed while it was sent; nothing was created.")
        if has_ended and self.file:
            self.file.close()
