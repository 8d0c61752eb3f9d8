"""Builds the zip of an agent's packages: Linux on arm64, from a lock with hashes, no code run."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from include.errors import CodeRejectedError, ConfigurationError
from include.runtime.bundle import (
    COMPRESSION_LEVEL,
    MAX_BUNDLE_BYTES,
    MAX_UNZIPPED_BYTES,
    build_entry,
    ensure_fits,
    ensure_safe_names,
)

PLATFORM = "aarch64-manylinux2014"
# Scripts with this machine's paths, and what installers write of themselves: none of it is run,
# and some of it differs from build to build.
SCRIPTS = "bin"
LEFT_OUT_FILES = frozenset(
    {".lock", "INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}
)
ELF_MAGIC = b"\x7fELF"
ELF_MACHINE = slice(18, 20)
ARM64 = (183).to_bytes(2, "little")


def build_dependencies(lock: Path, runtime_language: str) -> bytes:
    """Install a lock into a folder and zip it: the same bytes for the same lock.

    :raises ConfigurationError: when the installer is missing or refuses, with its reason.
    :raises CodeRejectedError: when AgentCore would refuse the result.
    """
    with tempfile.TemporaryDirectory(prefix="oratio-dependencies-") as folder:
        install(lock, runtime_language, Path(folder))
        return zip_folder(Path(folder))


def install(lock: Path, runtime_language: str, folder: Path) -> None:
    """Unpack the wheels of a lock, each against its hash; source packages are refused."""
    version = runtime_language.removeprefix("PYTHON_").replace("_", ".")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    command = [
        *(uv, "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--link-mode", "copy"),
        *("--python-platform", PLATFORM, "--python-version", version),
        *("--target", str(folder), "--requirement", str(lock)),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise ConfigurationError("`uv` is not installed; it is in requirements-dev.txt.") from error
    except subprocess.CalledProcessError as error:
        raise ConfigurationError(f"uv could not install {lock.name}: {error.stderr}") from error


def zip_folder(folder: Path) -> bytes:
    """The files of a folder as a flat zip, by name, with fixed dates and modes."""
    buffer = io.BytesIO()
    unzipped_bytes = 0
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
        for name in sorted(list_files(folder)):
            content = (folder / name).read_bytes()
            ensure_runs_on_arm64(name, content)
            unzipped_bytes += len(content)
            archive.writestr(build_entry(name), content, compresslevel=COMPRESSION_LEVEL)
        ensure_safe_names(archive.namelist())
    ensure_fits("unzipped", unzipped_bytes, MAX_UNZIPPED_BYTES)
    ensure_fits("zipped", buffer.tell(), MAX_BUNDLE_BYTES)
    return buffer.getvalue()


def list_files(folder: Path) -> Iterator[str]:
    """Names of the files that belong into the zip; a link could lead anywhere and is refused."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if name.parts[0] == SCRIPTS or name.name in LEFT_OUT_FILES or name.suffix == ".pyc":
            continue
        if path.is_symlink():
            raise CodeRejectedError(f"The dependencies may not hold the link {name}.")
        if path.is_file():
            yield name.as_posix()


def ensure_runs_on_arm64(name: str, content: bytes) -> None:
    """Raise CodeRejectedError for a binary of another machine, which AgentCore would refuse."""
    if content.startswith(ELF_MAGIC) and content[ELF_MACHINE] != ARM64:
        raise CodeRejectedError(f"{name} is not for Linux on arm64; lock a package that is.")
