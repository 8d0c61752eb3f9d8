"""What goes into a code generator and what comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from include.creator.spec import AgentSpec, SpecModel
from include.errors import InvalidInputError
from include.models import AgentType, ModelUsage

PASSAGES = 5
VOICE_MODEL = "amazon.nova-2-sonic-v1:0"


@dataclass(frozen=True)
class GenerationRequest:
    """One tenant's wishes; all text is data, in whatever script or shape it came.

    :raises InvalidInputError: when a text holds half a character, which no model can be sent.
    """

    agent_id: str
    agent_name: str
    agent_type: AgentType
    sop: str
    knowledge_base_description: str
    human_handoff_description: str
    document_prefix: str  # s3://bucket/user/agent/, with the last slash
    voice_config: Mapping[str, Any] | None = None
    text_config: Mapping[str, Any] | None = None
    retrieved_passages: int = PASSAGES
    voice_model_id: str = VOICE_MODEL

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            ensure_unicode(name, value if isinstance(value, str) else json_text(value))


def json_text(value: object) -> str:
    """A configuration as text, its characters as they are."""
    return json.dumps(value, ensure_ascii=False)


def ensure_unicode(name: str, text: str) -> None:
    """Raise InvalidInputError if half of a surrogate pair stands in the text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{name} holds half a character (U+{ord(text[error.start]):04X}, the "
            f"{error.start + 1}. character); send the text in UTF-8.",
            name,
        ) from None


class ScenarioHint(SpecModel):
    """A dialogue that a generator proposes for the trial of its agent."""

    kind: str  # step, prohibition, escalation, document, ...
    ask: str
    expect: str


@dataclass(frozen=True)
class GeneratedCode:
    """An agent's own files by name, and how they came about."""

    files: Mapping[str, bytes]
    prompt: str
    spec: AgentSpec
    generator: str
    generator_version: str
    scenario_hints: tuple[ScenarioHint, ...] = ()
    usage: tuple[ModelUsage, ...] = ()  # of models, by role


class CodeGenerator(Protocol):
    """Turns a request into code; what it returns is checked before anything is done with it."""

    name: str
    version: str  # changes with what the same request leads to

    def generate(self, request: GenerationRequest) -> GeneratedCode:
        """Write the files; raises CodeRejectedError if no acceptable code came out."""
