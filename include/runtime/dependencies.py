"""The packages that every agent's bundle holds: built once for a lock, kept in S3 and on disk.

`python -m include.runtime.dependencies` builds and uploads it: a step of a release, not of a run.
Workers only fetch what it uploaded; they need no installer and no package index.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client, error_code
from include.errors import DependenciesMissingError
from include.naming import dependencies_key
from include.runtime.bundle import compute_sha256
from include.settings import BundleDependencies, Settings, get_settings

LOCK = Path(__file__).with_name("requirements-agent.lock")
MIB = 1024 * 1024


def read_dependencies() -> bytes:
    """The zip that agents' files are added to; empty when the settings say that there is none.

    Taken from the disk if it holds what S3 has, from S3 otherwise.

    :raises DependenciesMissingError: when nobody has uploaded it.
    """
    settings = get_settings()
    if settings.bundle_dependencies is BundleDependencies.NONE:
        return b""
    key = get_key(settings)
    sha256 = get_uploaded_sha256(settings, key)
    content = find_on_disk(settings, sha256)
    if content is None:
        content = client("s3").get_object(Bucket=settings.code_bucket, Key=key)["Body"].read()
        ensure_intact(content, sha256)
        keep_on_disk(settings, sha256, content)
    return content


def get_key(settings: Settings) -> str:
    """Where S3 has the dependencies: named after all that decides what is in them."""
    decisive = LOCK.read_bytes() + settings.runtime_language.encode()
    return dependencies_key(hashlib.sha256(decisive).hexdigest())


def get_uploaded_sha256(settings: Settings, key: str) -> str:
    """The hash that was written down with the upload.

    :raises DependenciesMissingError: when there was none.
    """
    try:
        head = client("s3").head_object(Bucket=settings.code_bucket, Key=key)
    except ClientError as error:
        if error_code(error) in {"404", "NoSuchKey"}:
            raise DependenciesMissingError(
                f"s3://{settings.code_bucket}/{key} does not exist. An operator must run "
                "`python -m include.runtime.dependencies` for this release; then retry."
            ) from error
        raise
    return str(head["Metadata"]["sha256"])


def ensure_intact(content: bytes, sha256: str) -> None:
    """Raise DependenciesMissingError unless the content is what was uploaded."""
    if compute_sha256(content) != sha256:
        raise DependenciesMissingError(
            "The dependencies in S3 are not those that were uploaded. An operator must run "
            "`python -m include.runtime.dependencies` again; then retry."
        )


def get_disk_path(settings: Settings, sha256: str) -> Path:
    """Where this machine keeps a copy."""
    folder = settings.bundle_cache_dir or os.path.join(tempfile.gettempdir(), "oratio-bundles")
    return Path(folder) / f"{sha256}.zip"


def find_on_disk(settings: Settings, sha256: str) -> bytes | None:
    """This machine's copy, if it is whole: whoever else can write there cannot slip in another."""
    with suppress(OSError):
        content = get_disk_path(settings, sha256).read_bytes()
        if compute_sha256(content) == sha256:
            return content
    return None


def keep_on_disk(settings: Settings, sha256: str, content: bytes) -> None:
    """Keep a copy for the next bundle, whole or not at all; a full disk is no reason to fail."""
    path = get_disk_path(settings, sha256)
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)


def upload_dependencies(content: bytes, sbom: bytes) -> str:
    """Put the dependencies and their bill of materials into S3; returns the key."""
    settings = get_settings()
    key = get_key(settings)
    put: Any = client("s3").put_object
    put(Bucket=settings.code_bucket, Key=f"{key}.cdx.json", Body=sbom)
    metadata = {"sha256": compute_sha256(content)}
    put(Bucket=settings.code_bucket, Key=key, Body=content, Metadata=metadata)
    return key


def main() -> None:
    """Build and upload the dependencies unless S3 has them; `--force` builds again."""
    from include.runtime.dependency_build import build_dependencies
    from include.runtime.sbom import build_sbom

    settings = get_settings()
    with suppress(DependenciesMissingError):
        if "--force" not in sys.argv:
            get_uploaded_sha256(settings, get_key(settings))
            print(f"s3://{settings.code_bucket}/{get_key(settings)} is there.")
            return
    started = time.monotonic()
    content = build_dependencies(LOCK, settings.runtime_language)
    key = upload_dependencies(content, build_sbom(content))
    print(
        f"Built s3://{settings.code_bucket}/{key}: {len(content) / MIB:.1f} MiB, "
        f"{time.monotonic() - started:.1f} s, SHA-256 {compute_sha256(content)}."
    )


if __name__ == "__main__":
    main()
