"""Whose run goes next when there are more than Airflow and AWS take at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from include.lists import count_agents
from include.models import Agent, AgentStatus
from include.settings import get_settings

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)  # keeps turns within 32 bits until 2090
SECONDS_PER_AGENT = 10  # what one agent takes of the account: AWS's pace of ingestion jobs


def take_turn(agent: Agent) -> int:
    """The time, in seconds, at which the tenant's fair share of the account gets to this agent.

    Each agent that its tenant has in creation puts the next one back, so that a hundred of one
    tenant's do not keep the single one of another's waiting. Turns are times: nobody who comes
    later overtakes for ever.
    """
    ahead = count_agents(
        agent.user_id, AgentStatus.CREATING, get_settings().max_creating_per_tenant
    )
    since = datetime.now(UTC) - BEGINNING
    return int(since.total_seconds()) + ahead * SECONDS_PER_AGENT
