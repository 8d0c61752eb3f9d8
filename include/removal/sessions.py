"""The removal of what customers had of an agent: keys, sessions, transcripts, hand-offs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from include.handoffs import delete_handoffs
from include.items import delete_items, list_items
from include.keys import delete_keys
from include.models import AgentRef
from include.sessions import Session
from include.settings import get_settings


def remove_sessions(ref: AgentRef) -> None:
    """Delete all keys and sessions of an agent, whether or not they had ended; safe to repeat."""
    delete_keys(ref.agent_id)
    for session in list_all(ref.agent_id):
        remove_session(session)


def list_all(agent_id: str) -> Iterator[Session]:
    """Every session of an agent that is still stored."""
    items = list_items(get_settings().sessions_table, {"agentId": agent_id})
    yield from map(Session.model_validate, items)


def remove_session(session: Session) -> None:
    """Delete a session: its transcript first, its hand-offs, then its record; safe to repeat."""
    settings = get_settings()
    delete_items(settings.turns_table, list_turn_keys(session.session_key))
    delete_handoffs(session.user_id, session.handoff_ids)
    key = {"agentId": {"S": session.agent_id}, "sessionKey": {"S": session.session_key}}
    delete_items(settings.sessions_table, [key])


def list_turn_keys(session_key: str) -> list[dict[str, Any]]:
    """Keys of all turns of a session, those included whose time is over."""
    key, names = {"sessionKey": session_key}, "sessionKey, turnKey"
    turns = list_items(get_settings().turns_table, key, ProjectionExpression=names)
    return [{name: {"S": value} for name, value in turn.items()} for turn in turns]
