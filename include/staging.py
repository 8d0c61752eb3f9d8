"""Files that wait below `.staging/` in the documents bucket, where no data source looks.

There lies what must not be seen before it is accepted, although its place is known: a document
that joins or replaces an agent's, and the uploads of a presigned submission, whose forms are valid
for an hour and could else replace what was accepted meanwhile. Accepted, it is copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from include.aws import client
from include.documents import delete_versions, list_versions
from include.incoming import withdraw
from include.models import AgentRef
from include.naming import (
    INCOMING_PREFIX,
    STAGING_PREFIX,
    agent_prefix,
    incoming_key,
    object_tagging,
    parse_submission_key,
    staging_prefix,
)
from include.settings import get_settings

COPY_THREADS = 8


def publish(ref: AgentRef, paths: Mapping[str, str]) -> None:
    """Copy staged objects (by key) to the paths they have below the agent's prefix."""
    with ThreadPoolExecutor(COPY_THREADS) as executor:
        jobs = [executor.submit(copy_document, ref, key, paths[key]) for key in paths]
    for job in jobs:
        job.result()


def copy_document(ref: AgentRef, key: str, path: str) -> None:
    """Make one staged object a document of the agent's, inside S3."""
    bucket = get_settings().kb_bucket
    client("s3").copy_object(
        Bucket=bucket,
        Key=agent_prefix(ref.user_id, ref.agent_id) + path,
        CopySource={"Bucket": bucket, "Key": key},
        TaggingDirective="REPLACE",
        Tagging=object_tagging(ref, "knowledge-base"),
    )


def clear_staging(ref: AgentRef) -> None:
    """Delete the note and the staged files of one submission."""
    delete_versions(incoming_key(ref))
    delete_versions(staging_prefix(ref.user_id, ref.agent_id))


def sweep_staging(older_than: timedelta) -> int:
    """Delete what crashed or abandoned submissions left; returns how many there were.

    A submission counts as abandoned when nothing of it was written for `older_than`.
    """
    last_written = find_last_written()
    limit = datetime.now(UTC) - older_than
    abandoned = [ref for ref, written_at in last_written.items() if written_at <= limit]
    for ref in abandoned:
        bucket = get_settings().kb_bucket
        abort_uploads(bucket, agent_prefix(ref.user_id, ref.agent_id))
        abort_uploads(bucket, staging_prefix(ref.user_id, ref.agent_id))
        withdraw(ref)
        clear_staging(ref)
    return len(abandoned)


def find_last_written() -> dict[AgentRef, datetime]:
    """Every submission that has a note or something staged, and when the last was written."""
    last_written: dict[AgentRef, datetime] = {}
    written = chain(list_versions(INCOMING_PREFIX), list_versions(STAGING_PREFIX))
    times = [(item["Key"], item["LastModified"]) for item in written]
    times += [(item["Key"], item["Initiated"]) for item in find_uploads(STAGING_PREFIX)]
    for key, written_at in times:
        if ref := parse_submission_key(key):
            last_written[ref] = max(written_at, last_written.get(ref, written_at))
    return last_written


def abort_uploads(bucket: str, prefix: str) -> None:
    """End the unfinished multipart uploads below a prefix."""
    for upload in find_uploads(prefix, bucket):
        client("s3").abort_multipart_upload(
            Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
        )


def find_uploads(prefix: str, bucket: str | None = None) -> Iterator[dict[str, Any]]:
    """Unfinished multipart uploads below a prefix."""
    pages = client("s3").get_paginator("list_multipart_uploads")
    for page in pages.paginate(Bucket=bucket or get_settings().kb_bucket, Prefix=prefix):
        yield from page.get("Uploads", [])
