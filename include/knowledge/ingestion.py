"""Ingestion jobs: started once, and judged by every single document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from include import records
from include.aws import client, error_code
from include.errors import IngestionFailedError, NotReadyError
from include.knowledge.spacing import take_start, wait_for_room
from include.models import (
    Agent,
    AgentRef,
    Document,
    DocumentStatus,
    KnowledgeBase,
    KnowledgeBaseStatus,
    Pipeline,
)
from include.naming import client_token, document_uri, run_id
from include.settings import get_settings

CHANGING_STATES = frozenset({"STARTING", "IN_PROGRESS", "STOPPING"})
CHANGING_DOCUMENT_STATES = frozenset({"PENDING", "STARTING", "IN_PROGRESS"})
INDEXED_STATES = frozenset({"INDEXED", "PARTIALLY_INDEXED", "METADATA_PARTIALLY_INDEXED"})
MAX_REASONS_SHOWN = 3


@dataclass(frozen=True)
class DataSource:
    """Bedrock's two ids of a data source."""

    bedrock_id: str
    data_source_id: str

    @classmethod
    def of(cls, record: KnowledgeBase) -> DataSource:
        """The ids stored by ensure_knowledge_base."""
        return cls(record.bedrock_knowledge_base_id or "", record.data_source_id or "")

    @property
    def ids(self) -> dict[str, str]:
        """As Bedrock's calls take them."""
        return {"knowledgeBaseId": self.bedrock_id, "dataSourceId": self.data_source_id}


def ingest_documents(agent: Agent, redo: bool) -> None:
    """Index the tenant's documents and record what became of each one.

    Safe to repeat: a job of this generation is adopted; with `redo` a job that did not succeed is
    replaced by a new one. The knowledge base becomes `ready` when at least one document is indexed.
    Bedrock reads what is new or changed and forgets what was removed; an update that leaves the
    documents alone starts no job.

    :raises NotReadyError: while the job or a document is in progress.
    :raises IngestionFailedError: when the job failed or no document could be indexed.
    """
    record = records.get_knowledge_base(agent.knowledge_base_id)
    if agent.pipeline == Pipeline.UPDATE and record.documents_changed_at is None:
        return
    source = DataSource.of(record)
    job = ensure_job(agent, record, source, redo)
    if job["status"] in CHANGING_STATES:
        ids = {"id": source.bedrock_id, "data_source_id": source.data_source_id}
        ids["job_id"] = job["ingestionJobId"]
        raise NotReadyError(f"Ingestion job is {job['status']}.", "ingestion_job", ids)
    require_complete(job, source)
    require_scanned(job, agent)
    documents = read_documents(agent, record, source)
    store_outcome(agent, record, documents)


def ensure_job(
    agent: Agent, record: KnowledgeBase, source: DataSource, redo: bool
) -> dict[str, Any]:
    """This generation's ingestion job, started when there is none (or `redo` rejects it)."""
    jobs = list_jobs(source)
    ours = [job for job in jobs if job.get("description") == run_id(agent.ref)]
    if ours and not (redo and is_rejected(ours[0], record)):
        return ours[0]
    job = start_job(agent.ref, source, number=len(jobs))
    records.update_knowledge_base(
        agent.ref, record.knowledge_base_id, ingestion_job_id=job["ingestionJobId"]
    )
    return job


def start_job(ref: AgentRef, source: DataSource, number: int) -> dict[str, Any]:
    """Start an ingestion job; `number` tells it from earlier ones of the same generation.

    :raises NotReadyError: while the account may not start another one.
    """
    take_start()
    try:
        answer = client("bedrock-agent").start_ingestion_job(
            **source.ids,
            clientToken=client_token(ref, f"ingestion-{number}"),
            description=run_id(ref),
        )
    except ClientError as error:
        # Unlike AWS's other quotas, these are free again when a job ends, and in ten seconds.
        if error_code(error) in {"ServiceQuotaExceededException", "ThrottlingException"}:
            raise wait_for_room() from error
        raise
    job: dict[str, Any] = answer["ingestionJob"]
    return job


def list_jobs(source: DataSource) -> list[dict[str, Any]]:
    """All jobs of a data source, newest first."""
    pages = (
        client("bedrock-agent")
        .get_paginator("list_ingestion_jobs")
        .paginate(**source.ids, sortBy={"attribute": "STARTED_AT", "order": "DESCENDING"})
    )
    return [job for page in pages for job in page["ingestionJobSummaries"]]


