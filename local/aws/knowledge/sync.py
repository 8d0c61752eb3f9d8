"""Ingests a data source's S3 objects: the work of one ingestion job, done in a thread.

Objects are compared with the last job's by ETag, so that only what changed is read again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeKey, s3_backends

from local.aws.faults import FAULTS
from local.aws.knowledge.backend import new_id
from local.aws.knowledge.chunks import split_chunks
from local.aws.knowledge.extract import ExtractionError, Extractor, find_media_type
from local.aws.knowledge.models import Chunk, DataSource, Document, IngestionJob, KnowledgeBase, now
from local.aws.knowledge.search import prepare_search
from local.aws.knowledge.source_settings import find_chunking, find_scope
from local.aws.knowledge.vectors import FILTERABLE_METADATA_BYTES, chunks_are_filterable, find_index

SIDECAR = ".metadata.json"
MAX_DOCUMENT_BYTES = 50 * 1024**2
MAX_SIDECAR_BYTES = 10 * 1024
# S3 Vectors keeps the attributes as filterable metadata, which it limits.
MAX_SIDECAR_BYTES_S3_VECTORS = 1024

# Live things, rebuilt from nothing after a restart; the state itself holds none.
_RUNNING: set[str] = set()
EXTRACTOR = Extractor()
# Called when a job is over: it has changed the state after its request was answered.
FINISH_HOOKS: list[Callable[[], None]] = []
_LOG = logging.getLogger(__name__)


class Unreadable(Exception):
    """The document FAILED; the message says why."""


class Ignored(Exception):
    """Bedrock leaves the document out without calling it a failure."""


def start(
    account: str, region: str, base: KnowledgeBase, source: DataSource, job: IngestionJob
) -> None:
    """Run the job in a thread of its own."""
    _RUNNING.add(job.id)
    work = Sync(account, region, base, source, job)
    threading.Thread(target=work.run, name=f"ingestion-{job.id}", daemon=True).start()


def is_running(job: IngestionJob) -> bool:
    """Whether work goes on; a job that a restart has interrupted becomes FAILED here."""
    # In this order: a job leaves _RUNNING only after its outcome is set.
    is_alive = job.id in _RUNNING
    if job.outcome is None and not is_alive:
        job.finish("FAILED", "The service was restarted while the job was running")
    return job.status in ("STARTING", "IN_PROGRESS", "STOPPING")


@dataclass
class Sync:
    """One job's walk over the bucket."""

    account: str
    region: str
    base: KnowledgeBase
    source: DataSource
    job: IngestionJob

    def run(self) -> None:
        """Ingest and record the outcome; never raises."""
        name = self.base.settings["name"]
        try:
            if reason := FAULTS.find_ending("ingestion_job FAILED", name):
                self.job.finish("FAILED", reason)
                return
            if FAULTS.find_ending("ingestion_job STOPPED", name):
                self.job.stop_requested = True
            is_stopped = self._walk()
            prepare_search(self.base)
            self.job.finish("STOPPED" if is_stopped else "COMPLETE")
        except MissingBucket as error:
            self.job.finish("FAILED", f"The bucket cannot be read: {error.message}")
        except Exception as error:
            _LOG.exception("ingestion job %s failed", self.job.id)
            self.job.finish("FAILED", f"Internal error: {error}")
        finally:
            _RUNNING.discard(self.job.id)
            for hook in FINISH_HOOKS:
                hook()

    def _walk(self) -> bool:
        """Bring every document up to date; True when asked to stop half way."""
        objects = self._list_objects()
        sidecars = {name: key for name, key in objects.items() if name.endswith(SIDECAR)}
        self._count("MetadataDocumentsScanned", len(sidecars))
        names = [name for name in objects if name not in sidecars]
        for name in names:
            if self.job.stop_requested:
                return True
            self._sync_document(objects[name], sidecars.get(name + SIDECAR))
        for uri in self.source.documents.keys() - {self._uri(name) for name in names}:
            del self.source.documents[uri]
            self._count("DocumentsDeleted")
        return False

    def _list_objects(self) -> dict[str, FakeKey]:
        scope = find_scope(self.source.settings)
        backend = s3_backends[self.account]["aws"]
        bucket = backend.get_bucket(scope.bucket)
        found: dict[str, FakeKey] = {}
        for prefix in scope.prefixes or ("",):
            keys, *_ = backend.list_objects(bucket, prefix, None, None, None)
            found.update((key.name, key) for key in keys if not key.name.endswith("/"))
        return found

    def _sync_document(self, key: FakeKey, sidecar: FakeKey | None) -> None:
        self._count("DocumentsScanned")
        uri = self._uri(key.name)
        known = self.source.documents.get(uri)
        was_indexed = known is not None and known.status == "INDEXED"
        document = Document(uri, self.source.id, key.etag, sidecar.etag if sidecar else None)
        if known and was_indexed and known.etag == document.etag:
            if known.sidecar_etag == document.sidecar_etag:
                return
            document.chunks = known.chunks
        self._fill(document, key, sidecar)
        self.source.documents[uri] = document
        self._record(document, known if was_indexed else None)

    def _fill(self, document: Document, key: FakeKey, sidecar: FakeKey | None) -> None:
        try:
            if reason := FAULTS.find_ending("document FAILED", key.name):
                raise Unreadable(reason)
            if find_media_type(key.name) is None:
                raise Ignored("file format was not supported")
            document.attributes = self._read_attributes(sidecar) if sidecar else {}
            document.chunks = document.chunks or self._read_chunks(key)
        except Ignored as error:
            document.status, document.reason, document.chunks = "IGNORED", str(error), ()
        except (Unreadable, ExtractionError) as error:
            document.status, document.reason, document.chunks = "FAILED", str(error), ()

    def _record(self, document: Document, before: Document | None) -> None:
        if document.status == "IGNORED":
            self._count("DocumentsSkipped")
        elif document.status == "FAILED":
            self._count("DocumentsFailed")
            self.job.failure_reasons.append(f"{document.uri}: {document.reason}")
        elif before is None:
            self._count("NewDocumentsIndexed")
        elif before.etag == document.etag:
            self._count("MetadataDocumentsModified")
        else:
            self._count("ModifiedDocumentsIndexed")

    def _read_chunks(self, key: FakeKey) -> tuple[Chunk, ...]:
        if key.size > MAX_DOCUMENT_BYTES:
            raise Unreadable(f"the file is larger than {MAX_DOCUMENT_BYTES} bytes")
        text = EXTRACTOR.extract(key.name, key.value)
        chunking = find_chunking(self.source.settings)
        texts = split_chunks(text, *chunking) if chunking else iter((text,))
        chunks = tuple(Chunk(new_id(), text) for text in texts)
        self._check_store(chunks)
        return chunks

    def _check_store(self, chunks: tuple[Chunk, ...]) -> None:
        if self.base.store != "S3_VECTORS":
            return
        index = find_index(self.account, self.region, self.base.settings["storageConfiguration"])
        if index is None:
            raise Unreadable("The specified index could not be found")
        longest = max(len(chunk.text.encode()) for chunk in chunks)
        if chunks_are_filterable(index) and longest > FILTERABLE_METADATA_BYTES:
            raise Unreadable(
                f"Filterable metadata must have at most {FILTERABLE_METADATA_BYTES} bytes"
            )

    def _read_attributes(self, sidecar: FakeKey) -> dict[str, Any]:
        is_s3_vectors = self.base.store == "S3_VECTORS"
        limit = MAX_SIDECAR_BYTES_S3_VECTORS if is_s3_vectors else MAX_SIDECAR_BYTES
        if sidecar.size > limit:
            raise Ignored(
                "the associated metadata file exceeded the maximum size "
                f"(MaximumFileSizeSupported: {limit} bytes)"
            )
        return parse_attributes(sidecar.value)

    def _count(self, statistic: str, by: int = 1) -> None:
        self.job.statistics[f"numberOf{statistic}"] += by
        self.job.updated_at = now()

    def _uri(self, name: str) -> str:
        return f"s3://{find_scope(self.source.settings).bucket}/{name}"


def parse_attributes(sidecar: bytes) -> dict[str, Any]:
    """Attributes of a `.metadata.json`, plain or typed; raises Unreadable."""
    try:
        attributes = json.loads(sidecar)["metadataAttributes"]
        return {str(name): _plain(value) for name, value in attributes.items()}
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise Unreadable(f"the metadata file is not valid: {error}") from error


def _plain(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    typed: Mapping[str, Any] = value["value"]
    return next(content for name, content in typed.items() if name != "type")
