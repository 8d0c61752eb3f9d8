"""Drift: agents that should serve, but whose parts somebody else has deleted."""

from __future__ import annotations

import logging
import random

from include import records
from include.errors import DriftDetectedError, StaleGenerationError
from include.knowledge.bases import find_base
from include.models import Agent, AgentStatus, KnowledgeBaseStatus
from include.naming import knowledge_base_name, runtime_name
from include.reconcile.inventory import (
    SERVING,
    KnownAgent,
    Resources,
    list_known_agents,
    list_resources,
)
from include.runtime.deploy import find_runtime
from include.runtime.endpoints import find_endpoint
from include.settings import get_settings
from include.steps import describe_error

log = logging.getLogger(__name__)


def fail_drifted() -> int:
    """Mark agents failed of which something is missing; returns how many.

    Lists show which knowledge bases and runtimes are missing, and each suspect is looked at before
    it is judged. No list shows endpoints, so a sample of the others is looked at each time, too.
    """
    agents = [agent for agent in list_known_agents() if agent.is_serving]
    resources = list_resources()
    suspects = [agent for agent in agents if is_suspect(agent, resources)]
    settings = get_settings()
    sample = random.sample(agents, min(len(agents), settings.audit_sample))
    looked_at = dict.fromkeys([*suspects[: settings.reconcile_batch], *sample])
    return sum(judge(agent) for agent in looked_at)


def is_suspect(agent: KnownAgent, resources: Resources) -> bool:
    """Whether the lists lack something of the agent's name."""
    return (
        knowledge_base_name(agent.agent_id) not in resources.knowledge_bases
        or runtime_name(agent.agent_id) not in resources.runtimes
    )


def judge(known: KnownAgent) -> bool:
    """Look at one agent's parts and mark it failed if one is missing."""
    try:
        agent = records.find_agent(known.user_id, known.agent_id)
        if agent is None or agent.dispatch or agent.status not in SERVING:
            return False  # a run is at it, or it has moved on
        missing = list_missing(agent)
        if missing:
            record_drift(agent, missing)
    except StaleGenerationError:
        return False
    except Exception as error:  # whatever it is, the next agent may fare better
        log.warning("agent_id=%s not audited: %r", known.agent_id, error)
        return False
    return bool(missing)


def list_missing(agent: Agent) -> list[str]:
    """Which of the agent's parts do not exist."""
    bedrock_id = agent.bedrock_knowledge_base_id
    has_runtime = find_runtime(agent) is not None
    parts = {
        "knowledge base": bool(bedrock_id and find_base(bedrock_id)),
        "runtime": has_runtime,
        "endpoint": has_runtime and find_endpoint(agent.agentcore_agent_id or "") is not None,
    }
    return [name for name, is_there in parts.items() if not is_there]


def record_drift(agent: Agent, missing: list[str]) -> None:
    """Mark the agent failed, saying what is missing and what to do."""
    error = DriftDetectedError(
        f"Deleted outside of this service: {', '.join(missing)}. Retry the agent (:retry): "
        "what is missing is made again from its documents."
    )
    failure = describe_error(error)
    records.update_agent(agent.ref, status=AgentStatus.FAILED, failure=failure, failed_step=None)
    if "knowledge base" in missing:
        records.update_knowledge_base(
            agent.ref, agent.knowledge_base_id, status=KnowledgeBaseStatus.ERROR
        )
    log.warning("agent_id=%s drift: %s", agent.agent_id, ", ".join(missing))
