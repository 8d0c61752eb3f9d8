"""What goes into a code generator and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from include.creator.spec import AgentSpec
from include.models import AgentType

PASSAGES = 5


@dataclass(frozen=True)
class GenerationRequest:
    """One tenant's wishes; all text is data, in whatever script or shape it came."""

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


@dataclass(frozen=True)
class GeneratedCode:
    """An agent's own files by name, and how they came about."""

    files: Mapping[str, bytes]
    prompt: str
    spec: AgentSpec
    generator: str
    generator_version: str


class CodeGenerator(Protocol):
    """Turns a request into code; what it returns is checked before anything is done with it."""

    name: str
    version: str  # changes with what the same request leads to

    def generate(self, request: GenerationRequest) -> GeneratedCode:
        """Write the files; raises CodeRejectedError if no acceptable code came out."""
