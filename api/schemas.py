"""What goes over the wire: the form of a submission, and the views of the records."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, Json, StringConstraints

from include.models import (
    Agent,
    AgentStatus,
    AgentType,
    Document,
    KnowledgeBase,
    KnowledgeBaseStatus,
    Record,
    Step,
    StepError,
)
from include.records import write

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=5_000)]
Sop = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=100_000)]


def require_storable(value: Any) -> Any:
    """Refuse numbers that DynamoDB cannot hold."""
    try:
        write(value)
    except (ArithmeticError, TypeError):
        raise ValueError("contains a number that is not finite or has over 38 digits") from None
    return value


def normalize_names(descriptions: dict[str, str]) -> dict[str, str]:
    """File names in the Unicode form in which uploads are compared."""
    return {unicodedata.normalize("NFC", name): text for name, text in descriptions.items()}


Config = Annotated[Json[dict[str, Any]], AfterValidator(require_storable)]
Descriptions = Annotated[Json[dict[str, str]], AfterValidator(normalize_names)]


class AgentForm(Record):
    """The fields of POST /api/agents; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    agent_name: Name
    agent_type: AgentType
    sop: Sop
    knowledge_base_description: Text
    human_handoff_description: Text
    voice_config: Config | None = None
    text_config: Config | None = None
    file_descriptions: Descriptions = Field(default_factory=dict)


class ChatRequest(Record):
    """The body of POST .../chat."""

    model_config = ConfigDict(extra="forbid")

    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
    session_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")] | None = None


class Citation(Record):
    """A passage the answer rests on; `document` is the path the tenant uploaded it under."""

    document: str
    passage: str
    score: float


class ChatResponse(Record):
    """An answer and where it came from."""

    session_id: str
    answer: str
    citations: list[Citation]
    handoff: dict[str, str] | None = None


class KnowledgeBaseView(Record):
    """A knowledge base as its tenant sees it."""

    knowledge_base_id: str
    status: KnowledgeBaseStatus
    s3_path: str
    bedrock_knowledge_base_id: str | None = None
    folder_file_descriptions: dict[str, str]
    documents: list[Document]


class AgentSummary(Record):
    """An agent in a list."""

    agent_id: str
    user_id: str
    agent_name: str
    agent_type: AgentType
    status: AgentStatus
    knowledge_base_id: str
    failure: StepError | None = None
    websocket_url: str | None = None
    api_endpoint: str | None = None
    created_at: str
    updated_at: str


class AgentView(AgentSummary):
    """An agent in full."""

    sop: str
    knowledge_base_description: str
    human_handoff_description: str
    voice_config: dict[str, Any] | None = None
    text_config: dict[str, Any] | None = None
    generation: int
    generated_prompt: str | None = None
    failed_step: str | None = None
    steps: dict[str, Step]
    knowledge_base: KnowledgeBaseView

    @classmethod
    def of(cls, agent: Agent, knowledge_base: KnowledgeBase) -> AgentView:
        """The view of a stored agent."""
        fields = agent.model_dump()
        return cls.model_validate({**fields, "knowledge_base": knowledge_base.model_dump()})
