"""An S3 object written while its bytes arrive, in memory that does not grow with it.

S3 takes parts of known length and at least 5 MiB, so a part has to be whole before it is sent. It
waits in an unlinked temporary file; only the parts that are being sent are in memory, and they are
as many as `upload_parts_in_flight` says, however many objects are under way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from tempfile import SpooledTemporaryFile
from typing import Any

from include.aws import client
from include.settings import get_settings

PART_BYTES = 5 * 1024 * 1024  # the smallest S3 takes
COMPLETIONS = 4  # objects that S3 puts together meanwhile: they take time, but no memory
IN_MEMORY_BYTES = 64 * 1024  # what is smaller waits in memory: most documents need no file


@lru_cache(maxsize=1)
def get_senders() -> tuple[ThreadPoolExecutor, threading.BoundedSemaphore]:
    """The process's threads that send parts, and permits that bound the parts waiting for them."""
    parts = get_settings().upload_parts_in_flight
    return ThreadPoolExecutor(parts + COMPLETIONS, "upload"), threading.BoundedSemaphore(parts)


def send(work: Callable[[], dict[str, Any]]) -> Future[dict[str, Any]]:
    """Call S3 beside the caller, who waits only while too many calls are under way."""
    executor, permits = get_senders()
    permits.acquire()
    try:
        job = executor.submit(work)
    except BaseException:
        permits.release()
        raise
    job.add_done_callback(lambda _: permits.release())
    return job


class Part:
    """The bytes of one part, or of a small object, until they are sent."""

    def __init__(self) -> None:
        self.file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed when it is sent
        self.size_bytes = 0

    def add(self, data: bytes) -> None:
        """Take more bytes."""
        self.file.write(data)
        self.size_bytes += len(data)

    def send(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Make the S3 call that stores the part, then drop it."""
        body = bytearray(self.size_bytes)  # bytes would be sent 16 KiB at a time
        with self.file:
            self.file.seek(0)
            self.file.readinto(body)
        answer: dict[str, Any] = getattr(client("s3"), operation)(**arguments, Body=body)
        return answer


class ObjectWriter:
    """One object: put at once if it is small, else in parts that leave as they are full."""

    def __init__(self, key: str, **properties: str) -> None:
        self.key = key
        self.target = {"Bucket": get_settings().kb_bucket, "Key": key}
        self.properties = properties
        self.part = Part()
        self.upload: dict[str, str] = {}
        self.jobs: list[Future[dict[str, Any]]] = []
        self.completion: Future[None] | None = None

    def write(self, data: bytes) -> None:
        """Take the next bytes; a full part leaves at once."""
        self.part.add(data)
        if self.part.size_bytes >= PART_BYTES:
            self.send_part()

    def send_part(self) -> None:
        """Hand the part over to S3, opening the multipart upload first."""
        if not self.upload:
            answer = client("s3").create_multipart_upload(**self.target, **self.properties)
            self.upload = {"UploadId": answer["UploadId"]}
        for job in self.jobs:
            if job.done():
                job.result()  # S3 has refused a part: no need to send the others
        self.hand_over("upload_part", self.upload | {"PartNumber": len(self.jobs) + 1})

    def hand_over(self, operation: str, arguments: dict[str, Any]) -> None:
        """Let a sender store the part; a new one begins."""
        part, self.part = self.part, Part()
        self.jobs.append(send(lambda: part.send(operation, self.target | arguments)))

    def close(self) -> None:
        """No more bytes will come; S3 completes the object beside what follows."""
        if not self.upload:
            self.hand_over("put_object", self.properties)
        elif self.part.size_bytes:
            self.send_part()
        executor, _ = get_senders()
        self.completion = executor.submit(self.complete)  # its parts are in the queue before it

    def complete(self) -> None:
        """Wait for the parts and make them one object."""
        answers = [job.result() for job in self.jobs]
        if not self.upload:
            return
        parts = [{"PartNumber": n, "ETag": a["ETag"]} for n, a in enumerate(answers, 1)]
        client("s3").complete_multipart_upload(
            **self.target, **self.upload, MultipartUpload={"Parts": parts}
        )
        self.upload = {}

    def finish(self) -> None:
        """Wait until the object is there.

        :raises ClientError: when S3 did not take it.
        """
        if self.completion:
            self.completion.result()

    def abort(self) -> None:
        """Give up an unfinished upload, waiting for what is under way so that nothing stays."""
        self.part.file.close()
        for job in self.jobs:
            job.exception()
        if self.completion:
            self.completion.exception()
        if self.upload:
            client("s3").abort_multipart_upload(**self.target, **self.upload)
            self.upload = {}
