"""bedrock-agent: ingestion jobs and the documents they have indexed."""

from __future__ import annotations

import os
import time
from typing import Any

from moto.core.responses import ActionResult

from local.aws.errors import ConflictException, ThrottlingException
from local.aws.knowledge import sync
from local.aws.knowledge.backend import new_id
from local.aws.knowledge.models import DataSource, Document, IngestionJob, KnowledgeBase
from local.aws.knowledge.service import KnowledgeService
from local.aws.quotas import check_quota


class Ingestion(KnowledgeService):
    """Jobs run one at a time per knowledge base, as AWS allows for a vector store."""

    def start_ingestion_job(self) -> ActionResult:
        """PUT .../ingestionjobs/: start the work and answer at once."""
        source = self._source()
        base = self.backend.get_knowledge_base(source.knowledge_base_id)
        token = self.params.get("clientToken")
        for job in source.jobs.values():
            if token and job.client_token == token:
                return ActionResult({"ingestionJob": describe_job(source, job)})
        self._check_start(base, source)
        job = IngestionJob(new_id(), token, self.params.get("description"))
        answer = describe_job(source, job) | {"status": "STARTING"}
        source.jobs[job.id] = job
        self.ledger.record_create("ingestion_job", job.id, job.description or "", parent=source.id)
        sync.start(self.current_account, self.region, base, source, job)
        return ActionResult({"ingestionJob": answer})

    def get_ingestion_job(self) -> ActionResult:
        """GET .../ingestionjobs/{id}."""
        source, job = self._source(), self._job()
        job.lifecycle.advance()
        sync.is_running(job)
        return ActionResult({"ingestionJob": describe_job(source, job)})

    def stop_ingestion_job(self) -> ActionResult:
        """POST .../ingestionjobs/{id}/stop: no document is begun after this."""
        source, job = self._source(), self._job()
        if not sync.is_running(job):
            raise ConflictException(f"Ingestion job {job.id} is not running: it is {job.status}")
        job.stop_requested = True
        return ActionResult({"ingestionJob": describe_job(source, job) | {"status": "STOPPING"}})

    def list_ingestion_jobs(self) -> ActionResult:
        """POST .../ingestionjobs/: newest first."""
        source = self._source()
        for job in source.jobs.values():
            sync.is_running(job)
        shown = [describe_job(source, job) for job in reversed(source.jobs.values())]
        for condition in self.params.get("filters", ()):
            shown = [job for job in shown if job["status"] in condition["values"]]
        sort = self.params.get("sortBy", {})
        if sort:
            member = {"STATUS": "status", "STARTED_AT": "startedAt"}[sort["attribute"]]
            shown.sort(key=lambda job: job[member], reverse=sort["order"] == "DESCENDING")
        summaries, next_token = self.page(shown)
        return ActionResult({"ingestionJobSummaries": summaries, "nextToken": next_token})

    def list_knowledge_base_documents(self) -> ActionResult:
        """POST .../documents: ordered by URI."""
        source = self._source()
        ordered = sorted(source.documents.copy().values(), key=lambda document: document.uri)
        documents, next_token = self.page(ordered)
        details = [describe_document(source, document) for document in documents]
        return ActionResult({"documentDetails": details, "nextToken": next_token})

    def get_knowledge_base_documents(self) -> ActionResult:
        """POST .../documents/getDocuments: NOT_FOUND for what no job has seen."""
        source = self._source()
        uris = [wanted["s3"]["uri"] for wanted in self.params["documentIdentifiers"]]
        unknown = [Document(uri, source.id, "", None, status="NOT_FOUND") for uri in uris]
        found = [source.documents.get(document.uri, document) for document in unknown]
        return ActionResult({"documentDetails": [describe_document(source, d) for d in found]})

    def _source(self) -> DataSource:
        return self.backend.get_data_source(
            self.params["knowledgeBaseId"], self.params["dataSourceId"]
        )

    def _job(self) -> IngestionJob:
        names = ("knowledgeBaseId", "dataSourceId", "ingestionJobId")
        return self.backend.get_job(*(self.params[name] for name in names))

    def _check_start(self, base: KnowledgeBase, source: DataSource) -> None:
        if base.lifecycle.current != "ACTIVE" or source.lifecycle.current != "AVAILABLE":
            raise ConflictException(
                f"The Knowledge Base is {base.lifecycle.current} and the data source is "
                f"{source.lifecycle.current}; they must be ACTIVE and AVAILABLE"
            )
        self._check_rate()
        if base.store == "MANAGED":
            check_quota("MANAGED_INGESTION_JOBS", count_running(base))
            if any(sync.is_running(job) for job in source.jobs.values()):
                raise ConflictException(f"DataSource {source.id} has an ongoing ingestion job")
            return
        if count_running(base):
            raise ConflictException(f"Knowledge Base {base.id} has an ongoing ingestion job")
        classic = [b for b in self.backend.all_knowledge_bases() if b.store != "MANAGED"]
        check_quota("INGESTION_JOBS", sum(map(count_running, classic)))

    def _check_rate(self) -> None:
        """Throttle to STAND_IN_INGESTION_STARTS_PER_SECOND (0.1 on AWS); unset means no limit."""
        rate = float(os.environ.get("STAND_IN_INGESTION_STARTS_PER_SECOND", 0))
        if rate and time.time() - self.backend.last_ingestion_start < 1 / rate:
            raise ThrottlingException("Your request rate is too high")
        self.backend.last_ingestion_start = time.time()


def count_running(base: KnowledgeBase) -> int:
    """How many of the knowledge base's jobs are not over."""
    jobs = (job for source in base.data_sources.values() for job in source.jobs.values())
    return sum(map(sync.is_running, jobs))


def describe_job(source: DataSource, job: IngestionJob) -> dict[str, Any]:
    """The job as GetIngestionJob shows it."""
    return {
        "knowledgeBaseId": source.knowledge_base_id,
        "dataSourceId": source.id,
        "ingestionJobId": job.id,
        "description": job.description,
        "status": job.status,
        "statistics": dict(job.statistics),
        "failureReasons": list(job.failure_reasons) or None,
        "startedAt": job.started_at,
        "updatedAt": job.updated_at,
    }


def describe_document(source: DataSource, document: Document) -> dict[str, Any]:
    """The document as ListKnowledgeBaseDocuments shows it."""
    return {
        "knowledgeBaseId": source.knowledge_base_id,
        "dataSourceId": source.id,
        "identifier": {"dataSourceType": "S3", "s3": {"uri": document.uri}},
        "status": document.status,
        "statusReason": document.reason,
        "updatedAt": document.updated_at,
    }
