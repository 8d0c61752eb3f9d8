"""The records of the system and their names on the wire (camelCase, as in the specification)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class AgentStatus(StrEnum):
    """Life of an agent as its tenant sees it."""

    CREATING = "creating"
    ACTIVE = "active"
    FAILED = "failed"
    PAUSED = "paused"


class AgentType(StrEnum):
    """How customers talk to the agent."""

    VOICE = "voice"
    TEXT = "text"
    BOTH = "both"


class KnowledgeBaseStatus(StrEnum):
    """Life of a knowledge base as its tenant sees it."""

    NOTREADY = "notready"
    READY = "ready"
    ERROR = "error"


class StepStatus(StrEnum):
    """Life of one step of a run."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DispatchStatus(StrEnum):
    """Whether Airflow has accepted the run of the current generation."""

    PENDING = "pending"
    SENT = "sent"


class DocumentStatus(StrEnum):
    """Life of one document; anything but these keeps Bedrock's own word."""

    UPLOADED = "uploaded"
    INDEXED = "indexed"
    FAILED = "failed"


@dataclass(frozen=True)
class AgentRef:
    """Names one generation of one agent: all that travels in a run's conf."""

    user_id: str
    agent_id: str
    generation: int


def now() -> str:
    """The current time, ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Record(BaseModel):
    """Base of what is stored and shown: camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class StepError(Record):
    """Why a step failed, in a sentence a tenant can act on."""

    code: str
    message: str


class Step(Record):
    """Progress of one step in the current generation's run."""

    status: StepStatus
    attempt: int
    started_at: str
    ended_at: str | None = None
    error: StepError | None = None


class Document(Record):
    """One uploaded file; `path` is relative to the agent's prefix."""

    path: str
    size_bytes: int
    status: str = DocumentStatus.UPLOADED
    reason: str | None = None


class KnowledgeBase(Record):
    """A tenant's documents and the Bedrock knowledge base made of them."""

    knowledge_base_id: str
    user_id: str
    agent_id: str
    s3_path: str
    status: KnowledgeBaseStatus = KnowledgeBaseStatus.NOTREADY
    bedrock_knowledge_base_id: str | None = None
    data_source_id: str | None = None
    ingestion_job_id: str | None = None
    ingestion_job_generation: int | None = None
    folder_file_descriptions: dict[str, str] = Field(default_factory=dict)
    documents: list[Document] = Field(default_factory=list)
    created_at: str = Field(default_factory=now)
    updated_at: str = Field(default_factory=now)


class Agent(Record):
    """An agent: what the tenant asked for, what was made of it, and how far it got."""

    user_id: str
    agent_id: str
    agent_name: str
    agent_type: AgentType
    sop: str
    knowledge_base_id: str
    knowledge_base_description: str
    human_handoff_description: str
    voice_config: dict[str, Any] | None = None
    text_config: dict[str, Any] | None = None
    status: AgentStatus = AgentStatus.CREATING
    failure: StepError | None = None
    failed_step: str | None = None
    generation: int = 1
    dispatch: DispatchStatus = DispatchStatus.PENDING
    steps: dict[str, Step] = Field(default_factory=dict)
    bedrock_knowledge_base_arn: str | None = None
    agentcore_agent_id: str | None = None
    agentcore_agent_arn: str | None = None
    agentcore_agent_version: str | None = None
    generated_prompt: str | None = None
    agent_code_s3_path: str | None = None
    agent_code_s3_version: str | None = None
    agent_code_sha256: str | None = None
    agent_code_generation: int | None = None
    websocket_url: str | None = None
    api_endpoint: str | None = None
    created_at: str = Field(default_factory=now)
    updated_at: str = Field(default_factory=now)

    @property
    def ref(self) -> AgentRef:
        """The reference of the agent's current generation."""
        return AgentRef(self.user_id, self.agent_id, self.generation)
