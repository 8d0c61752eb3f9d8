"""Submissions whose files the client sends to S3 itself: what is expected, and what has come."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client, error_code
from include.errors import NotFoundError
from include.models import AgentRef
from include.naming import staging_prefix
from include.settings import get_settings

READ_BYTES = 1024 * 1024


@dataclass(frozen=True)
class StagedFacts:
    """What S3 says of an object; `sha256` is None where S3 has not checked it."""

    size_bytes: int
    sha256: str | None


def presign_upload(key: str, size_bytes: int, sha256: str) -> dict[str, Any]:
    """The address and fields of a POST that takes this very content under this very key.

    S3 itself refuses another size or checksum; the stand-in takes anything, unsigned and late,
    too. What has come is therefore checked again when it is submitted.
    """
    checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
    fields = {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": checksum}
    answer: dict[str, Any] = client("s3").generate_presigned_post(
        Bucket=get_settings().kb_bucket,
        Key=key,
        Fields=dict(fields),
        Conditions=[
            *({name: value} for name, value in fields.items()),
            ["content-length-range", size_bytes, size_bytes],
        ],
        ExpiresIn=get_settings().presigned_seconds,
    )
    return answer


def put_manifest(ref: AgentRef, content: bytes) -> None:
    """Keep what was prepared beside the files to come: it goes when they go."""
    client("s3").put_object(**manifest_target(ref), Body=content)


def get_manifest(ref: AgentRef) -> bytes:
    """What was prepared.

    :raises NotFoundError: when nothing was, by this user, or it was too long ago.
    """
    try:
        answer = client("s3").get_object(**manifest_target(ref))
    except ClientError as error:
        if error_code(error) == "NoSuchKey":
            raise NotFoundError(f"There is no prepared agent {ref.agent_id!r}.") from error
        raise
    return bytes(answer["Body"].read())


def manifest_target(ref: AgentRef) -> dict[str, str]:
    """Bucket and key; no file's key, which are numbers, is like it."""
    prefix = staging_prefix(ref.user_id, ref.agent_id)
    return {"Bucket": get_settings().kb_bucket, "Key": f"{prefix}manifest.json"}


def find_facts(key: str) -> StagedFacts | None:
    """What has come under a key, or None."""
    target = {"Bucket": get_settings().kb_bucket, "Key": key}
    try:
        head = client("s3").head_object(**target, ChecksumMode="ENABLED")
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey"):
            return None
        raise
    checksum = head.get("ChecksumSHA256", "")
    is_whole = head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
    sha256 = base64.b64decode(checksum).hex() if checksum and is_whole else None
    return StagedFacts(head["ContentLength"], sha256)


def compute_sha256(key: str) -> str:
    """The digest of an object, read once in pieces."""
    digest = hashlib.sha256()
    for data in read_object(key):
        digest.update(data)
    return digest.hexdigest()


def read_ends(key: str, size_bytes: int, head_bytes: int, tail_bytes: int) -> tuple[bytes, bytes]:
    """An object's first and last bytes."""
    head = b"".join(read_object(key, f"bytes=0-{min(head_bytes, size_bytes) - 1}"))
    tail = b"".join(read_object(key, f"bytes={max(0, size_bytes - tail_bytes)}-{size_bytes - 1}"))
    return head, tail


def read_object(key: str, byte_range: str | None = None) -> Iterator[bytes]:
    """An object's content in pieces."""
    more = {"Range": byte_range} if byte_range else {}
    answer = client("s3").get_object(Bucket=get_settings().kb_bucket, Key=key, **more)
    yield from answer["Body"].iter_chunks(READ_BYTES)
