"""Knowledge bases, data sources, jobs and documents: plain data, safe to pickle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from moto.moto_api import state_manager
from moto.moto_api._internal.managed_state_model import ManagedState

KNOWLEDGE_BASE_MODEL = "bedrock-agent::knowledge_base"
DATA_SOURCE_MODEL = "bedrock-agent::data_source"
INGESTION_JOB_MODEL = "bedrock-agent::ingestion_job"
for _model in (KNOWLEDGE_BASE_MODEL, DATA_SOURCE_MODEL, INGESTION_JOB_MODEL):
    state_manager.register_default_transition(_model, {"progression": "immediate"})

GONE = "GONE"
FINISHED = "FINISHED"
STATISTICS = (
    "numberOfDocumentsScanned",
    "numberOfMetadataDocumentsScanned",
    "numberOfNewDocumentsIndexed",
    "numberOfModifiedDocumentsIndexed",
    "numberOfMetadataDocumentsModified",
    "numberOfDocumentsDeleted",
    "numberOfDocumentsFailed",
    "numberOfDocumentsSkipped",
)


def now() -> datetime:
    """The current time, aware."""
    return datetime.now(UTC)


class Lifecycle(ManagedState):
    """A status that passes through `states` as fast as moto's state manager says."""

    def __init__(self, model_name: str, *states: str) -> None:
        super().__init__(model_name, list(pairwise(states)) or [(states[0], states[0])])

    def enter(self, *states: str) -> None:
        """Start over with the first of `states`."""
        Lifecycle.__init__(self, self.model_name, *states)

    @property
    def current(self) -> str:
        """The status at this moment, always a string."""
        return str(self.status)


@dataclass(eq=False, slots=True)
class Chunk:
    """A passage of a document; compared by identity so that many of them hash fast."""

    id: str
    text: str


@dataclass(eq=False)
class Document:
    """One S3 object as last seen by an ingestion job."""

    uri: str
    data_source_id: str
    etag: str
    sidecar_etag: str | None
    status: str = "INDEXED"
    reason: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    chunks: tuple[Chunk, ...] = ()
    updated_at: datetime = field(default_factory=now)


@dataclass
class IngestionJob:
    """`outcome` is what the work came to: None while it lasts, then COMPLETE, FAILED or STOPPED."""

    id: str
    client_token: str | None
    description: str | None
    lifecycle: Lifecycle = field(
        default_factory=lambda: Lifecycle(INGESTION_JOB_MODEL, "STARTING", "IN_PROGRESS", FINISHED)
    )
    outcome: str | None = None
    stop_requested: bool = False
    statistics: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATISTICS, 0))
    failure_reasons: list[str] = field(default_factory=list)
    started_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def status(self) -> str:
        """What AWS shows; the outcome stays hidden until the configured delay has passed."""
        if self.outcome is None and self.stop_requested:
            return "STOPPING"
        shown = self.lifecycle.current
        if self.outcome == "STOPPED" or (self.outcome and shown == FINISHED):
            return self.outcome
        return "IN_PROGRESS" if shown == FINISHED else shown

    def finish(self, outcome: str, *reasons: str) -> None:
        """Record what the work came to."""
        self.failure_reasons.extend(reasons)
        self.updated_at = now()
        self.outcome = outcome


@dataclass
class DataSource:
    """`settings` are the request's members as AWS gives them back."""

    id: str
    knowledge_base_id: str
    client_token: str | None
    settings: dict[str, Any]
    lifecycle: Lifecycle
    documents: dict[str, Document] = field(default_factory=dict)
    jobs: dict[str, IngestionJob] = field(default_factory=dict)
    failure_reasons: list[str] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class KnowledgeBase:
    """`retained` are the documents of deleted data sources with the policy RETAIN."""

    id: str
    arn: str
    client_token: str | None
    settings: dict[str, Any]
    tags: dict[str, str]
    lifecycle: Lifecycle = field(
        default_factory=lambda: Lifecycle(KNOWLEDGE_BASE_MODEL, "CREATING", "ACTIVE")
    )
    data_sources: dict[str, DataSource] = field(default_factory=dict)
    retained: list[Document] = field(default_factory=list)
    failure_reasons: list[str] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def store(self) -> str:
        """MANAGED, or the type of the vector store."""
        storage = self.settings.get("storageConfiguration")
        return str(storage["type"]) if storage else "MANAGED"

    def documents(self) -> Iterator[Document]:
        """Every document that Retrieve may draw from."""
        yield from self.retained
        for data_source in tuple(self.data_sources.values()):
            yield from tuple(data_source.documents.values())
