"""Files on their way in: below `.staging/` in the documents bucket, where no data source looks.

A submission's files become the agent's only when all of it is valid. Until its records are
written its staged files stay, so that the sweeper can tell what a crashed process left behind.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from include.aws import client
from include.documents import delete_documents, delete_versions, list_versions
from include.models import AgentRef
from include.naming import (
    STAGING_PREFIX,
    agent_prefix,
    object_tagging,
    parse_staging_key,
    staging_prefix,
)
from include.records import find_agent
from include.settings import get_settings

PART_BYTES = 5 * 1024 * 1024  # the smallest S3 takes: the memory one upload in flight holds
COPY_THREADS = 8


@lru_cache(maxsize=1)
def get_uploaders() -> tuple[ThreadPoolExecutor, threading.BoundedSemaphore]:
    """The process's threads that send parts, and permits that bound the parts waiting for them."""
    parts = get_settings().upload_parts_in_flight
    return ThreadPoolExecutor(parts, "upload"), threading.BoundedSemaphore(parts)


def send(operation: str, **arguments: Any) -> Future[dict[str, Any]]:
    """Make one S3 call beside the caller, who waits only while too many are under way."""
    executor, permits = get_uploaders()
    permits.acquire()
    try:
        job = executor.submit(getattr(client("s3"), operation), **arguments)
    except BaseException:
        permits.release()
        raise
    job.add_done_callback(lambda _: permits.release())
    return job


class StagedObject:
    """An object written as its bytes arrive: one put if small, else a multipart upload."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.target = {"Bucket": get_settings().kb_bucket, "Key": key}
        self.buffer = bytearray()
        self.upload: dict[str, str] = {}
        self.jobs: list[Future[dict[str, Any]]] = []
        self.completion: Future[str] | None = None
        self.version = ""

    def write(self, data: bytes) -> None:
        """Take the next bytes; a full part leaves at once."""
        self.buffer += data
        if len(self.buffer) >= PART_BYTES:
            self.send_part()

    def send_part(self) -> None:
        """Hand the buffer over to S3, opening the multipart upload first."""
        if not self.upload:
            answer = client("s3").create_multipart_upload(**self.target)
            self.upload = {"UploadId": answer["UploadId"]}
        for job in self.jobs:
            if job.done():
                job.result()  # S3 has refused a part: no need to send the others
        number = len(self.jobs) + 1
        part, self.buffer = self.buffer, bytearray()
        self.jobs.append(
            send("upload_part", **self.target, **self.upload, PartNumber=number, Body=part)
        )

    def close(self) -> None:
        """No more bytes will come; S3 completes the object beside what follows."""
        if not self.upload:
            self.jobs.append(send("put_object", **self.target, Body=self.buffer))
        elif self.buffer:
            self.send_part()
        self.buffer = bytearray()
        executor, _ = get_uploaders()
        self.completion = executor.submit(self.complete)  # its parts are in the queue before it

    def complete(self) -> str:
        """Wait for the parts and make them one object; returns its version."""
        answers = [job.result() for job in self.jobs]
        if not self.upload:
            return str(answers[0]["VersionId"])
        parts = [{"PartNumber": n, "ETag": a["ETag"]} for n, a in enumerate(answers, 1)]
        answer = client("s3").complete_multipart_upload(
            **self.target, **self.upload, MultipartUpload={"Parts": parts}
        )
        self.upload = {}
        return str(answer["VersionId"])

    def finish(self) -> None:
        """Wait until the object is there.

        :raises ClientError: when S3 did not take it.
        """
        if self.completion:
            self.version = self.completion.result()

    def abort(self) -> None:
        """Give up an unfinished upload, waiting for what is under way so that nothing stays."""
        self.buffer = bytearray()
        for job in self.jobs:
            job.exception()
        if self.completion:
            self.completion.exception()
        if self.upload:
            client("s3").abort_multipart_upload(**self.target, **self.upload)
            self.upload = {}


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


def delete_staged(objects: Sequence[StagedObject]) -> None:
    """Delete finished objects for good; they are known, so that nothing needs to be listed."""
    targets = [{"Key": staged.key, "VersionId": staged.version} for staged in objects]
    if targets:
        client("s3").delete_objects(
            Bucket=get_settings().kb_bucket, Delete={"Objects": targets, "Quiet": True}
        )


def clear_staging(ref: AgentRef) -> None:
    """Delete the staged files of one submission."""
    delete_versions(staging_prefix(ref.user_id, ref.agent_id))


def withdraw(ref: AgentRef) -> None:
    """Delete all files of a submission, unless its agent was recorded after all."""
    if find_agent(ref.user_id, ref.agent_id) is None:
        delete_documents(ref)
    clear_staging(ref)


def sweep_staging(older_than: timedelta) -> int:
    """Delete what crashed or abandoned submissions left; returns how many there were.

    A submission counts as abandoned when nothing of it was written for `older_than`.
    """
    last_written = find_last_written()
    limit = datetime.now(UTC) - older_than
    abandoned = [ref for ref, written_at in last_written.items() if written_at <= limit]
    for ref in abandoned:
        abort_uploads(get_settings().kb_bucket, staging_prefix(ref.user_id, ref.agent_id))
        withdraw(ref)
    return len(abandoned)


def find_last_written() -> dict[AgentRef, datetime]:
    """Every submission that has something staged, and when the last of it was written."""
    last_written: dict[AgentRef, datetime] = {}
    written = [(item["Key"], item["LastModified"]) for item in list_versions(STAGING_PREFIX)]
    begun = [(item["Key"], item["Initiated"]) for item in find_uploads(STAGING_PREFIX)]
    for key, written_at in written + begun:
        if ref := parse_staging_key(key):
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
