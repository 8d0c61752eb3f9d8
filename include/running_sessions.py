"""Sessions that are going on: their customers may be expected to say more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.lists import build_query, read_page
from include.sessions import Session
from include.settings import get_settings

LAST_INDEX = "agent-last-index"
MAX_WATCHED = 1_000


def list_running(agent_id: str) -> list[Session]:
    """The latest MAX_WATCHED sessions in which something was said a moment ago, latest first."""
    query = build_query(get_settings().sessions_table, LAST_INDEX, {"agentId": agent_id}, None)
    query["KeyConditionExpression"] += " AND lastAt >= :since"
    query["ExpressionAttributeValues"][":since"] = {"S": start_of_running()}
    return read_page(query, MAX_WATCHED, Session).entries


def is_running(session: Session) -> bool:
    """Whether its customer may be expected to go on."""
    return session.last_at >= start_of_running()


def start_of_running() -> str:
    """The time since which a session that is running has had a turn."""
    since = datetime.now(UTC) - timedelta(minutes=get_settings().session_idle_minutes)
    return since.isoformat(timespec="milliseconds")
