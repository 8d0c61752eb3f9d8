"""The zip that AgentCore runs, built so that the same files always give the same bytes."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
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


def build_bundle(files: Mapping[str, bytes]) -> bytes:
    """Zip files by name, in the order of their names; raises CodeRejectedError.

    Another zlib may compress to other bytes: compare hashes only of bundles from one image.
    """
    for name in files:
        ensure_safe_name(name)
    ensure_fits("unzipped", sum(map(len, files.values())), MAX_UNZIPPED_BYTES)
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
        for name in sorted(files):
            archive.writestr(build_entry(name), files[name], compresslevel=COMPRESSION_LEVEL)
    bundle = buffer.getvalue()
    ensure_fits("zipped", len(bundle), MAX_BUNDLE_BYTES)
    return bundle


def read_bundle(bundle: bytes) -> dict[str, bytes]:
    """The files of a bundle of ours, by name."""
    with ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


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


def ensure_safe_name(name: str) -> None:
    """Raise CodeRejectedError for a name that could leave the folder or mean two things."""
    if not NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
        raise CodeRejectedError(f"The bundle may not hold a file named {name!r}.")


def ensure_fits(state: str, size_bytes: int, limit_bytes: int) -> None:
    """Raise CodeRejectedError above one of AgentCore's limits."""
    if size_bytes > limit_bytes:
        raise CodeRejectedError(
            f"The bundle has {size_bytes} bytes {state}; AgentCore takes {limit_bytes}."
        )
