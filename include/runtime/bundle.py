"""The zip that AgentCore runs, built so that the same files always give the same bytes."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Container, Iterable, Mapping
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from include.errors import CodeRejectedError

MIB = 1024 * 1024
# AgentCore's limits for directly deployed code.
MAX_BUNDLE_BYTES = 250 * MIB
MAX_UNZIPPED_BYTES = 750 * MIB
FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold
UNIX = 3
MODE = 0o100644  # a plain file; AgentCore refuses code it cannot read
COMPRESSION_LEVEL = 6
NAME = re.compile(r"[A-Za-z0-9_.+-]+(?:/[A-Za-z0-9_.+-]+)*")
# An agent's own files; whatever else a bundle holds are its dependencies.
AGENT_FILES = frozenset({"agent.json", "agent_file.py", "agent_voice.py"})


def build_bundle(files: Mapping[str, bytes], dependencies: bytes = b"") -> bytes:
    """Add files, in the order of their names, to a copy of the dependencies, a zip of their own.

    Another zlib may compress to other bytes: compare hashes only of bundles from one image.

    :raises CodeRejectedError: for a name or a size that AgentCore does not take.
    """
    buffer = io.BytesIO(dependencies)
    with ZipFile(buffer, "a", ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
        ensure_safe_names(files, frozenset(archive.namelist()))
        for name in sorted(files):
            archive.writestr(build_entry(name), files[name], compresslevel=COMPRESSION_LEVEL)
        unzipped_bytes = sum(entry.file_size for entry in archive.infolist())
    bundle = buffer.getvalue()
    ensure_fits("unzipped", unzipped_bytes, MAX_UNZIPPED_BYTES)
    ensure_fits("zipped", len(bundle), MAX_BUNDLE_BYTES)
    return bundle


def read_bundle(bundle: bytes) -> dict[str, bytes]:
    """The agent's own files of a bundle of ours, by name."""
    with ZipFile(io.BytesIO(bundle)) as archive:
        own = (name for name in archive.namelist() if name in AGENT_FILES)
        return {name: archive.read(name) for name in own}


def compute_sha256(content: bytes) -> str:
    """Hexadecimal SHA-256, recorded at generation and compared at deployment."""
    return hashlib.sha256(content).hexdigest()


def build_entry(name: str) -> ZipInfo:
    """A zip entry that does not depend on the clock, the machine or the umask."""
    entry = ZipInfo(name, FIRST_ZIP_DATE)
    entry.create_system = UNIX
    entry.external_attr = MODE << 16
    entry.compress_type = ZIP_DEFLATED
    return entry


def ensure_safe_names(names: Iterable[str], taken: Container[str] = ()) -> None:
    """Raise CodeRejectedError for a name that is taken, leaves the folder or means two things."""
    for name in names:
        if name in taken or not NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
            raise CodeRejectedError(f"The bundle may not hold a file named {name!r}.")


def ensure_fits(state: str, size_bytes: int, limit_bytes: int) -> None:
    """Raise CodeRejectedError above one of AgentCore's limits."""
    if size_bytes > limit_bytes:
        raise CodeRejectedError(
            f"The bundle has {size_bytes} bytes {state}; AgentCore takes {limit_bytes}."
        )
