"""Bundles: the zip a runtime runs, fetched from the stand-in's S3, checked and unpacked."""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from moto.core.exceptions import ServiceException
from moto.s3.models import s3_backends

MAX_ZIP_BYTES = 250 * 2**20
MAX_UNZIPPED_BYTES = 750 * 2**20
ELF_MAGIC = b"\x7fELF"
ELF_MACHINE = slice(18, 20)
ARM64 = (183).to_bytes(2, "little")


class BundleError(Exception):
    """The bundle cannot run; the text is what AWS gives as failureReason."""


@dataclass(frozen=True)
class BundleSource:
    """Where a bundle lies and how it starts; without `version_id` the newest object is meant."""

    account_id: str
    bucket: str
    key: str
    version_id: str | None
    entry_point: str

    @classmethod
    def from_artifact(cls, account_id: str, artifact: dict[str, Any]) -> BundleSource:
        """Read a codeConfiguration; its last entryPoint item is the file to run."""
        code = artifact["codeConfiguration"]
        location = code["code"]["s3"]
        return cls(
            account_id,
            location["bucket"],
            location["prefix"],
            location.get("versionId"),
            code["entryPoint"][-1],
        )

    @property
    def uri(self) -> str:
        """The bundle's address; its version, if one is meant, as a query."""
        version = f"?versionId={self.version_id}" if self.version_id else ""
        return f"s3://{self.bucket}/{self.key}{version}"

    def fetch(self) -> bytes:
        """The zip; raises BundleError when the caller could not have read it from S3."""
        try:
            found = s3_backends[self.account_id]["aws"].get_object(
                self.bucket, self.key, self.version_id
            )
        except ServiceException as error:
            raise BundleError(str(error.message)) from error
        if found is None:
            raise BundleError("The specified key does not exist.")
        return bytes(found.value)


def check_bundle(content: bytes, entry_point: str) -> None:
    """Raise BundleError for what AgentCore would refuse."""
    if len(content) > MAX_ZIP_BYTES:
        raise BundleError("Your artifact exceeds the maximum compressed size of 250 MB.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise BundleError("Your artifact is not a valid zip file.") from error
    with archive:
        files = [item for item in archive.infolist() if not item.is_dir()]
        if sum(item.file_size for item in files) > MAX_UNZIPPED_BYTES:
            raise BundleError("Your artifact exceeds the maximum uncompressed size of 750 MB.")
        for item in files:
            check_member(archive, item)
        if not entry_point.endswith(".py") or entry_point not in archive.namelist():
            raise BundleError(
                "The specified entrypoint could not be found or accessed in your artifact."
            )


def check_member(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> None:
    """Refuse paths that leave the folder, links, and binaries for another machine."""
    path = PurePosixPath(item.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in item.filename:
        raise BundleError(f"Your artifact contains an unsafe path: {item.filename}")
    if stat.S_ISLNK(item.external_attr >> 16):
        raise BundleError(f"Your artifact contains a symbolic link: {item.filename}")
    with archive.open(item) as member:
        head = member.read(ELF_MACHINE.stop)
    if head.startswith(ELF_MAGIC) and head[ELF_MACHINE] != ARM64:
        raise BundleError(
            "Your artifact contains binary files that are incompatible with Linux ARM64."
        )


def unpack_bundle(content: bytes, folder: Path) -> None:
    """Replace `folder` by the zip's files; it is complete or it is not there."""
    partial = folder.with_name(f"{folder.name}.partial")
    for leftover in (partial, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(partial)
    partial.rename(folder)
