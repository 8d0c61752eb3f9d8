"""Sessions belong to one tenant's agent; answers must have the agreed form."""

from __future__ import annotations

import re

import pytest

from include.errors import AgentUnavailableError
from include.runtime.invoke import parse_answer, runtime_session_id
from tests.fakes import make_agent

AGENT = make_agent(user_id="alice", agent_id="a1")


def test_sessions_are_long_enough_for_agentcore_and_repeatable():
    session = runtime_session_id(AGENT, "c1")
    assert re.fullmatch("[0-9a-f]{64}", session)
    assert session == runtime_session_id(AGENT, "c1")


@pytest.mark.parametrize(
    ("agent", "conversation"),
    [
        (make_agent(user_id="bob", agent_id="a1"), "c1"),
        (make_agent(user_id="alice", agent_id="a2"), "c1"),
        (AGENT, "c2"),
    ],
)
def test_nobody_gets_into_another_session(agent, conversation):
    assert runtime_session_id(agent, conversation) != runtime_session_id(AGENT, "c1")


def test_sessions_cannot_be_guessed_without_the_secret(configure):
    session = runtime_session_id(AGENT, "c1")
    configure(JWT_SECRET="another secret")
    assert runtime_session_id(AGENT, "c1") != session


def test_an_answer():
    assert parse_answer(b'{"answer": "Hi", "citations": []}') == {"answer": "Hi", "citations": []}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"answer"', b"{}", b"\xff"])
def test_what_is_no_answer(body):
    with pytest.raises(AgentUnavailableError):
        parse_answer(body)