def is_rejected(job: dict[str, Any], record: KnowledgeBase) -> bool:
    """Whether the job ended badly: by its own status, or with documents that were not indexed."""
    if job["status"] in CHANGING_STATES:
        return False
    return job["status"] != "COMPLETE" or record.status == KnowledgeBaseStatus.ERROR


def require_complete(job: dict[str, Any], source: DataSource) -> None:
    """Fail with AWS's reasons unless the job is COMPLETE."""
    if job["status"] == "COMPLETE":
        return
    answer = client("bedrock-agent").get_ingestion_job(
        **source.ids, ingestionJobId=job["ingestionJobId"]
    )
    reasons = answer["ingestionJob"].get("failureReasons") or ["AWS gave no reason"]
    raise IngestionFailedError(
        f"The ingestion job ended {job['status']}: {'; '.join(reasons)}. Retry the agent; if it "
        "fails again, check the documents named."
    )


def require_scanned(job: dict[str, Any], agent: Agent) -> None:
    """Fail when a job is COMPLETE without having seen a single document."""
    if job.get("statistics", {}).get("numberOfDocumentsScanned", 0) == 0:
        prefix = document_uri(get_settings(), agent.ref)
        raise IngestionFailedError(
            f"The ingestion job found no documents below {prefix}. Upload them again and retry."
        )


def read_documents(agent: Agent, record: KnowledgeBase, source: DataSource) -> list[Document]:
    """Every uploaded document with Bedrock's verdict on it."""
    found = {
        detail["identifier"]["s3"]["uri"]: detail
        for detail in list_document_details(source)
        if "s3" in detail["identifier"]
    }
    documents = []
    for document in record.documents:
        detail = found.get(document_uri(get_settings(), agent.ref, document.path))
        documents.append(judge(document, detail, source))
    return documents


def list_document_details(source: DataSource) -> list[dict[str, Any]]:
    """Bedrock's state of every document of a data source."""
    pages = (
        client("bedrock-agent")
        .get_paginator("list_knowledge_base_documents")
        .paginate(**source.ids)
    )
    return [detail for page in pages for detail in page["documentDetails"]]


def judge(document: Document, detail: dict[str, Any] | None, source: DataSource) -> Document:
    """One document's record from Bedrock's state of it; a missing one counts as failed."""
    if detail is None:
        reason = "Bedrock skipped this document: its type is not supported or it is empty."
        return document.model_copy(update={"status": DocumentStatus.FAILED, "reason": reason})
    status = detail["status"]
    if status in CHANGING_DOCUMENT_STATES:
        ids = {"id": source.bedrock_id, "data_source_id": source.data_source_id}
        raise NotReadyError(f"Document {document.path} is {status}.", "documents", ids)
    if status in INDEXED_STATES:
        update = {"status": DocumentStatus.INDEXED, "reason": detail.get("statusReason")}
    else:
        reason = detail.get("statusReason") or f"Bedrock reports {status} without a reason."
        update = {"status": DocumentStatus.FAILED, "reason": reason}
    return document.model_copy(update=update)


def store_outcome(agent: Agent, record: KnowledgeBase, documents: list[Document]) -> None:
    """Record each document's state; fail when not one is indexed."""
    changed_at = record.documents_changed_at
    is_late = changed_at is not None and changed_at > agent.run_requested_at
    failed = [d for d in documents if d.status != DocumentStatus.INDEXED]
    is_usable = len(failed) < len(documents)
    status = KnowledgeBaseStatus.READY if is_usable else KnowledgeBaseStatus.ERROR
    records.update_knowledge_base(
        agent.ref,
        agent.knowledge_base_id,
        documents=documents,
        status=status,
        # A file that arrived after the run was asked for may not be in it.
        documents_changed_at=changed_at if is_late or not is_usable else None,
    )
    if not is_usable:
        shown = "; ".join(f"{d.path}: {d.reason}" for d in failed[:MAX_REASONS_SHOWN])
        raise IngestionFailedError(
            f"None of the {len(documents)} documents could be indexed. {shown}. "
            "Replace them by readable files and create the agent again."
        )


def is_job_settled(id: str, data_source_id: str, job_id: str) -> bool:
    """Whether an ingestion job has ended, one way or the other."""
    answer = client("bedrock-agent").get_ingestion_job(
        knowledgeBaseId=id, dataSourceId=data_source_id, ingestionJobId=job_id
    )
    return answer["ingestionJob"]["status"] not in CHANGING_STATES


def are_documents_settled(id: str, data_source_id: str) -> bool:
    """Whether no document of a data source is in progress."""
    details = list_document_details(DataSource(id, data_source_id))
    return not any(detail["status"] in CHANGING_DOCUMENT_STATES for detail in details)
