"""Proof before "active": the agent answers one question from the tenant's own documents."""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.errors import AgentUnavailableError, VerificationFailedError
from include.knowledge.retrieval import Passage, retrieve
from include.models import Agent
from include.naming import document_uri
from include.runtime.deploy import is_serving_code
from include.runtime.endpoints import LATEST
from include.runtime.invoke import invoke_agent, runtime_session_id
from include.settings import get_settings

MIN_WORDS, MAX_WORDS = 5, 30
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True)
class Probe:
    """A question and the documents that may answer it."""

    question: str
    documents: frozenset[str]


def verify_version(agent: Agent) -> None:
    """Verify the new version before anybody meets it: at AgentCore's endpoint on the latest one."""
    verify_agent(agent, None if is_serving_code(agent) else LATEST)


def verify_agent(agent: Agent, endpoint: str | None = None) -> None:
    """Ask about a passage of the tenant's documents; the answer must cite such a document.

    Asks at the endpoint of customers unless another one is named.

    :raises AgentUnavailableError: when nothing can be retrieved yet (the index lags behind the
        ingestion job) or the agent does not answer; both pass with time.
    :raises VerificationFailedError: when the answer cites none of the documents asked about.
    """
    probe = build_probe(agent, find_passages(agent))
    answer = invoke_agent(
        agent, probe.question, runtime_session_id(agent, "verification"), endpoint
    )
    cited = {citation.get("document") for citation in answer.get("citations", [])}
    if not cited & probe.documents:
        expected = ", ".join(sorted(probe.documents))
        raise VerificationFailedError(
            f"Asked {probe.question!r}, the agent cited {sorted(map(str, cited)) or 'nothing'} "
            f"instead of {expected}. Check the SOP for rules that forbid answering from documents."
        )


def find_passages(agent: Agent) -> list[Passage]:
    """Passages about what the tenant says the documents are for."""
    bedrock_id = agent.bedrock_knowledge_base_id
    passages = retrieve(bedrock_id, agent.knowledge_base_description) or retrieve(
        bedrock_id, agent.agent_name
    )
    if not passages:
        raise AgentUnavailableError(
            f"Knowledge base {bedrock_id} returns no passages yet, although documents are indexed."
        )
    require_own(agent, passages)
    return passages


def require_own(agent: Agent, passages: list[Passage]) -> None:
    """Fail at once if anything outside the agent's prefix is retrievable."""
    prefix = document_uri(get_settings(), agent.ref)
    foreign = [passage for passage in passages if not passage.document.startswith(prefix)]
    if foreign:
        raise VerificationFailedError(
            f"{len(foreign)} retrieved passages lie outside {prefix}. The data source's inclusion "
            "prefix is wrong: do not use this agent, and report it."
        )


def build_probe(agent: Agent, passages: list[Passage]) -> Probe:
    """A question made of the best passage's most telling sentence."""
    sentence = pick_sentence(passages[0].text)
    question = f"What do the documents say about this: {sentence}"
    limit = get_settings().max_message_characters
    return Probe(question[:limit], frozenset({passage.document for passage in passages}))


def pick_sentence(text: str) -> str:
    """The first sentence of a useful length; else the start of the text."""
    for sentence in SENTENCE_END.split(text):
        words = sentence.split()
        if MIN_WORDS <= len(words) <= MAX_WORDS:
            return " ".join(words)
    return " ".join(text.split()[:MAX_WORDS])
