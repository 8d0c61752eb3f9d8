"""The records of the system and their names on the wire (camelCase, as in the specification)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, computed_field
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


APPROVAL_STEP = "approve_code"  # waits for a person, who may take days


class StepStatus(StrEnum):
    """Life of one step of a run."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Pipeline(StrEnum):
    """What the run of an agent's current generation does: the DAG of that id."""

    CREATE = "create_agent"
    UPDATE = "update_agent"
    ROLLBACK = "rollback_agent"
    DELETE = "delete_agent"


class DispatchStatus(StrEnum):
    """Whether Airflow has accepted the run of the current generation; absent once it has ended."""

    PENDING = "pending"
    SENT = "sent"
    QUIET = "quiet"  # no run: one that updates the agent starts when no more changes come
    RETRY = "retry"  # of a deletion that failed: due at `runRequestedAt`, until then in the future


class EventType(StrEnum):
    """What an event is about."""

    STATUS = "status"
    STEP = "step"


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


def build_user_status(user_id: str, status: AgentStatus) -> str:
    """Key of the index of one user's agents in one status; user ids hold no `#`."""
    return f"{user_id}#{status}"


class Record(BaseModel):
    """Base of what is stored and shown: camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class StepError(Record):
    """Why a step failed, in a sentence a tenant can act on."""

    code: str
    message: str


class UpdateFailure(StepError):
    """Why the last update or rollback failed, and where; the version before it serves on."""

    pipeline: Pipeline
    step: str | None = None


class Step(Record):
    """Progress of one step in the current generation's run."""

    status: StepStatus
    attempt: int
    started_at: str
    ended_at: str | None = None
    error: StepError | None = None


class Event(Record):
    """The agent's status changed, or one of its steps moved on; `status` is the new one."""

    type: EventType
    generation: int
    status: str
    step: str | None = None
    attempt: int | None = None
    error: StepError | None = None
    at: str = Field(default_factory=now)


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
    failed_bedrock_id: str | None = None  # of one that AWS could not make; the next try replaces it
    data_source_id: str | None = None
    ingestion_job_id: str | None = None
    folder_file_descriptions: dict[str, str] = Field(default_factory=dict)
    documents: list[Document] = Field(default_factory=list)
    documents_changed_at: str | None = None  # later than the last ingestion: not indexed yet
    deletion_requested_at: str | None = None
    created_at: str = Field(default_factory=now)
    updated_at: str = Field(default_factory=now)


class TrialSummary(Record):
    """How a version did when it was tried before its deployment; the report is at the S3 path."""

    score: float
    scenarios: int
    failed: int
    report_s3_path: str


class ModelUsage(Record):
    """What the model calls of one role have used; the cost is unknown without a price."""

    role: str
    model_id: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


class AgentVersion(Record):
    """One version of an agent's code: what it was made of, and where it is."""

    version: str | None = None  # AgentCore's number, once it is deployed
    runtime_id: str | None = None
    generation: int  # of the run that made it
    sop_sha256: str
    generator: str
    generator_version: str
    model_id: str
    generation_usage: list[ModelUsage] = Field(default_factory=list)  # of a generation by a model
    code_sha256: str
    code_s3_key: str
    code_s3_version: str
    manifest_s3_path: str | None = None  # once it has served
    trial: TrialSummary | None = None
    created_at: str = Field(default_factory=now)

    @property
    def cost_usd(self) -> float | None:
        """What making it cost in model calls; None if a price is not known."""
        costs = [usage.cost_usd for usage in self.generation_usage]
        return None if None in costs else round(sum(filter(None, costs), 0.0), 6)

    @property
    def place(self) -> tuple[str | None, str | None]:
        """Where it runs; numbers start again with a new runtime."""
        return self.runtime_id, self.version


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
    require_approval: bool = False
    paused_message: str | None = None  # the tenant's words for customers
    status: AgentStatus = AgentStatus.CREATING
    failure: StepError | None = None
    failed_step: str | None = None
    generation: int = 1
    pipeline: Pipeline = Pipeline.CREATE
    dispatch: DispatchStatus | None = None
    run_requested_at: str = Field(default_factory=now)
    steps: dict[str, Step] = Field(default_factory=dict)
    events: list[Event] = Field(default_factory=list)  # the latest; see include/events.py
    event_count: int = 0  # of all there ever were
    traceparent: str | None = None  # the request whose trace the run continues; see tracing.py
    update_requested_at: str | None = None  # changed since, but the running agent was not
    update_failure: UpdateFailure | None = None
    candidate: AgentVersion | None = None  # what the run makes; what serves is below
    versions: list[AgentVersion] = Field(default_factory=list)  # those that served, oldest first
    deletion_requested_at: str | None = None  # gone for its tenant; what it used is not yet
    bedrock_knowledge_base_arn: str | None = None
    agentcore_agent_id: str | None = None
    agentcore_agent_arn: str | None = None
    agentcore_agent_version: str | None = None
    generated_prompt: str | None = None
    agent_code_s3_path: str | None = None
    agent_code_s3_version: str | None = None
    agent_code_sha256: str | None = None
    agent_code_generation: int | None = None
    approved_code_sha256: str | None = None  # what an operator has read and approved
    websocket_url: str | None = None
    api_endpoint: str | None = None
    created_at: str = Field(default_factory=now)
    updated_at: str = Field(default_factory=now)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def user_status(self) -> str:
        """Stored for the index by status."""
        return build_user_status(self.user_id, self.status)

    @property
    def ref(self) -> AgentRef:
        """The reference of the agent's current generation."""
        return AgentRef(self.user_id, self.agent_id, self.generation)

    @property
    def bedrock_knowledge_base_id(self) -> str:
        """Bedrock's id of the knowledge base, the end of its ARN; empty until it is created."""
        return (self.bedrock_knowledge_base_arn or "").rpartition("/")[2]

    @property
    def has_run(self) -> bool:
        """Whether a run of the current generation is to start or has not ended."""
        return self.dispatch in {DispatchStatus.PENDING, DispatchStatus.SENT}

    @property
    def serving(self) -> AgentVersion | None:
        """The version that answers; None until the agent was active."""
        place = (self.agentcore_agent_id, self.agentcore_agent_version)
        return next((version for version in self.versions if version.place == place), None)

    @property
    def code(self) -> AgentVersion | None:
        """The version a run works on: its own, or the one that serves."""
        return self.candidate or self.serving
