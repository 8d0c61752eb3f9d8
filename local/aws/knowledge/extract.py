"""Turns a document into plain text, in worker processes that a broken file cannot outlive.

A parser of Office and PDF files may hang, crash or eat the memory on a hostile file, so each
document is read by a child process with a time and a memory limit; a child that fails is replaced.
"""

from __future__ import annotations

import json
import queue
import resource
import subprocess
import sys
from itertools import zip_longest
from multiprocessing.connection import Connection, Pipe
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kreuzberg import ExtractionResult

# The types that Bedrock's S3 data source accepts; all others are skipped.
MEDIA_TYPES = {
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".html": "text/html",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_TABULAR = {MEDIA_TYPES[suffix] for suffix in (".csv", ".xls", ".xlsx")}
TIMEOUT_SECONDS = 60.0
MEMORY_BYTES = 2 * 1024**3
_PROJECT = Path(__file__).resolve().parents[3]


class ExtractionError(Exception):
    """The document cannot be read; the message says why."""


def find_media_type(name: str) -> str | None:
    """The media type for a file name, None when Bedrock does not support it."""
    return MEDIA_TYPES.get(PurePosixPath(name).suffix.lower())


class Worker:
    """One child process that answers one document at a time."""

    def __init__(self, memory_bytes: int) -> None:
        self._pipe, child = Pipe()
        arguments = [str(child.fileno()), str(memory_bytes)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.aws.knowledge.extract", *arguments],
            pass_fds=[child.fileno()],
            cwd=_PROJECT,
            env={"PATH": "/usr/bin:/bin"},
        )
        child.close()

    def extract(self, data: bytes, media_type: str, timeout_seconds: float) -> str:
        """Text of the document; raises ExtractionError, EOFError or OSError when the child dies."""
        self._pipe.send_bytes(media_type.encode())
        self._pipe.send_bytes(data)
        if not self._pipe.poll(timeout_seconds):
            raise TimeoutError
        answer = json.loads(self._pipe.recv_bytes())
        if "error" in answer:
            raise ExtractionError(f"the file cannot be read: {answer['error']}")
        # \uf0b7 is the bullet of Word's symbol font as it comes out of a PDF.
        return str(answer["text"]).replace("\r\n", "\n").replace("\uf0b7", "\u2022")

    def is_alive(self) -> bool:
        """Whether the child process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Kill the child process."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()


class Extractor:
    """A pool of workers, started when first needed."""

    def __init__(
        self,
        size: int = 2,
        timeout_seconds: float = TIMEOUT_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)

    def extract(self, name: str, data: bytes) -> str:
        """Text of a document of a supported type; raises ExtractionError with the reason."""
        media_type = find_media_type(name)
        if media_type is None:
            raise ExtractionError("file format was not supported")
        text = self._run(_as_utf8(data) if media_type.startswith("text/") else data, media_type)
        if not text.strip():
            raise ExtractionError("the file contains no text")
        return text

    def _run(self, data: bytes, media_type: str) -> str:
        worker = self._idle.get()
        try:
            if worker is None or not worker.is_alive():
                worker = Worker(self._memory_bytes)
            return worker.extract(data, media_type, self.timeout_seconds)
        except TimeoutError as error:
            worker = _stop(worker)
            raise ExtractionError(f"not read within {self.timeout_seconds:g} seconds") from error
        except (EOFError, OSError) as error:
            worker = _stop(worker)
            raise ExtractionError("the file crashed its reader") from error
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """Stop the idle workers; later calls start new ones."""
        for _ in range(self._idle.qsize()):
            worker = self._idle.get()
            self._idle.put(_stop(worker))


def _stop(worker: Worker | None) -> Worker | None:
    if worker:
        worker.stop()
    return None


def _as_utf8(data: bytes) -> bytes:
    """Text files reach us in whatever the tenant's editor saved: UTF-8, UTF-16 or Windows-1252."""
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16" if utf16 else "utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding).encode()
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1").encode()


def _serve(pipe: Connection) -> None:
    from kreuzberg import ExtractionConfig, KreuzbergError, extract_bytes_sync

    config = ExtractionConfig(use_cache=False)  # the cache would write into the working folder
    while True:
        media_type = pipe.recv_bytes().decode()
        try:
            result = extract_bytes_sync(pipe.recv_bytes(), media_type, config)
            answer = {"text": _table_text(result) if media_type in _TABULAR else result.content}
        except (KreuzbergError, ValueError, RuntimeError, MemoryError) as error:
            answer = {"error": str(error)}
        pipe.send_bytes(json.dumps(answer).encode())


def _table_text(result: ExtractionResult) -> str:
    """One line a row, each cell with its column's name, so that a row can be quoted by itself."""
    sheets = result.metadata.get("sheet_names", [])
    blocks = []
    for table in result.tables:
        heading = [sheets[table.page_number - 1]] if sheets else []
        columns, *rows = table.cells
        blocks.append("\n".join(heading + [_row_text(columns, row) for row in rows or [columns]]))
    return "\n\n".join(blocks) or result.content


def _row_text(columns: list[str], row: list[str]) -> str:
    cells = zip_longest(columns, row, fillvalue="")
    return ", ".join(
        f"{name}: {value}" if name and name != value else value for name, value in cells if value
    )


def main() -> None:
    """Answer documents on the inherited pipe until the parent closes it."""
    descriptor, memory_bytes = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _serve(Connection(descriptor))
    except EOFError:
        return


if __name__ == "__main__":
    main()
