"""What goes over the wire: the form of a submission, and the views of the records."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, Json, StringConstraints

from include.items import write
from include.lists import AgentSummary
from include.models import (
    Agent,
    AgentStatus,
    AgentType,
    AgentVersion,
    Document,
    Event,
    KnowledgeBase,
    KnowledgeBaseStatus,
    Pipeline,
    Record,
    Step,
    UpdateFailure,
)
from include.presentation import Presentation, TextConfig, VoiceConfig

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=5_000)]
Sop = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=100_000)]


# DynamoDB allows 32 levels, the record's own included.
MAX_CONFIG_DEPTH = 16
HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def require_storable(config: Presentation | None) -> Presentation | None:
    """Refuse numbers, names and depths that DynamoDB cannot hold."""
    settings = config.model_dump() if config else None
    require_storable_names(settings, MAX_CONFIG_DEPTH)
    try:
        write(settings)
    except (ArithmeticError, TypeError):
        raise ValueError("contains a number that is not finite or has over 38 digits") from None
    return config


def require_storable_names(value: Any, depth: int) -> None:
    """Refuse empty names and half characters at any depth, and more levels than `depth`."""
    if depth == 0:
        raise ValueError(f"is nested more than {MAX_CONFIG_DEPTH} levels deep; flatten it")
    texts = [value] if isinstance(value, str) else value if isinstance(value, dict) else ()
    if any(HALF_CHARACTER.search(text) for text in texts):
        raise ValueError("contains half a character; send UTF-8 text")
    if isinstance(value, dict) and "" in value:
        raise ValueError("contains an empty name; name every value")
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, (dict, list)) else ():
        require_storable_names(child, depth - 1)


def normalize_names(descriptions: dict[str, str]) -> dict[str, str]:
    """File names in the Unicode form in which uploads are compared."""
    return {unicodedata.normalize("NFC", name): text for name, text in descriptions.items()}


def normalize_path(path: str) -> str:
    """A document's path in the one Unicode form in which paths are compared."""
    return unicodedata.normalize("NFC", path)


Storable = AfterValidator(require_storable)
Descriptions = Annotated[Json[dict[str, str]], AfterValidator(normalize_names)]


class AgentFields(Record):
    """What every submission says of its agent; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    agent_name: Name
    agent_type: AgentType
    sop: Sop
    knowledge_base_description: Text
    human_handoff_description: Text
    require_approval: bool = Field(
        False, description="Hold the creation until an operator has read and approved the code."
    )


class AgentForm(AgentFields):
    """The fields of POST /api/agents."""

    voice_config: Annotated[Json[VoiceConfig], Storable] | None = None
    text_config: Annotated[Json[TextConfig], Storable] | None = None
    file_descriptions: Descriptions = Field(default_factory=dict)


def refuse_null(value: Any) -> Any:
    """A field that every agent has can be replaced, but not removed."""
    if value is None:
        raise ValueError("must not be null")
    return value


Required = AfterValidator(refuse_null)


class AgentChange(Record):
    """The body of PATCH: the fields to replace; null removes a configuration."""

    model_config = ConfigDict(extra="forbid")

    agent_name: Annotated[Name | None, Required] = None
    sop: Annotated[Sop | None, Required] = None
    knowledge_base_description: Annotated[Text | None, Required] = None
    human_handoff_description: Annotated[Text | None, Required] = None
    voice_config: Annotated[VoiceConfig | None, Storable] = None
    text_config: Annotated[TextConfig | None, Storable] = None
    file_descriptions: Annotated[
        dict[str, str] | None, AfterValidator(refuse_null), AfterValidator(normalize_names)
    ] = None
    status: Annotated[Literal[AgentStatus.ACTIVE, AgentStatus.PAUSED] | None, Required] = None
    paused_message: Annotated[
        str | None, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)
    ] = Field(None, description="What customers are told while the agent is paused.")


class Deletion(Record):
    """The answer to DELETE: the agent is gone, what it used is being removed."""

    agent_id: str
    deletion_requested_at: str


class Rollback(Record):
    """The body of :rollback; without a version, the one before that which serves is meant."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str | None, StringConstraints(pattern=r"^[0-9]{1,9}$")] = None


class VersionView(AgentVersion):
    """A version that has served; `generation` is that of the run that made its code."""

    is_serving: bool
    generation_cost_usd: float | None  # of model calls, by list prices; null: not known


class EventView(Event):
    """An event with its number."""

    id: int


class SubmissionBody(AgentForm):
    """The multipart body of POST /api/agents: the form and its documents."""

    files: Annotated[
        list[bytes], Field(min_length=1, description="The documents; names may hold folders.")
    ]


class PreparedFile(Record):
    """A document that will be uploaded by a presigned POST."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, AfterValidator(normalize_path)]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    description: str | None = None


class PreparedSubmission(AgentFields):
    """The body of POST /api/agents:prepare: the form as JSON, and what will be uploaded."""

    voice_config: Annotated[VoiceConfig | None, Storable] = None
    text_config: Annotated[TextConfig | None, Storable] = None
    files: list[PreparedFile]


class PresignedUpload(Record):
    """Where to POST one document: multipart/form-data with these fields, then the file."""

    path: str
    url: str
    fields: dict[str, str]


class Preparation(Record):
    """The answer to :prepare; the agent exists once it is submitted."""

    agent_id: str
    expires_at: str
    uploads: list[PresignedUpload]


class FieldProblem(Record):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(Record):
    """Every error (RFC 9457): `code` is stable, `detail` says what to do about it."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None
    errors: list[FieldProblem] | None = None


class Health(Record):
    """The process lives."""

    status: Literal["ok"]


class KnowledgeBaseView(Record):
    """A knowledge base as its tenant sees it."""

    knowledge_base_id: str
    status: KnowledgeBaseStatus
    s3_path: str
    bedrock_knowledge_base_id: str | None = None
    folder_file_descriptions: dict[str, str]
    documents: list[Document]
    documents_changed_at: str | None = None


class AgentView(AgentSummary):
    """An agent in full."""

    sop: str
    knowledge_base_description: str
    human_handoff_description: str
    voice_config: dict[str, Any] | None = None
    text_config: dict[str, Any] | None = None
    require_approval: bool
    paused_message: str | None = None
    generation: int
    generated_prompt: str | None = None
    failed_step: str | None = None
    steps: dict[str, Step]
    running_pipeline: Pipeline | None = None
    version: str | None = None
    update_requested_at: str | None = None
    update_failure: UpdateFailure | None = None
    knowledge_base: KnowledgeBaseView

    @classmethod
    def of(cls, agent: Agent, knowledge_base: KnowledgeBase) -> AgentView:
        """The view of a stored agent."""
        shown = {
            "running_pipeline": agent.pipeline if agent.has_run else None,
            "version": agent.agentcore_agent_version,
            "knowledge_base": knowledge_base.model_dump(),
        }
        return cls.model_validate(agent.model_dump() | shown)
